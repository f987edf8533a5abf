#include "common/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct json_document *
read_text(const char *text)
{
    struct json_document *document = NULL;
    const char *error = NULL;
    return json_read(text, strlen(text), &document, &error) == 0 ? document : NULL;
}

static void
values_are_read(void **state)
{
    (void)state;
    struct json_document *document = read_text(" {\"a\":null,\"b\":true,\"c\":-9223372036854775808,\"d\":2.5,"
                                               "\"e\":\"\\u00e9\\ud83d\\ude00\",\"f\":[1,[]],\"g\":{}} ");
    assert_non_null(document);
    const struct json_value *root = json_root(document);
    assert_int_equal(json_type(root), JSON_OBJECT);
    assert_int_equal(json_count(root), 7);
    assert_int_equal(json_type(json_member(root, "a")), JSON_NULL);
    assert_true(json_boolean(json_member(root, "b")));
    assert_true(json_integer(json_member(root, "c")) == INT64_MIN);
    assert_int_equal(json_type(json_member(root, "d")), JSON_REAL);
    size_t length;
    assert_string_equal(json_string(json_member(root, "e"), &length), "\xC3\xA9\xF0\x9F\x98\x80");
    assert_int_equal(length, 6);
    assert_int_equal(json_count(json_member(root, "f")), 2);
    assert_null(json_member(root, "h"));
    assert_null(json_member(json_member(root, "f"), "a"));
    const char *key;
    assert_ptr_equal(json_at(root, 6, &key), json_member(root, "g"));
    assert_string_equal(key, "g");
    assert_null(json_at(root, 7, &key));
    json_free(document);
}

static void
numbers_keep_their_kind(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_type type;
    } cases[] = { { "0", JSON_INTEGER },
                  { "-0", JSON_INTEGER },
                  { "9223372036854775807", JSON_INTEGER },
                  { "90.0", JSON_REAL },
                  { "9e1", JSON_REAL },
                  { "90.5", JSON_REAL },
                  { "-9223372036854775808", JSON_INTEGER },
                  { "9223372036854775808", JSON_REAL },
                  { "-9223372036854775809", JSON_REAL },
                  { "99999999999999999999999999", JSON_REAL },
                  { "1e999", JSON_REAL },
                  { "-1E999", JSON_REAL },
                  { "\"\\u0000\"", JSON_STRING_WITH_NUL },
                  { "\"a\\u0000b\"", JSON_STRING_WITH_NUL } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_document *document = read_text(cases[i].text);
        assert_non_null(document);
        assert_int_equal(json_type(json_root(document)), cases[i].type);
        json_free(document);
    }
}

static void
what_is_no_json_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "{\"a\":1",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "'a'",
        "01",
        "+1",
        "1.",
        ".5",
        "NaN",
        "Infinity",
        "nul",
        "1 2",
        "{} {}",
        "[1]x",
        "/**/1",
        "1//x",
        "\"\n\"",
        "\"\\x\"",
        "\"\\u12\"",
        "{\"\\u0000\":1}",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800x\"",
        "\"\xFF\"",
        "\"\xC0\x80\"",
        "\"\xED\xA0\x80\"",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "\xEF\xBB\xBF{}",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct json_document *document = read_text(bad[i]);
        if (document) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

static void
an_escaped_backslash_begins_no_escape(void **state)
{
    (void)state;
    struct json_document *document = read_text("\"\\\\ud800\"");
    assert_non_null(document);
    assert_string_equal(json_string(json_root(document), NULL), "\\ud800");
    json_free(document);
}

static void
nul_is_refused(void **state)
{
    (void)state;
    struct json_document *document;
    const char *error;
    assert_int_equal(json_read("\"a\0b\"", 5, &document, &error), -1);
    assert_int_equal(json_read("{}\0", 3, &document, &error), -1);
}

/* The message names the mark, which nobody sees. */
static void
a_byte_order_mark_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } bodies[] = { { "\xEF\xBB\xBF{}", 5 }, { "\xFF\xFE{\0}\0", 6 }, { "\xFE\xFF\0{\0}", 6 } };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct json_document *document;
        const char *error;
        assert_int_equal(json_read(bodies[i].bytes, bodies[i].length, &document, &error), -1);
        assert_non_null(strstr(error, "byte order mark"));
    }
}

static void
nest(char *text, int depth)
{
    memset(text, '[', (size_t)depth);
    memset(text + depth, ']', (size_t)depth);
    text[2 * depth] = '\0';
}

static void
depth_is_bounded(void **state)
{
    (void)state;
    static char text[200001];
    struct json_document *document;
    const char *error;
    nest(text, 16);
    assert_int_equal(json_read(text, 32, &document, &error), 0);
    json_free(document);
    nest(text, 17);
    assert_int_equal(json_read(text, 34, &document, &error), -1);
    nest(text, 100000);
    assert_int_equal(json_read(text, 200000, &document, &error), -1);
}

/* Of every type, and however they are nested: what a document costs does not grow with its length. */
static void
values_are_bounded(void **state)
{
    (void)state;
    static const char *const kinds[] = { "null", "true", "7", "1.5", "\"\"", "[]", "{}", "[[[]]]" };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        static char text[1 << 20];
        const size_t each = i == COUNT(kinds) - 1 ? 3 : 1, size = strlen(kinds[i]);
        size_t length = 1;
        text[0] = '[';
        for (size_t nodes = 1; length + size + 2 < sizeof(text); nodes += each) {
            struct json_document *document = NULL;
            const char *error = NULL;
            memcpy(text + length, kinds[i], size);
            text[length + size] = ']';
            if (nodes > JSON_NODES_MAX - 8 && nodes < JSON_NODES_MAX + 8) {
                int outcome = json_read(text, length + size + 1, &document, &error);
                assert_int_equal(outcome, nodes + each <= JSON_NODES_MAX ? 0 : -1);
                json_free(document);
            }
            text[length + size] = ',';
            length += size + 1;
        }
        const char *error = NULL;
        struct json_document *document = NULL;
        text[length - 1] = ']';
        assert_int_equal(json_read(text, length, &document, &error), -1);
        assert_non_null(strstr(error, "too many values"));
    }
}

static void
keys_are_bounded(void **state)
{
    (void)state;
    for (int keys = 64; keys <= 65; keys++) {
        char text[2000] = "{";
        for (int i = 0; i < keys; i++) {
            sprintf(text + strlen(text), "%s\"k%d\":0", i ? "," : "", i);
        }
        strcat(text, "}");
        struct json_document *document = read_text(text);
        assert_int_equal(document != NULL, keys == 64);
        json_free(document);
    }
}

static void
documents_are_written(void **state)
{
    (void)state;
    struct json_writer *writer = json_writer_new();
    for (int round = 0; round < 2; round++) {
        size_t length;
        json_writer_reset(writer);
        json_open_object(writer);
        json_text_member(writer, "t", "a\"\n\x01\xC3\xA9");
        json_text_member(writer, "none", NULL);
        json_integer_member(writer, "i", INT64_MIN);
        json_boolean_member(writer, "b", true);
        json_key(writer, "r");
        json_put_raw(writer, "{\"x\":[]}", 8);
        json_key(writer, "l");
        json_open_array(writer);
        json_put_null(writer);
        json_put_text(writer, "a\xFF"
                              "b");
        json_close_array(writer);
        json_close_object(writer);
        const char *bytes = json_writer_bytes(writer, &length);
        static const char expected[] =
            "{\"t\":\"a\\\"\\n\\u0001\xC3\xA9\",\"none\":null,\"i\":-9223372036854775808,\"b\":true,"
            "\"r\":{\"x\":[]},\"l\":[null,\"a\xEF\xBF\xBD"
            "b\"]}";
        assert_int_equal(length, sizeof(expected) - 1);
        assert_memory_equal(bytes, expected, length);
    }
    json_writer_free(writer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(a_byte_order_mark_is_named),
        cmocka_unit_test(numbers_keep_their_kind),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(an_escaped_backslash_begins_no_escape),
        cmocka_unit_test(nul_is_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(values_are_bounded),
        cmocka_unit_test(keys_are_bounded),
        cmocka_unit_test(documents_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
