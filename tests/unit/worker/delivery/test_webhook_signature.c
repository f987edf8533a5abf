#include "worker/delivery/webhook_signature.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
static const char id[] = "msg_p5jXN8AQM9LWM0D4loKWxJek";
static const char timestamp[] = "1614265330";
static const char body[] = "{\"test\": 2432232314}";

/* The example of the specification's libraries. */
static void
test_the_known_example(void **state)
{
    (void)state;
    char signature[WEBHOOK_SIGNATURE_SIZE];
    assert_true(webhook_signature(secret, id, timestamp, body, signature));
    assert_string_equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void
test_every_part_is_signed(void **state)
{
    (void)state;
    char first[WEBHOOK_SIGNATURE_SIZE], other[WEBHOOK_SIGNATURE_SIZE];
    assert_true(webhook_signature(secret, id, timestamp, body, first));
    assert_true(webhook_signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx", id, timestamp, body, other));
    assert_string_not_equal(first, other);
    assert_true(webhook_signature(secret, "msg_", timestamp, body, other));
    assert_string_not_equal(first, other);
    assert_true(webhook_signature(secret, id, "1614265331", body, other));
    assert_string_not_equal(first, other);
    assert_true(webhook_signature(secret, id, timestamp, "{\"test\": 2432232315}", other));
    assert_string_not_equal(first, other);
}

static void
test_what_is_no_secret(void **state)
{
    (void)state;
    static const char *const others[] = {
        "", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa*w",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAA"
    };
    char signature[WEBHOOK_SIGNATURE_SIZE];
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(webhook_signature(others[i], id, timestamp, body, signature));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_known_example),
        cmocka_unit_test(test_every_part_is_signed),
        cmocka_unit_test(test_what_is_no_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
