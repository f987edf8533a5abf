#include "server/request/page.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "scripted_db.h"

static struct loop loop;
static struct http_head head;
static struct request request;

static int
set_up(void **state)
{
    (void)state;
    memset(&loop, 0, sizeof(loop));
    memset(&head, 0, sizeof(head));
    memset(&request, 0, sizeof(request));
    loop.writer = json_writer_new();
    request.loop = &loop;
    request.head = &head;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    json_writer_free(loop.writer);
    return 0;
}

static void
ask(const char *query)
{
    memset(&request.problem, 0, sizeof(request.problem));
    head.query = (struct http_slice){ query, strlen(query) };
}

static void
test_a_page_is_read(void **state)
{
    (void)state;
    struct list_page page;
    assert_true(list_page_read(&request, &page));
    assert_int_equal(page.limit, 50);
    assert_int_equal(page.after, 0);
    assert_null(page.cursor.text);
    assert_string_equal(page.count.text, "51"); /* one more, to know whether there is another page */
    ask("limit=200&cursor=9223372036854775807&other=x");
    assert_true(list_page_read(&request, &page));
    assert_int_equal(page.limit, 200);
    assert_true(page.after == INT64_MAX);
    assert_string_equal(page.cursor.text, "9223372036854775807");
    assert_string_equal(page.count.text, "201");
}

static void
test_what_is_no_page(void **state)
{
    (void)state;
    static const struct {
        const char *query, *field;
    } others[] = { { "limit=0", "limit" },   { "limit=201", "limit" },
                   { "limit=-1", "limit" },  { "limit=1.5", "limit" },
                   { "limit=", "limit" },    { "limit=1&limit=2", "limit" },
                   { "limit=%00", "limit" }, { "limit=99999999999999999999999999999999999", "limit" },
                   { "cursor=0", "cursor" }, { "cursor=9223372036854775808", "cursor" },
                   { "cursor=x", "cursor" }, { "cursor=%2", "cursor" } };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct list_page page;
        ask(others[i].query);
        assert_false(list_page_read(&request, &page));
        assert_int_equal(request.problem.code, PROBLEM_VALIDATION_FAILED);
        assert_int_equal(request.problem.error_count, 1);
        assert_string_equal(request.problem.errors[0].field, others[i].field);
    }
}

static void
write_row(struct json_writer *writer, const struct db_result *result, int row)
{
    json_put_text(writer, db_text(result, row, 1));
}

/* The answer to these rows, of which `first` are another request's. */
static const char *
answer_of(const char **cells, int first, int rows)
{
    struct db_result result = { .rows = first + rows, .columns = 2, .cells = cells };
    request.result = &result;
    request.first_row = first;
    request.row_count = rows;
    assert_int_equal(list_answer(&request, 0, write_row), STEP_DONE);
    request.result = NULL;
    size_t length;
    const char *bytes = json_writer_bytes(loop.writer, &length);
    static char text[512];
    snprintf(text, sizeof(text), "%.*s", (int)length, bytes);
    return text;
}

static void
test_the_last_page_has_no_cursor(void **state)
{
    (void)state;
    const char *cells[] = { "1", "a", "2", "b" };
    ask("limit=2");
    assert_string_equal(answer_of(cells, 0, 2), "{\"data\":[\"a\",\"b\"],\"nextCursor\":null}");
    assert_int_equal(request.status, 200);
    assert_string_equal(answer_of(cells, 0, 0), "{\"data\":[],\"nextCursor\":null}");
}

static void
test_a_page_that_goes_on_ends_at_its_limit(void **state)
{
    (void)state;
    const char *cells[] = { "1", "a", "2", "b", "3", "c" };
    ask("limit=2");
    assert_string_equal(answer_of(cells, 0, 3), "{\"data\":[\"a\",\"b\"],\"nextCursor\":\"2\"}");
}

static void
test_only_its_own_rows(void **state)
{
    (void)state;
    const char *cells[] = { "1", "a", "2", "b", "3", "c" };
    ask("limit=1");
    assert_string_equal(answer_of(cells, 1, 2), "{\"data\":[\"b\"],\"nextCursor\":\"2\"}");
    assert_string_equal(answer_of(cells, 2, 1), "{\"data\":[\"c\"],\"nextCursor\":null}");
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_page_is_read),
        TEST(test_what_is_no_page),
        TEST(test_the_last_page_has_no_cursor),
        TEST(test_a_page_that_goes_on_ends_at_its_limit),
        TEST(test_only_its_own_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
