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

static void
test_translations_are_taken_off(void **state)
{
    (void)state;
    static const struct {
        const char *text, *untranslated;
    } cases[] = { { "64:ff9b::192.0.2.7", "192.0.2.7" },
                  { "64:ff9b:1::192.0.2.7", "192.0.2.7" },
                  { "64:ff9b:1:ffff::c000:207", "192.0.2.7" },
                  { "64:ff9b:2::192.0.2.7", "64:ff9b:2::c000:207" },
                  { "2002:c000:207:1::9", "192.0.2.7" },
                  { "2001:0:c633:6401::3fff:fdf8", "192.0.2.7" },
                  { "2001:db8::c000:207", "2001:db8::c000:207" },
                  { "::ffff:192.0.2.7", "192.0.2.7" },
                  { "192.0.2.7", "192.0.2.7" } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client_address address, expected;
        assert_true(client_address_parse(cases[i].text, &address));
        assert_true(client_address_parse(cases[i].untranslated, &expected));
        address = client_address_untranslated(&address);
        assert_memory_equal(address.bytes, expected.bytes, sizeof(expected.bytes));
    }
}

/* An address that a network can make up is not this machine's own. */
static void
test_a_translated_loopback_address_is_none(void **state)
{
    (void)state;
    struct client_address address;
    assert_true(client_address_parse("64:ff9b::127.0.0.1", &address));
    assert_false(client_address_is_loopback(&address));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_read_and_written),
        cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_translations_are_taken_off),
        cmocka_unit_test(test_a_translated_loopback_address_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
