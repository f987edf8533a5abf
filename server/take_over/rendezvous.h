/* The unix socket by which a server and the one that is to follow it find each other. It is in the runtime
 * directory: $RUNTIME_DIRECTORY (the first, if there are several), else $XDG_RUNTIME_DIR/testkase, else
 * /run/testkase if that is this account's. Its name is made of the listen addresses and the network
 * namespace.
 *
 * The directory must belong to this account, and nobody else may write to it. */
#ifndef SERVER_TAKE_OVER_RENDEZVOUS_H
#define SERVER_TAKE_OVER_RENDEZVOUS_H

#include <stdbool.h>
#include <sys/types.h>

#define RENDEZVOUS_DIGEST_SIZE 32

struct rendezvous;

/* For the configured addresses; `metrics` may be NULL. Returns NULL when there is no fit directory (logged if
 * one is configured), or when an address has port 0, which is another one for each process. */
struct rendezvous *rendezvous_new(const char *listen, const char *metrics);
/* NULL is fine. Leaves the socket's file where it is. */
void rendezvous_free(struct rendezvous *rendezvous);

/* A digest of all addresses, RENDEZVOUS_DIGEST_SIZE bytes. */
const unsigned char *rendezvous_digest(const struct rendezvous *rendezvous);

/* Connects to the process that waits there. Returns a descriptor that blocks for `timeout_ms` at most, in
 * this call, too; -1 with errno: ENOENT and ECONNREFUSED when no process waits. */
int rendezvous_connect(const struct rendezvous *rendezvous, long timeout_ms);

/* Waits there for others; replaces the file of a process that has ended. Returns a descriptor that does not
 * block, or -1 with errno. */
int rendezvous_listen(struct rendezvous *rendezvous);

/* Removes the file that rendezvous_listen() made, if it is still the same one. */
void rendezvous_remove(struct rendezvous *rendezvous);

/* Whether the process at the other end runs under this account; its process id. */
bool rendezvous_is_own_account(int fd, pid_t *ret_process);

#endif
