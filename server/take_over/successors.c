#include "server/take_over/successors.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/retry.h"
#include "server/auth/hand_over.h"
#include "server/http/listener_sockets.h"
#include "server/take_over/message.h"
#include <errno.h>
#include <event2/event.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ASK_SECONDS   5  /* for a process that has connected, to ask */
#define SERVE_SECONDS 60 /* for a process that has the sockets, to serve: longer than it takes itself */
#define PAUSE_SECONDS 1  /* when descriptors have run out */

struct successors {
    struct event_base *base;
    struct successors_options options;
    atomic_bool permitted;
    int listening; /* -1: at no rendezvous */
    struct event *connecting, *pause;

    /* The one that has connected; one at a time. */
    int fd; /* -1: there is none */
    pid_t process;
    bool has_sockets;
    struct event *readable; /* with the deadline */
    struct retry_log stranger_log;
};

static void on_readable(evutil_socket_t fd, short what, void *argument);

static struct event *
make_event(struct successors *successors, int fd, short what, event_callback_fn callback)
{
    struct event *event = event_new(successors->base, fd, what, callback, successors);
    if (!event) {
        log_fatal("cannot wait for a server that takes over", errno);
    }
    return event;
}

/* --- one process --- */

static void
refuse(int fd, enum message_reason reason)
{
    struct message refusal = message_of(MESSAGE_REFUSE);
    refusal.reason = (uint32_t)reason;
    message_send(fd, &refusal, NULL, 0);
}

static void
part(struct successors *successors)
{
    event_free(successors->readable);
    close(successors->fd);
    successors->readable = NULL;
    successors->fd = -1;
    successors->has_sockets = false;
}

static void
wait_for(struct successors *successors, int seconds)
{
    const struct timeval most = { .tv_sec = seconds };
    event_add(successors->readable, &most);
}

/* Adds the descriptors of one set of sockets. Returns how many, or -1 when there is no room. */
static int
add_sockets(const struct listener_sockets *sockets, struct message *gift, int *descriptors, int at)
{
    struct listener_socket list[MESSAGE_SOCKETS_MAX];
    int count = sockets ? listener_sockets_list(sockets, list, MESSAGE_SOCKETS_MAX - at) : 0;
    for (int i = 0; i < count; i++) {
        descriptors[at + i] = list[i].fd;
        gift->loop_of[at + i] = list[i].loop;
    }
    return count;
}

/* Returns 0, or -1 with errno. */
static int
give(const struct successors *successors)
{
    const struct successors_options *options = &successors->options;
    struct message gift = message_of(MESSAGE_GIVE);
    int descriptors[MESSAGE_DESCRIPTORS_MAX];
    int count = add_sockets(options->sockets, &gift, descriptors, 0);
    int metrics = count < 0 ? -1 : add_sockets(options->metrics_sockets, &gift, descriptors, count);
    if (metrics < 0) {
        refuse(successors->fd, MESSAGE_TOO_MANY_SOCKETS);
        errno = E2BIG;
        return -1;
    }
    int results = hand_over_give(options->verified); /* without them, tokens cost argon2 once more */
    gift.loops = (uint32_t)options->loops;
    gift.sockets = (uint32_t)count;
    gift.metrics_sockets = (uint32_t)metrics;
    gift.results = results >= 0;
    descriptors[count + metrics] = results;
    int sent = message_send(successors->fd, &gift, descriptors, count + metrics + (results >= 0));
    int error = errno;
    if (results >= 0) {
        close(results);
    }
    errno = error;
    return sent;
}

/* Why a question is refused; 0 when it is not. */
static enum message_reason
refusal_of(struct successors *successors, enum message_outcome outcome, const struct message *question)
{
    const unsigned char *own = rendezvous_digest(successors->options.rendezvous);
    if (outcome == MESSAGE_FOREIGN) {
        return MESSAGE_OTHER_VERSION;
    }
    if (memcmp(question->addresses, own, sizeof(question->addresses)) != 0) {
        return MESSAGE_OTHER_ADDRESSES;
    }
    return atomic_load(&successors->permitted) ? (enum message_reason)0 : MESSAGE_NOT_READY;
}

static void
answer(struct successors *successors, enum message_outcome outcome, const struct message *question)
{
    enum message_reason reason = refusal_of(successors, outcome, question);
    if (reason) {
        log_warning("a server that was started beside this one was refused",
                    log_number("process", successors->process),
                    log_text("reason", message_reason_text(reason)));
        refuse(successors->fd, reason);
        part(successors);
    } else if (give(successors) < 0) {
        log_warning("cannot hand over", log_number("process", successors->process),
                    log_text("error", strerror(errno)));
        part(successors);
    } else {
        log_info("another server is taking over", log_number("process", successors->process));
        successors->has_sockets = true;
        wait_for(successors, SERVE_SECONDS);
    }
}

static void
be_relieved(struct successors *successors)
{
    struct message done = message_of(MESSAGE_DONE);
    pid_t process = successors->process;
    successors_dismiss(successors); /* first, so that the successor finds the rendezvous free */
    message_send(successors->fd, &done, NULL, 0);
    part(successors);
    log_info("stopping", log_text("reason", "another server has taken over"), log_number("process", process));
    successors->options.on_relieved(successors->options.argument);
}

static void
on_deadline(struct successors *successors)
{
    refuse(successors->fd, MESSAGE_TOO_LATE);
    part(successors);
}

static void
on_end(struct successors *successors)
{
    if (successors->has_sockets) {
        log_warning("the server that was taking over has ended: this one goes on",
                    log_number("process", successors->process));
    }
    part(successors);
}

static void
on_readable(evutil_socket_t fd, short what, void *argument)
{
    struct successors *successors = argument;
    struct message message;
    if (what & EV_TIMEOUT) {
        on_deadline(successors);
        return;
    }
    enum message_outcome outcome = message_receive(fd, &message, NULL, NULL);
    bool is_question = outcome == MESSAGE_FOREIGN || (outcome == MESSAGE_HERE && message.kind == MESSAGE_ASK);
    if (outcome == MESSAGE_NOT_YET) {
        wait_for(successors, successors->has_sockets ? SERVE_SECONDS : ASK_SECONDS);
    } else if (is_question && !successors->has_sockets) {
        answer(successors, outcome, &message);
    } else if (outcome == MESSAGE_HERE && message.kind == MESSAGE_SERVING && successors->has_sockets) {
        be_relieved(successors);
    } else {
        on_end(successors);
    }
}

/* --- accepting --- */

/* Takes `fd` as its own. */
static void
receive(struct successors *successors, int fd)
{
    pid_t process = 0;
    if (!rendezvous_is_own_account(fd, &process)) {
        if (retry_log_is_due(&successors->stranger_log)) {
            log_warning("a process of another account asked for the listening sockets: refused",
                        log_number("process", process));
        }
        close(fd);
    } else if (successors->fd >= 0) {
        refuse(fd, MESSAGE_BUSY);
        close(fd);
    } else {
        successors->fd = fd;
        successors->process = process;
        successors->readable = make_event(successors, fd, EV_READ, on_readable);
        wait_for(successors, ASK_SECONDS);
    }
}

static void
on_connecting(evutil_socket_t fd, short what, void *argument)
{
    (void)what;
    struct successors *successors = argument;
    /* cppcheck-suppress nullPointer ; accept4(2) allows NULL when the address is not wanted */
    int process = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (process >= 0) {
        receive(successors, process);
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        const struct timeval pause = { .tv_sec = PAUSE_SECONDS };
        event_del(successors->connecting);
        event_add(successors->pause, &pause);
    }
}

static void
on_pause_over(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct successors *successors = argument;
    event_add(successors->connecting, NULL);
}

/* --- all --- */

struct successors *
successors_new(struct event_base *base, const struct successors_options *options)
{
    struct successors *successors = memory_new(1, sizeof(*successors));
    successors->base = base;
    successors->options = *options;
    successors->listening = successors->fd = -1;
    atomic_init(&successors->permitted, false);
    return successors;
}

void
successors_free(struct successors *successors)
{
    if (!successors) {
        return;
    }
    successors_dismiss(successors);
    if (successors->fd >= 0) {
        part(successors);
    }
    free(successors);
}

void
successors_await(struct successors *successors)
{
    successors->listening = rendezvous_listen(successors->options.rendezvous);
    if (successors->listening < 0) {
        log_warning("no server can take over from this one", log_text("error", strerror(errno)));
        return;
    }
    successors->connecting =
        make_event(successors, successors->listening, EV_READ | EV_PERSIST, on_connecting);
    successors->pause = make_event(successors, -1, 0, on_pause_over);
    event_add(successors->connecting, NULL);
}

void
successors_permit(struct successors *successors)
{
    if (successors) {
        atomic_store(&successors->permitted, true);
    }
}

bool
successors_dismiss(struct successors *successors)
{
    if (!successors) {
        return false;
    }
    if (successors->listening >= 0) {
        event_free(successors->connecting);
        event_free(successors->pause);
        rendezvous_remove(successors->options.rendezvous);
        close(successors->listening);
        successors->listening = -1;
    }
    if (successors->fd >= 0 && !successors->has_sockets) {
        part(successors); /* the sockets are going to be closed */
    }
    return successors->has_sockets;
}
