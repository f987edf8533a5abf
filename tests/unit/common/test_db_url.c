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
    static const char *const sound[] = {
        "",
        "host=a port=5433",
        "host=a user=b password=c@d#e",
        "postgresql://u:p%40ss@a:1,b:2/d",
        "postgresql://u:p%23s%2Fs@a/d",
        "postgresql:///d?host=/tmp",
        "postgresql:///d?host=/tmp&user=a@b",
        "postgresql://u:p@a/d?application_name=x@y",
        "postgresql://u:p?x@a/d",
    };
    static const char *const unsound[] = {
        "postgresql://u:p%zz@a/d",
        "hos=a",
        "host='a",
        "postgresql://u:secret@a:port/d",
        "port=secret",
        "postgresql://u:p@ss@a/d",
        "postgres://u:p@s@s@a/d",
        "postgresql://u:p#ss@a/d",
        "postgresql://u:12/ss@a/d",
        "postgresql://u:p?x@ss@a/d",
        "postgresql://u:12/x?y@a/d",
        "postgresql://u@x:p@a/d",
        "host=u:p@ss",
    };
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
