#include "server/take_over/rendezvous.h"
#include "common/log.h"
#include "common/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME_BYTES 16 /* of the digest that names the socket */
#define WAITING    8  /* processes that may wait to be accepted */

struct rendezvous {
    int directory;
    struct sockaddr_un address; /* through the directory's descriptor: a path may be longer than fits here */
    struct stat file;           /* that we made; st_ino is 0 if we made none */
    unsigned char digest[RENDEZVOUS_DIGEST_SIZE];
};

/* --- the directory --- */

static void
log_unfit(const char *path, const char *reason)
{
    log_warning("the runtime directory cannot be used: no server can take over from this one",
                log_text("directory", path), log_text("reason", reason));
}

/* Returns -1 when it is not fit; `must` says whether that is worth a line in the log. */
static int
open_directory(const char *path, bool must)
{
    struct stat directory;
    int fd = path[0] == '/' ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0) {
        if (must) {
            log_unfit(path, path[0] == '/' ? strerror(errno) : "it is not an absolute path");
        }
        return -1;
    }
    const char *reason = fstat(fd, &directory) < 0                 ? strerror(errno)
                         : directory.st_uid != geteuid()           ? "it belongs to another account"
                         : directory.st_mode & (S_IWGRP | S_IWOTH) ? "others may write to it"
                                                                   : NULL;
    if (reason) {
        if (must || directory.st_uid == geteuid()) {
            log_unfit(path, reason);
        }
        close(fd);
        return -1;
    }
    return fd;
}

static int
open_runtime_directory(void)
{
    char path[PATH_MAX];
    const char *given = getenv("RUNTIME_DIRECTORY"), *session = getenv("XDG_RUNTIME_DIR");
    if (given && *given) {
        snprintf(path, sizeof(path), "%.*s", (int)strcspn(given, ":"), given);
        return open_directory(path, true);
    }
    if (session && *session) {
        snprintf(path, sizeof(path), "%s/testkase", session);
        if (path[0] == '/') {
            mkdir(path, 0700); /* if it fails, so does the next step */
        }
        return open_directory(path, true);
    }
    return open_directory("/run/testkase", false);
}

/* --- the name --- */

/* Whether the kernel chooses the port of one of the addresses. */
static bool
has_free_port(const char *addresses)
{
    for (const char *at = addresses; (at = strstr(at, ":0")); at += 2) {
        if (at[2] == '\0' || at[2] == ',' || at[2] == ' ') {
            return true;
        }
    }
    return false;
}

/* Without the spaces, and with the NUL at its end. */
static void
digest_addresses(crypto_generichash_state *state, const char *addresses)
{
    for (const char *at = addresses; at[0]; at++) {
        if (at[0] != ' ') {
            crypto_generichash_update(state, (const unsigned char *)at, 1);
        }
    }
    crypto_generichash_update(state, (const unsigned char *)"", 1);
}

/* The same address in another network namespace is another one. */
static void
digest_begin(crypto_generichash_state *state, const char *listen)
{
    struct stat namespace = { .st_ino = 0 };
    crypto_generichash_init(state, NULL, 0, RENDEZVOUS_DIGEST_SIZE);
    if (stat("/proc/self/ns/net", &namespace) == 0) {
        crypto_generichash_update(state, (const unsigned char *)&namespace.st_ino, sizeof(namespace.st_ino));
    }
    digest_addresses(state, listen);
}

static void
name_socket(struct rendezvous *rendezvous, const char *listen)
{
    crypto_generichash_state state;
    unsigned char digest[RENDEZVOUS_DIGEST_SIZE];
    char hex[2 * NAME_BYTES + 1];
    digest_begin(&state, listen);
    crypto_generichash_final(&state, digest, sizeof(digest));
    sodium_bin2hex(hex, sizeof(hex), digest, NAME_BYTES);
    snprintf(rendezvous->address.sun_path, sizeof(rendezvous->address.sun_path), "/proc/self/fd/%d/server-%s",
             rendezvous->directory, hex);
}

struct rendezvous *
rendezvous_new(const char *listen, const char *metrics)
{
    crypto_generichash_state state;
    const char *other = metrics ? metrics : "";
    int directory = has_free_port(listen) || has_free_port(other) ? -1 : open_runtime_directory();
    if (directory < 0) {
        return NULL;
    }
    struct rendezvous *rendezvous = memory_new(1, sizeof(*rendezvous));
    rendezvous->directory = directory;
    rendezvous->address.sun_family = AF_UNIX;
    name_socket(rendezvous, listen);
    digest_begin(&state, listen);
    digest_addresses(&state, other);
    crypto_generichash_final(&state, rendezvous->digest, sizeof(rendezvous->digest));
    return rendezvous;
}

void
rendezvous_free(struct rendezvous *rendezvous)
{
    if (rendezvous) {
        close(rendezvous->directory);
        free(rendezvous);
    }
}

const unsigned char *
rendezvous_digest(const struct rendezvous *rendezvous)
{
    return rendezvous->digest;
}

/* --- the socket --- */

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
open_socket(int flags)
{
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
}

static const struct sockaddr *
address_of(const struct rendezvous *rendezvous)
{
    return (const struct sockaddr *)&rendezvous->address;
}

int
rendezvous_connect(const struct rendezvous *rendezvous, long timeout_ms)
{
    const struct timeval most = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };
    int fd = open_socket(0);
    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most)) < 0 ||
        connect(fd, address_of(rendezvous), sizeof(rendezvous->address)) < 0) {
        return close_failed(fd);
    }
    return fd;
}

/* Whether the file is a socket at which no process waits any more. */
static bool
is_stale(const struct rendezvous *rendezvous)
{
    int fd = open_socket(SOCK_NONBLOCK);
    bool refused = fd >= 0 && connect(fd, address_of(rendezvous), sizeof(rendezvous->address)) < 0 &&
                   errno == ECONNREFUSED;
    if (fd >= 0) {
        close(fd);
    }
    return refused;
}

static int
bind_to(const struct rendezvous *rendezvous, int fd)
{
    if (bind(fd, address_of(rendezvous), sizeof(rendezvous->address)) == 0) {
        return 0;
    }
    if (errno != EADDRINUSE) {
        return -1;
    }
    if (!is_stale(rendezvous)) {
        errno = EADDRINUSE;
        return -1;
    }
    return unlink(rendezvous->address.sun_path) < 0
               ? -1
               : bind(fd, address_of(rendezvous), sizeof(rendezvous->address));
}

/* Before listen(): until then, nobody can connect. */
static int
make_private(struct rendezvous *rendezvous)
{
    const char *path = rendezvous->address.sun_path;
    return chmod(path, 0600) < 0 || lstat(path, &rendezvous->file) < 0 ? -1 : 0;
}

int
rendezvous_listen(struct rendezvous *rendezvous)
{
    int fd = open_socket(SOCK_NONBLOCK);
    if (fd < 0) {
        return -1;
    }
    if (bind_to(rendezvous, fd) < 0 || make_private(rendezvous) < 0 || listen(fd, WAITING) < 0) {
        return close_failed(fd);
    }
    return fd;
}

void
rendezvous_remove(struct rendezvous *rendezvous)
{
    struct stat file;
    const char *path = rendezvous->address.sun_path;
    if (rendezvous->file.st_ino && lstat(path, &file) == 0 && file.st_dev == rendezvous->file.st_dev &&
        file.st_ino == rendezvous->file.st_ino) {
        unlink(path);
    }
    rendezvous->file.st_ino = 0; /* the next file may get the same number */
}

bool
rendezvous_is_own_account(int fd, pid_t *ret_process)
{
    struct ucred peer;
    socklen_t length = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) {
        return false;
    }
    *ret_process = peer.pid;
    return peer.uid == geteuid();
}
