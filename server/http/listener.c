#include "server/http/listener.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/retry.h"
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_MAX 64 /* a turn of the loop */
#define REAPED_MAX  16 /* idle connections to close at a time when descriptors run out */
#define PAUSE_US    100000

struct listening {
    int fd;
    struct event *event;
};

struct listener {
    struct connection_pool *pool;
    struct listener_sockets *sockets;
    int index; /* of the loop */
    bool closing;
    struct event *resume;
    int spare; /* a descriptor to close, so that one client can be accepted and turned away; -1 when there is
                  none */
    struct retry_log exhaustion_log;
    int count;
    struct listening listening[];
};

static int
open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* accept() reserves a descriptor before it looks for a client, so it fails without one even when no client
 * waits. */
static bool
is_exhaustion(int fd, int error)
{
    struct pollfd waiting = { .fd = fd, .events = POLLIN };
    return (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) &&
           poll(&waiting, 1, 0) > 0;
}

static void
log_exhaustion(struct listener *listener, int error)
{
    if (retry_log_is_due(&listener->exhaustion_log)) {
        log_warning("cannot accept connections; raise the limit of open files",
                    log_text("error", strerror(error)),
                    log_number("open", (int64_t)connection_pool_count(listener->pool)));
    }
}

/* Otherwise clients would hang in the backlog, and the readable socket would keep the loop spinning. */
static bool
turn_away(struct listener *listener, int fd)
{
    if (listener->spare < 0) {
        return false;
    }
    close(listener->spare);
    /* cppcheck-suppress nullPointer ; accept4(2) allows NULL when the address is not wanted */
    int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client >= 0) {
        connection_turn_away(listener->pool, client);
    }
    listener->spare = open_spare();
    return client >= 0;
}

static void
pause_accepting(struct listener *listener)
{
    for (int i = 0; i < listener->count; i++) {
        event_del(listener->listening[i].event);
    }
    event_add(listener->resume, &(struct timeval){ 0, PAUSE_US });
}

static void
on_resume(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct listener *listener = argument;
    if (listener->spare < 0) {
        listener->spare = open_spare();
    }
    for (int i = 0; i < listener->count; i++) {
        event_add(listener->listening[i].event, NULL);
    }
}

/* Makes room by closing idle connections; if there are none, turns waiting clients away and pauses. Returns
 * whether to go on accepting. A shutdown does not pause: it turns the clients away one after another. */
static bool
relieve(struct listener *listener, int fd, int error)
{
    log_exhaustion(listener, error);
    if (connection_pool_reap(listener->pool, REAPED_MAX)) {
        return true;
    }
    if (listener->closing) {
        return turn_away(listener, fd);
    }
    for (int i = 0; i < ACCEPTS_MAX && turn_away(listener, fd); i++) {
    }
    pause_accepting(listener);
    return false;
}

/* Returns whether there may be more to accept. */
static bool
accept_one(struct listener *listener, int fd)
{
    struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
    socklen_t length = sizeof(peer);
    int client = accept4(fd, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client >= 0) {
        connection_open(listener->pool, client, (struct sockaddr *)&peer, length);
        return true;
    }
    int error = errno;
    if (is_exhaustion(fd, error)) {
        return relieve(listener, fd, error);
    }
    return error == EINTR || error == ECONNABORTED || error == EPROTO;
}

static void
accept_some(struct listener *listener, int fd, int most)
{
    for (int i = 0; i < most && accept_one(listener, fd); i++) {
    }
}

static void
on_acceptable(evutil_socket_t fd, short what, void *argument)
{
    (void)what;
    accept_some(argument, fd, ACCEPTS_MAX);
}

static void
listen_with(struct listener *listener, struct event_base *base, int fd)
{
    struct event *event = event_new(base, fd, EV_READ | EV_PERSIST, on_acceptable, listener);
    if (!event || event_add(event, NULL) < 0) {
        log_fatal("cannot watch a listening socket", errno);
    }
    listener->listening[listener->count++] = (struct listening){ fd, event };
}

struct listener *
listener_new(struct event_base *base, struct listener_sockets *sockets, int index,
             struct connection_pool *pool)
{
    int count = listener_sockets_count(sockets, index);
    struct listener *listener =
        memory_new(1, sizeof(*listener) + (size_t)count * sizeof(listener->listening[0]));
    listener->pool = pool;
    listener->sockets = sockets;
    listener->index = index;
    listener->spare = open_spare();
    listener->resume = event_new(base, -1, 0, on_resume, listener);
    if (!listener->resume) {
        log_fatal("cannot make the timer of a listener", errno);
    }
    for (int i = 0; i < count; i++) {
        listen_with(listener, base, listener_sockets_descriptor(sockets, i, index));
    }
    return listener;
}

void
listener_close(struct listener *listener)
{
    if (!listener) {
        return;
    }
    listener->closing = true;
    for (int i = 0; i < listener->count; i++) {
        event_del(listener->listening[i].event); /* first: the last loop that leaves may close it at once */
        if (listener_sockets_leave(listener->sockets, i, listener->index)) {
            accept_some(listener, listener->listening[i].fd, LISTENER_BACKLOG);
            listener_sockets_close(listener->sockets, i, listener->index);
        }
    }
    listener_free(listener);
}

void
listener_free(struct listener *listener)
{
    if (!listener) {
        return;
    }
    for (int i = 0; i < listener->count; i++) {
        event_free(listener->listening[i].event);
    }
    event_free(listener->resume);
    if (listener->spare >= 0) {
        close(listener->spare);
    }
    free(listener);
}
