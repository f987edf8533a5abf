/* Batches on disk, from before the first attempt to send them until the server has answered: what a killed
 * run leaves, `resume` sends. The files have mode 0600, in a folder of mode 0700; they hold results and the
 * address of the service, and never the token. */
#ifndef REPORTER_SPOOL_H
#define REPORTER_SPOOL_H

#include "reporter/batch.h"

#define SPOOL_FILES_MAX 1000
#define SPOOL_DAYS_MAX  7 /* for so long the server recognizes an idempotency key */

struct spool;

/* Opens the folder, and makes it when it is not there; NULL: the usual one. Returns NULL and a sentence when
 * that fails, or when the folder belongs to another user. */
struct spool *spool_open(const char *folder, char *ret_error, size_t error_size);
const char *spool_folder(const struct spool *spool);

/* A file of the spool, locked by this process until spool_file_close(). */
struct spool_file {
    int file;
    char *path;
};

/* Writes a batch for that address, durably. -1 and a sentence when that fails. */
int spool_put(struct spool *spool, const char *url, const struct batch *batch, struct spool_file *ret_file,
              char *ret_error, size_t error_size);

/* The names of the files, oldest first; the caller frees each and the array. */
char **spool_list(const struct spool *spool, size_t *ret_count);

enum spool_outcome {
    SPOOL_TAKEN,
    SPOOL_BUSY, /* another process sends it now, or has sent it */
    SPOOL_DAMAGED
};

/* Opens and locks a file, and reads its batch, for batch_free(), its address (the caller frees it) and its
 * age.
 */
enum spool_outcome spool_take(const struct spool *spool, const char *name, struct spool_file *ret_file,
                              struct batch **ret_batch, char **ret_url, int64_t *ret_age_s);

/* Removes the file if `remove`, and gives up the lock. Nothing happens to a file that is not open. */
void spool_file_close(struct spool_file *file, bool remove);

void spool_close(struct spool *spool);

#endif
