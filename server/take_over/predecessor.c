#include "server/take_over/predecessor.h"
#include "common/log.h"
#include "common/memory.h"
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASK_TIMEOUT_MS 5000
#define SERVE_SECONDS  30

struct predecessor {
    int fd;
    pid_t process;
    atomic_bool serves;
    struct event *readable, *late;
    struct predecessor_events events;
};

/* --- asking --- */

static void
log_refused(pid_t process, const char *reason)
{
    log_warning("cannot take over from the server that runs here", log_number("process", process),
                log_text("reason", reason));
}

/* Whether the numbers fit each other. */
static bool
is_whole(const struct message *gift, int count)
{
    return gift->kind == MESSAGE_GIVE && gift->sockets > 0 && gift->sockets <= MESSAGE_SOCKETS_MAX &&
           gift->metrics_sockets <= MESSAGE_SOCKETS_MAX - gift->sockets && gift->results <= 1 &&
           gift->loops <= INT16_MAX &&
           gift->sockets + gift->metrics_sockets + gift->results == (uint32_t)count;
}

static void
take_gifts(const struct message *gift, const int *descriptors, struct predecessor_gifts *ret_gifts)
{
    int sockets = (int)(gift->sockets + gift->metrics_sockets);
    *ret_gifts = (struct predecessor_gifts){
        .count = (int)gift->sockets,
        .metrics_count = (int)gift->metrics_sockets,
        .loops = (int)gift->loops,
        .results = gift->results ? descriptors[sockets] : -1,
    };
    for (int i = 0; i < sockets; i++) {
        ret_gifts->sockets[i] = (struct listener_socket){ descriptors[i], gift->loop_of[i] };
    }
}

/* Why it gives nothing; NULL when it does. */
static const char *
receive_gifts(int fd, struct predecessor_gifts *ret_gifts)
{
    struct message message;
    int descriptors[MESSAGE_DESCRIPTORS_MAX], count = 0;
    switch (message_receive(fd, &message, descriptors, &count)) {
    case MESSAGE_NOT_YET:
        return "it does not answer";
    case MESSAGE_ENDED:
        return "it has closed the connection";
    case MESSAGE_STRANGE:
        return "its answer cannot be understood";
    case MESSAGE_FOREIGN:
        return message_reason_text(MESSAGE_OTHER_VERSION);
    default:
        break;
    }
    if (is_whole(&message, count)) {
        take_gifts(&message, descriptors, ret_gifts);
        return NULL;
    }
    while (count > 0) {
        close(descriptors[--count]);
    }
    return message.kind == MESSAGE_REFUSE ? message_reason_text(message.reason)
                                          : "its answer cannot be understood";
}

static const char *
ask(const struct rendezvous *rendezvous, int fd, pid_t *ret_process, struct predecessor_gifts *ret_gifts)
{
    struct message question = message_of(MESSAGE_ASK);
    memcpy(question.addresses, rendezvous_digest(rendezvous), sizeof(question.addresses));
    if (!rendezvous_is_own_account(fd, ret_process)) {
        return "it runs under another account";
    }
    /* If that fails, it may have refused already. */
    int sent = message_send(fd, &question, NULL, 0), error = errno;
    return sent < 0 && error == EAGAIN ? "it does not answer" : receive_gifts(fd, ret_gifts);
}

struct predecessor *
predecessor_ask(const struct rendezvous *rendezvous, struct predecessor_gifts *ret_gifts)
{
    pid_t process = 0;
    int fd = rendezvous ? rendezvous_connect(rendezvous, ASK_TIMEOUT_MS) : -1;
    if (fd < 0) {
        if (rendezvous && errno != ENOENT && errno != ECONNREFUSED) {
            log_refused(process, strerror(errno));
        }
        return NULL;
    }
    const char *reason = ask(rendezvous, fd, &process, ret_gifts);
    if (reason) {
        log_refused(process, reason);
        close(fd);
        return NULL;
    }
    log_info("taking over from the server that runs here", log_number("process", process));
    struct predecessor *predecessor = memory_new(1, sizeof(*predecessor));
    predecessor->fd = fd;
    predecessor->process = process;
    atomic_init(&predecessor->serves, true);
    return predecessor;
}

void
predecessor_free(struct predecessor *predecessor)
{
    if (!predecessor) {
        return;
    }
    if (predecessor->readable) {
        event_free(predecessor->readable);
        event_free(predecessor->late);
    }
    close(predecessor->fd);
    free(predecessor);
}

/* --- relieving it --- */

static void
stop_waiting(struct predecessor *predecessor)
{
    event_del(predecessor->readable);
    event_del(predecessor->late);
}

static void
give_up(struct predecessor *predecessor, const char *reason)
{
    stop_waiting(predecessor);
    log_error("cannot start: the server that was to be relieved goes on",
              log_number("process", predecessor->process), log_text("reason", reason));
    predecessor->events.on_stays(predecessor->events.argument);
}

static void
on_late(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct predecessor *predecessor = argument;
    if (predecessor_serves(predecessor)) {
        give_up(predecessor, "PostgreSQL has not answered on all connections within 30 s");
    }
}

/* Whatever else it sends: it has ended, or ends. */
static void
on_readable(evutil_socket_t fd, short what, void *argument)
{
    (void)what;
    struct predecessor *predecessor = argument;
    struct message message;
    enum message_outcome outcome = message_receive(fd, &message, NULL, NULL);
    if (outcome == MESSAGE_NOT_YET) {
        return;
    }
    if (outcome == MESSAGE_HERE && message.kind == MESSAGE_REFUSE) {
        give_up(predecessor, message_reason_text(message.reason));
        return;
    }
    stop_waiting(predecessor);
    atomic_store(&predecessor->serves, false);
    log_info("took over the listening sockets", log_number("process", predecessor->process));
    predecessor->events.on_gone(predecessor->events.argument);
}

void
predecessor_watch(struct predecessor *predecessor, struct event_base *base,
                  const struct predecessor_events *events)
{
    const struct timeval most = { .tv_sec = SERVE_SECONDS };
    predecessor->events = *events;
    predecessor->readable = event_new(base, predecessor->fd, EV_READ | EV_PERSIST, on_readable, predecessor);
    predecessor->late = event_new(base, -1, 0, on_late, predecessor);
    if (!predecessor->readable || !predecessor->late || fcntl(predecessor->fd, F_SETFL, O_NONBLOCK) < 0 ||
        event_add(predecessor->readable, NULL) < 0 || event_add(predecessor->late, &most) < 0) {
        log_fatal("cannot wait for the server that is relieved", errno);
    }
}

void
predecessor_relieve(struct predecessor *predecessor)
{
    if (predecessor && atomic_exchange(&predecessor->serves, false)) {
        struct message serving = message_of(MESSAGE_SERVING);
        message_send(predecessor->fd, &serving, NULL,
                     0); /* if that fails, it is gone, as on_readable() sees */
    }
}

bool
predecessor_serves(const struct predecessor *predecessor)
{
    return predecessor && atomic_load(&predecessor->serves);
}
