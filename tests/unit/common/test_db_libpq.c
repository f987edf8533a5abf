#include "common/db_libpq.h"
#include "common/migrations.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
test_parameters(void **state)
{
    (void)state;
    struct db_libpq_parameters parameters;
    const struct db_value values[] = { DB_INT64(INT64_MIN), DB_BINARY("a\0b", 3), DB_TEXT(NULL) };
    db_libpq_parameters_set(&parameters, QUERY_GATE_RENEW_HASH, values);
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
    char name[DB_LIBPQ_NAME_SIZE], other[DB_LIBPQ_NAME_SIZE];
    for (int i = 0; i < QUERY_COUNT; i++) {
        db_libpq_statement_name((enum query)i, name);
        assert_true(*name); /* the nameless one is replaced by whatever comes next */
        for (int j = 0; j < i; j++) {
            db_libpq_statement_name((enum query)j, other);
            assert_string_not_equal(name, other);
        }
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
        db_libpq_one_line(table[i].message, line, sizeof(line));
        assert_string_equal(line, table[i].line);
    }
}

static void
test_what_is_said_of_a_schema(void **state)
{
    (void)state;
    static const struct {
        struct db_libpq_schema schema;
        const char *says;
    } table[] = { { { .version = 0 }, "no schema yet" },
                  { { .version = 1, .missing_trigger = "a of b" }, "version 1, older" },
                  { { .version = 1000, .oldest_program = 1000 }, "version 1000, newer" } };
    char line[256];
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_false(db_libpq_schema_fits(&table[i].schema, line, sizeof(line)));
        assert_non_null(strstr(line, table[i].says));
    }
    struct db_libpq_schema schema = { .version = migration_count, .oldest_program = migration_count };
    assert_true(db_libpq_schema_fits(&schema, line, sizeof(line)));
    schema.version = migration_count + 2;
    assert_true(db_libpq_schema_fits(&schema, line, sizeof(line))); /* a newer one that says so */
    schema.oldest_program = migration_count + 1;
    assert_false(db_libpq_schema_fits(&schema, line, sizeof(line)));
    assert_non_null(strstr(line, "newer"));
    schema = (struct db_libpq_schema){ .version = migration_count - 1, .oldest_program = 1 };
    assert_false(db_libpq_schema_fits(&schema, line, sizeof(line))); /* an older one never fits */
    schema = (struct db_libpq_schema){ .version = migration_count, .oldest_program = 1 };
    assert_true(db_libpq_schema_fits(&schema, line, sizeof(line)));
    snprintf(schema.missing_trigger, sizeof(schema.missing_trigger), "guard of users");
    assert_false(db_libpq_schema_fits(&schema, line, sizeof(line)));
    assert_non_null(strstr(line, "trigger guard of users is disabled or missing"));
}

static void
test_without_an_answer_nothing_is_known_of_the_schema(void **state)
{
    (void)state;
    struct db_libpq_schema schema;
    struct db_result *result = db_result_new(DB_UNAVAILABLE, NULL);
    assert_int_equal(db_libpq_schema_read(result, &schema), -1);
    db_result_free(result);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_every_statement_has_its_own_name),
        cmocka_unit_test(test_one_line),
        cmocka_unit_test(test_what_is_said_of_a_schema),
        cmocka_unit_test(test_without_an_answer_nothing_is_known_of_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
