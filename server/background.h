/* Runs work that would keep a loop busy for too long, such as reading an upload of 16 MiB, on one thread of
 * its own, in the order of submission. The thread yields to the loops (sched(7)). Each loop has a mailbox:
 * what was submitted through it comes back through it, on the loop's thread. */
#ifndef SERVER_BACKGROUND_H
#define SERVER_BACKGROUND_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct background;
struct background_mailbox;

/* Runs on the background's thread, and may touch nothing but its argument. */
typedef void background_work(void *argument);
/* `is_done`: the work ran. False when the mailbox was freed before it began. */
typedef void background_callback(bool is_done, void *argument);

struct background_job {
    background_work *work;
    background_callback *callback;
    void *argument; /* of both */
};

/* Starts the thread. At most `queue` jobs wait. Never NULL. */
struct background *background_new(size_t queue);
/* Joins the thread; free the mailboxes first. NULL is fine. */
void background_free(struct background *background);

struct background_mailbox *background_mailbox_new(struct background *background, struct event_base *base);
/* Ends the jobs that have not begun, and waits for the one that runs. NULL is fine. */
void background_mailbox_free(struct background_mailbox *mailbox);

/* False when too many jobs wait: then no callback comes. */
bool background_submit(struct background_mailbox *mailbox, const struct background_job *job);

#endif
