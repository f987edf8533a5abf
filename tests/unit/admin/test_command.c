#include "admin/command.h"
#include "admin/migrate.h"
#include "admin/org.h"
#include "admin/project.h"
#include "admin/status.h"
#include "admin/token.h"
#include "admin/user.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(words) ((int)(sizeof(words) / sizeof((words)[0])))

static const struct command sample = {
    .name = "thing do",
    .summary = "do a thing",
    .description = "One line.\n\nAnother.",
    .examples = "testkase-admin thing do X",
    .arguments = { { "ID|-", "What.", true }, { "NAME", "Whose.", false } },
    .options = { { "org", "ID", "Where.", true }, { "fast", NULL, "How.", false } },
};

static void
name_of_two_words_is_matched(void **state)
{
    (void)state;
    char *whole[] = { "thing", "do", "7" }, *half[] = { "thing" }, *other[] = { "thing", "dot" },
         *longer[] = { "things", "do" };
    assert_int_equal(command_match(&sample, COUNT(whole), whole), 2);
    assert_int_equal(command_match(&sample, COUNT(half), half), 0);
    assert_int_equal(command_match(&sample, COUNT(other), other), 0);
    assert_int_equal(command_match(&sample, COUNT(longer), longer), 0);
    assert_int_equal(command_match(&sample, 0, whole), 0);
}

static struct command_call
read_well(int count, char **words)
{
    struct command_call call;
    char error[256] = "";
    if (command_read(&sample, count, words, &call, error, sizeof(error)) < 0) {
        fail_msg("%s", error);
    }
    return call;
}

static void
options_stand_anywhere(void **state)
{
    (void)state;
    char *words[] = { "--json", "7", "--org", "1173", "--fast", "Ada" };
    struct command_call call = read_well(COUNT(words), words);
    assert_true(call.json);
    assert_string_equal(call.arguments[0], "7");
    assert_string_equal(call.arguments[1], "Ada");
    assert_string_equal(command_value(&call, "org"), "1173");
    assert_string_equal(command_value(&call, "fast"), "");
    assert_false(call.token_in_argv);
    command_forget(&call);
}

static void
value_after_equals_and_end_of_options(void **state)
{
    (void)state;
    char *words[] = { "--org=", "--", "-", "--json" };
    struct command_call call = read_well(COUNT(words), words);
    assert_string_equal(command_value(&call, "org"), "");
    assert_string_equal(call.arguments[1], "--json");
    assert_false(call.json);
    assert_null(command_value(&call, "fast"));
    assert_null(command_value(&call, "unheard-of"));
    command_forget(&call);
}

static void
token_is_moved_out_of_argv(void **state)
{
    (void)state;
    char token[] = "tk_pat_secret", *words[] = { "--org", "1", token, "Ada" };
    struct command_call call = read_well(COUNT(words), words);
    assert_true(call.token_in_argv);
    assert_string_equal(call.arguments[0], "tk_pat_secret");
    for (size_t i = 0; i < sizeof(token); i++) {
        assert_int_equal(token[i], 0);
    }
    command_forget(&call);
    assert_null(call.hidden[0]);
}

static void
dash_and_number_are_no_tokens(void **state)
{
    (void)state;
    char *dash[] = { "--org", "1", "-", "Ada" }, *number[] = { "--org", "1", "0042", "Ada" };
    struct command_call call = read_well(COUNT(dash), dash);
    assert_false(call.token_in_argv);
    call = read_well(COUNT(number), number);
    assert_false(call.token_in_argv);
    assert_ptr_equal(call.arguments[0], number[2]);
}

static void
help_needs_nothing_else(void **state)
{
    (void)state;
    char *words[] = { "--help" }, *short_form[] = { "-h", "--nonsense" };
    struct command_call call = read_well(COUNT(words), words);
    assert_true(call.help);
    call = read_well(COUNT(short_form), short_form);
    assert_true(call.help);
}

static void
mistakes_are_named(void **state)
{
    (void)state;
    const struct {
        int count;
        char *words[6];
        const char *error;
    } mistakes[] = {
        { 3, { "--org", "1", "7" }, "NAME is missing" },
        { 2, { "7", "Ada" }, "--org ID is missing" },
        { 5, { "7", "Ada", "--org", "1", "--org=2" }, "--org is given twice" },
        { 5, { "7", "Ada", "--org=1", "--fast", "--fast" }, "--fast is given twice" },
        { 4, { "7", "Ada", "--org=1", "--fast=yes" }, "--fast takes no value" },
        { 3, { "7", "Ada", "--org" }, "--org needs a value: ID" },
        { 3, { "7", "Ada", "--or=1" }, "there is no option --or" },
        { 3, { "7", "Ada", "--secret=tk_pat_x" }, "there is no option --secret" },
        { 5, { "7", "Ada", "Lovelace", "--org", "1" }, "there are too many arguments" },
        { 0, { NULL }, "ID|- is missing" },
    };
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct command_call call;
        char error[256] = "";
        assert_int_equal(
            command_read(&sample, mistakes[i].count, (char **)mistakes[i].words, &call, error, sizeof(error)),
            -1);
        assert_string_equal(error, mistakes[i].error);
    }
}

static char *
help_of(const struct command *command)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    command_print_help(out, command);
    fclose(out);
    return text;
}

static void
help_tells_all_of_it(void **state)
{
    (void)state;
    char *text = help_of(&sample);
    assert_non_null(strstr(text, "testkase-admin thing do ID|- NAME --org ID [--fast] [--json]\n"));
    assert_non_null(strstr(text, "\nDESCRIPTION\n    One line.\n\n    Another.\n"));
    assert_non_null(strstr(text, "\n    --org ID\n        Where.\n"));
    free(text);
}

static void
check_words(const char *text)
{
    assert_non_null(text);
    for (const char *line = text; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n')) {
        if (strcspn(line, "\n") > 100) {
            fail_msg("a line of the help is too long: %.*s", (int)strcspn(line, "\n"), line);
        }
    }
}

/* Every table ends, every row is whole and its help fits a terminal. */
static void
tables_are_whole(void **state)
{
    (void)state;
    const struct command *tables[] = { migrate_commands, status_commands,  org_commands,
                                       user_commands,    project_commands, token_commands };
    int count = 0;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (const struct command *command = tables[i]; command->name; command++, count++) {
            assert_non_null(command->run);
            assert_non_null(command->summary);
            assert_non_null(command->examples);
            check_words(command->description);
            for (int j = 0; command->options[j].name; j++) {
                assert_true(j < COMMAND_OPTIONS_MAX);
                check_words(command->options[j].meaning);
                assert_true(command->options[j].value || !command->options[j].required);
            }
            for (int j = 0; command->arguments[j].name; j++) {
                assert_true(j < COMMAND_ARGUMENTS_MAX);
                check_words(command->arguments[j].meaning);
            }
        }
    }
    assert_int_equal(count, 19);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_of_two_words_is_matched),
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(value_after_equals_and_end_of_options),
        cmocka_unit_test(token_is_moved_out_of_argv),
        cmocka_unit_test(dash_and_number_are_no_tokens),
        cmocka_unit_test(help_needs_nothing_else),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(help_tells_all_of_it),
        cmocka_unit_test(tables_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
