#include "server/hasher.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define KEY_SIZE 32
#define NICENESS 12

/* Who asked. Every waiter of a job gets the job's result in its mailbox. */
struct waiter {
    struct waiter *next;
    struct hasher_mailbox *mailbox;
    hasher_callback *callback;
    void *argument;
    struct hasher_result result;
};

struct job {
    struct job *next;
    enum hasher_share share;
    bool verifies;
    bool has_key;
    unsigned char key[KEY_SIZE];
    char encoded[SECRET_HASH_SIZE];
    struct secret_cost cost;
    size_t length;
    char *secret;
    struct waiter *waiters;
};

struct job_list {
    struct job *first;
    struct job *last;
    size_t waiting; /* jobs; whoever waits for them is bounded by the connections */
    size_t bound;
};

struct hasher {
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_cond_t idle; /* a job has ended */
    struct job_list queues[HASHER_SHARE_COUNT];
    struct job *running;
    int running_passwords;
    enum hasher_share next_share;
    struct hasher_stats stats; /* but for what waits */
    bool stopping;
    int thread_count;
    pthread_t *threads;
};

struct hasher_mailbox {
    struct hasher *hasher;
    int descriptor; /* an eventfd: readable when results are there */
    struct event *arrived;
    struct waiter *first;
    struct waiter *last;
    size_t outstanding; /* waiters in jobs */
};

static void
free_job(struct job *job)
{
    secret_wipe(job->secret, job->length);
    free(job->secret);
    secret_wipe(job, sizeof(*job));
    free(job);
}

/* --- threads --- */

static bool
may_run(const struct hasher *hasher, enum hasher_share share)
{
    bool passwords_hold_rest = share == HASHER_PASSWORDS && hasher->thread_count > 1 &&
                               hasher->running_passwords >= hasher->thread_count - 1;
    return hasher->queues[share].first && !passwords_hold_rest;
}

/* Takes the next job, the shares in turn; NULL when none may run. */
static struct job *
take_job(struct hasher *hasher)
{
    for (int i = 0; i < HASHER_SHARE_COUNT; i++) {
        enum hasher_share share = (enum hasher_share)(((int)hasher->next_share + i) % HASHER_SHARE_COUNT);
        if (!may_run(hasher, share)) {
            continue;
        }
        struct job_list *queue = &hasher->queues[share];
        struct job *job = queue->first;
        queue->first = job->next;
        queue->last = queue->first ? queue->last : NULL;
        queue->waiting--;
        hasher->next_share = (enum hasher_share)((share + 1) % HASHER_SHARE_COUNT);
        hasher->running_passwords += share == HASHER_PASSWORDS;
        job->next = hasher->running;
        hasher->running = job;
        return job;
    }
    return NULL;
}

static void
do_job(const struct job *job, struct hasher_result *ret_result)
{
    memset(ret_result, 0, sizeof(*ret_result));
    ret_result->result = SECRET_MISMATCH;
    if (job->verifies) {
        ret_result->result = secret_verify(job->encoded, job->secret, job->length);
    } else {
        ret_result->failed = secret_hash(job->secret, job->length, &job->cost, ret_result->encoded) < 0;
    }
}

/* Puts the result into every waiter's mailbox. */
static void
deliver(struct job *job, const struct hasher_result *result)
{
    struct waiter *next;
    for (struct waiter *waiter = job->waiters; waiter; waiter = next) {
        next = waiter->next;
        struct hasher_mailbox *mailbox = waiter->mailbox;
        waiter->result = *result;
        waiter->next = NULL;
        if (mailbox->last) {
            mailbox->last->next = waiter;
        } else {
            mailbox->first = waiter;
        }
        mailbox->last = waiter;
        mailbox->outstanding--;
        eventfd_write(mailbox->descriptor, 1);
    }
}

static void
end_job(struct hasher *hasher, struct job *job, const struct hasher_result *result)
{
    struct job **at = &hasher->running;
    while (*at != job) {
        at = &(*at)->next;
    }
    *at = job->next;
    hasher->running_passwords -= job->share == HASHER_PASSWORDS;
    deliver(job, result);
    pthread_cond_broadcast(&hasher->idle);
    pthread_cond_signal(&hasher->work); /* a password may have waited for its turn */
}

static void *
run_thread(void *argument)
{
    struct hasher *hasher = argument;
    /* Of this thread alone (sched(7)): a flood of secrets takes what the loops leave, not their time. */
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
    pthread_mutex_lock(&hasher->lock);
    while (!hasher->stopping) {
        struct job *job = take_job(hasher);
        if (!job) {
            pthread_cond_wait(&hasher->work, &hasher->lock);
            continue;
        }
        struct hasher_result result;
        pthread_mutex_unlock(&hasher->lock);
        int64_t begun_us = clock_monotonic_us();
        do_job(job, &result);
        int64_t took_us = clock_monotonic_us() - begun_us;
        pthread_mutex_lock(&hasher->lock);
        hasher->stats.done++;
        hasher->stats.busy_us += (uint64_t)took_us;
        end_job(hasher, job, &result);
        free_job(job);
        secret_wipe(&result, sizeof(result));
    }
    pthread_mutex_unlock(&hasher->lock);
    return NULL;
}

struct hasher *
hasher_new(const struct hasher_options *options)
{
    struct hasher *hasher = memory_new(1, sizeof(*hasher));
    pthread_mutex_init(&hasher->lock, NULL);
    pthread_cond_init(&hasher->work, NULL);
    pthread_cond_init(&hasher->idle, NULL);
    hasher->queues[HASHER_TOKENS].bound = options->token_queue;
    hasher->queues[HASHER_PASSWORDS].bound = options->password_queue;
    hasher->thread_count = options->threads;
    hasher->threads = memory_new((size_t)options->threads, sizeof(*hasher->threads));
    for (int i = 0; i < options->threads; i++) {
        if (pthread_create(&hasher->threads[i], NULL, run_thread, hasher) != 0) {
            log_out_of_memory();
        }
    }
    return hasher;
}

void
hasher_free(struct hasher *hasher)
{
    if (!hasher) {
        return;
    }
    pthread_mutex_lock(&hasher->lock);
    hasher->stopping = true;
    pthread_cond_broadcast(&hasher->work);
    pthread_mutex_unlock(&hasher->lock);
    for (int i = 0; i < hasher->thread_count; i++) {
        pthread_join(hasher->threads[i], NULL);
    }
    pthread_mutex_destroy(&hasher->lock);
    pthread_cond_destroy(&hasher->work);
    pthread_cond_destroy(&hasher->idle);
    free(hasher->threads);
    free(hasher);
}

/* --- mailboxes --- */

static struct waiter *
take_results(struct hasher_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->hasher->lock);
    struct waiter *results = mailbox->first;
    mailbox->first = mailbox->last = NULL;
    pthread_mutex_unlock(&mailbox->hasher->lock);
    return results;
}

static void
tell_results(struct hasher_mailbox *mailbox)
{
    struct waiter *waiter = take_results(mailbox);
    while (waiter) {
        struct waiter *next = waiter->next;
        waiter->callback(&waiter->result, waiter->argument);
        secret_wipe(waiter, sizeof(*waiter));
        free(waiter);
        waiter = next;
    }
}

static void
on_arrived(evutil_socket_t fd, short what, void *argument)
{
    (void)what;
    eventfd_t count;
    eventfd_read(fd, &count);
    tell_results(argument);
}

struct hasher_mailbox *
hasher_mailbox_new(struct hasher *hasher, struct event_base *base)
{
    struct hasher_mailbox *mailbox = memory_new(1, sizeof(*mailbox));
    mailbox->hasher = hasher;
    mailbox->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (mailbox->descriptor < 0) {
        log_out_of_memory();
    }
    mailbox->arrived = event_new(base, mailbox->descriptor, EV_READ | EV_PERSIST, on_arrived, mailbox);
    event_add(mailbox->arrived, NULL);
    return mailbox;
}

/* Lets the queued jobs of all run to their end; they are bounded. */
void
hasher_mailbox_free(struct hasher_mailbox *mailbox)
{
    if (!mailbox) {
        return;
    }
    pthread_mutex_lock(&mailbox->hasher->lock);
    while (mailbox->outstanding > 0) {
        pthread_cond_wait(&mailbox->hasher->idle, &mailbox->hasher->lock);
    }
    pthread_mutex_unlock(&mailbox->hasher->lock);
    tell_results(mailbox);
    event_free(mailbox->arrived);
    close(mailbox->descriptor);
    free(mailbox);
}

/* --- asking --- */

static struct job *
find_twin(struct job *job, const unsigned char *key, const char *encoded)
{
    for (; job; job = job->next) {
        if (job->has_key && memcmp(job->key, key, KEY_SIZE) == 0 && strcmp(job->encoded, encoded) == 0) {
            return job;
        }
    }
    return NULL;
}

static void
append_job(struct hasher *hasher, struct job *job)
{
    struct job_list *queue = &hasher->queues[job->share];
    if (queue->last) {
        queue->last->next = job;
    } else {
        queue->first = job;
    }
    queue->last = job;
    queue->waiting++;
    pthread_cond_signal(&hasher->work);
}

static void
add_waiter(struct job *job, struct hasher_mailbox *mailbox, hasher_callback *callback, void *argument)
{
    struct waiter *waiter = memory_new(1, sizeof(*waiter));
    waiter->mailbox = mailbox;
    waiter->callback = callback;
    waiter->argument = argument;
    waiter->next = job->waiters;
    job->waiters = waiter;
    mailbox->outstanding++;
}

static struct job *
new_job(enum hasher_share share, const char *secret, size_t length)
{
    struct job *job = memory_new(1, sizeof(*job));
    job->share = share;
    job->secret = memory_copy_text(secret, length);
    job->length = length;
    return job;
}

bool
hasher_verify(struct hasher_mailbox *mailbox, enum hasher_share share, const unsigned char *key,
              const char *encoded, const char *secret, size_t length, hasher_callback *callback,
              void *argument)
{
    struct hasher *hasher = mailbox->hasher;
    struct job_list *queue = &hasher->queues[share];
    pthread_mutex_lock(&hasher->lock);
    struct job *job = key ? find_twin(hasher->running, key, encoded) : NULL;
    job = key && !job ? find_twin(queue->first, key, encoded) : job;
    bool accepted = job || queue->waiting < queue->bound;
    if (accepted && !job) {
        job = new_job(share, secret, length);
        job->verifies = true;
        job->has_key = key != NULL;
        if (key) {
            memcpy(job->key, key, KEY_SIZE);
        }
        strncpy(job->encoded, encoded, sizeof(job->encoded) - 1);
        append_job(hasher, job);
    }
    if (accepted) {
        add_waiter(job, mailbox, callback, argument);
    } else {
        hasher->stats.refused[share]++;
    }
    pthread_mutex_unlock(&hasher->lock);
    return accepted;
}

bool
hasher_has_room(struct hasher_mailbox *mailbox, enum hasher_share share)
{
    struct hasher *hasher = mailbox->hasher;
    pthread_mutex_lock(&hasher->lock);
    bool has_room = hasher->queues[share].waiting < hasher->queues[share].bound;
    hasher->stats.refused[share] += !has_room;
    pthread_mutex_unlock(&hasher->lock);
    return has_room;
}

bool
hasher_hash(struct hasher_mailbox *mailbox, enum hasher_share share, const char *secret, size_t length,
            const struct secret_cost *cost, hasher_callback *callback, void *argument)
{
    struct hasher *hasher = mailbox->hasher;
    pthread_mutex_lock(&hasher->lock);
    bool accepted = hasher->queues[share].waiting < hasher->queues[share].bound;
    if (accepted) {
        struct job *job = new_job(share, secret, length);
        job->cost = *cost;
        append_job(hasher, job);
        add_waiter(job, mailbox, callback, argument);
    } else {
        hasher->stats.refused[share]++;
    }
    pthread_mutex_unlock(&hasher->lock);
    return accepted;
}

void
hasher_read_stats(struct hasher *hasher, struct hasher_stats *ret_stats)
{
    pthread_mutex_lock(&hasher->lock);
    *ret_stats = hasher->stats;
    for (int i = 0; i < HASHER_SHARE_COUNT; i++) {
        ret_stats->waiting[i] = hasher->queues[i].waiting;
    }
    pthread_mutex_unlock(&hasher->lock);
}
