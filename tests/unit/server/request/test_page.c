#include "server/request/page.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "scripted_db.h"

static struct json_writer *writer;
static struct http_head head;
static struct request request;

static int
set_up(void **state)
{
    (void)state;
    writer = json_writer_new();
    memset(&head, 0, sizeof(head));
    memset(&request, 0, sizeof(request));
    request.head = &head;
    answer_begin(&request.answer, writer);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    answer_end(&request.answer);
    json_writer_free(writer);
    return 0;
}

static bool
read_page(const char *query)
{
    answer_end(&request.answer);
    answer_begin(&request.answer, writer);
    head.query = (struct http_slice){ query, strlen(query) };
    return page_read(&request, false);
}

static void
test_a_page_is_read(void **state)
{
    (void)state;
    assert_true(read_page(""));
    assert_int_equal(request.page.limit, 50);
    assert_int_equal(request.page.cursor, 0);
    assert_true(read_page("limit=200&cursor=9223372036854775807&other=x"));
    assert_int_equal(request.page.limit, 200);
    assert_true(request.page.cursor == INT64_MAX);
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
        assert_false(read_page(others[i].query));
        assert_int_equal(request.answer.status, 422);
        assert_int_equal(request.answer.problem->error_count, 1);
        assert_string_equal(request.answer.problem->errors[0].field, others[i].field);
    }
}

static void
test_a_cursor_with_its_sort_key(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        int64_t key, id; /* id 0: refused */
    } cursors[] = { { "cursor=1795774212000000.17", 1795774212000000, 17 },
                    { "cursor=0.1", 0, 1 },
                    { "cursor=17", 0, 0 },
                    { "cursor=.17", 0, 0 },
                    { "cursor=1.", 0, 0 },
                    { "cursor=1.0", 0, 0 },
                    { "cursor=-1.5", 0, 0 },
                    { "cursor=1.2.3", 0, 0 } };
    for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
        answer_end(&request.answer);
        answer_begin(&request.answer, writer);
        head.query = (struct http_slice){ cursors[i].query, strlen(cursors[i].query) };
        assert_int_equal(page_read(&request, true), cursors[i].id != 0);
        if (cursors[i].id) {
            assert_true(request.page.key == cursors[i].key && request.page.cursor == cursors[i].id);
        } else {
            assert_string_equal(request.answer.problem->errors[0].field, "cursor");
        }
    }
}

/* The answer to these rows of two columns, of which `first` are another request's. */
static const char *
answer_with(const char *const *names, const char **cells, int first, int rows)
{
    struct db_result result = { .rows = first + rows, .columns = 2, .names = names, .cells = cells };
    request.outcome.result = &result;
    request.outcome.first_row = first;
    request.outcome.row_count = rows;
    assert_int_equal(page_answer(&request), STEP_DONE);
    assert_int_equal(request.answer.status, 200);
    size_t length;
    const char *bytes = json_writer_bytes(writer, &length);
    static char text[512];
    snprintf(text, sizeof(text), "%.*s", (int)length, bytes);
    return text;
}

static const char *
answer_of(const char **cells, int first, int rows)
{
    static const char *const names[] = { "cursor", "name" };
    return answer_with(names, cells, first, rows);
}

static void
test_the_last_page_has_no_cursor(void **state)
{
    (void)state;
    const char *cells[] = { "1", "a", "2", "b" };
    assert_true(read_page("limit=2"));
    assert_string_equal(answer_of(cells, 0, 2),
                        "{\"data\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"nextCursor\":null}");
    assert_string_equal(answer_of(cells, 0, 0), "{\"data\":[],\"nextCursor\":null}");
}

static void
test_a_page_that_goes_on_ends_at_its_limit(void **state)
{
    (void)state;
    const char *cells[] = { "1", "a", "2", "b", "3", "c" };
    assert_true(read_page("limit=2"));
    assert_string_equal(answer_of(cells, 0, 3),
                        "{\"data\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"nextCursor\":\"2\"}");
}

static void
test_only_its_own_rows(void **state)
{
    (void)state;
    const char *cells[] = { "1", "a", "2", "b", "3", "c" };
    assert_true(read_page("limit=1"));
    assert_string_equal(answer_of(cells, 1, 2), "{\"data\":[{\"name\":\"b\"}],\"nextCursor\":\"2\"}");
    assert_string_equal(answer_of(cells, 2, 1), "{\"data\":[{\"name\":\"c\"}],\"nextCursor\":null}");
}

/* A list below something that is there, but without elements. */
static void
test_a_row_without_a_cursor_is_no_element(void **state)
{
    (void)state;
    const char *cells[] = { NULL, NULL };
    assert_true(read_page(""));
    assert_string_equal(answer_of(cells, 0, 1), "{\"data\":[],\"nextCursor\":null}");
}

/* A statement that looked at a part of the list says where the next page begins, unless the page is full. */
static void
test_a_page_of_a_part_of_the_list_goes_on(void **state)
{
    (void)state;
    static const char *const names[] = { "cursor", "resume" };
    static const struct {
        const char *cells[6];
        int rows;
        const char *answer;
    } pages[] = {
        { { NULL, "7" }, 1, "{\"data\":[],\"nextCursor\":\"7\"}" },
        { { "9", "7" }, 1, "{\"data\":[{}],\"nextCursor\":\"7\"}" },
        { { "9", NULL }, 1, "{\"data\":[{}],\"nextCursor\":null}" },
        { { "9", "7", "8", "7", "7", "7" }, 3, "{\"data\":[{},{}],\"nextCursor\":\"8\"}" },
    };
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        const char *cells[6];
        memcpy(cells, pages[i].cells, sizeof(cells));
        assert_true(read_page("limit=2"));
        assert_string_equal(answer_with(names, cells, 0, pages[i].rows), pages[i].answer);
    }
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_page_is_read),
        TEST(test_what_is_no_page),
        TEST(test_a_cursor_with_its_sort_key),
        TEST(test_the_last_page_has_no_cursor),
        TEST(test_a_page_that_goes_on_ends_at_its_limit),
        TEST(test_only_its_own_rows),
        TEST(test_a_row_without_a_cursor_is_no_element),
        TEST(test_a_page_of_a_part_of_the_list_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
