#include "common/health.h"
#include "common/clock.h"
#include "common/memory.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STATUS_LINE_SIZE 64
#define UNIX_PREFIX      "unix:"

static const char request[] = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/* False with errno when the descriptor was not ready before `end_ms`. */
static bool
wait_for(int fd, short events, int64_t end_ms)
{
    struct pollfd waiting = { .fd = fd, .events = events };
    int ready = 0;
    do {
        int64_t left = end_ms - clock_monotonic_ms();
        ready = left > 0 ? poll(&waiting, 1, (int)left) : 0;
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) {
        errno = ETIMEDOUT;
    }
    return ready > 0;
}

/* --- connecting --- */

/* Returns a connected descriptor, or -1 with errno. */
static int
connect_to(const struct sockaddr *address, socklen_t length, int64_t end_ms)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    int error = connect(fd, address, length) < 0 ? errno : 0;
    if (error == EINPROGRESS) {
        socklen_t size = sizeof(error);
        if (!wait_for(fd, POLLOUT, end_ms) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
            error = errno;
        }
    }
    if (error != 0) {
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static int
connect_unix(const char *path, int64_t end_ms)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    return connect_to((const struct sockaddr *)&address, sizeof(address), end_ms);
}

/* A program that listens on the wildcard address also listens on the loopback address. */
static void
replace_wildcard(struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)address;
        if (v4->sin_addr.s_addr == htonl(INADDR_ANY)) {
            v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        }
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)address;
        if (IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr)) {
            v6->sin6_addr = in6addr_loopback;
        }
    }
}

static int
connect_inet(const char *host, const char *port, int64_t end_ms)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo *found = NULL;
    int fd = -1;
    if (getaddrinfo(host[0] ? host : NULL, port, &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    for (struct addrinfo *info = found; info && fd < 0; info = info->ai_next) {
        replace_wildcard(info->ai_addr);
        fd = connect_to(info->ai_addr, info->ai_addrlen, end_ms);
    }
    int error = errno;
    freeaddrinfo(found);
    errno = error;
    return fd;
}

static int
open_connection(const char *address, int64_t end_ms)
{
    if (strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0) {
        return connect_unix(address + strlen(UNIX_PREFIX), end_ms);
    }
    const char *colon = strrchr(address, ':');
    bool bracketed = address[0] == '[';
    if (!colon || colon - address < 2 * bracketed) {
        errno = EINVAL;
        return -1;
    }
    char *host = memory_copy_text(address + bracketed, (size_t)(colon - address) - 2 * (size_t)bracketed);
    int fd = connect_inet(host, colon + 1, end_ms);
    int error = errno;
    free(host);
    errno = error;
    return fd;
}

/* --- asking --- */

/* Fills `ret_line` with the beginning of the answer. Returns 0, or -1 with errno. */
static int
exchange(int fd, int64_t end_ms, char ret_line[STATUS_LINE_SIZE])
{
    size_t length = 0;
    /* It fits into the buffer of a new socket. */
    if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != sizeof(request) - 1) {
        return -1;
    }
    while (length < STATUS_LINE_SIZE - 1) {
        ssize_t count =
            wait_for(fd, POLLIN, end_ms) ? recv(fd, ret_line + length, STATUS_LINE_SIZE - 1 - length, 0) : -1;
        if (count < 0) {
            return -1;
        }
        if (count == 0) {
            break;
        }
        length += (size_t)count;
    }
    ret_line[length] = '\0';
    return 0;
}

/* The status of an answer that begins with this; 0 if it is none of HTTP/1. */
static int
read_status(const char *line)
{
    static const char start[] = "HTTP/1.";
    const char *digits = line + sizeof(start) + 1; /* after the minor version and a space */
    if (strncmp(line, start, sizeof(start) - 1) != 0 || strlen(line) <= sizeof(start) + 4 ||
        digits[-1] != ' ' || strspn(digits, "0123456789") != 3 || !strchr(" \r", digits[3])) {
        return 0;
    }
    return (int)strtol(digits, NULL, 10);
}

int
health_ask(const char *address, int timeout_ms, char *ret_error, size_t error_size)
{
    int64_t end_ms = clock_monotonic_ms() + timeout_ms;
    char line[STATUS_LINE_SIZE];
    int status = 0;
    int fd = open_connection(address, end_ms);
    if (fd < 0) {
        snprintf(ret_error, error_size, "cannot connect to %s: %s", address, strerror(errno));
        return -1;
    }
    int outcome = exchange(fd, end_ms, line);
    if (outcome < 0) {
        snprintf(ret_error, error_size, "no answer from %s: %s", address, strerror(errno));
    } else if ((status = read_status(line)) == 0) {
        snprintf(ret_error, error_size, "no answer of HTTP from %s", address);
    } else if (status != 200) {
        snprintf(ret_error, error_size, "%s answers %d", address, status);
    }
    close(fd);
    return status == 200 ? 0 : -1;
}
