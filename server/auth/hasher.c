#include "server/auth/hasher.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define KEY_SIZE            32
#define MEMORY_KEPT_SECONDS 1 /* after the last job that used it */

#define PROOFS_PER_CREATION 8 /* as many proofs may overtake the creation that waits longest */

/* sched(7). The threads take what the loops leave of the processor, not the loops' share. Tokens get the
 * better niceness: a waiting token belongs to a caller entitled to an answer, a waiting password may be a
 * guess. On a machine without idle time, tokens at the passwords' level waited longer than a request may. */
static const int niceness[HASHER_SHARE_COUNT] = {
    [HASHER_TOKENS] = 5, [HASHER_PASSWORDS] = 12, [HASHER_CREATIONS] = 12
};

/* One submission: waits in its job, and then with the result in its mailbox. */
struct waiter {
    TAILQ_ENTRY(waiter) in_list;
    struct hasher_mailbox *mailbox;
    hasher_callback *callback;
    void *argument;
    struct hasher_result result;
};

TAILQ_HEAD(waiter_list, waiter);

/* One run of argon2, in its share's queue and then among those that run. */
struct job {
    TAILQ_ENTRY(job) in_list;
    enum hasher_share share;
    bool verifies;
    bool has_key;
    unsigned char key[KEY_SIZE];
    char encoded[SECRET_HASH_SIZE];
    struct secret_cost cost;
    size_t length;
    char *secret;
    struct waiter_list waiters; /* bounded by the connections of clients */
    int64_t submitted_us;
};

TAILQ_HEAD(job_list, job);

struct job_queue {
    struct job_list jobs;
    size_t count;
    size_t bound;
};

/* A thread cannot take back its niceness, so each share has its own. */
struct worker {
    struct hasher *hasher;
    enum hasher_share share;
    pthread_t thread;
};

/* argon2's memory. Threads of all shares use the same, so there is one for each job that may run. */
struct memory {
    SLIST_ENTRY(memory) in_list;
    struct secret_memory memory;
    int64_t used_us;
};

struct hasher {
    pthread_mutex_t lock;
    pthread_cond_t work[HASHER_SHARE_COUNT]; /* signalled when one more of the share may run */
    pthread_cond_t ended;                    /* signalled when a job has ended */
    struct job_queue queues[HASHER_SHARE_COUNT];
    struct job_list running;
    int running_count[HASHER_SHARE_COUNT];
    int running_max[HASHER_SHARE_COUNT]; /* of each share; of all together, that of the tokens */
    enum hasher_share next_proof;
    int proofs_since_creation;
    struct hasher_stats stats; /* except for `waiting` */
    bool stopping;
    struct memory *memories;                /* one for each job that may run */
    SLIST_HEAD(memory_list, memory) unused; /* of them; the one used last comes first */
    struct worker *workers;
    int worker_count;
};

struct hasher_mailbox {
    struct hasher *hasher;
    int descriptor; /* an eventfd: readable when results are there */
    struct event *arrived;
    struct waiter_list results;
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

/* Passwords and creations share the places that are not for tokens alone: those of the passwords. */
static bool
has_place(const struct hasher *hasher, enum hasher_share share)
{
    int others = hasher->running_count[HASHER_PASSWORDS] + hasher->running_count[HASHER_CREATIONS];
    return others + hasher->running_count[HASHER_TOKENS] < hasher->running_max[HASHER_TOKENS] &&
           (share == HASHER_TOKENS || others < hasher->running_max[HASHER_PASSWORDS]) &&
           hasher->running_count[share] < hasher->running_max[share];
}

static bool
may_run(const struct hasher *hasher, enum hasher_share share)
{
    return !TAILQ_EMPTY(&hasher->queues[share].jobs) && has_place(hasher, share);
}

static enum hasher_share
other_proof(enum hasher_share share)
{
    return share == HASHER_TOKENS ? HASHER_PASSWORDS : HASHER_TOKENS;
}

/* Whether a creation goes before the proofs that may run. */
static bool
is_turn_of_creation(const struct hasher *hasher)
{
    bool proof_may_run = may_run(hasher, HASHER_TOKENS) || may_run(hasher, HASHER_PASSWORDS);
    return may_run(hasher, HASHER_CREATIONS) &&
           (!proof_may_run || hasher->proofs_since_creation >= PROOFS_PER_CREATION);
}

static bool
is_turn_of(const struct hasher *hasher, enum hasher_share share)
{
    if (share == HASHER_CREATIONS) {
        return is_turn_of_creation(hasher);
    }
    enum hasher_share other = other_proof(share);
    return may_run(hasher, share) && !is_turn_of_creation(hasher) &&
           !(hasher->next_proof == other && may_run(hasher, other));
}

static void
note_turn(struct hasher *hasher, enum hasher_share share)
{
    if (share == HASHER_CREATIONS) {
        hasher->proofs_since_creation = 0;
        return;
    }
    hasher->next_proof = other_proof(share);
    hasher->proofs_since_creation += !TAILQ_EMPTY(&hasher->queues[HASHER_CREATIONS].jobs);
}

/* Wakes one thread of each share to look again: a place is free, or it is another share's turn. */
static void
signal_work(struct hasher *hasher)
{
    for (int share = 0; share < HASHER_SHARE_COUNT; share++) {
        pthread_cond_signal(&hasher->work[share]);
    }
}

/* Takes the share's next job; NULL when none may run, or it is another share's turn. As a share has as many
 * threads as it may run jobs, one of them is free for each job that may run. */
static struct job *
take_job(struct hasher *hasher, enum hasher_share share)
{
    if (!is_turn_of(hasher, share)) {
        return NULL;
    }
    struct job_queue *queue = &hasher->queues[share];
    struct job *job = TAILQ_FIRST(&queue->jobs);
    TAILQ_REMOVE(&queue->jobs, job, in_list);
    queue->count--;
    note_turn(hasher, share);
    hasher->running_count[share]++;
    hasher->stats.begun[share]++;
    hasher->stats.waited_us[share] += (uint64_t)(clock_monotonic_us() - job->submitted_us);
    TAILQ_INSERT_TAIL(&hasher->running, job, in_list);
    signal_work(hasher);
    return job;
}

static enum hasher_outcome
do_job(const struct job *job, char ret_encoded[SECRET_HASH_SIZE])
{
    static const enum hasher_outcome verified[] = { [SECRET_MATCH] = HASHER_MATCH,
                                                    [SECRET_MISMATCH] = HASHER_MISMATCH,
                                                    [SECRET_MALFORMED] = HASHER_MALFORMED };
    if (job->verifies) {
        return verified[secret_verify(job->encoded, job->secret, job->length)];
    }
    return secret_hash(job->secret, job->length, &job->cost, ret_encoded) == 0 ? HASHER_HASHED
                                                                               : HASHER_FAILED;
}

/* Moves the waiter from its job to its mailbox. */
static void
deliver(struct job *job, struct waiter *waiter, const struct hasher_result *result)
{
    struct hasher_mailbox *mailbox = waiter->mailbox;
    waiter->result = *result;
    TAILQ_REMOVE(&job->waiters, waiter, in_list);
    TAILQ_INSERT_TAIL(&mailbox->results, waiter, in_list);
    mailbox->outstanding--;
    eventfd_write(mailbox->descriptor, 1);
}

static void
end_job(struct hasher *hasher, struct job *job, const struct hasher_result *result)
{
    TAILQ_REMOVE(&hasher->running, job, in_list);
    hasher->running_count[job->share]--;
    for (struct waiter *waiter; (waiter = TAILQ_FIRST(&job->waiters));) {
        deliver(job, waiter, result);
    }
    pthread_cond_broadcast(&hasher->ended);
    signal_work(hasher);
}

/* A memory to give back to the kernel: one that no job has used for a while. Takes it out of the list; NULL
 * when there is none. */
static struct memory *
take_stale_memory(struct hasher *hasher)
{
    int64_t since_us = clock_monotonic_us() - INT64_C(1000000) * MEMORY_KEPT_SECONDS;
    for (struct memory *memory = SLIST_FIRST(&hasher->unused); memory; memory = SLIST_NEXT(memory, in_list)) {
        if (memory->memory.bytes && memory->used_us <= since_us) {
            SLIST_REMOVE(&hasher->unused, memory, memory, in_list);
            return memory;
        }
    }
    return NULL;
}

static void
release_stale_memory(struct hasher *hasher)
{
    struct memory *memory = take_stale_memory(hasher);
    if (memory) {
        pthread_mutex_unlock(&hasher->lock);
        secret_release_memory(&memory->memory);
        pthread_mutex_lock(&hasher->lock);
        SLIST_INSERT_HEAD(&hasher->unused, memory, in_list);
    }
}

static bool
keeps_memory(const struct hasher *hasher)
{
    const struct memory *memory = SLIST_FIRST(&hasher->unused);
    for (; memory; memory = SLIST_NEXT(memory, in_list)) {
        if (memory->memory.bytes) {
            return true;
        }
    }
    return false;
}

/* Waits for work. While memory is kept that nobody uses, looks now and then whether it is time to give it
 * back.
 */
static void
wait_for_work(const struct worker *worker)
{
    struct hasher *hasher = worker->hasher;
    if (!keeps_memory(hasher)) {
        pthread_cond_wait(&hasher->work[worker->share], &hasher->lock);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += MEMORY_KEPT_SECONDS;
    if (pthread_cond_timedwait(&hasher->work[worker->share], &hasher->lock, &until) == ETIMEDOUT) {
        release_stale_memory(hasher);
    }
}

/* Runs the job without the lock. */
static void
run_job(struct hasher *hasher, struct job *job)
{
    struct hasher_result result = { 0 };
    struct memory *memory = SLIST_FIRST(&hasher->unused);
    if (memory) {
        SLIST_REMOVE_HEAD(&hasher->unused, in_list);
    }
    pthread_mutex_unlock(&hasher->lock);
    secret_use_memory(memory ? &memory->memory : NULL);
    int64_t begun_us = clock_monotonic_us();
    result.outcome = do_job(job, result.encoded);
    int64_t ended_us = clock_monotonic_us();
    pthread_mutex_lock(&hasher->lock);
    if (memory) {
        memory->used_us = ended_us;
        SLIST_INSERT_HEAD(&hasher->unused, memory, in_list);
    }
    hasher->stats.done++;
    hasher->stats.busy_us += (uint64_t)(ended_us - begun_us);
    end_job(hasher, job, &result);
    free_job(job);
    secret_wipe(&result, sizeof(result));
}

static void *
run_thread(void *argument)
{
    const struct worker *worker = argument;
    struct hasher *hasher = worker->hasher;
    /* Both calls concern this thread alone, which began with the niceness of the process. */
    int given = getpriority(PRIO_PROCESS, (id_t)gettid());
    setpriority(PRIO_PROCESS, (id_t)gettid(), given + niceness[worker->share]);
    pthread_mutex_lock(&hasher->lock);
    while (!hasher->stopping) {
        struct job *job = take_job(hasher, worker->share);
        if (!job) {
            wait_for_work(worker);
            continue;
        }
        run_job(hasher, job);
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
        int error = pthread_create(&worker->thread, NULL, run_thread, worker);
        if (error) {
            log_fatal("cannot start a thread", error);
        }
    }
}

static void
init_monotonic(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct hasher *
hasher_new(const struct hasher_options *options)
{
    struct hasher *hasher = memory_new(1, sizeof(*hasher));
    pthread_mutex_init(&hasher->lock, NULL);
    pthread_cond_init(&hasher->ended, NULL);
    TAILQ_INIT(&hasher->running);
    hasher->queues[HASHER_TOKENS].bound = options->token_queue;
    hasher->queues[HASHER_PASSWORDS].bound = options->password_queue;
    hasher->queues[HASHER_CREATIONS].bound = options->creation_queue;
    hasher->running_max[HASHER_TOKENS] = options->parallel;
    hasher->running_max[HASHER_PASSWORDS] = options->parallel > 1 ? options->parallel - 1 : 1;
    hasher->running_max[HASHER_CREATIONS] = options->parallel > 1 ? options->parallel / 2 : 1;
    hasher->workers = memory_new((size_t)options->parallel * HASHER_SHARE_COUNT, sizeof(*hasher->workers));
    hasher->memories = memory_new((size_t)options->parallel, sizeof(*hasher->memories));
    for (int i = 0; i < options->parallel; i++) {
        SLIST_INSERT_HEAD(&hasher->unused, &hasher->memories[i], in_list);
    }
    for (int share = 0; share < HASHER_SHARE_COUNT; share++) {
        init_monotonic(&hasher->work[share]);
        TAILQ_INIT(&hasher->queues[share].jobs);
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
    pthread_cond_destroy(&hasher->ended);
    for (int i = 0; i < hasher->running_max[HASHER_TOKENS]; i++) {
        secret_release_memory(&hasher->memories[i].memory);
    }
    free(hasher->memories);
    free(hasher->workers);
    free(hasher);
}

/* --- mailboxes --- */

static void
take_results(struct hasher_mailbox *mailbox, struct waiter_list *ret_results)
{
    TAILQ_INIT(ret_results);
    pthread_mutex_lock(&mailbox->hasher->lock);
    TAILQ_CONCAT(ret_results, &mailbox->results, in_list);
    pthread_mutex_unlock(&mailbox->hasher->lock);
}

static void
call_back(struct hasher_mailbox *mailbox)
{
    struct waiter_list results;
    take_results(mailbox, &results);
    for (struct waiter *waiter; (waiter = TAILQ_FIRST(&results));) {
        TAILQ_REMOVE(&results, waiter, in_list);
        waiter->callback(&waiter->result, waiter->argument);
        secret_wipe(waiter, sizeof(*waiter));
        free(waiter);
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

struct hasher_mailbox *
hasher_mailbox_new(struct hasher *hasher, struct event_base *base)
{
    struct hasher_mailbox *mailbox = memory_new(1, sizeof(*mailbox));
    mailbox->hasher = hasher;
    TAILQ_INIT(&mailbox->results);
    mailbox->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (mailbox->descriptor < 0) {
        log_fatal("cannot make an eventfd", errno);
    }
    mailbox->arrived = event_new(base, mailbox->descriptor, EV_READ | EV_PERSIST, on_arrived, mailbox);
    event_add(mailbox->arrived, NULL);
    return mailbox;
}

static void
drop_waiters(struct job *job, const struct hasher_mailbox *mailbox)
{
    static const struct hasher_result dropped = { .outcome = HASHER_DROPPED };
    for (struct waiter *next, *waiter = TAILQ_FIRST(&job->waiters); waiter; waiter = next) {
        next = TAILQ_NEXT(waiter, in_list);
        if (waiter->mailbox == mailbox) {
            deliver(job, waiter, &dropped);
        }
    }
}

/* A long queue would take more time to run than the program has to end. */
static void
drop_queued(struct job_queue *queue, const struct hasher_mailbox *mailbox)
{
    for (struct job *next, *job = TAILQ_FIRST(&queue->jobs); job; job = next) {
        next = TAILQ_NEXT(job, in_list);
        drop_waiters(job, mailbox);
        if (TAILQ_EMPTY(&job->waiters)) {
            TAILQ_REMOVE(&queue->jobs, job, in_list);
            queue->count--;
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
    signal_work(mailbox->hasher); /* what was dropped may have been next */
    while (mailbox->outstanding > 0) {
        pthread_cond_wait(&mailbox->hasher->ended, &mailbox->hasher->lock);
    }
    pthread_mutex_unlock(&mailbox->hasher->lock);
    call_back(mailbox);
    event_free(mailbox->arrived);
    close(mailbox->descriptor);
    free(mailbox);
}

/* --- submitting --- */

static struct job *
find_among(const struct job_list *jobs, const unsigned char *key, const char *encoded)
{
    for (struct job *job = TAILQ_FIRST(jobs); job; job = TAILQ_NEXT(job, in_list)) {
        if (job->has_key && memcmp(job->key, key, KEY_SIZE) == 0 && strcmp(job->encoded, encoded) == 0) {
            return job;
        }
    }
    return NULL;
}

static struct job *
find_twin(const struct hasher *hasher, enum hasher_share share, const unsigned char *key, const char *encoded)
{
    struct job *job = key ? find_among(&hasher->running, key, encoded) : NULL;
    return key && !job ? find_among(&hasher->queues[share].jobs, key, encoded) : job;
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

static bool
has_room(const struct hasher_mailbox *mailbox, enum hasher_share share)
{
    const struct job_queue *queue = &mailbox->hasher->queues[share];
    return !mailbox->closing && queue->count < queue->bound;
}

bool
hasher_has_room(struct hasher_mailbox *mailbox, enum hasher_share share)
{
    struct hasher *hasher = mailbox->hasher;
    pthread_mutex_lock(&hasher->lock);
    bool found = has_room(mailbox, share);
    hasher->stats.refused[share] += !found;
    pthread_mutex_unlock(&hasher->lock);
    return found;
}

static struct job *
add_job(struct hasher *hasher, const struct hasher_job *submitted)
{
    struct job_queue *queue = &hasher->queues[submitted->share];
    struct job *job = memory_new(1, sizeof(*job));
    job->share = submitted->share;
    job->secret = memory_copy_text(submitted->secret, submitted->length);
    job->length = submitted->length;
    job->submitted_us = clock_monotonic_us();
    TAILQ_INIT(&job->waiters);
    TAILQ_INSERT_TAIL(&queue->jobs, job, in_list);
    queue->count++;
    pthread_cond_signal(&hasher->work[job->share]);
    return job;
}

static struct job *
add_verification(struct hasher *hasher, const struct hasher_job *submitted)
{
    struct job *job = add_job(hasher, submitted);
    job->verifies = true;
    job->has_key = submitted->key != NULL;
    if (submitted->key) {
        memcpy(job->key, submitted->key, KEY_SIZE);
    }
    strncpy(job->encoded, submitted->encoded, sizeof(job->encoded) - 1);
    return job;
}

static void
add_waiter(struct job *job, struct hasher_mailbox *mailbox, const struct hasher_job *submitted)
{
    struct waiter *waiter = memory_new(1, sizeof(*waiter));
    waiter->mailbox = mailbox;
    waiter->callback = submitted->callback;
    waiter->argument = submitted->argument;
    TAILQ_INSERT_TAIL(&job->waiters, waiter, in_list);
    mailbox->outstanding++;
}

bool
hasher_verify(struct hasher_mailbox *mailbox, const struct hasher_job *job)
{
    struct hasher *hasher = mailbox->hasher;
    pthread_mutex_lock(&hasher->lock);
    struct job *twin = find_twin(hasher, job->share, job->key, job->encoded);
    bool accepted = twin ? !mailbox->closing : has_room(mailbox, job->share);
    if (accepted) {
        add_waiter(twin ? twin : add_verification(hasher, job), mailbox, job);
    } else {
        hasher->stats.refused[job->share]++;
    }
    pthread_mutex_unlock(&hasher->lock);
    return accepted;
}

bool
hasher_hash(struct hasher_mailbox *mailbox, const struct hasher_job *job)
{
    struct hasher *hasher = mailbox->hasher;
    pthread_mutex_lock(&hasher->lock);
    const struct job_queue *queue = &hasher->queues[job->share];
    bool accepted = has_room(mailbox, job->share) && (!job->is_background || queue->count < queue->bound / 2);
    if (accepted) {
        struct job *added = add_job(hasher, job);
        added->cost = *job->cost;
        add_waiter(added, mailbox, job);
    } else {
        hasher->stats.refused[job->share]++;
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
        ret_stats->waiting[i] = hasher->queues[i].count;
    }
    pthread_mutex_unlock(&hasher->lock);
}
