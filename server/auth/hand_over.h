/* Hands the verified results of one process of a server to the next, so that a restart does not cost argon2
 * for every live token. They are in memory that has no name: whoever starts the next process (systemd's store
 * of descriptors) holds a descriptor of it, and nobody else can open it. The key of the digests is there,
 * too; tokens are not.
 *
 * Nothing can become stale by this: whether a token lives is asked of the gate with each request, and the
 * gate tells when an id belongs to another token than the presented one. */
#ifndef SERVER_AUTH_HAND_OVER_H
#define SERVER_AUTH_HAND_OVER_H

struct verified;

/* Returns a descriptor for the next process, which the caller closes; -1 with errno when there is none. */
int hand_over_give(struct verified *verified);

/* Takes what `fd` holds into `verified`, in which nothing is remembered yet, and wipes it there, so that it
 * is taken once. Returns how many results these are, or -1 when the layout is another one, of another
 * version, or not what hand_over_give() makes: then nothing is taken. Does not close `fd`. */
long hand_over_take(struct verified *verified, int fd);

#endif
