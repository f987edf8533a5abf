#include "admin/database.h"
#include "common/config.h"
#include <assert.h>
#include <stdint.h>
#include <string.h>

#define STATEMENT_TIMEOUT_MS 30000
#define COLUMNS_MAX          24

/* Recognized by libpq's message alone: a role that does not exist cannot connect to look at the catalog. */
static const char *
connection_advice(const char *error)
{
    if (strstr(error, "\"testkase_") && strstr(error, "does not exist")) {
        return ". Create the roles first, as a superuser: psql --file sql/roles.sql";
    }
    return "";
}

/* The session acts as testkase_owner, which thus owns everything that it creates. A member of testkase_owner
 * may have none of its rights before (NOINHERIT). */
static int
become_owner(struct db_sync *db, char *ret_error, size_t error_size)
{
    struct db_result *roles = db_sync_call(db, QUERY_ADMIN_ROLES, NULL);
    int outcome = -1;
    if (db_status(roles) != DB_OK) {
        snprintf(ret_error, error_size, "cannot read the roles: %s", db_sync_error(db));
    } else if (!db_is_null(roles, 0, 1)) {
        snprintf(ret_error, error_size,
                 "the cluster lacks the roles %s. Create them, as a superuser: psql --file sql/roles.sql",
                 db_text(roles, 0, 1));
    } else if (!db_bool(roles, 0, 2)) {
        snprintf(ret_error, error_size,
                 "role %s is not a member of testkase_owner. Connect as testkase_owner: set "
                 "TESTKASE_ADMIN_DATABASE_URL",
                 db_text(roles, 0, 0));
    } else {
        struct db_result *set = db_sync_call(db, QUERY_ADMIN_BECOME_OWNER, NULL);
        outcome = db_status(set) == DB_OK ? 0 : -1;
        if (outcome < 0) {
            snprintf(ret_error, error_size, "cannot become testkase_owner: %s", db_sync_error(db));
        }
        db_result_free(set);
    }
    db_result_free(roles);
    return outcome;
}

static int
open_as_owner(const struct command_call *call, enum db_sync_schema schema, int statement_timeout_ms,
              struct db_sync **ret_db, char *ret_error, size_t error_size)
{
    struct db_sync *db;
    char error[512];
    const struct db_sync_options options = {
        .url = call->config->database_url,
        .application_name = "testkase-admin",
        .statement_timeout_ms = statement_timeout_ms,
        .schema = DB_SYNC_SCHEMA_UNREAD,
    };
    if (db_sync_open(&options, &db, error, sizeof(error)) < 0) {
        snprintf(ret_error, error_size, "cannot use the database: %s%s", error, connection_advice(error));
        return -1;
    }
    if (db_sync_check_session(db, call->config->database_url, "testkase-admin", error, sizeof(error)) < 0) {
        snprintf(ret_error, error_size, "cannot use the database: %s", error);
        db_sync_close(db);
        return -1;
    }
    if (become_owner(db, ret_error, error_size) < 0) {
        db_sync_close(db);
        return -1;
    }
    if (db_sync_read_schema(db, schema, error, sizeof(error)) < 0) {
        snprintf(ret_error, error_size, "cannot use the database: %s", error);
        db_sync_close(db);
        return -1;
    }
    *ret_db = db;
    return 0;
}

int
database_open_any(const struct command_call *call, int statement_timeout_ms, struct db_sync **ret_db,
                  char *ret_error, size_t error_size)
{
    return open_as_owner(call, DB_SYNC_SCHEMA_ANY, statement_timeout_ms, ret_db, ret_error, error_size);
}

struct db_sync *
database_open(const struct command_call *call)
{
    struct db_sync *db = NULL;
    char error[768];
    if (open_as_owner(call, DB_SYNC_SCHEMA_CHECKED, STATEMENT_TIMEOUT_MS, &db, error, sizeof(error)) < 0) {
        output_error("%s", error);
        return NULL;
    }
    return db;
}

static void
tell_refusal(struct db_sync *db, enum query query, const struct db_result *result,
             const struct database_refusal *refusals)
{
    for (const struct database_refusal *known = refusals; known && known->constraint; known++) {
        if (strcmp(db_constraint(result), known->constraint) == 0) {
            output_error("%s", known->sentence);
            return;
        }
    }
    if (db_status(result) == DB_UNAVAILABLE) {
        output_error("the connection to PostgreSQL was lost, and whether the change was made is unknown: %s",
                     db_sync_error(db));
        return;
    }
    output_error("PostgreSQL refused %s: %s", query_texts[query].name, db_sync_error(db));
}

struct db_result *
database_call(struct db_sync *db, enum query query, const struct db_named *values,
              const struct database_refusal *refusals)
{
    const struct query_text *text = &query_texts[query];
    struct db_value bound[DB_PARAMETERS_MAX];
    for (int i = 0; i < text->parameters; i++) {
        bool is_given = db_named_find(values, text->names[i], &bound[i]);
        assert(is_given);
        (void)is_given;
    }
    struct db_result *result = db_sync_call(db, query, bound);
    if (db_status(result) != DB_OK) {
        tell_refusal(db, query, result, refusals);
        db_result_free(result);
        return NULL;
    }
    return result;
}

bool
database_found(const struct db_result *result)
{
    int column = db_column(result, "outcome");
    return db_rows(result) > 0 && (column < 0 || strcmp(db_text(result, 0, column), "not_found") != 0);
}

const char *
database_text(const struct db_result *result, int row, const char *column)
{
    return db_text(result, row, db_column(result, column));
}

int64_t
database_int64(const struct db_result *result, int row, const char *column)
{
    return db_int64(result, row, db_column(result, column));
}

void
database_cells(const struct db_result *result, int row, const struct output_column *columns,
               const char **ret_cells)
{
    for (size_t i = 0; columns[i].key; i++) {
        int column = db_column(result, columns[i].key);
        ret_cells[i] = column >= 0 ? db_text(result, row, column) : NULL;
    }
}

void
database_print_record(const struct command_call *call, const struct output_column *columns,
                      const struct db_result *result)
{
    const char *cells[COLUMNS_MAX];
    database_cells(result, 0, columns, cells);
    output_record(stdout, columns, cells, call->json);
}

void
database_print_list(const struct command_call *call, const struct output_column *columns,
                    const struct db_result *result, int limit)
{
    struct output_list *list = output_list_new(columns);
    bool truncated = db_rows(result) > limit;
    for (int row = 0; row < db_rows(result) && row < limit; row++) {
        const char *cells[COLUMNS_MAX];
        database_cells(result, row, columns, cells);
        output_list_add(list, cells);
    }
    output_list_print(stdout, list, truncated, call->json);
    output_list_free(list);
    if (truncated && !call->json) {
        output_error("only the first %d are shown; --limit shows more", limit);
    }
}
