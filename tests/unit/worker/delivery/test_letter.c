#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "worker/delivery/letter.h"
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct letter
example(void)
{
    return (struct letter){
        .id = "3f0c3d0f-2d6b-4f0e-9a57-2f1c0b7f3a11",
        .from = "testkase@mail.example.test",
        .to = "ada@example.test",
        .to_name = "Ada",
        .subject = "CI was generated",
        .items = "[{\"heading\":\"<b>CI\\u0026</"
                 "b>\",\"sentences\":[\"One.\",null,\"\\\"Two\\\".\"],\"path\":\"/x\"}]",
        .public_url = "https://a.test",
    };
}

/* The value of a header field; NULL when there is none. It lives as long as `fields`. */
static const char *
field(const struct curl_slist *fields, const char *name)
{
    size_t length = strlen(name);
    for (; fields; fields = fields->next) {
        if (strncmp(fields->data, name, length) == 0 && fields->data[length] == ':') {
            return fields->data + length + 2;
        }
    }
    return NULL;
}

static void
test_fields(void **state)
{
    (void)state;
    struct letter letter = example();
    struct curl_slist *fields = letter_headers(&letter);
    assert_string_equal(field(fields, "From"), "TestKase\r\n <testkase@mail.example.test>");
    assert_string_equal(field(fields, "To"), "Ada\r\n <ada@example.test>");
    assert_string_equal(field(fields, "Subject"), "CI was generated");
    assert_string_equal(field(fields, "Message-ID"),
                        "<3f0c3d0f-2d6b-4f0e-9a57-2f1c0b7f3a11@mail.example.test>");
    assert_string_equal(field(fields, "Auto-Submitted"), "auto-generated");
    assert_null(field(fields, "List-Unsubscribe"));
    curl_slist_free_all(fields);
}

static void
test_reminders_can_be_stopped(void **state)
{
    (void)state;
    struct letter letter = example();
    letter.unsubscribe_secret = "s";
    struct curl_slist *fields = letter_headers(&letter);
    assert_string_equal(field(fields, "List-Unsubscribe"), "<https://a.test/api/v1/mail/unsubscribe/s>");
    assert_string_equal(field(fields, "List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    curl_slist_free_all(fields);
}

static void
assert_subject(const char *subject, const char *value)
{
    struct letter letter = example();
    letter.subject = subject;
    struct curl_slist *fields = letter_headers(&letter);
    assert_string_equal(field(fields, "Subject"), value);
    curl_slist_free_all(fields);
}

static void
test_subjects_are_one_field_whatever_they_hold(void **state)
{
    (void)state;
    assert_subject("a\r\nBcc: x", "=?UTF-8?B?YQ0KQmNjOiB4?=");
    assert_subject("=?UTF-8?Q?x?=", "=?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?=");
    assert_subject("é", "=?UTF-8?B?w6k=?=");
    /* 45 bytes a word, and no character in two words. */
    assert_subject("12345678901234567890123456789012345678901234é",
                   "=?UTF-8?B?MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ=?=\r\n "
                   "=?UTF-8?B?w6k=?=");
}

static void
test_names_without_letters_of_ascii(void **state)
{
    (void)state;
    struct letter letter = example();
    letter.to_name = "A\" <x@y>, \"";
    struct curl_slist *fields = letter_headers(&letter);
    assert_string_equal(field(fields, "To"), "=?UTF-8?B?QSIgPHhAeT4sICI=?=\r\n <ada@example.test>");
    curl_slist_free_all(fields);
}

static void
test_bodies(void **state)
{
    (void)state;
    struct letter letter = example();
    char *text = letter_text(&letter), *html = letter_html(&letter);
    assert_non_null(
        strstr(text, "Hello Ada,\r\n\r\n* <b>CI&</b>\r\n  One.\r\n  \"Two\".\r\n  https://a.test/x\r\n"));
    assert_non_null(strstr(html, "&lt;b&gt;CI&amp;&lt;/b&gt;"));
    assert_non_null(strstr(html, "&quot;Two&quot;."));
    assert_non_null(strstr(html, "href=\"https://a.test/x\""));
    assert_null(strstr(html, "<b>"));
    free(text);
    free(html);
}

static void
test_items_that_are_none(void **state)
{
    (void)state;
    static const char *const items[] = { NULL, "", "{}", "[1,null,{}]", "[{\"sentences\":{}}]", "[" };
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        struct letter letter = example();
        letter.items = items[i];
        char *text = letter_text(&letter), *html = letter_html(&letter);
        assert_non_null(strstr(text, "Hello Ada,"));
        assert_non_null(strstr(html, "</html>"));
        free(text);
        free(html);
    }
}

static void
test_domains(void **state)
{
    (void)state;
    char domain[16];
    letter_domain("a@b.test", domain, sizeof(domain));
    assert_string_equal(domain, "b.test");
    letter_domain("a", domain, sizeof(domain));
    assert_string_equal(domain, "localhost");
    letter_domain("a@", domain, sizeof(domain));
    assert_string_equal(domain, "localhost");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_reminders_can_be_stopped),
        cmocka_unit_test(test_subjects_are_one_field_whatever_they_hold),
        cmocka_unit_test(test_names_without_letters_of_ascii),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_items_that_are_none),
        cmocka_unit_test(test_domains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
