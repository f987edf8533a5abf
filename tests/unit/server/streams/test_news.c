#include "server/streams/news.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../scripted_db.h"

#define COLUMNS 8

static const struct db_result *
result_of(const char **cells, int rows)
{
    static struct db_result result;
    result = (struct db_result){ .status = DB_OK, .rows = rows, .columns = COLUMNS, .cells = cells };
    return &result;
}

static void
test_events_are_read(void **state)
{
    (void)state;
    const char *cells[] = { "7:7:", "f", NULL, "41", "5", "3", "api_key.created", "{\"a\": 1}",
                            "7:7:", "f", NULL, "42", "6", "4", "api_key.expired", "{}" };
    struct news *news = news_of_result(result_of(cells, 2), "5:5:");
    assert_string_equal(news->before, "5:5:");
    assert_string_equal(news->after, "7:7:");
    assert_int_equal(news->count, 2);
    assert_int_equal(news->items[0].sequence, 41);
    assert_int_equal(news->items[0].transaction, 5);
    assert_int_equal(news->items[0].reader, 3);
    assert_string_equal(news->items[0].topic, "api_key.created");
    assert_string_equal(news->items[0].data, "{\"a\": 1}");
    assert_int_equal(news->items[1].reader, 4);
    assert_false(news->is_reset);
    assert_int_equal(news->cut_count, 0);
    assert_false(news_resets(news, 1));
    news_free(news);
}

static void
test_nothing_is_news_of_a_position(void **state)
{
    (void)state;
    const char *cells[COLUMNS] = { "7:7:", "f" };
    struct news *news = news_of_result(result_of(cells, 1), "");
    assert_int_equal(news->count, 0);
    assert_int_equal(news->cut_count, 0);
    assert_false(news_resets(news, 0));
    assert_string_equal(news->after, "7:7:");
    news_free(news);
}

/* Their events are not here; those of the others are. */
static void
test_only_the_organizations_that_are_named_are_reset(void **state)
{
    (void)state;
    const char *cells[] = { "7:7:", "f",  "2",    NULL, NULL, NULL,   NULL, NULL, "7:7:", "f",  "5",
                            NULL,   NULL, NULL,   NULL, NULL, "7:7:", "f",  "11", NULL,   NULL, NULL,
                            NULL,   NULL, "7:7:", "f",  NULL, "41",   "5",  "3",  "a.b",  "{}" };
    for (int rows = 3; rows <= 4; rows++) {
        struct news *news = news_of_result(result_of(cells, rows), "5:5:");
        assert_int_equal(news->count, rows - 3);
        assert_false(news->is_reset);
        for (int64_t organization = 0; organization <= 12; organization++) {
            bool is_named = organization == 2 || organization == 5 || organization == 11;
            assert_int_equal(news_resets(news, organization), is_named);
        }
        news_free(news);
    }
}

static void
test_a_reset_is_everybodys(void **state)
{
    (void)state;
    const char *cells[COLUMNS] = { "7:7:", "t" };
    struct news *news = news_of_result(result_of(cells, 1), "5:5:"), *kept = news_keep(news);
    assert_int_equal(news->count, 0);
    assert_true(news_resets(news, 1));
    struct news *reset = news_reset(news);
    news_free(news);
    assert_string_equal(kept->after, "7:7:"); /* until the last reference */
    news_free(kept);
    assert_true(news_resets(reset, 1));
    assert_string_equal(reset->before, "5:5:");
    assert_string_equal(reset->after, "7:7:");
    news_free(reset);
    news_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_are_read),
        cmocka_unit_test(test_nothing_is_news_of_a_position),
        cmocka_unit_test(test_only_the_organizations_that_are_named_are_reset),
        cmocka_unit_test(test_a_reset_is_everybodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
