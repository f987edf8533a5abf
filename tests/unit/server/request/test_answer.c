#include "server/request/answer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct json_writer *writer;
static struct answer answer;

static int
set_up(void **state)
{
    (void)state;
    writer = json_writer_new();
    memset(&answer, 0xff, sizeof(answer)); /* answer_begin() must set all that counts */
    answer_begin(&answer, writer);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    answer_end(&answer);
    json_writer_free(writer);
    return 0;
}

static void
assert_reply(int status, const char *content_type, const char *part)
{
    struct connection_reply reply = answer_reply(&answer);
    char body[1024];
    assert_int_equal(reply.status, status);
    assert_string_equal(reply.content_type, content_type);
    assert_in_range(reply.body_length, 1, sizeof(body) - 1);
    memcpy(body, reply.body, reply.body_length);
    body[reply.body_length] = '\0';
    if (!strstr(body, part)) {
        fail_msg("\"%s\" is not in %s", part, body);
    }
}

static void
test_the_last_decision_wins(void **state)
{
    (void)state;
    char *bytes = strdup("text");
    json_put_text(answer_json(&answer, 200), "json");
    assert_reply(200, "application/json", "json");
    assert_int_equal(answer_bytes(&answer, 200, "text/plain", bytes, 4), STEP_DONE);
    assert_reply(200, "text/plain", "text");
    assert_int_equal(answer_refuse(&answer, PROBLEM_FORBIDDEN, "No."), STEP_DONE);
    assert_reply(403, "application/problem+json", "\"detail\":\"No.\"");
    assert_int_equal(answer_empty(&answer, 204), STEP_DONE);
    struct connection_reply reply = answer_reply(&answer);
    assert_int_equal(reply.status, 204);
    assert_null(reply.content_type);
}

static void
test_fields_at_fault(void **state)
{
    (void)state;
    assert_false(answer_has_errors(&answer));
    answer_field_error(&answer, "name", "is required");
    answer_field_error(&answer, "kind", "must be a or b");
    assert_true(answer_has_errors(&answer));
    assert_int_equal(answer.status, 0); /* not decided yet */
    answer_refuse_fields(&answer);
    assert_reply(422, "application/problem+json", "{\"field\":\"kind\",\"detail\":\"must be a or b\"}");
    answer_refuse(&answer, PROBLEM_UNAVAILABLE, NULL);
    assert_false(answer_has_errors(&answer));
}

/* RFC 6750 §3: without a token the challenge has no error. */
static void
test_a_challenge(void **state)
{
    (void)state;
    answer_challenge(&answer, PROBLEM_AUTHENTICATION_REQUIRED, NULL);
    answer_challenge(&answer, PROBLEM_INVALID_TOKEN, NULL);
    static const char expected[] = "WWW-Authenticate: Bearer realm=\"testkase\"\r\n"
                                   "WWW-Authenticate: Bearer realm=\"testkase\", error=\"invalid_token\"\r\n";
    assert_int_equal(answer.fields_length, sizeof(expected) - 1);
    assert_memory_equal(answer.fields, expected, sizeof(expected) - 1);
}

static void
test_fields_beyond_the_room_are_left_out_whole(void **state)
{
    (void)state;
    char value[ANSWER_FIELDS_SIZE];
    memset(value, 'v', sizeof(value));
    value[sizeof(value) - 1] = '\0';
    answer_add_header(&answer, "A", value);
    assert_int_equal(answer.fields_length, 0);
    answer_add_headers(&answer, "B: %;%\r\n", (const int64_t[]){ 7, -1 });
    assert_int_equal(answer.fields_length, 9);
    assert_memory_equal(answer.fields, "B: 7;-1\r\n", 9);
    value[ANSWER_FIELDS_SIZE - 40] = '\0';
    answer_add_header(&answer, "C", value);
    size_t full = answer.fields_length;
    answer_add_headers(&answer, "D: %\r\n", (const int64_t[]){ INT64_MIN });
    assert_int_equal(answer.fields_length, full);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_last_decision_wins),
        TEST(test_fields_at_fault),
        TEST(test_a_challenge),
        TEST(test_fields_beyond_the_room_are_left_out_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
