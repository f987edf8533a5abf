#include "common/db_value.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
test_a_value_is_found_by_its_name(void **state)
{
    (void)state;
    const struct db_named values[] = {
        { "a", DB_INT64(7) }, { "b", DB_NULL }, { "a", DB_INT64(8) }, { NULL, DB_NULL }
    };
    struct db_value value = DB_TEXT("before");
    assert_false(db_named_find(values, "c", &value));
    assert_false(db_named_find(NULL, "a", &value));
    assert_string_equal(value.bytes, "before");
    assert_true(db_named_find(values, "a", &value));
    assert_int_equal(value.number, 7);
    assert_true(db_named_find(values, "b", &value));
    assert_null(value.bytes);
    assert_int_equal(value.length, DB_LENGTH_TEXT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_is_found_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
