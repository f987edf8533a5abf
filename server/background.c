#include "server/background.h"
#include "common/log.h"
#include "common/memory.h"
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <unistd.h>

#define NICENESS 15 /* beyond argon2's, which a request of a person waits for */

/* A job: first in the background's queue, then running, then in its mailbox. */
struct entry {
    TAILQ_ENTRY(entry) in_list;
    struct background_mailbox *mailbox;
    struct background_job job;
    bool is_done;
};

TAILQ_HEAD(entry_list, entry);

struct background {
    pthread_mutex_t lock;
    pthread_cond_t work;  /* signalled when a job is submitted, and to stop */
    pthread_cond_t ended; /* signalled when a job has ended */
    struct entry_list queue;
    size_t count, bound;
    bool stopping;
    pthread_t thread;
};

struct background_mailbox {
    struct background *background;
    int descriptor; /* an eventfd: readable when jobs have come back */
    struct event *arrived;
    struct entry_list back;
    size_t outstanding; /* submitted, and not yet in `back` */
    bool closing;
};

/* --- the thread --- */

/* Puts the entry into its mailbox. */
static void
deliver(struct entry *entry)
{
    struct background_mailbox *mailbox = entry->mailbox;
    TAILQ_INSERT_TAIL(&mailbox->back, entry, in_list);
    mailbox->outstanding--;
    eventfd_write(mailbox->descriptor, 1);
}

static struct entry *
take_entry(struct background *background)
{
    struct entry *entry = TAILQ_FIRST(&background->queue);
    if (entry) {
        TAILQ_REMOVE(&background->queue, entry, in_list);
        background->count--;
    }
    return entry;
}

static void *
run_thread(void *argument)
{
    struct background *background = argument;
    int given = getpriority(PRIO_PROCESS, (id_t)gettid());
    setpriority(PRIO_PROCESS, (id_t)gettid(), given + NICENESS);
    pthread_mutex_lock(&background->lock);
    while (!background->stopping) {
        struct entry *entry = take_entry(background);
        if (!entry) {
            pthread_cond_wait(&background->work, &background->lock);
            continue;
        }
        pthread_mutex_unlock(&background->lock);
        entry->job.work(entry->job.argument);
        pthread_mutex_lock(&background->lock);
        entry->is_done = true;
        deliver(entry);
        pthread_cond_broadcast(&background->ended);
    }
    pthread_mutex_unlock(&background->lock);
    return NULL;
}

struct background *
background_new(size_t queue)
{
    struct background *background = memory_new(1, sizeof(*background));
    pthread_mutex_init(&background->lock, NULL);
    pthread_cond_init(&background->work, NULL);
    pthread_cond_init(&background->ended, NULL);
    TAILQ_INIT(&background->queue);
    background->bound = queue;
    int error = pthread_create(&background->thread, NULL, run_thread, background);
    if (error) {
        log_fatal("cannot start a thread", error);
    }
    return background;
}

void
background_free(struct background *background)
{
    if (!background) {
        return;
    }
    pthread_mutex_lock(&background->lock);
    background->stopping = true;
    pthread_cond_signal(&background->work);
    pthread_mutex_unlock(&background->lock);
    pthread_join(background->thread, NULL);
    pthread_cond_destroy(&background->work);
    pthread_cond_destroy(&background->ended);
    pthread_mutex_destroy(&background->lock);
    free(background);
}

/* --- mailboxes --- */

static void
call_back(struct background_mailbox *mailbox)
{
    struct entry_list back;
    TAILQ_INIT(&back);
    pthread_mutex_lock(&mailbox->background->lock);
    TAILQ_CONCAT(&back, &mailbox->back, in_list);
    pthread_mutex_unlock(&mailbox->background->lock);
    for (struct entry *entry; (entry = TAILQ_FIRST(&back));) {
        TAILQ_REMOVE(&back, entry, in_list);
        entry->job.callback(entry->is_done, entry->job.argument);
        free(entry);
    }
}

static void
on_arrived(evutil_socket_t fd, short what, void *argument)
{
    (void)what;
    eventfd_t count;
    eventfd_read(fd, &count);
    call_back(argument);
}

struct background_mailbox *
background_mailbox_new(struct background *background, struct event_base *base)
{
    struct background_mailbox *mailbox = memory_new(1, sizeof(*mailbox));
    mailbox->background = background;
    TAILQ_INIT(&mailbox->back);
    mailbox->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (mailbox->descriptor < 0) {
        log_fatal("cannot make an eventfd", errno);
    }
    mailbox->arrived = event_new(base, mailbox->descriptor, EV_READ | EV_PERSIST, on_arrived, mailbox);
    event_add(mailbox->arrived, NULL);
    return mailbox;
}

void
background_mailbox_free(struct background_mailbox *mailbox)
{
    if (!mailbox) {
        return;
    }
    struct background *background = mailbox->background;
    pthread_mutex_lock(&background->lock);
    mailbox->closing = true;
    for (struct entry *next, *entry = TAILQ_FIRST(&background->queue); entry; entry = next) {
        next = TAILQ_NEXT(entry, in_list);
        if (entry->mailbox == mailbox) {
            TAILQ_REMOVE(&background->queue, entry, in_list);
            background->count--;
            deliver(entry);
        }
    }
    while (mailbox->outstanding > 0) {
        pthread_cond_wait(&background->ended, &background->lock);
    }
    pthread_mutex_unlock(&background->lock);
    call_back(mailbox);
    event_free(mailbox->arrived);
    close(mailbox->descriptor);
    free(mailbox);
}

bool
background_submit(struct background_mailbox *mailbox, const struct background_job *job)
{
    struct background *background = mailbox->background;
    pthread_mutex_lock(&background->lock);
    bool has_room = !mailbox->closing && background->count < background->bound;
    if (has_room) {
        struct entry *entry = memory_new(1, sizeof(*entry));
        entry->mailbox = mailbox;
        entry->job = *job;
        TAILQ_INSERT_TAIL(&background->queue, entry, in_list);
        background->count++;
        mailbox->outstanding++;
        pthread_cond_signal(&background->work);
    }
    pthread_mutex_unlock(&background->lock);
    return has_room;
}
