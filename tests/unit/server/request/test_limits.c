#include "server/request/limits.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "loop_fixture.h"

#define COOKIE "Cookie: testkase_session=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n"

/* Sends the request until it is refused; returns how many were allowed. */
static int
spend_session(void)
{
    for (int allowed = 0;; allowed++) {
        int before = scripted.count;
        send_request("GET /api/v1/session", COOKIE);
        if (scripted.count == before) {
            return allowed;
        }
        answer_session("member");
        assert_answer(200, "RateLimit-Policy: \"default\";q=600;w=60, \"burst\";q=120;w=12\r\n");
    }
}

static void
test_a_session_over_its_limit_costs_no_query(void **state)
{
    (void)state;
    assert_in_range(spend_session(), 120, 130); /* some may come back meanwhile */
    const char *answer = receive();
    assert_non_null(strstr(answer, "HTTP/1.1 429 "));
    assert_non_null(strstr(answer, "\r\nRateLimit: \"default\";r=0;t=1\r\n"));
    assert_non_null(strstr(answer, "\r\nRetry-After: 1\r\n"));
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, loop_fixture_set_up, loop_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_session_over_its_limit_costs_no_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
