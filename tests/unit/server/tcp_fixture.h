/* Clients of a listener on TCP. */
#ifndef TESTS_UNIT_SERVER_TCP_FIXTURE_H
#define TESTS_UNIT_SERVER_TCP_FIXTURE_H

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TCP_ADDRESS_SIZE 32

/* A free port at a loopback address of this process alone: nobody else takes a port there once it is given
 * back. */
static inline void
tcp_own_address(char ret_address[TCP_ADDRESS_SIZE])
{
    unsigned pid = (unsigned)getpid();
    snprintf(ret_address, TCP_ADDRESS_SIZE, "127.%u.%u.%u:0", 64 + (pid >> 16) % 64, (pid >> 8) % 256,
             pid % 256);
}

/* Connects to "127.x.y.z:port". Returns -1, with errno, when that is refused. */
static inline int
tcp_connect(const char *address)
{
    char host[TCP_ADDRESS_SIZE];
    const char *colon = strrchr(address, ':');
    assert_non_null(colon);
    snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
    struct sockaddr_in server = { .sin_family = AF_INET };
    assert_int_equal(inet_pton(AF_INET, host, &server.sin_addr), 1);
    server.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

#endif
