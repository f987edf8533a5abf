#include "server/streams/hub.h"
#include "common/log.h"
#include "common/memory.h"
#include "server/streams/news.h"
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>
#include <uthash.h>

/* The analyzer loses track of entries in the macros of uthash. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */

#define WAITING_MAX 64 /* news for one member */

struct person {
    int64_t id;
    int streams;
    UT_hash_handle hh;
};

struct hub_member {
    TAILQ_ENTRY(hub_member) in_list;
    struct hub *hub;
    struct hub_events events;
    int descriptor; /* an eventfd: readable when something waits */
    struct event *arrived;
    struct news *waiting[WAITING_MAX];
    size_t count;
    bool session_ended;
};

struct hub {
    pthread_mutex_t lock;
    TAILQ_HEAD(member_list, hub_member) members;
    struct person *persons;
    size_t count; /* of streams */
};

struct hub *
hub_new(void)
{
    struct hub *hub = memory_new(1, sizeof(*hub));
    pthread_mutex_init(&hub->lock, NULL);
    TAILQ_INIT(&hub->members);
    return hub;
}

void
hub_free(struct hub *hub)
{
    if (!hub) {
        return;
    }
    pthread_mutex_destroy(&hub->lock);
    free(hub);
}

/* --- counting --- */

static struct person *
find(struct hub *hub, int64_t id)
{
    struct person *person;
    HASH_FIND(hh, hub->persons, &id, sizeof(id), person);
    return person;
}

static enum hub_answer
admit(struct hub *hub, int64_t id)
{
    struct person *person = find(hub, id);
    if (hub->count >= HUB_MAX) {
        return HUB_FULL;
    }
    if (person && person->streams >= HUB_PERSON_MAX) {
        return HUB_PERSON_FULL;
    }
    if (!person) {
        person = memory_new(1, sizeof(*person));
        person->id = id;
        HASH_ADD(hh, hub->persons, id, sizeof(person->id), person);
    }
    person->streams++;
    hub->count++;
    return HUB_ADMITTED;
}

enum hub_answer
hub_admit(struct hub *hub, int64_t id)
{
    pthread_mutex_lock(&hub->lock);
    enum hub_answer answer = admit(hub, id);
    pthread_mutex_unlock(&hub->lock);
    return answer;
}

void
hub_release(struct hub *hub, int64_t id)
{
    pthread_mutex_lock(&hub->lock);
    struct person *person = find(hub, id);
    hub->count--;
    if (--person->streams == 0) {
        HASH_DEL(hub->persons, person);
        free(person);
    }
    pthread_mutex_unlock(&hub->lock);
}

size_t
hub_count(struct hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    size_t count = hub->count;
    pthread_mutex_unlock(&hub->lock);
    return count;
}

/* --- telling --- */

static void
drop_waiting(struct hub_member *member)
{
    for (size_t i = 0; i < member->count; i++) {
        news_free(member->waiting[i]);
    }
    member->count = 0;
}

static void
put(struct hub_member *member, struct news *news)
{
    bool is_full = member->count == WAITING_MAX;
    if (is_full) {
        drop_waiting(member);
    }
    member->waiting[member->count++] = is_full ? news_reset(news) : news_keep(news);
    eventfd_write(member->descriptor, 1);
}

void
hub_tell_news(struct hub *hub, struct news *news)
{
    pthread_mutex_lock(&hub->lock);
    for (struct hub_member *member = TAILQ_FIRST(&hub->members); member;
         member = TAILQ_NEXT(member, in_list)) {
        put(member, news);
    }
    pthread_mutex_unlock(&hub->lock);
}

void
hub_tell_session_end(struct hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    for (struct hub_member *member = TAILQ_FIRST(&hub->members); member;
         member = TAILQ_NEXT(member, in_list)) {
        member->session_ended = true;
        eventfd_write(member->descriptor, 1);
    }
    pthread_mutex_unlock(&hub->lock);
}

/* --- members --- */

static void
on_arrived(evutil_socket_t fd, short what, void *argument)
{
    (void)what;
    struct hub_member *member = argument;
    struct news *taken[WAITING_MAX];
    eventfd_t number;
    eventfd_read(fd, &number);
    pthread_mutex_lock(&member->hub->lock);
    size_t count = member->count;
    bool session_ended = member->session_ended;
    memcpy(taken, member->waiting, count * sizeof(struct news *));
    member->count = 0;
    member->session_ended = false;
    pthread_mutex_unlock(&member->hub->lock);
    if (session_ended) {
        member->events.on_session_end(member->events.argument);
    }
    for (size_t i = 0; i < count; i++) {
        member->events.on_news(taken[i], member->events.argument);
        news_free(taken[i]);
    }
}

struct hub_member *
hub_join(struct hub *hub, struct event_base *base, const struct hub_events *events)
{
    struct hub_member *member = memory_new(1, sizeof(*member));
    member->hub = hub;
    member->events = *events;
    member->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (member->descriptor < 0) {
        log_fatal("cannot make an eventfd", errno);
    }
    member->arrived = event_new(base, member->descriptor, EV_READ | EV_PERSIST, on_arrived, member);
    event_add(member->arrived, NULL);
    pthread_mutex_lock(&hub->lock);
    TAILQ_INSERT_TAIL(&hub->members, member, in_list);
    pthread_mutex_unlock(&hub->lock);
    return member;
}

void
hub_leave(struct hub_member *member)
{
    if (!member) {
        return;
    }
    pthread_mutex_lock(&member->hub->lock);
    TAILQ_REMOVE(&member->hub->members, member, in_list);
    pthread_mutex_unlock(&member->hub->lock);
    drop_waiting(member);
    event_free(member->arrived);
    close(member->descriptor);
    free(member);
}

/* NOLINTEND(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */
