#include "server/streams/encoding.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void
test_blocks_follow_one_another(void **state)
{
    (void)state;
    struct encoding encoding = { 0 };
    encoding_add_retry(&encoding, 2000);
    encoding_add_heartbeat(&encoding, "7-1:1:");
    encoding_add_event(&encoding, "8-2:2:", "api_key.created", "{\"apiKeyId\": 5}");
    encoding_add_reset(&encoding, "9-3:3:");
    static const char expected[] = "retry: 2000\n\n"
                                   ":\nid: 7-1:1:\n\n"
                                   "id: 8-2:2:\nevent: api_key.created\ndata: {\"apiKeyId\": 5}\n\n"
                                   "id: 9-3:3:\nevent: reset\ndata: {}\n\n";
    assert_int_equal(encoding.length, strlen(expected));
    assert_memory_equal(encoding.bytes, expected, encoding.length);
    encoding_clear(&encoding);
    assert_null(encoding.bytes);
}

static void
test_it_grows_with_what_is_added(void **state)
{
    (void)state;
    struct encoding encoding = { 0 };
    char *data = calloc(1, 5001);
    memset(data, 'x', 5000);
    for (int i = 0; i < 3; i++) {
        encoding_add_event(&encoding, "1-1:1:", "a.b", data);
    }
    assert_int_equal(encoding.length, 3 * (strlen("id: 1-1:1:\nevent: a.b\ndata: \n\n") + 5000));
    assert_memory_equal(encoding.bytes + encoding.length - 5, "xxx\n\n", 5);
    encoding_clear(&encoding);
    free(data);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_follow_one_another),
        cmocka_unit_test(test_it_grows_with_what_is_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
