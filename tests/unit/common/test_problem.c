#include "common/problem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *
written(const struct problem *problem)
{
    struct json_writer *writer = json_writer_new();
    size_t length;
    problem_write(problem, writer);
    const char *bytes = json_writer_bytes(writer, &length);
    char *text = strndup(bytes, length);
    json_writer_free(writer);
    return text;
}

static void
every_code_is_whole(void **state)
{
    (void)state;
    char *texts[PROBLEM_COUNT] = { NULL };
    for (int code = PROBLEM_NONE + 1; code < PROBLEM_COUNT; code++) {
        struct problem problem;
        problem_set(&problem, (enum problem_code)code, NULL);
        assert_in_range(problem_status((enum problem_code)code), 400, 599);
        texts[code] = written(&problem);
        assert_null(strstr(texts[code], "null"));
        assert_null(strstr(texts[code], "\"\""));
        const char *name = strstr(texts[code], "\"code\":");
        assert_non_null(name);
        for (int other = PROBLEM_NONE + 1; other < code; other++) {
            assert_null(strstr(texts[other], name));
        }
    }
    for (int code = PROBLEM_NONE + 1; code < PROBLEM_COUNT; code++) {
        free(texts[code]);
    }
}

static void
the_document(void **state)
{
    (void)state;
    struct problem problem;
    problem_set(&problem, PROBLEM_NOT_FOUND, "No \"such\" thing.");
    char *text = written(&problem);
    assert_string_equal(text, "{\"type\":\"/problems/not_found\",\"title\":\"Not found\",\"status\":404,"
                              "\"detail\":\"No \\\"such\\\" thing.\",\"code\":\"not_found\"}");
    free(text);
}

static void
fields_at_fault_are_named(void **state)
{
    (void)state;
    struct problem problem;
    problem_set(&problem, PROBLEM_VALIDATION_FAILED, NULL);
    for (int i = 0; i < PROBLEM_ERRORS_MAX + 3; i++) {
        problem_add_error(&problem, i == 0 ? "name" : "other", "is required");
    }
    char *text = written(&problem);
    assert_int_equal(problem.error_count, PROBLEM_ERRORS_MAX);
    assert_non_null(strstr(text, "\"errors\":[{\"field\":\"name\",\"detail\":\"is required\"},"));
    free(text);
}

static void
long_text_is_cut_between_characters(void **state)
{
    (void)state;
    struct problem problem;
    char detail[400] = "x";
    for (int i = 0; i < 150; i++) {
        strcat(detail, "\xC3\xA9");
    }
    problem_set(&problem, PROBLEM_NOT_FOUND, detail);
    assert_int_equal(strlen(problem.detail), 255);
    assert_int_equal((unsigned char)problem.detail[254], 0xA9);
    problem_set(&problem, PROBLEM_NOT_FOUND, detail + 1);
    assert_int_equal(strlen(problem.detail), 254);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_is_whole),
        cmocka_unit_test(the_document),
        cmocka_unit_test(fields_at_fault_are_named),
        cmocka_unit_test(long_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
