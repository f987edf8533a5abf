#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/encoding.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* Decodes in blocks of every size up to the length. */
static void
expect(bool is_xml, const char *bytes, size_t length, const char *expected, uint64_t repairs)
{
    for (size_t block = 1; block <= length + 1; block++) {
        struct buffer text = { 0 };
        struct encoding *encoding = encoding_new(is_xml);
        for (size_t at = 0; at < length; at += block) {
            encoding_feed(encoding, bytes + at, length - at < block ? length - at : block, &text);
        }
        encoding_finish(encoding, &text);
        assert_string_equal(buffer_text(&text), expected);
        assert_int_equal(encoding_repairs(encoding), repairs);
        encoding_free(encoding);
        buffer_free(&text);
    }
}

static void
expect_text(const char *text, const char *expected, uint64_t repairs)
{
    expect(true, text, strlen(text), expected, repairs);
}

static void
unicode(void **state)
{
    (void)state;
    expect(true, "\xef\xbb\xbf<a/>", 7, "<a/>", 0);
    expect(true, "\xff\xfe<\0a\0/\0>\0", 10, "<a/>", 0);
    expect(true, "\xfe\xff\0<\0a\0/\0>", 10, "<a/>", 0);
    expect(true, "<\0a\0/\0>\0", 8, "<a/>", 0);
    expect(true, "\xff\xfe<\0\x3d\xd8\x00\xde>\0", 10, "<\U0001F600>", 0);
    expect(true, "\xff\xfe<\0\x3d\xd8>\0", 8, "<\uFFFD>", 1);
    expect_text("\n \n<?xml version='1.0' encoding='utf-16'?><ä/>",
                "<?xml version='1.0' encoding='utf-16'?><ä/>", 0);
    expect(false, "\xff\xfe{\0}\0", 6, "{}", 0);
}

static void
code_pages(void **state)
{
    (void)state;
    expect_text("<?xml version='1.0' encoding=\"WINDOWS-1251\"?>\xe6",
                "<?xml version='1.0' encoding=\"WINDOWS-1251\"?>ж", 0);
    expect_text("<?xml encoding='iso-8859-1'?>\xe9\x80", "<?xml encoding='iso-8859-1'?>é€", 0);
    expect_text("<?xml encoding='gbk'?>\xe9", "<?xml encoding='gbk'?>é",
                1); /* unknown: as UTF-8 with repairs */
}

static void
invalid_utf8(void **state)
{
    (void)state;
    expect_text("<a>\xe9t\xe9</a>", "<a>été</a>", 2);
    expect_text("<a>\xf0\x9f\x98</a>", "<a>ð\u0178˜</a>", 3);
    expect_text("<a>\xed\xa0\x80</a>",
                "<a>í\xc2\xa0"
                "€</a>",
                3);
}

static void
forbidden(void **state)
{
    (void)state;
    expect(true, "<a>\0\x01\x1b\t</a>", 11, "<a>\uFFFD\uFFFD\uFFFD\t</a>", 3);
    expect_text("<a>\uFFFE\uFFFF</a>", "<a>\uFFFD\uFFFD</a>", 2);
    expect_text("<a b='&#0;&#27;&#x1b;&#x1B;&#xD800;&#1114112;'/>",
                "<a b='\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD'/>", 6);
    expect_text("<a>&#10;&#x41;&amp;&lt;&#;&#x;&& &#99999999999999999999;</a>",
                "<a>&#10;&#x41;&amp;&lt;&#;&#x;&& &#99999999999999999999;</a>", 0);
}

static void
literal_text(void **state)
{
    (void)state;
    expect_text("<![CDATA[&#27; ]] > ]>]]>&#27;", "<![CDATA[&#27; ]] > ]>]]>\uFFFD", 1);
    expect_text("<!-- &#27; -> -->&#27;", "<!-- &#27; -> -->\uFFFD", 1);
    expect_text("<?pi &#27;?>&#27;<", "<?pi &#27;?>\uFFFD<", 1);
    expect_text("<![CDATA[]]]]><![CDATA[>&#27;]]>", "<![CDATA[]]]]><![CDATA[>&#27;]]>", 0);
    expect_text("<!DOCTYPE a><a>&#27", "<!DOCTYPE a><a>&#27", 0);
}

static void
lines(void **state)
{
    (void)state;
    struct buffer text = { 0 };
    struct encoding *encoding = encoding_new(true);
    encoding_feed(encoding, "\n\r\n \n<a/>", 9, &text);
    encoding_finish(encoding, &text);
    assert_int_equal(encoding_dropped_lines(encoding), 3);
    encoding_free(encoding);
    buffer_free(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(unicode),      cmocka_unit_test(code_pages),
                                        cmocka_unit_test(invalid_utf8), cmocka_unit_test(forbidden),
                                        cmocka_unit_test(literal_text), cmocka_unit_test(lines) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
