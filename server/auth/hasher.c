#include "server/auth/hasher.h"
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

/* sched(7), beside the loops'. A flood of secrets takes what the loops leave, not their time. Behind a token
 * that waits stands a caller with its right to be served, though, where a password may be anybody's guess; on
 * a machine without an idle moment, tokens at the passwords' level waited longer than a request may. */
static const int niceness[HASHER_SHARE_COUNT] = { [HASHER_TOKENS] = 5, [HASHER_PASSWORDS] = 12 };

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
    int64_t asked_us;
};

struct job_list {
    struct job *first;
    struct job *last;
    size_t waiting; /* jobs; whoever waits for them is bounded by the connections */
    size_t bound;
};

/* A thread cannot take back its niceness, so each share has its own. */
struct worker {
    struct hasher *hasher;
    enum hasher_share share;
    pthread_t thread;
};

struct hasher {
    pthread_mutex_t lock;
    pthread_cond_t work[HASHER_SHARE_COUNT]; /* one more of the share may run */
    pthread_cond_t idle;                     /* a job has ended */
    struct job_list queues[HASHER_SHARE_COUNT];
    struct job *running;
    int running_count[HASHER_SHARE_COUNT];
    int running_max[HASHER_SHARE_COUNT]; /* of each share; of both together, that of the tokens */
    enum hasher_share next_share;
    struct hasher_stats stats; /* but for what waits */
    bool stopping;
    struct worker *workers;
    int worker_count;
};

struct hasher_mailbox {
    struct hasher *hasher;
    int descriptor; /* an eventfd: readable when results are there */
    struct event *arrived;
    struct waiter *first;
    struct waiter *last;
    size_t outstanding; /* waiters in jobs */
    bool closing;
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
    int running = hasher->running_count[HASHER_TOKENS] + hasher->running_count[HASHER_PASSWORDS];
    return hasher->queues[share].first && running < hasher->running_max[HASHER_TOKENS] &&
           hasher->running_count[share] < hasher->running_max[share];
}

static enum hasher_share
other_share(enum hasher_share share)
{
    return share == HASHER_TOKENS ? HASHER_PASSWORDS : HASHER_TOKENS;
}

/* One thread of each share looks again: a place is free, or it is another's turn. */
static void
signal_work(struct hasher *hasher)
{
    for (int share = 0; share < HASHER_SHARE_COUNT; share++) {
        pthread_cond_signal(&hasher->work[share]);
    }
}

/* Takes the share's next job; NULL when none may run, or it is the other share's turn. A share that may run
 * has a thread that waits, as no share has fewer threads than it may run jobs. */
static struct job *
take_job(struct hasher *hasher, enum hasher_share share)
{
    enum hasher_share other = other_share(share);
    if (!may_run(hasher, share) || (hasher->next_share == other && may_run(hasher, other))) {
        return NULL;
    }
    struct job_list *queue = &hasher->queues[share];
    struct job *job = queue->first;
    queue->first = job->next;
    queue->last = queue->first ? queue->last : NULL;
    queue->waiting--;
    hasher->next_share = other;
    hasher->running_count[share]++;
    hasher->stats.begun[share]++;
    hasher->stats.waited_us[share] += (uint64_t)(clock_monotonic_us() - job->asked_us);
    job->next = hasher->running;
    hasher->running = job;
    signal_work(hasher);
    return job;
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

/* Puts the result into the waiter's mailbox. */
static void
deliver(struct waiter *waiter, const struct hasher_result *result)
{
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

static void
deliver_all(struct job *job, const struct hasher_result *result)
{
    struct waiter *next;
    for (struct waiter *waiter = job->waiters; waiter; waiter = next) {
        next = waiter->next;
        deliver(waiter, result);
    }
    job->waiters = NULL;
}

static void
end_job(struct hasher *hasher, struct job *job, const struct hasher_result *result)
{
    struct job **at = &hasher->running;
    while (*at != job) {
        at = &(*at)->next;
    }
    *at = job->next;
    hasher->running_count[job->share]--;
    deliver_all(job, result);
    pthread_cond_broadcast(&hasher->idle);
    signal_work(hasher);
}

static void *
run_thread(void *argument)
{
    const struct worker *worker = argument;
    struct hasher *hasher = worker->hasher;
    /* Both of this thread alone, which has begun with what the process was given. */
    int given = getpriority(PRIO_PROCESS, (id_t)gettid());
    setpriority(PRIO_PROCESS, (id_t)gettid(), given + niceness[worker->share]);
    pthread_mutex_lock(&hasher->lock);
    while (!hasher->stopping) {
        struct job *job = take_job(hasher, worker->share);
        if (!job) {
            pthread_cond_wait(&hasher->work[worker->share], &hasher->lock);
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

static void
start_workers(struct hasher *hasher, enum hasher_share share)
{
    for (int i = 0; i < hasher->running_max[share]; i++) {
        struct worker *worker = &hasher->workers[hasher->worker_count++];
        worker->hasher = hasher;
        worker->share = share;
        if (pthread_create(&worker->thread, NULL, run_thread, worker) != 0) {
            log_out_of_memory();
        }
    }
}

struct hasher *
hasher_new(const struct hasher_options *options)
{
    struct hasher *hasher = memory_new(1, sizeof(*hasher));
    pthread_mutex_init(&hasher->lock, NULL);
    pthread_cond_init(&hasher->idle, NULL);
    hasher->queues[HASHER_TOKENS].bound = options->token_queue;
    hasher->queues[HASHER_PASSWORDS].bound = options->password_queue;
    hasher->running_max[HASHER_TOKENS] = options->parallel;
    hasher->running_max[HASHER_PASSWORDS] = options->parallel > 1 ? options->parallel - 1 : 1;
    hasher->workers = memory_new((size_t)options->parallel * HASHER_SHARE_COUNT, sizeof(*hasher->workers));
    for (int share = 0; share < HASHER_SHARE_COUNT; share++) {
        pthread_cond_init(&hasher->work[share], NULL);
    }
    for (int share = 0; share < HASHER_SHARE_COUNT; share++) {
        start_workers(hasher, (enum hasher_share)share);
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
    for (int share = 0; share < HASHER_SHARE_COUNT; share++) {
        pthread_cond_broadcast(&hasher->work[share]);
    }
    pthread_mutex_unlock(&hasher->lock);
    for (int i = 0; i < hasher->worker_count; i++) {
        pthread_join(hasher->workers[i].thread, NULL);
    }
    for (int share = 0; share < HASHER_SHARE_COUNT; share++) {
        pthread_cond_destroy(&hasher->work[share]);
    }
    pthread_mutex_destroy(&hasher->lock);
    pthread_cond_destroy(&hasher->idle);
    free(hasher->workers);
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

static void
drop_waiters(struct job *job, const struct hasher_mailbox *mailbox)
{
    static const struct hasher_result dropped = { .result = SECRET_MALFORMED,
                                                  .failed = true,
                                                  .dropped = true };
    for (struct waiter **at = &job->waiters; *at;) {
        struct waiter *waiter = *at;
        if (waiter->mailbox == mailbox) {
            *at = waiter->next;
            deliver(waiter, &dropped);
        } else {
            at = &waiter->next;
        }
    }
}

/* A long queue would outlast the time that a program has to end. */
static void
drop_queued(struct job_list *queue, const struct hasher_mailbox *mailbox)
{
    queue->last = NULL;
    for (struct job **at = &queue->first; *at;) {
        struct job *job = *at;
        drop_waiters(job, mailbox);
        if (job->waiters) {
            queue->last = job;
            at = &job->next;
        } else {
            *at = job->next;
            queue->waiting--;
            free_job(job);
        }
    }
}

void
hasher_mailbox_free(struct hasher_mailbox *mailbox)
{
    if (!mailbox) {
        return;
    }
    pthread_mutex_lock(&mailbox->hasher->lock);
    mailbox->closing = true;
    for (int share = 0; share < HASHER_SHARE_COUNT; share++) {
        drop_queued(&mailbox->hasher->queues[share], mailbox);
    }
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
find_among(struct job *job, const unsigned char *key, const char *encoded)
{
    for (; job; job = job->next) {
        if (job->has_key && memcmp(job->key, key, KEY_SIZE) == 0 && strcmp(job->encoded, encoded) == 0) {
            return job;
        }
    }
    return NULL;
}

static struct job *
find_twin(const struct hasher *hasher, enum hasher_share share, const unsigned char *key, const char *encoded)
{
    struct job *job = key ? find_among(hasher->running, key, encoded) : NULL;
    return key && !job ? find_among(hasher->queues[share].first, key, encoded) : job;
}

bool
hasher_is_under_way(struct hasher_mailbox *mailbox, enum hasher_share share, const unsigned char *key,
                    const char *encoded)
{
    pthread_mutex_lock(&mailbox->hasher->lock);
    bool found = find_twin(mailbox->hasher, share, key, encoded);
    pthread_mutex_unlock(&mailbox->hasher->lock);
    return found;
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
    pthread_cond_signal(&hasher->work[job->share]);
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
    job->asked_us = clock_monotonic_us();
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
    struct job *job = find_twin(hasher, share, key, encoded);
    bool accepted = !mailbox->closing && (job || queue->waiting < queue->bound);
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
    bool has_room = !mailbox->closing && hasher->queues[share].waiting < hasher->queues[share].bound;
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
    bool accepted = !mailbox->closing && hasher->queues[share].waiting < hasher->queues[share].bound;
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
