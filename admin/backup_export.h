/* An export of the audit log, as kept outside of the database: one JSON object a line, as psql writes rows of
 * ops.audit_trail with to_jsonb(), or documents with an array of them, alone or as the member "data". Members
 * are spelled as the view's columns or as in the API; members of "detail" count, too. */
#ifndef ADMIN_BACKUP_EXPORT_H
#define ADMIN_BACKUP_EXPORT_H

#include "common/json.h"
#include <stdint.h>
#include <stdio.h>

#define BACKUP_EXPORT_BYTES_MAX ((size_t)256 << 20)

struct backup_export {
    struct json_writer *writer;
    char *events;  /* an array, as the statement backup/end_again takes it */
    int64_t read;  /* how many events the export has */
    int64_t taken; /* how many of them say that something was made or ended */
};

/* Reads it all. Returns 0 and an export for backup_export_free(), or -1 with one line. */
int backup_export_read(FILE *in, struct backup_export *ret_export, char *ret_error, size_t error_size);

void backup_export_free(struct backup_export *export);

#endif
