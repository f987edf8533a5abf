/* The operator's connection, opened as the configuration says, in the role testkase_owner. Each function
 * prints its failure on standard error, once. */
#ifndef ADMIN_DATABASE_H
#define ADMIN_DATABASE_H

#include "admin/command.h"
#include "admin/output.h"
#include "common/db_sync.h"

#define DATABASE_COUNT(values) (sizeof(values) / sizeof((values)[0]))

/* The operator as PostgreSQL's composite type "actor", for statements that write audit events. */
#define DATABASE_OPERATOR DB_TEXT("(operator,,,,,,)")

/* Connects to a database whose schema this build knows. NULL after it has printed why not. */
struct db_sync *database_open(const struct command_call *call);

/* Connects to a database of any schema, with `statement_timeout_ms` (0: none). Returns 0, or -1 with one
 * line. */
int database_open_any(const struct command_call *call, int statement_timeout_ms, struct db_sync **ret_db,
                      char *ret_error, size_t error_size);

/* A constraint that a request can violate, and the message for that. A list ends with constraint NULL. */
struct database_refusal {
    const char *constraint;
    const char *sentence;
};

/* Runs a query with all of its parameters by name; the list ends with a row without a name, and may be NULL.
 * Returns a result for db_result_free(), or NULL after it has printed why not. `refusals` may be NULL. */
struct db_result *database_call(struct db_sync *db, enum query query, const struct db_named *values,
                                const struct database_refusal *refusals);

/* Whether the statement has found what it was to change: it gave a row, of another outcome than "not_found".
 */
bool database_found(const struct db_result *result);

/* A cell of a result by the name of its column, which the statement has. */
const char *database_text(const struct db_result *result, int row, const char *column);
int64_t database_int64(const struct db_result *result, int row, const char *column);

/* Fills `ret_cells`, one for each of `columns`, from the fields of row `row` with the columns' keys as names;
 * NULL when the statement has no such field. */
void database_cells(const struct db_result *result, int row, const struct output_column *columns,
                    const char **ret_cells);

/* Prints row 0 on standard output as one record. */
void database_print_record(const struct command_call *call, const struct output_column *columns,
                           const struct db_result *result);

/* Prints the rows, at most `limit` of them, and a note if there are more. */
void database_print_list(const struct command_call *call, const struct output_column *columns,
                         const struct db_result *result, int limit);

#endif
