/* The migrations of sql/migrations, embedded in order. A migration's number is its index plus one, without
 * gaps. */
#ifndef COMMON_MIGRATIONS_H
#define COMMON_MIGRATIONS_H

struct migration {
    int version;
    const char *name;
    const char *checksum; /* SHA-256 of the file, lower-case hex */
    /* The oldest schema version whose programs work with the schema that it makes; its own number, unless the
     * file has a line "-- oldest-program: N". */
    int oldest_program;
    const char *sql;
};

extern const struct migration migrations[];
/* Their number, which is the schema version that this build knows. */
extern const int migration_count;

#endif
