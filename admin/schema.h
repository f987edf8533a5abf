/* Compares the migrations that a database records with those of this build. */
#ifndef ADMIN_SCHEMA_H
#define ADMIN_SCHEMA_H

#include "common/db_sync.h"
#include "common/json.h"
#include <stddef.h>

struct schema_record {
    int version;
    const char *name;
    const char *checksum;
    int oldest_program; /* programs of this schema version and later work with the migration */
};

enum schema_state {
    SCHEMA_CURRENT,
    SCHEMA_BEHIND,
    SCHEMA_AHEAD,   /* the database records further migrations, which say that they work with this build */
    SCHEMA_NEWER,   /* the database records further migrations, which do not work with this build */
    SCHEMA_CHANGED, /* a recorded migration differs from this build's, or one in between is missing */
};

/* Compares the records, in the order of their versions. For SCHEMA_NEWER and SCHEMA_CHANGED it writes one
 * line that says what to do. */
enum schema_state schema_compare(const struct schema_record *records, int count, char *ret_line, size_t size);

/* Reads the records and compares them; a database without the table of records has version 0. Returns 0 with
 * the version and the state, or -1 with PostgreSQL's reason in `ret_line`. */
int schema_read(struct db_sync *db, int *ret_version, enum schema_state *ret_state, char *ret_line,
                size_t size);

/* "0003_projects", the name of the migration `version` of this build. */
#define SCHEMA_LABEL_SIZE 80
void schema_label(int version, char ret_label[SCHEMA_LABEL_SIZE]);

/* An array of the labels of all migrations after `version`. */
void schema_write_labels(struct json_writer *writer, int version);

#endif
