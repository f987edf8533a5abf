#include "server/request/input.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct http_head head;
static struct request request;

static void
clear(void)
{
    input_values_free(request.inputs);
    answer_end(&request.answer);
    json_free(request.body);
    memset(&request, 0, sizeof(request));
    request.head = &head;
}

/* Reads inputs from a body and a query. */
static bool
read_from(const struct input *inputs, const char *json, const char *query)
{
    const char *error;
    clear();
    head.query = (struct http_slice){ query, strlen(query) };
    assert_int_equal(json_read(json, strlen(json), &request.body, &error), 0);
    return input_read(&request, inputs);
}

static int
tear_down(void **state)
{
    (void)state;
    clear();
    return 0;
}

static void
assert_refused(const char *field, const char *detail)
{
    const struct problem *problem = request.answer.problem;
    assert_int_equal(request.answer.status, 422);
    assert_int_equal(problem->code, PROBLEM_VALIDATION_FAILED);
    assert_int_equal(problem->error_count, 1);
    assert_string_equal(problem->errors[0].field, field);
    assert_string_equal(problem->errors[0].detail, detail);
}

static void
assert_all_refused(const struct input *inputs, const char *const *bodies, const char *detail)
{
    for (; *bodies; bodies++) {
        assert_false(read_from(inputs, *bodies, ""));
        assert_refused(inputs[0].name, detail);
    }
}

static void
test_what_is_not_in_the_table_is_refused_by_name(void **state)
{
    (void)state;
    static const struct input inputs[] = { { "name", INPUT_TEXT, .required = false },
                                           { "since", INPUT_TEXT, .in_query = true },
                                           { 0 } };
    assert_true(read_from(inputs, "{\"name\":\"x\"}", ""));
    assert_false(read_from(inputs, "{\"name\":\"x\",\"Name\":2}", ""));
    assert_refused("Name", "is not a property of this request");
    assert_false(read_from(inputs, "{\"since\":\"x\"}", "")); /* it belongs in the query */
    assert_refused("since", "is not a property of this request");
    assert_false(read_from(inputs, "{\"a\":1,\"b\":2}", ""));
    assert_int_equal(request.answer.problem->error_count, 2);
    assert_true(read_from(inputs, "{}", "other=1"));
}

static void
test_a_text(void **state)
{
    (void)state;
    static const struct input optional[] = { { "a", INPUT_TEXT, .required = false }, { 0 } };
    static const struct input required[] = { { "a", INPUT_TEXT, .required = true }, { 0 } };
    static const char *const others[] = { "{\"a\":null}", "{\"a\":1}", "{\"a\":[\"x\"]}", NULL };
    assert_true(read_from(required, "{\"a\":\"xy\"}", ""));
    assert_string_equal(input_text(&request, "a"), "xy");
    assert_int_equal(input_length(&request, "a"), 2);
    assert_true(read_from(optional, "{}", ""));
    assert_null(input_text(&request, "a"));
    assert_false(read_from(required, "{}", ""));
    assert_refused("a", "is required");
    assert_all_refused(optional, others, "must be a string");
}

static void
test_a_name_is_trimmed(void **state)
{
    (void)state;
    static const struct input inputs[] = { { "name", INPUT_NAME, .required = true }, { 0 } };
    static const char *const others[] = { "{\"name\":\"\"}", "{\"name\":\"  \"}",
                                          "{\"name\":\"a\\u0007b\"}" };
    assert_true(read_from(inputs, "{\"name\":\"  CI \\u2603\\t\"}", ""));
    assert_string_equal(input_text(&request, "name"), "CI \xe2\x98\x83");
    assert_int_equal(input_length(&request, "name"), 6);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(read_from(inputs, others[i], ""));
        assert_int_equal(request.answer.problem->error_count, 1);
        assert_string_equal(request.answer.problem->errors[0].field, "name");
    }
}

/* Characters, not bytes. */
static void
test_a_name_of_a_hundred_characters(void **state)
{
    (void)state;
    static const struct input inputs[] = { { "name", INPUT_NAME, .required = true }, { 0 } };
    char json[512] = "{\"name\":\"";
    for (int i = 0; i < 100; i++) {
        strcat(json, "\xc3\xa9");
    }
    char *end = json + strlen(json);
    strcpy(end, "\"}");
    assert_true(read_from(inputs, json, ""));
    assert_int_equal(input_length(&request, "name"), 200);
    strcpy(end, "e\"}");
    assert_false(read_from(inputs, json, ""));
}

static void
test_a_choice(void **state)
{
    (void)state;
    static const struct input inputs[] = {
        { "kind", INPUT_CHOICE, .choices = "person|service", .fallback = "person" }, { 0 }
    };
    static const char *const others[] = { "{\"kind\":\"Service\"}", "{\"kind\":\"\"}", "{\"kind\":1}",
                                          "{\"kind\":\"person|\"}", "{\"kind\":null}", NULL };
    assert_true(read_from(inputs, "{\"kind\":\"service\"}", ""));
    assert_string_equal(input_text(&request, "kind"), "service");
    assert_true(read_from(inputs, "{}", ""));
    assert_string_equal(input_text(&request, "kind"), "person");
    assert_all_refused(inputs, others, "must be person or service");
}

static void
test_a_whole_number(void **state)
{
    (void)state;
    static const struct input inputs[] = { { "days", INPUT_INTEGER, .required = false }, { 0 } };
    static const char *const others[] = { "{\"days\":\"90\"}", "{\"days\":90.5}", "{\"days\":true}",
                                          "{\"days\":null}",   "{\"days\":9e1}",  NULL };
    struct db_value value;
    assert_true(read_from(inputs, "{\"days\":90}", ""));
    assert_int_equal(input_integer(&request, "days"), 90);
    assert_true(input_value(&request, "days", &value));
    assert_int_equal(value.length, DB_LENGTH_NUMBER);
    assert_int_equal(value.number, 90);
    assert_true(read_from(inputs, "{}", ""));
    assert_true(input_value(&request, "days", &value));
    assert_int_equal(value.length, DB_LENGTH_TEXT);
    assert_null(value.bytes);
    assert_all_refused(inputs, others, "must be a whole number");
}

static void
test_a_number_of_a_few(void **state)
{
    (void)state;
    static const struct input inputs[] = { { "days", INPUT_INTEGER, .choices = "7|30|60" }, { 0 } };
    static const char *const others[] = { "{\"days\":8}", "{\"days\":0}", "{\"days\":-7}", "{\"days\":\"7\"}",
                                          NULL };
    assert_true(read_from(inputs, "{\"days\":30}", ""));
    assert_int_equal(input_integer(&request, "days"), 30);
    assert_all_refused(inputs, others, "must be 7, 30 or 60");
}

static void
test_a_number_between_bounds(void **state)
{
    (void)state;
    static const struct input inputs[] = { { "n", INPUT_INTEGER, .least = 1, .most = 60 }, { 0 } };
    static const char *const others[] = { "{\"n\":0}",     "{\"n\":61}",   "{\"n\":-1}",
                                          "{\"n\":\"1\"}", "{\"n\":null}", NULL };
    assert_true(read_from(inputs, "{\"n\":1}", ""));
    assert_true(read_from(inputs, "{\"n\":60}", ""));
    assert_int_equal(input_integer(&request, "n"), 60);
    assert_all_refused(inputs, others, "must be a whole number from 1 to 60");
}

static void
test_true_or_false(void **state)
{
    (void)state;
    static const struct input inputs[] = { { "on", INPUT_BOOLEAN, .required = false },
                                           { "all", INPUT_BOOLEAN, .in_query = true },
                                           { 0 } };
    static const char *const others[] = { "{\"on\":\"true\"}", "{\"on\":1}", "{\"on\":null}", "{\"on\":[]}",
                                          NULL };
    assert_true(read_from(inputs, "{\"on\":false}", "all=true"));
    assert_string_equal(input_text(&request, "on"), "false");
    assert_string_equal(input_text(&request, "all"), "true");
    assert_true(read_from(inputs, "{\"on\":true}", ""));
    assert_string_equal(input_text(&request, "on"), "true");
    assert_null(input_text(&request, "all"));
    assert_all_refused(inputs, others, "must be true or false");
    assert_false(read_from(inputs, "{}", "all=yes"));
    assert_refused("all", "must be true or false");
}

static void
assert_parameter(const char *name, const char *text)
{
    struct db_value value;
    assert_true(input_value(&request, name, &value));
    assert_int_equal(value.length, DB_LENGTH_TEXT);
    if (text) {
        assert_string_equal(value.bytes, text);
    } else {
        assert_null(value.bytes);
    }
}

/* Null means something else than absence. */
static void
test_ids(void **state)
{
    (void)state;
    static const struct input plain[] = { { "ids", INPUT_IDS, .required = true }, { 0 } };
    static const struct input named[] = { { "ids", INPUT_IDS, .required = true, .choices = "current" },
                                          { 0 } };
    static const char *const others[] = { "{\"ids\":\"x\"}", "{\"ids\":\"{1}\"}",
                                          "{\"ids\":7}",     "{\"ids\":[0]}",
                                          "{\"ids\":[-1]}",  "{\"ids\":[1.5]}",
                                          "{\"ids\":[[1]]}", NULL };
    assert_true(read_from(plain, "{\"ids\":[7,12,9223372036854775807]}", ""));
    assert_string_equal(input_text(&request, "ids"), "{7,12,9223372036854775807}");
    assert_true(read_from(plain, "{\"ids\":[]}", ""));
    assert_string_equal(input_text(&request, "ids"), "{}");
    assert_true(read_from(named, "{\"ids\":\"current\"}", ""));
    assert_string_equal(input_text(&request, "ids"), "current");
    assert_all_refused(plain, others, "must be an array of ids");
    assert_all_refused(named, others, "must be an array of ids, or current");
}

static void
test_words(void **state)
{
    (void)state;
    static const struct input inputs[] = {
        { "words", INPUT_WORDS, .required = true, .choices = "a.one|a.two|b" }, { 0 }
    };
    static const char *const others[] = { "{\"words\":[]}",
                                          "{\"words\":[\"b\",\"b\"]}",
                                          "{\"words\":[\"b\",1]}",
                                          "{\"words\":[\"\"]}",
                                          "{\"words\":[\"a.one|a.two\"]}",
                                          "{\"words\":[\"c\"]}",
                                          "{\"words\":[[\"b\"]]}",
                                          "{\"words\":\"b\"}",
                                          "{\"words\":\"{b}\"}",
                                          "{\"words\":null}",
                                          NULL };
    assert_true(read_from(inputs, "{\"words\":[\"b\",\"a.one\",\"a.two\"]}", ""));
    assert_string_equal(input_text(&request, "words"), "{b,a.one,a.two}");
    assert_true(read_from(inputs, "{\"words\":[\"a.two\"]}", ""));
    assert_string_equal(input_text(&request, "words"), "{a.two}");
    assert_all_refused(inputs, others,
                       "must be an array of one or more of these, each once: a.one, a.two or b");
}

static void
test_a_note_and_a_link(void **state)
{
    (void)state;
    static const struct input note[] = { { "a", INPUT_NOTE, .required = true }, { 0 } };
    static const struct input link[] = { { "a", INPUT_LINK, .required = true }, { 0 } };
    static const char *const others[] = { "{\"a\":\"javascript:x\"}", "{\"a\":\"\"}", NULL };
    assert_true(read_from(note, "{\"a\":\"  the nightly run \"}", ""));
    assert_string_equal(input_text(&request, "a"), "the nightly run");
    assert_true(read_from(link, "{\"a\":\"https://ci.example.test/7\"}", ""));
    assert_all_refused(link, others, "must begin with https:// or http:// and a host");
}

/* A call whose body is optional: everything in it is absent, and fallbacks hold. */
static void
test_no_body(void **state)
{
    (void)state;
    static const struct input inputs[] = { { "a", INPUT_TEXT, .required = false },
                                           { "b", INPUT_BOOLEAN, .fallback = "false" },
                                           { "n", INPUT_INTEGER, .in_query = true, .fallback = "7" },
                                           { 0 } };
    clear();
    head.query = (struct http_slice){ "", 0 };
    assert_true(input_read(&request, inputs));
    assert_null(input_text(&request, "a"));
    assert_string_equal(input_text(&request, "b"), "false");
    assert_int_equal(input_integer(&request, "n"), 7);
}

static void
test_null_as_a_value(void **state)
{
    (void)state;
    static const struct input inputs[] = { { "days", INPUT_INTEGER, .nullable = true, .choices = "7|30" },
                                           { "name", INPUT_TEXT, .required = false },
                                           { 0 } };
    static const char *const others[] = { "{\"days\":8}", "{\"days\":\"7\"}", NULL };
    struct db_value value;
    assert_true(read_from(inputs, "{\"days\":null}", ""));
    assert_parameter("days", NULL);
    assert_parameter("days_given", "true");
    assert_true(read_from(inputs, "{}", ""));
    assert_parameter("days", NULL);
    assert_parameter("days_given", "false");
    assert_true(read_from(inputs, "{\"days\":7}", ""));
    assert_true(input_value(&request, "days", &value));
    assert_int_equal(value.number, 7);
    assert_parameter("days_given", "true");
    assert_false(input_value(&request, "name_given", &value));
    assert_false(input_value(&request, "days_", &value));
    assert_all_refused(inputs, others, "must be 7 or 30, or null");
}

static void
test_null_where_a_value_is_required(void **state)
{
    (void)state;
    static const struct input inputs[] = { { "days", INPUT_INTEGER, .nullable = true, .required = true },
                                           { 0 } };
    assert_true(read_from(inputs, "{\"days\":null}", ""));
    assert_false(read_from(inputs, "{}", ""));
    assert_refused("days", "is required");
}

static void
test_parameters_of_the_query(void **state)
{
    (void)state;
    static const struct input inputs[] = { { "since", INPUT_TIME, .in_query = true },
                                           { "project", INPUT_PROJECT, .in_query = true },
                                           { "count", INPUT_INTEGER, .in_query = true },
                                           { "action", INPUT_ACTION, .in_query = true },
                                           { 0 } };
    assert_true(read_from(inputs, "{}",
                          "since=2030-01-31T09%3A00:00Z&project=PRJ-7&count=12&action=api_key.revoked"));
    assert_string_equal(input_text(&request, "since"), "2030-01-31T09:00:00Z");
    assert_int_equal(input_integer(&request, "project"), 7);
    assert_int_equal(input_integer(&request, "count"), 12);
    static const struct {
        const char *query, *field, *detail;
    } others[] = {
        { "since=2030-02-30T09:00:00Z", "since", "must be a time such as 2030-01-31T09:00:00Z" },
        { "project=7", "project", "must be a project's id such as PRJ-1" },
        { "project=PRJ-0", "project", "must be a project's id such as PRJ-1" },
        { "project=PRJ-2147483648", "project", "must be a project's id such as PRJ-1" },
        { "count=x", "count", "must be a whole number" },
        { "count=1&count=1", "count", "must be given once and be readable" },
        { "action=", "action", "must be an action such as api_key.revoked" },
        { "action=api_key", "action", "must be an action such as api_key.revoked" },
        { "action=.revoked", "action", "must be an action such as api_key.revoked" },
        { "action=api_key.", "action", "must be an action such as api_key.revoked" },
        { "action=a.b.c", "action", "must be an action such as api_key.revoked" },
        { "action=a.B", "action", "must be an action such as api_key.revoked" },
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(read_from(inputs, "{}", others[i].query));
        assert_refused(others[i].field, others[i].detail);
    }
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_teardown(function, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_not_in_the_table_is_refused_by_name),
        TEST(test_a_text),
        TEST(test_a_name_is_trimmed),
        TEST(test_a_name_of_a_hundred_characters),
        TEST(test_a_choice),
        TEST(test_a_whole_number),
        TEST(test_a_number_of_a_few),
        TEST(test_a_number_between_bounds),
        TEST(test_true_or_false),
        TEST(test_ids),
        TEST(test_words),
        TEST(test_a_note_and_a_link),
        TEST(test_no_body),
        TEST(test_null_as_a_value),
        TEST(test_null_where_a_value_is_required),
        TEST(test_parameters_of_the_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
