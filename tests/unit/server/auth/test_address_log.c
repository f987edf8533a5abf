#include "common/clock.h"
#include "server/auth/address_log.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MINUTE_US 60000000

/* Returns the events that a line stands for, or 0 when none is due. */
static int64_t
event_from(struct address_log *log, const char *text)
{
    struct client_address address;
    int64_t events = 0;
    assert_true(client_address_parse(text, &address));
    return address_log_is_due(log, &address, &events) ? events : 0;
}

static void
one_line_a_minute_for_each_address(void **state)
{
    (void)state;
    struct address_log *log = address_log_new();
    clock_freeze(0, 0);
    assert_int_equal(event_from(log, "192.0.2.1"), 1);
    assert_int_equal(event_from(log, "192.0.2.2"), 1);
    clock_freeze(MINUTE_US - 1, 0);
    assert_int_equal(event_from(log, "192.0.2.1"), 0);
    assert_int_equal(event_from(log, "64:ff9b::192.0.2.1"), 0);
    clock_freeze(MINUTE_US, 0);
    assert_int_equal(event_from(log, "192.0.2.1"), 3);
    assert_int_equal(event_from(log, "192.0.2.1"), 0);
    clock_release();
    address_log_free(log);
}

static void
an_ipv6_network_is_one_address(void **state)
{
    (void)state;
    struct address_log *log = address_log_new();
    clock_freeze(0, 0);
    assert_int_equal(event_from(log, "2001:db8:1:2::1"), 1);
    assert_int_equal(event_from(log, "2001:db8:1:2:ffff::9"), 0);
    assert_int_equal(event_from(log, "2001:db8:1:3::1"), 1);
    clock_release();
    address_log_free(log);
}

/* However many addresses a client has. */
static void
all_addresses_together_are_bounded(void **state)
{
    (void)state;
    struct address_log *log = address_log_new();
    struct client_address address;
    int64_t events;
    int lines = 0;
    assert_true(client_address_parse("10.0.0.0", &address));
    clock_freeze(0, 0);
    for (unsigned i = 0; i < 30000; i++) {
        address.bytes[14] = (unsigned char)(i >> 8);
        address.bytes[15] = (unsigned char)i;
        lines += address_log_is_due(log, &address, &events);
    }
    assert_int_equal(lines, 600);
    clock_release();
    address_log_free(log);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_a_minute_for_each_address),
        cmocka_unit_test(an_ipv6_network_is_one_address),
        cmocka_unit_test(all_addresses_together_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
