/* The streams of all loops of a server: counts them, and carries news from the reader to the loops. Every
 * function is thread-safe. */
#ifndef SERVER_STREAMS_HUB_H
#define SERVER_STREAMS_HUB_H

#include <stddef.h>
#include <stdint.h>

/* Streams of one person, and of all. */
#define HUB_PERSON_MAX 10
#define HUB_MAX        20000

struct event_base;
struct hub;
struct hub_member;
struct news;

struct hub *hub_new(void);
/* After its members have left. NULL is fine. */
void hub_free(struct hub *hub);

enum hub_answer { HUB_ADMITTED, HUB_PERSON_FULL, HUB_FULL };

/* Counts one more stream of the person with that id, unless there are too many; hub_release() takes that
 * back. */
enum hub_answer hub_admit(struct hub *hub, int64_t id);
void hub_release(struct hub *hub, int64_t id);
size_t hub_count(struct hub *hub);

/* What a member is told, on its own loop. */
struct hub_events {
    void (*on_news)(const struct news *news, void *argument);
    void (*on_session_end)(void *argument); /* some session may have ended */
    void *argument;
};

struct hub_member *hub_join(struct hub *hub, struct event_base *base, const struct hub_events *events);
/* NULL is fine. */
void hub_leave(struct hub_member *member);

/* Tells all members. A member that does not keep up gets one reset in place of the news that it has missed.
 */
void hub_tell_news(struct hub *hub, struct news *news);
void hub_tell_session_end(struct hub *hub);

#endif
