/* Where a stream stands: the value of `id:` and of Last-Event-ID, "<sequence>-<snapshot>". The sequence is
 * that of the event in the outbox, for people to read. The snapshot is PostgreSQL's (pg_snapshot): the stream
 * has had everything that it sees. A sequence alone would not do, because a smaller one may be committed
 * after a greater one. */
#ifndef SERVER_STREAMS_POSITION_H
#define SERVER_STREAMS_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POSITION_SNAPSHOT_SIZE 512
#define POSITION_SIZE          (POSITION_SNAPSHOT_SIZE + 21)

/* Reads the snapshot of a position, in a form that PostgreSQL takes. False when the text is no position. */
bool position_read(const char *text, char ret_snapshot[POSITION_SNAPSHOT_SIZE]);

/* Whether the snapshot sees what that transaction has committed; the snapshot is PostgreSQL's, or one that
 * was read above. */
bool position_sees(const char *snapshot, int64_t transaction);

/* Writes a position. When so many transactions run that the snapshot is too long, the position is that of the
 * oldest of them: whoever goes on from there gets some events twice, and misses none. */
void position_write(int64_t sequence, const char *snapshot, char ret_text[POSITION_SIZE]);

#endif
