#include "server/http/listener_sockets.h"
#include "common/memory.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

struct listener_sockets {
    char address[128];
    struct sockaddr_un unix_address; /* of the socket file that we made; sun_path is empty if we made none */
    struct stat unix_file;
    bool one_per_loop;    /* otherwise every loop accepts from all of them */
    bool adopted;         /* from systemd */
    atomic_int accepting; /* loops that may still accept */
    int count;
    int descriptors[]; /* -1 once closed */
};

static struct listener_sockets *
new_sockets(int most, int loops)
{
    struct listener_sockets *sockets =
        memory_new(1, sizeof(*sockets) + (size_t)most * sizeof(sockets->descriptors[0]));
    atomic_init(&sockets->accepting, loops);
    return sockets;
}

int
listener_sockets_count(const struct listener_sockets *sockets)
{
    return sockets->one_per_loop ? 1 : sockets->count;
}

int
listener_sockets_descriptor(const struct listener_sockets *sockets, int number, int loop)
{
    return sockets->descriptors[sockets->one_per_loop ? loop : number];
}

/* Closes `fd` after a failure and keeps its errno. Returns -1. */
static int
close_failed(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int
enable(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof(on));
}

/* --- names --- */

static void
name_inet(const struct sockaddr *address, socklen_t length, char *ret_name, size_t size)
{
    char host[INET6_ADDRSTRLEN + 32], port[8]; /* room for a scope, %eth0 */
    if (getnameinfo(address, length, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        snprintf(ret_name, size, address->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    }
}

static void
name_of(int fd, char *ret_name, size_t size)
{
    union {
        struct sockaddr any;
        struct sockaddr_un local;
        struct sockaddr_storage storage;
    } address = { .storage = { .ss_family = AF_UNSPEC } };
    socklen_t length = sizeof(address);
    getsockname(fd, &address.any, &length);
    if (address.any.sa_family == AF_UNIX) {
        snprintf(ret_name, size, "unix:%s", address.local.sun_path);
    } else {
        name_inet(&address.any, length, ret_name, size);
    }
}

/* --- systemd --- */

/* Accepted sockets inherit TCP_NODELAY, which saves a call for each of them. */
static int
adopt(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
        errno = EINVAL;
        return -1;
    }
    if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) <= 0) {
        enable(fd, IPPROTO_TCP, TCP_NODELAY);
    }
    return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -1 : 0;
}

static int
adopt_all(struct listener_sockets *sockets, int count)
{
    sockets->adopted = true;
    for (int i = 0; i < count; i++) {
        sockets->descriptors[sockets->count++] = SD_LISTEN_FDS_START + i;
        if (adopt(SD_LISTEN_FDS_START + i) < 0) {
            return -1;
        }
    }
    name_of(SD_LISTEN_FDS_START, sockets->address, sizeof(sockets->address));
    return 0;
}

/* --- unix sockets --- */

/* Whether the file is a socket that no process listens on any more. */
static bool
is_stale(const struct sockaddr_un *address)
{
    struct stat file;
    if (lstat(address->sun_path, &file) < 0 || !S_ISSOCK(file.st_mode)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
                   errno == ECONNREFUSED;
    if (fd >= 0) {
        close(fd);
    }
    return refused;
}

static int
bind_path(int fd, const struct sockaddr_un *address)
{
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0) {
        return 0;
    }
    if (errno != EADDRINUSE) {
        return -1;
    }
    if (!is_stale(address)) {
        errno = EADDRINUSE;
        return -1;
    }
    return unlink(address->sun_path) < 0 ? -1 : bind(fd, (const struct sockaddr *)address, sizeof(*address));
}

static int
open_unix(struct listener_sockets *sockets, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (bind_path(fd, &address) < 0) {
        return close_failed(fd);
    }
    sockets->descriptors[sockets->count++] = fd;
    sockets->unix_address = address;
    if (lstat(path, &sockets->unix_file) < 0 || listen(fd, LISTENER_BACKLOG) < 0) {
        return -1;
    }
    snprintf(sockets->address, sizeof(sockets->address), "unix:%s", path);
    return 0;
}

/* Only if the file is still ours, because another process may have replaced it. And only once, because the
 * replacement may get the same inode number. */
static void
remove_unix(struct listener_sockets *sockets)
{
    struct stat file;
    char *path = sockets->unix_address.sun_path;
    if (path[0] && lstat(path, &file) == 0 && file.st_dev == sockets->unix_file.st_dev &&
        file.st_ino == sockets->unix_file.st_ino) {
        unlink(path);
    }
    path[0] = '\0';
}

/* --- TCP --- */

static int
bind_inet(const struct sockaddr *address, socklen_t length, bool shared)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (enable(fd, SOL_SOCKET, SO_REUSEADDR) < 0 || (shared && enable(fd, SOL_SOCKET, SO_REUSEPORT) < 0) ||
        (address->sa_family == AF_INET6 && enable(fd, IPPROTO_IPV6, IPV6_V6ONLY) < 0) ||
        enable(fd, IPPROTO_TCP, TCP_NODELAY) < 0 || bind(fd, address, length) < 0) {
        return close_failed(fd);
    }
    return fd;
}

/* With SO_REUSEPORT, binding succeeds even if another process of this user listens on the port. */
static int
check_free(const struct sockaddr *address, socklen_t length)
{
    int fd = bind_inet(address, length, false);
    return fd < 0 ? -1 : close(fd);
}

/* Opens `loops` sockets on one address; when its port is 0, the first socket settles which one it is. */
static int
open_inet(struct listener_sockets *sockets, const struct addrinfo *info, int loops)
{
    struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
    socklen_t length = info->ai_addrlen;
    memcpy(&address, info->ai_addr, length);
    if (check_free(info->ai_addr, length) < 0) {
        return -1;
    }
    while (sockets->count < loops) {
        int fd = bind_inet((const struct sockaddr *)&address, length, loops > 1);
        if (fd < 0) {
            return -1;
        }
        sockets->descriptors[sockets->count++] = fd;
        if (listen(fd, LISTENER_BACKLOG) < 0 || getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
            return -1;
        }
    }
    name_inet((const struct sockaddr *)&address, length, sockets->address, sizeof(sockets->address));
    return 0;
}

static void
close_all(struct listener_sockets *sockets)
{
    int error = errno;
    while (sockets->count > 0) {
        int fd = sockets->descriptors[--sockets->count];
        if (fd >= 0) {
            close(fd);
        }
    }
    errno = error;
}

/* host:port or [v6]:port; tries the host's addresses in turn. */
static int
open_tcp(struct listener_sockets *sockets, const char *address, int loops, const char **ret_reason)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    const char *colon = strrchr(address, ':');
    bool bracketed = address[0] == '[';
    if (!colon || colon - address < 2 * bracketed || (bracketed && colon[-1] != ']')) {
        *ret_reason = "it must be host:port, [IPv6 address]:port or unix:/path";
        return -1;
    }
    char *host = memory_copy_text(address + bracketed, (size_t)(colon - address) - 2 * bracketed);
    struct addrinfo *found = NULL;
    int code = getaddrinfo(host[0] ? host : NULL, colon + 1, &hints, &found);
    int result = -1;
    for (struct addrinfo *info = code == 0 ? found : NULL; info && result < 0; info = info->ai_next) {
        result = open_inet(sockets, info, loops);
        if (result < 0) {
            close_all(sockets);
        }
    }
    *ret_reason = code ? gai_strerror(code) : strerror(errno);
    if (code == 0) {
        freeaddrinfo(found);
    }
    free(host);
    return result;
}

/* --- all kinds --- */

static int
fail(struct listener_sockets *sockets, const char *address, const char *reason, char *ret_error, size_t size)
{
    snprintf(ret_error, size, "cannot listen on %s: %s", address, reason);
    listener_sockets_unbind(sockets);
    return -1;
}

int
listener_sockets_bind(const char *address, int loops, struct listener_sockets **ret_sockets, char *ret_error,
                      size_t error_size)
{
    /* Removes them from the environment, so that a second address does not get the same sockets. */
    int given = sd_listen_fds(1);
    struct listener_sockets *sockets = new_sockets(given > loops ? given : loops, loops);
    if (given > 0) {
        if (adopt_all(sockets, given) < 0) {
            return fail(sockets, "the sockets given by systemd", strerror(errno), ret_error, error_size);
        }
    } else if (strncmp(address, "unix:", 5) == 0) {
        if (open_unix(sockets, address + 5) < 0) {
            return fail(sockets, address, strerror(errno), ret_error, error_size);
        }
    } else {
        const char *reason;
        sockets->one_per_loop = true;
        if (open_tcp(sockets, address, loops, &reason) < 0) {
            return fail(sockets, address, reason, ret_error, error_size);
        }
    }
    *ret_sockets = sockets;
    return 0;
}

const char *
listener_sockets_address(const struct listener_sockets *sockets)
{
    return sockets->address;
}

bool
listener_sockets_leave(struct listener_sockets *sockets)
{
    if (sockets->one_per_loop) {
        return true;
    }
    bool is_last = atomic_fetch_sub(&sockets->accepting, 1) == 1;
    if (is_last && !sockets->adopted) {
        remove_unix(sockets);
    }
    return is_last && !sockets->adopted;
}

void
listener_sockets_close(struct listener_sockets *sockets, int loop)
{
    if (sockets->one_per_loop) {
        close(sockets->descriptors[loop]);
        sockets->descriptors[loop] = -1;
    } else {
        close_all(sockets);
    }
}

void
listener_sockets_unbind(struct listener_sockets *sockets)
{
    if (!sockets) {
        return;
    }
    remove_unix(sockets);
    close_all(sockets);
    free(sockets);
}
