#include "server/http/listener_sockets.h"
#include "common/memory.h"
#include "common/service.h"
#include "common/text.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
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

#define NAME_SIZE 160 /* of an address as text */

struct bound {
    int fd;                          /* -1 once closed */
    int loop;                        /* the only one that accepts from it; LISTENER_ALL_LOOPS */
    bool adopted;                    /* from systemd */
    atomic_int accepting;            /* loops that may still accept from it */
    atomic_bool has_file;            /* a unix socket's, which is ours until it is removed */
    struct sockaddr_un unix_address; /* of the file */
    struct stat unix_file;
};

struct listener_sockets {
    char address[512]; /* of all of them, for the log */
    int loops;
    atomic_bool shared;
    int count;
    struct bound sockets[];
};

static struct listener_sockets *
new_sockets(int most, int loops)
{
    struct listener_sockets *sockets =
        memory_new(1, sizeof(*sockets) + (size_t)most * sizeof(sockets->sockets[0]));
    sockets->loops = loops;
    return sockets;
}

static struct bound *
add_socket(struct listener_sockets *sockets, int fd, int loop)
{
    struct bound *bound = &sockets->sockets[sockets->count++];
    bound->fd = fd;
    bound->loop = loop;
    atomic_init(&bound->has_file, false);
    atomic_init(&bound->accepting, loop == LISTENER_ALL_LOOPS ? sockets->loops : 1);
    return bound;
}

static bool
is_accepted_by(const struct bound *bound, int loop)
{
    return bound->loop == LISTENER_ALL_LOOPS || bound->loop == loop;
}

int
listener_sockets_count(const struct listener_sockets *sockets, int loop)
{
    int count = 0;
    for (int i = 0; i < sockets->count; i++) {
        count += is_accepted_by(&sockets->sockets[i], loop);
    }
    return count;
}

/* The position of the loop's socket of that number. */
static int
find_socket(const struct listener_sockets *sockets, int number, int loop)
{
    int at = 0;
    while (!is_accepted_by(&sockets->sockets[at], loop) || number-- > 0) {
        at++;
    }
    return at;
}

int
listener_sockets_descriptor(const struct listener_sockets *sockets, int number, int loop)
{
    return sockets->sockets[find_socket(sockets, number, loop)].fd;
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
add_name(struct listener_sockets *sockets, const char *name)
{
    size_t length = strlen(sockets->address);
    snprintf(sockets->address + length, sizeof(sockets->address) - length, "%s%s", length ? ", " : "", name);
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

static bool
is_kept(const char *name)
{
    return strncmp(name, SERVICE_KEPT, strlen(SERVICE_KEPT)) == 0;
}

/* How many of the descriptors are sockets to serve on. */
static int
count_sockets(char **names, int count)
{
    int sockets = 0;
    for (int i = 0; i < count; i++) {
        sockets += !is_kept(names[i]);
    }
    return sockets;
}

static void
free_names(char **names, int count)
{
    int error = errno;
    for (int i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
    errno = error;
}

bool
listener_sockets_are_given(void)
{
    char **names = NULL;
    int count = sd_listen_fds_with_names(0, &names);
    int sockets = count > 0 ? count_sockets(names, count) : 0;
    free_names(names, count);
    return sockets > 0;
}

static int
adopt_all(struct listener_sockets *sockets, char **names, int count)
{
    for (int i = 0; i < count; i++) {
        char name[NAME_SIZE] = "";
        if (is_kept(names[i])) {
            continue;
        }
        add_socket(sockets, SD_LISTEN_FDS_START + i, LISTENER_ALL_LOOPS)->adopted = true;
        if (adopt(SD_LISTEN_FDS_START + i) < 0) {
            return -1;
        }
        name_of(SD_LISTEN_FDS_START + i, name, sizeof(name));
        add_name(sockets, name);
    }
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
    struct bound *bound = add_socket(sockets, fd, LISTENER_ALL_LOOPS);
    bound->unix_address = address;
    atomic_store(&bound->has_file, true);
    if (lstat(path, &bound->unix_file) < 0 || listen(fd, LISTENER_BACKLOG) < 0) {
        return -1;
    }
    char name[NAME_SIZE];
    snprintf(name, sizeof(name), "unix:%s", path);
    add_name(sockets, name);
    return 0;
}

/* Only if the file is still ours, because another process may have replaced it. And only once, because the
 * replacement may get the same inode number. */
static void
remove_unix(struct bound *bound)
{
    struct stat file;
    const char *path = bound->unix_address.sun_path;
    if (atomic_exchange(&bound->has_file, false) && lstat(path, &file) == 0 &&
        file.st_dev == bound->unix_file.st_dev && file.st_ino == bound->unix_file.st_ino) {
        unlink(path);
    }
}

/* Returns false when there is no such group. */
static bool
find_group(const char *name, gid_t *ret_group)
{
    int64_t number = 0;
    const struct group *group = getgrnam(name);
    if (!group && !(text_to_id(name, strlen(name), &number) && number < UINT32_MAX)) {
        return false;
    }
    *ret_group = group ? group->gr_gid : (gid_t)number;
    return true;
}

/* The group goes first, because a mode for it must not hold for another one. */
static int
permit(const char *path, long mode, const gid_t *group)
{
    return (group && lchown(path, (uid_t)-1, *group) < 0) || chmod(path, (mode_t)mode) < 0 ? -1 : 0;
}

int
listener_sockets_permit(const struct listener_sockets *sockets, long mode, const char *group, char *ret_error,
                        size_t error_size)
{
    gid_t number = 0;
    if (*group && !find_group(group, &number)) {
        snprintf(ret_error, error_size, "there is no group \"%.80s\"", group);
        return -1;
    }
    for (int i = 0; i < sockets->count && !atomic_load(&sockets->shared); i++) {
        const struct bound *bound = &sockets->sockets[i];
        const char *path = bound->unix_address.sun_path;
        if (atomic_load(&bound->has_file) && permit(path, mode, *group ? &number : NULL) < 0) {
            snprintf(ret_error, error_size, "cannot set the group or mode of %s: %s", path, strerror(errno));
            return -1;
        }
    }
    return 0;
}

/* --- TCP --- */

/* Whether another address of the list is IPv4 with this port, so that [::] must leave it that family. */
static bool
has_ipv4_sibling(const char *list, const char *port)
{
    size_t port_length = strlen(port);
    if (strcmp(port, "0") == 0) {
        return false; /* the kernel gives each a port of its own */
    }
    while (*list) {
        size_t length = strcspn(list, ", ");
        const char *colon = memrchr(list, ':', length);
        bool is_ipv4 = colon && *list != '[' && strncmp(list, "unix:", 5) != 0;
        if (is_ipv4 && (size_t)(list + length - colon - 1) == port_length &&
            memcmp(colon + 1, port, port_length) == 0) {
            return true;
        }
        list += length;
        list += strspn(list, ", ");
    }
    return false;
}

/* Whether the address is [::], which serves IPv4, too. */
static bool
is_wildcard6(const struct sockaddr *address)
{
    struct sockaddr_in6 address6 = { .sin6_family = AF_UNSPEC };
    if (address->sa_family != AF_INET6) {
        return false;
    }
    memcpy(&address6, address, sizeof(address6));
    return IN6_IS_ADDR_UNSPECIFIED(&address6.sin6_addr);
}

static int
bind_inet(const struct sockaddr *address, socklen_t length, bool shared, bool both_families)
{
    int only6 = !both_families;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (enable(fd, SOL_SOCKET, SO_REUSEADDR) < 0 || (shared && enable(fd, SOL_SOCKET, SO_REUSEPORT) < 0) ||
        (address->sa_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof(only6)) < 0) ||
        enable(fd, IPPROTO_TCP, TCP_NODELAY) < 0 || bind(fd, address, length) < 0) {
        return close_failed(fd);
    }
    return fd;
}

/* With SO_REUSEPORT, binding succeeds even if another process of this user listens on the port. */
static int
check_free(const struct sockaddr *address, socklen_t length, bool both_families)
{
    int fd = bind_inet(address, length, false, both_families);
    return fd < 0 ? -1 : close(fd);
}

/* Closes the sockets from that position on. */
static void
close_from(struct listener_sockets *sockets, int first)
{
    int error = errno;
    while (sockets->count > first) {
        int fd = sockets->sockets[--sockets->count].fd;
        if (fd >= 0) {
            close(fd);
        }
    }
    errno = error;
}

/* Opens a socket for each loop on one address; when its port is 0, the first socket settles which one it is.
 */
static int
open_inet(struct listener_sockets *sockets, const struct addrinfo *info, bool has_sibling)
{
    struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
    socklen_t length = info->ai_addrlen;
    bool both_families = is_wildcard6(info->ai_addr) && !has_sibling;
    char name[NAME_SIZE] = "";
    memcpy(&address, info->ai_addr, length);
    if (check_free(info->ai_addr, length, both_families) < 0) {
        return -1;
    }
    for (int loop = 0; loop < sockets->loops; loop++) {
        int fd = bind_inet((const struct sockaddr *)&address, length, sockets->loops > 1, both_families);
        if (fd < 0) {
            return -1;
        }
        add_socket(sockets, fd, loop);
        if (listen(fd, LISTENER_BACKLOG) < 0 || getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
            return -1;
        }
    }
    name_inet((const struct sockaddr *)&address, length, name, sizeof(name));
    add_name(sockets, name);
    return 0;
}

/* host:port or [v6]:port; tries the host's addresses in turn. `list`: all addresses to listen on. */
static int
open_tcp(struct listener_sockets *sockets, const char *address, const char *list, const char **ret_reason)
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
    int result = -1, first = sockets->count;
    for (struct addrinfo *info = code == 0 ? found : NULL; info && result < 0; info = info->ai_next) {
        result = open_inet(sockets, info, has_ipv4_sibling(list, colon + 1));
        if (result < 0) {
            close_from(sockets, first);
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

static int
open_one(struct listener_sockets *sockets, const char *address, const char *list, const char **ret_reason)
{
    if (strncmp(address, "unix:", 5) != 0) {
        return open_tcp(sockets, address, list, ret_reason);
    }
    int result = open_unix(sockets, address + 5);
    *ret_reason = strerror(errno);
    return result;
}

/* Cuts the next address of a list off its front; the caller frees it. */
static char *
next_address(const char **list)
{
    const char *begin = *list + strspn(*list, " ");
    size_t length = strcspn(begin, ",");
    *list = begin[length] ? begin + length + 1 : begin + length;
    while (length && begin[length - 1] == ' ') {
        length--;
    }
    return memory_copy_text(begin, length);
}

static int
open_all(struct listener_sockets *sockets, const char *list, char *ret_error, size_t error_size)
{
    const char *rest = list, *reason;
    int result = 0;
    do {
        char *address = next_address(&rest);
        result = open_one(sockets, address, list, &reason);
        if (result < 0) {
            fail(sockets, address, reason, ret_error, error_size);
        }
        free(address);
    } while (result == 0 && *rest);
    return result;
}

static int
count_addresses(const char *list)
{
    int count = 1;
    for (const char *c = list; *c; c++) {
        count += *c == ',';
    }
    return count;
}

int
listener_sockets_bind(const char *addresses, int loops, struct listener_sockets **ret_sockets,
                      char *ret_error, size_t error_size)
{
    char **names = NULL;
    /* Removes them from the environment, so that a second address does not get the same sockets. */
    int descriptors = sd_listen_fds_with_names(1, &names);
    int given = count_sockets(names, descriptors);
    struct listener_sockets *sockets =
        new_sockets(given > 0 ? given : loops * count_addresses(addresses), loops);
    bool adopted = given > 0 && adopt_all(sockets, names, descriptors) == 0;
    free_names(names, descriptors);
    if (given > 0) {
        if (!adopted) {
            return fail(sockets, "the sockets given by systemd", strerror(errno), ret_error, error_size);
        }
    } else if (open_all(sockets, addresses, ret_error, error_size) < 0) {
        return -1;
    }
    *ret_sockets = sockets;
    return 0;
}

/* --- from one process to the next --- */

int
listener_sockets_list(const struct listener_sockets *sockets, struct listener_socket *ret_list, int most)
{
    for (int i = 0; i < sockets->count && i < most; i++) {
        ret_list[i] = (struct listener_socket){ sockets->sockets[i].fd, sockets->sockets[i].loop };
    }
    return sockets->count <= most ? sockets->count : -1;
}

/* The file of a unix socket that is taken is ours from then on, like one that we have made. */
static void
own_file(struct bound *bound)
{
    struct sockaddr_un address = { .sun_family = AF_UNSPEC };
    socklen_t length = sizeof(address);
    if (getsockname(bound->fd, (struct sockaddr *)&address, &length) == 0 && address.sun_family == AF_UNIX &&
        memchr(address.sun_path, '\0', sizeof(address.sun_path)) &&
        lstat(address.sun_path, &bound->unix_file) == 0) {
        bound->unix_address = address;
        atomic_store(&bound->has_file, true);
    }
}

/* The sockets of one address, one for each loop, stand next to each other, and are named once. */
static int
take_one(struct listener_sockets *sockets, const struct listener_socket *given, bool keeps_loop,
         char *last_name)
{
    char name[NAME_SIZE] = "";
    bool has_loop = keeps_loop && given->loop >= 0 && given->loop < sockets->loops;
    struct bound *bound = add_socket(sockets, given->fd, has_loop ? given->loop : LISTENER_ALL_LOOPS);
    if (adopt(given->fd) < 0) {
        return -1;
    }
    own_file(bound);
    name_of(given->fd, name, sizeof(name));
    if (strcmp(name, last_name) != 0) {
        add_name(sockets, name);
        memcpy(last_name, name, NAME_SIZE);
    }
    return 0;
}

int
listener_sockets_take(const struct listener_socket *list, int count, int loops_before, int loops,
                      struct listener_sockets **ret_sockets, char *ret_error, size_t error_size)
{
    struct listener_sockets *sockets = new_sockets(count, loops);
    char last_name[NAME_SIZE] = "";
    int result = 0;
    atomic_store(&sockets->shared, true);
    for (int i = 0; i < count; i++) {
        result |= take_one(sockets, &list[i], loops_before == loops, last_name);
    }
    if (result < 0) {
        return fail(sockets, "the sockets of the running server", "not all of them can be used", ret_error,
                    error_size);
    }
    *ret_sockets = sockets;
    return 0;
}

void
listener_sockets_share(struct listener_sockets *sockets, bool shared)
{
    if (sockets) {
        atomic_store(&sockets->shared, shared);
    }
}

const char *
listener_sockets_address(const struct listener_sockets *sockets)
{
    return sockets->address;
}

bool
listener_sockets_leave(struct listener_sockets *sockets, int number, int loop)
{
    struct bound *bound = &sockets->sockets[find_socket(sockets, number, loop)];
    bool is_last = atomic_fetch_sub(&bound->accepting, 1) == 1;
    bool ends = is_last && !bound->adopted && !atomic_load(&sockets->shared);
    if (ends) {
        remove_unix(bound);
    }
    return ends;
}

void
listener_sockets_close(struct listener_sockets *sockets, int number, int loop)
{
    struct bound *bound = &sockets->sockets[find_socket(sockets, number, loop)];
    close(bound->fd);
    bound->fd = -1;
}

void
listener_sockets_unbind(struct listener_sockets *sockets)
{
    if (!sockets) {
        return;
    }
    for (int i = 0; i < sockets->count && !atomic_load(&sockets->shared); i++) {
        remove_unix(&sockets->sockets[i]);
    }
    close_from(sockets, 0);
    free(sockets);
}
