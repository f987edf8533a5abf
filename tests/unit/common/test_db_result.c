#include "common/db_result.h"
#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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
test_columns_have_names_and_types(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        Oid type;
        enum db_type shown_as;
    } columns[] = { { "id", 20, DB_TYPE_INTEGER },     { "small", 21, DB_TYPE_INTEGER },
                    { "number", 23, DB_TYPE_INTEGER }, { "isFine", 16, DB_TYPE_BOOLEAN },
                    { "item", 114, DB_TYPE_JSON },     { "name", 25, DB_TYPE_TEXT },
                    { "binary", 3802, DB_TYPE_TEXT } };
    enum { COUNT = sizeof(columns) / sizeof(columns[0]) };
    PGresAttDesc descriptions[COUNT] = { { 0 } };
    for (size_t i = 0; i < COUNT; i++) {
        descriptions[i].name = (char *)(uintptr_t)columns[i].name;
        descriptions[i].typid = columns[i].type;
    }
    PGresult *pg = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    assert_true(PQsetResultAttrs(pg, COUNT, descriptions));
    struct db_result *result = db_result_new(DB_OK, pg);
    assert_int_equal(db_columns(result), COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_string_equal(db_column_name(result, i), columns[i].name);
        assert_int_equal(db_column_type(result, i), columns[i].shown_as);
        assert_int_equal(db_column(result, columns[i].name), i);
    }
    assert_int_equal(db_column(result, "isfine"), -1);
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_in_both_forms),
        cmocka_unit_test(test_booleans_in_both_forms),
        cmocka_unit_test(test_texts_and_bytes),
        cmocka_unit_test(test_columns_have_names_and_types),
        cmocka_unit_test(test_without_an_answer_there_is_nothing_to_read),
        cmocka_unit_test(test_a_kept_result_lives_on),
        cmocka_unit_test(test_what_libpq_says_of_a_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
