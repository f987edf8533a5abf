#include "common/db_result.h"
#include "common/migrations.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A row of one column, in text or binary form; NULL: SQL NULL. */
static struct db_result *
cell(const char *bytes, int length, int format)
{
    char name[] = "column", value[64];
    PGresAttDesc column = { .name = name, .format = format };
    PGresult *pg = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    memcpy(value, bytes ? bytes : "", bytes ? (size_t)length : 0);
    assert_true(PQsetResultAttrs(pg, 1, &column));
    assert_true(PQsetvalue(pg, 0, 0, bytes ? value : NULL, bytes ? length : -1));
    return db_result_new(DB_OK, pg);
}

static struct db_result *
text(const char *bytes)
{
    return cell(bytes, bytes ? (int)strlen(bytes) : 0, 0);
}

static void
assert_number(struct db_result *result, int64_t number)
{
    assert_true(db_int64(result, 0, 0) == number);
    db_result_free(result);
}

static void
assert_bool(struct db_result *result, bool truth)
{
    assert_int_equal(db_bool(result, 0, 0), truth);
    db_result_free(result);
}

static void
test_numbers_in_both_forms(void **state)
{
    (void)state;
    assert_number(text("0"), 0);
    assert_number(text("-9223372036854775808"), INT64_MIN);
    assert_number(text(NULL), 0);
    assert_number(cell("\x00\x07", 2, 1), 7);
    assert_number(cell("\xff\xff", 2, 1), -1);
    assert_number(cell("\x00\x01\x00\x00", 4, 1), 65536);
    assert_number(cell("\xff\xff\xff\xfe", 4, 1), -2);
    assert_number(cell("\x7f\xff\xff\xff\xff\xff\xff\xff", 8, 1), INT64_MAX);
    assert_number(cell("\x01\x02\x03", 3, 1), 0); /* no number of PostgreSQL's */
    assert_number(cell(NULL, 0, 1), 0);
}

static void
test_booleans_in_both_forms(void **state)
{
    (void)state;
    assert_bool(text("t"), true);
    assert_bool(text("f"), false);
    assert_bool(text(NULL), false);
    assert_bool(cell("\x01", 1, 1), true);
    assert_bool(cell("\x00", 1, 1), false);
}

static void
test_texts_and_bytes(void **state)
{
    (void)state;
    size_t length;
    struct db_result *result = text("a");
    assert_int_equal(db_rows(result), 1);
    assert_string_equal(db_text(result, 0, 0), "a");
    assert_false(db_is_null(result, 0, 0));
    db_result_free(result);
    result = text(NULL);
    assert_null(db_text(result, 0, 0));
    assert_true(db_is_null(result, 0, 0));
    db_bytes(result, 0, 0, &length);
    assert_int_equal(length, 0);
    db_result_free(result);
    result = cell("a\0b", 3, 1);
    assert_memory_equal(db_bytes(result, 0, 0, &length), "a\0b", 3);
    assert_int_equal(length, 3);
    db_result_free(result);
}

static void
test_without_an_answer_there_is_nothing_to_read(void **state)
{
    (void)state;
    struct db_result *result = db_result_new(DB_UNAVAILABLE, NULL);
    assert_int_equal(db_status(result), DB_UNAVAILABLE);
    assert_int_equal(db_rows(result), 0);
    assert_string_equal(db_sqlstate(result), "");
    assert_string_equal(db_constraint(result), "");
    assert_string_equal(db_message(result), "");
    assert_false(db_schema_is_absent(result));
    db_result_free(result);
    db_result_free(NULL);
}

static void
test_a_kept_result_lives_on(void **state)
{
    (void)state;
    struct db_result *result = text("a"), *kept = db_result_keep(result);
    db_result_free(result);
    assert_string_equal(db_text(kept, 0, 0), "a");
    db_result_free(kept);
}

static void
test_what_libpq_says_of_a_result(void **state)
{
    (void)state;
    static const struct {
        ExecStatusType said;
        enum db_status status;
    } table[] = { { PGRES_TUPLES_OK, DB_OK },         { PGRES_COMMAND_OK, DB_OK },
                  { PGRES_EMPTY_QUERY, DB_OK },       { PGRES_FATAL_ERROR, DB_REFUSED },
                  { PGRES_BAD_RESPONSE, DB_REFUSED }, { PGRES_COPY_IN, DB_REFUSED },
                  { PGRES_COPY_OUT, DB_REFUSED },     { PGRES_PIPELINE_ABORTED, DB_REFUSED } };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        PGresult *pg = PQmakeEmptyPGresult(NULL, table[i].said);
        assert_int_equal(db_result_judge(pg), table[i].status);
        PQclear(pg);
    }
}

static void
test_parameters(void **state)
{
    (void)state;
    struct db_parameters parameters;
    const struct db_value values[] = { DB_INT64(INT64_MIN), DB_BINARY("a\0b", 3), DB_TEXT(NULL) };
    db_parameters_set(&parameters, QUERY_GATE_RENEW_HASH, values);
    assert_int_equal(parameters.count, 3);
    assert_string_equal(parameters.values[0], "-9223372036854775808");
    assert_int_equal(parameters.formats[0], 0);
    assert_int_equal(parameters.formats[1], 1);
    assert_int_equal(parameters.lengths[1], 3);
    assert_null(parameters.values[2]);
}

static void
test_every_statement_has_its_own_name(void **state)
{
    (void)state;
    char name[DB_STATEMENT_NAME_SIZE], other[DB_STATEMENT_NAME_SIZE];
    for (int i = 0; i < QUERY_COUNT; i++) {
        db_statement_name((enum query)i, name);
        assert_true(*name); /* the nameless one is replaced by whatever comes next */
        for (int j = 0; j < i; j++) {
            db_statement_name((enum query)j, other);
            assert_string_not_equal(name, other);
        }
    }
}

static void
test_connection_strings(void **state)
{
    (void)state;
    static const char *const sound[] = { "", "host=a port=5433", "postgresql://u:p%40ss@a:1,b:2/d",
                                         "postgresql:///d?host=/tmp" };
    static const char *const unsound[] = { "postgresql://u:p%zz@a/d", "hos=a", "host='a",
                                           "postgresql://u:secret@a:port/d", "port=secret" };
    for (size_t i = 0; i < sizeof(sound) / sizeof(sound[0]); i++) {
        assert_null(db_url_refusal(sound[i]));
    }
    for (size_t i = 0; i < sizeof(unsound) / sizeof(unsound[0]); i++) {
        assert_non_null(db_url_refusal(unsound[i]));
    }
}

static void
test_one_line(void **state)
{
    (void)state;
    char line[12];
    static const struct {
        const char *message, *line;
    } table[] = { { "", "" },
                  { "\n", "" },
                  { "FATAL:  no\n", "FATAL: no" },
                  { " a\n\tb ", "a b" },
                  { "0123456789abcdef", "0123456789" } };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        db_one_line(table[i].message, line, sizeof(line));
        assert_string_equal(line, table[i].line);
    }
}

static void
test_what_is_said_of_a_schema(void **state)
{
    (void)state;
    char line[256];
    db_describe_schema(0, line, sizeof(line));
    assert_non_null(strstr(line, "no schema yet"));
    db_describe_schema(1, line, sizeof(line));
    assert_non_null(strstr(line, "version 1, older"));
    db_describe_schema(migration_count + 1, line, sizeof(line));
    assert_non_null(strstr(line, "newer"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_in_both_forms),
        cmocka_unit_test(test_booleans_in_both_forms),
        cmocka_unit_test(test_texts_and_bytes),
        cmocka_unit_test(test_without_an_answer_there_is_nothing_to_read),
        cmocka_unit_test(test_a_kept_result_lives_on),
        cmocka_unit_test(test_what_libpq_says_of_a_result),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_every_statement_has_its_own_name),
        cmocka_unit_test(test_connection_strings),
        cmocka_unit_test(test_one_line),
        cmocka_unit_test(test_what_is_said_of_a_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
