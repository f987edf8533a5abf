#include "server/http/client_address.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
test_text_is_read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written; /* NULL: is not an address */
    } cases[] = { { "192.0.2.7", "192.0.2.7" },
                  { "2001:DB8::7", "2001:db8::7" },
                  { "::ffff:192.0.2.7", "192.0.2.7" },
                  { "192.0.2", NULL },
                  { "192.0.2.7 ", NULL },
                  { "2001:db8::7%eth0", NULL },
                  { "", NULL } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client_address address = { .known = false };
        char text[CLIENT_ADDRESS_SIZE];
        assert_int_equal(client_address_parse(cases[i].text, &address), cases[i].written != NULL);
        assert_int_equal(address.known, cases[i].written != NULL);
        client_address_text(&address, text);
        assert_string_equal(text, cases[i].written ? cases[i].written : "");
    }
}

static void
test_loopback(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_loopback;
    } cases[] = { { "::1", true },     { "::ffff:127.0.0.1", true },  { "::ffff:127.9.9.9", true },
                  { "::2", false },    { "::ffff:192.0.2.1", false }, { "::127.0.0.1", false },
                  { "fe80::1", false } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client_address address = { .known = true };
        inet_pton(AF_INET6, cases[i].text, address.bytes);
        assert_int_equal(client_address_is_loopback(&address), cases[i].is_loopback);
        address.known = false;
        assert_false(client_address_is_loopback(&address));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_read_and_written),
        cmocka_unit_test(test_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
