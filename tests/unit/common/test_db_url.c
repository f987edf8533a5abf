#include "common/db_url.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connection_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
