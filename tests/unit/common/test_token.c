#include "common/secret.h"
#include "common/token.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
a_new_token_is_well_formed(void **state)
{
    (void)state;
    char token[TOKEN_LENGTH + 1], lookup[TOKEN_LOOKUP_LENGTH + 1], preview[TOKEN_PREVIEW_SIZE];
    for (int i = 0; i < 100; i++) {
        token_make(token);
        assert_int_equal(strlen(token), TOKEN_LENGTH);
        assert_true(token_parse(token, TOKEN_LENGTH, lookup));
        assert_memory_equal(lookup, token + 7, TOKEN_LOOKUP_LENGTH);
        token_preview(token, preview);
        assert_memory_equal(preview, token, 15);
        assert_memory_equal(preview + 15, "...", 3);
        assert_string_equal(preview + 18, token + 55);
    }
}

static void
two_tokens_differ(void **state)
{
    (void)state;
    char one[TOKEN_LENGTH + 1], other[TOKEN_LENGTH + 1];
    token_make(one);
    token_make(other);
    assert_string_not_equal(one, other);
}

/* The checksum was computed with Python's zlib.crc32. */
static void
the_checksum_is_the_documented_one(void **state)
{
    (void)state;
    static const char token[] = "tk_pat_a1b2c3d4ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmn"
                                "43ekcB";
    assert_int_equal(sizeof(token) - 1, TOKEN_LENGTH);
    assert_true(token_parse(token, TOKEN_LENGTH, NULL));
}

static void
every_changed_byte_is_noticed(void **state)
{
    (void)state;
    char token[TOKEN_LENGTH + 1], lookup[TOKEN_LOOKUP_LENGTH + 1] = "before";
    token_make(token);
    for (size_t at = 0; at < TOKEN_LENGTH; at++) {
        static const char others[] = "0Zz-_ \n\x80";
        for (size_t i = 0; i < sizeof(others); i++) {
            char kept = token[at];
            if (kept == others[i]) {
                continue;
            }
            token[at] = others[i];
            assert_false(token_parse(token, TOKEN_LENGTH, lookup));
            token[at] = kept;
        }
    }
    assert_string_equal(lookup, "before");
}

static void
another_length_is_refused(void **state)
{
    (void)state;
    char token[TOKEN_LENGTH + 2];
    token_make(token);
    token[TOKEN_LENGTH] = '0';
    for (size_t length = 0; length <= TOKEN_LENGTH + 1; length++) {
        assert_int_equal(token_parse(token, length, NULL), length == TOKEN_LENGTH);
    }
}

int
main(void)
{
    secret_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_token_is_well_formed),         cmocka_unit_test(two_tokens_differ),
        cmocka_unit_test(the_checksum_is_the_documented_one), cmocka_unit_test(every_changed_byte_is_noticed),
        cmocka_unit_test(another_length_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
