#include "admin/output.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct output_column columns[] = {
    { "id", "token", OUTPUT_NUMBER },   { "name", "name", OUTPUT_TEXT }, { "rotateAt", NULL, OUTPUT_TEXT },
    { "stale", "stale", OUTPUT_TRUTH }, { NULL, NULL, OUTPUT_TEXT },
};

struct capture {
    FILE *out;
    char *text;
    size_t size;
};

static int
start(void **state)
{
    struct capture *capture = calloc(1, sizeof(*capture));
    capture->out = open_memstream(&capture->text, &capture->size);
    *state = capture;
    return 0;
}

static int
stop(void **state)
{
    struct capture *capture = *state;
    fclose(capture->out);
    free(capture->text);
    free(capture);
    return 0;
}

static void
expect(struct capture *capture, const char *text)
{
    fflush(capture->out);
    assert_string_equal(capture->text, text);
}

static void
record_for_people(void **state)
{
    struct capture *capture = *state;
    const char *cells[] = { "7", "Grüße", "hidden", "t" };
    output_record(capture->out, columns, cells, false);
    expect(capture, "token  7\nname   Grüße\nstale  yes\n");
}

static void
record_as_json(void **state)
{
    struct capture *capture = *state;
    const char *cells[] = { "9007199254740993", "a \"b\"\n", NULL, "f" };
    output_record(capture->out, columns, cells, true);
    expect(capture,
           "{\"id\":9007199254740993,\"name\":\"a \\\"b\\\"\\n\",\"rotateAt\":null,\"stale\":false}\n");
}

static void
controls_do_not_reach_the_terminal(void **state)
{
    struct capture *capture = *state;
    /* ESC, LF, DEL and the C1 control CSI (U+009B) */
    const char *cells[] = { "7",
                            "a\x1b[2Jb\nc\x7f"
                            "d\xc2\x9b"
                            "e\xc2\xa0",
                            NULL, NULL };
    output_record(capture->out, columns, cells, false);
    expect(capture, "token  7\nname   a?[2Jb?c?d?e\xc2\xa0\nstale  -\n");
}

static void
table_is_aligned(void **state)
{
    struct capture *capture = *state;
    struct output_list *list = output_list_new(columns);
    const char *first[] = { "7", "çay", NULL, "t" }, *second[] = { "1000000", "x\x01", NULL, "f" };
    output_list_add(list, first);
    output_list_add(list, second);
    output_list_print(capture->out, list, false, false);
    expect(capture, "token    name  stale\n"
                    "7        çay   yes\n"
                    "1000000  x?    no\n");
    output_list_free(list);
}

static void
empty_list_is_a_list(void **state)
{
    struct capture *capture = *state;
    struct output_list *list = output_list_new(columns);
    output_list_print(capture->out, list, false, true);
    output_list_print(capture->out, list, false, false);
    expect(capture, "{\"data\":[],\"truncated\":false}\ntoken  name  stale\n");
    output_list_free(list);
}

static void
long_list_keeps_its_order(void **state)
{
    struct capture *capture = *state;
    struct output_list *list = output_list_new(columns);
    for (int i = 0; i < 100; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", i);
        const char *cells[] = { id, "n", NULL, NULL };
        output_list_add(list, cells);
    }
    output_list_print(capture->out, list, true, true);
    fflush(capture->out);
    assert_non_null(strstr(capture->text, "{\"data\":[{\"id\":0,"));
    assert_non_null(strstr(
        capture->text, "{\"id\":99,\"name\":\"n\",\"rotateAt\":null,\"stale\":null}],\"truncated\":true}"));
    output_list_free(list);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(record_for_people, start, stop),
        cmocka_unit_test_setup_teardown(record_as_json, start, stop),
        cmocka_unit_test_setup_teardown(controls_do_not_reach_the_terminal, start, stop),
        cmocka_unit_test_setup_teardown(table_is_aligned, start, stop),
        cmocka_unit_test_setup_teardown(empty_list_is_a_list, start, stop),
        cmocka_unit_test_setup_teardown(long_list_keeps_its_order, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
