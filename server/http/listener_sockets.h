/* Listening sockets: systemd's (socket activation) when there are any, else the configured addresses
 * (host:port, [v6]:port or unix:/path, separated by commas). A TCP address gets one socket per loop, by
 * SO_REUSEPORT, so that the kernel spreads connections; all loops share any other socket. [::] serves IPv4,
 * too, unless another of the addresses is IPv4 with the same port. */
#ifndef SERVER_HTTP_LISTENER_SOCKETS_H
#define SERVER_HTTP_LISTENER_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

#define LISTENER_BACKLOG 4096 /* how many clients may wait to be accepted from one socket */

struct listener_sockets;

/* Binds and listens for `loops` loops. Returns 0, or -1 with one clear line ("cannot listen on
 * 127.0.0.1:8080: Address already in use") in `ret_error`. Replaces a stale unix socket, but not one that a
 * process still listens on. */
int listener_sockets_bind(const char *addresses, int loops, struct listener_sockets **ret_sockets,
                          char *ret_error, size_t error_size);

/* Gives the unix sockets that we made this mode and, unless it is "", this group (a name or a number).
 * Before, only this process's account may connect. While the sockets are shared with another process, which
 * may have other settings, it only checks that there is such a group. Returns 0, or -1 with one clear line in
 * `ret_error`. */
int listener_sockets_permit(const struct listener_sockets *sockets, long mode, const char *group,
                            char *ret_error, size_t error_size);

/* --- sockets that go from one process to the next --- */

/* Whether systemd has given this process sockets. Only before listener_sockets_bind(), which takes them. */
bool listener_sockets_are_given(void);

#define LISTENER_ALL_LOOPS (-1)

struct listener_socket {
    int fd;
    int loop; /* the only one that accepts from it; LISTENER_ALL_LOOPS */
};

/* The sockets, whose descriptors stay theirs. Returns how many, or -1 when they are more than `most`. */
int listener_sockets_list(const struct listener_sockets *sockets, struct listener_socket *ret_list, int most);

/* Takes sockets with which a process of `loops_before` loops listens. Unless this process has as many, all
 * its loops share them. They are shared (see below) at first. The descriptors are the function's, also when
 * it returns -1 with one clear line in `ret_error`. */
int listener_sockets_take(const struct listener_socket *list, int count, int loops_before, int loops,
                          struct listener_sockets **ret_sockets, char *ret_error, size_t error_size);

/* Whether another process accepts from the same sockets, from now on. While they are shared, the end of this
 * process leaves the clients that wait there, and the file of a unix socket, to the other. Callable from any
 * thread; NULL is fine. */
void listener_sockets_share(struct listener_sockets *sockets, bool shared);

/* "127.0.0.1:41237": the real address (port 0 resolved), for the log's ready line; several are separated by
 * ", ". */
const char *listener_sockets_address(const struct listener_sockets *sockets);

/* Closes the sockets and removes a unix socket that we made; NULL is fine. Free the listeners first. */
void listener_sockets_unbind(struct listener_sockets *sockets);

/* --- for listener.c --- */

/* How many sockets the loop of that index accepts from. */
int listener_sockets_count(const struct listener_sockets *sockets, int loop);

/* The descriptor of that number (from 0) for the loop of that index. */
int listener_sockets_descriptor(const struct listener_sockets *sockets, int number, int loop);

/* For a shutdown, once for each loop and each of its sockets, from any thread: whether this loop is the last
 * that accepts from the socket. It must then accept whatever is still queued; the file of a unix socket that
 * we made is removed, so that no client connects any more. Never true for sockets that systemd gave us: they
 * live on without us. */
bool listener_sockets_leave(struct listener_sockets *sockets, int number, int loop);

/* Closes the socket, after listener_sockets_leave() has returned true for it. */
void listener_sockets_close(struct listener_sockets *sockets, int number, int loop);

#endif
