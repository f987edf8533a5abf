#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/options.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static char error[256];

/* Reads words that are given as one text; they must live as long as the options. */
static int
read_words(int command, const char *text, struct options *ret_options)
{
    static char line[1024];
    static char *words[64];
    int count = 0;
    strcpy(line, text);
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
        words[count++] = word;
    }
    error[0] = '\0';
    return options_read(command, count, words, ret_options, error, sizeof(error));
}

#define TARGET "--url http://x --project-id PRJ-1 --org-id 1173 "

static void
usual_values(void **state)
{
    (void)state;
    struct options options;
    assert_int_equal(
        read_words(OPTIONS_REPORT, TARGET "a.xml b.xml --results-file c.xml -- --d.xml", &options), 0);
    assert_int_equal(options.file_count, 4);
    assert_string_equal(options.files[3], "--d.xml");
    assert_int_equal(options.org_id, 1173);
    assert_string_equal(options.cycle_id, "TCYCLE-1");
    assert_string_equal(options.format, "auto");
    assert_string_equal(options.skipped_as, "skipped");
    assert_string_equal(options.missing_id, "warn");
    assert_string_equal(options.duplicates, "last");
    assert_int_equal(options.retries, 5);
    assert_false(options.json);
    options_free(&options);
}

static void
the_token_is_moved(void **state)
{
    (void)state;
    struct options options;
    char secret[] = "tk_pat_secret", name[] = "--token", *words[] = { name, secret };
    setenv("TESTKASE_URL", "http://x", 1);
    assert_int_equal(options_read(OPTIONS_RESUME, 2, words, &options, error, sizeof(error)), 0);
    assert_string_equal(options.token, "tk_pat_secret");
    assert_int_equal(secret[0], 0);
    assert_int_equal(secret[12], 0);
    options_free(&options);
    char joined[] = "--token=tk_pat_secret", wrong[] = "--wrong", *others[] = { wrong, joined };
    assert_int_equal(options_read(OPTIONS_RESUME, 2, others, &options, error, sizeof(error)), -1);
    assert_int_equal(joined[8], 0);
    unsetenv("TESTKASE_URL");
}

static void
refusals(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { TARGET, "--results-file PATH... is missing" },
        { TARGET "--wrong a", "there is no such option: --wrong: see --help" },
        { TARGET "--tk_pat_0123 a", "there is no such option: see --help" },
        { TARGET "--retries 101 a", "--retries must be a number in 0-100" },
        { TARGET "--retries x a", "--retries must be a number in 0-100" },
        { TARGET "--format x a", "--format must be" },
        { TARGET "--cycle-id 5 a", "--cycle-id must be TCYCLE- with a number behind it" },
        { TARGET "--json=yes a", "--json takes no value" },
        { TARGET "--build-id= a", "--build-id must not be empty" },
        { TARGET "a --cacert", "--cacert needs a value: FILE" },
        { "--project-id PRJ-1 --org-id 1173 a", "the address of the service is missing" },
        { "--url x --org-id 1173 a", "--project-id PRJ-N is missing" },
    };
    struct options options;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_words(OPTIONS_REPORT, cases[i][0], &options), -1);
        assert_ptr_equal(strstr(error, cases[i][1]), error);
    }
    assert_int_equal(read_words(OPTIONS_RESUME, "--url x a", &options), -1);
    assert_int_equal(read_words(OPTIONS_RESUME, "--url x --dry-run", &options), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(usual_values), cmocka_unit_test(the_token_is_moved),
                                        cmocka_unit_test(refusals) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
