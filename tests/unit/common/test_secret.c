#include "common/memory.h"
#include "common/secret.h"
#include <argon2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct secret_cost cheap = { 8192, 1, 1 };

static void
a_hash_matches_its_secret_only(void **state)
{
    (void)state;
    char encoded[SECRET_HASH_SIZE];
    assert_int_equal(secret_hash("open sesame", 11, &cheap, encoded), 0);
    assert_int_equal(strncmp(encoded, "$argon2id$v=19$m=8192,t=1,p=1$", 30), 0);
    assert_int_equal(secret_verify(encoded, "open sesame", 11), SECRET_MATCH);
    assert_int_equal(secret_verify(encoded, "open sesamE", 11), SECRET_MISMATCH);
    assert_int_equal(secret_verify(encoded, "open sesam", 10), SECRET_MISMATCH);
    assert_int_equal(secret_verify(encoded, "", 0), SECRET_MISMATCH);
}

/* Both ways: libargon2 is the other implementation of the encoded form. */
static void
the_encoded_form_is_libargon2s(void **state)
{
    (void)state;
    char encoded[SECRET_HASH_SIZE], theirs[SECRET_HASH_SIZE];
    const struct secret_cost costs[] = { { 8192, 1, 1 }, { 9000, 3, 2 }, { 64, 2, 4 } };
    for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
        assert_int_equal(secret_hash("open sesame", 11, &costs[i], encoded), 0);
        assert_int_equal(argon2id_verify(encoded, "open sesame", 11), ARGON2_OK);
        assert_int_equal(argon2id_verify(encoded, "open sesamE", 11), ARGON2_VERIFY_MISMATCH);
        assert_int_equal(argon2id_hash_encoded(costs[i].time, costs[i].memory_kib, costs[i].parallelism, "x",
                                               1, "somesaltsomesalt", 16, 32, theirs, sizeof(theirs)),
                         ARGON2_OK);
        assert_int_equal(secret_verify(theirs, "x", 1), SECRET_MATCH);
        assert_int_equal(secret_verify(theirs, "y", 1), SECRET_MISMATCH);
    }
}

static void
memory_of_a_hash_goes_back(void **state)
{
    (void)state;
    char encoded[SECRET_HASH_SIZE];
    struct secret_memory memory = { 0 };
    secret_use_memory(&memory);
    size_t before = memory_resident(), mib = 1024 * 1024;
    const struct secret_cost dear = { 65536, 1, 1 };
    for (int i = 0; i < 2; i++) {
        assert_int_equal(secret_hash("x", 1, &dear, encoded), 0);
        assert_int_equal(secret_hash("x", 1, &cheap, encoded), 0);
        assert_int_equal(secret_verify(encoded, "x", 1), SECRET_MATCH);
        assert_true(memory_resident() > before + 60 * mib);
        secret_release_memory(&memory);
        assert_true(memory_resident() < before + 8 * mib);
    }
    secret_use_memory(NULL);
    assert_int_equal(secret_hash("x", 1, &dear, encoded), 0);
    assert_true(memory_resident() < before + 8 * mib);
}

static void
two_hashes_of_one_secret_differ(void **state)
{
    (void)state;
    char one[SECRET_HASH_SIZE], other[SECRET_HASH_SIZE];
    assert_int_equal(secret_hash("x", 1, &cheap, one), 0);
    assert_int_equal(secret_hash("x", 1, &cheap, other), 0);
    assert_string_not_equal(one, other);
}

static void
costs_out_of_range_are_refused(void **state)
{
    (void)state;
    char encoded[SECRET_HASH_SIZE] = "before";
    const struct secret_cost none = { 8192, 0, 1 };
    assert_int_equal(secret_hash("x", 1, &none, encoded), -1);
    assert_string_equal(encoded, "before");
}

static void
what_is_no_hash_of_ours_is_malformed(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "$argon2id$",
        "$argon2i$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=2097152,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=8192,t=65,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=8192,t=1,p=17$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=8192,t=1,p=1$!!!$???",
        "$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA",
        "$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$",
        "$argon2id$v=19$m=8192,t=1,p=1$c29t$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA$A",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(secret_verify(others[i], "x", 1), SECRET_MALFORMED);
    }
}

static void
another_cost_needs_a_rehash(void **state)
{
    (void)state;
    char encoded[SECRET_HASH_SIZE];
    assert_int_equal(secret_hash("x", 1, &cheap, encoded), 0);
    assert_false(secret_needs_rehash(encoded, &cheap));
    assert_true(secret_needs_rehash(encoded, &(struct secret_cost){ 8193, 1, 1 }));
    assert_true(secret_needs_rehash(encoded, &(struct secret_cost){ 8192, 2, 1 }));
    assert_true(secret_needs_rehash(encoded, &(struct secret_cost){ 8192, 1, 2 }));
    assert_true(secret_needs_rehash("nonsense", &cheap));
}

static void
base62_uses_its_whole_alphabet(void **state)
{
    (void)state;
    char text[6201];
    bool seen[256] = { false };
    size_t kinds = 0;
    secret_random_base62(text, sizeof(text) - 1);
    assert_int_equal(strlen(text), sizeof(text) - 1);
    for (size_t i = 0; text[i]; i++) {
        kinds += !seen[(unsigned char)text[i]];
        seen[(unsigned char)text[i]] = true;
    }
    assert_int_equal(kinds, 62);
}

static void
a_digest_depends_on_bytes_and_key(void **state)
{
    (void)state;
    unsigned char one[SECRET_DIGEST_SIZE], other[SECRET_DIGEST_SIZE], key[SECRET_DIGEST_SIZE] = { 1 };
    secret_digest("a", 1, NULL, one);
    secret_digest("a", 1, NULL, other);
    assert_true(secret_equal(one, other, sizeof(one)));
    secret_digest("b", 1, NULL, other);
    assert_false(secret_equal(one, other, sizeof(one)));
    secret_digest("a", 1, key, other);
    assert_false(secret_equal(one, other, sizeof(one)));
}

static void
wiping_leaves_zeros(void **state)
{
    (void)state;
    char text[] = "secret";
    secret_wipe(text, sizeof(text));
    assert_memory_equal(text, "\0\0\0\0\0\0", sizeof(text));
    secret_wipe(NULL, 5);
}

static void
a_cost_can_be_imitated(void **state)
{
    (void)state;
    char encoded[SECRET_HASH_SIZE], imitated[SECRET_HASH_SIZE] = "as before", expected[SECRET_HASH_SIZE];
    assert_int_equal(secret_hash("secret", 6, &cheap, encoded), 0);
    assert_true(secret_imitate_cost(encoded, "m=64,t=3,p=2", imitated));
    assert_false(secret_needs_rehash(imitated, &(struct secret_cost){ 64, 3, 2 }));
    assert_int_equal(secret_verify(imitated, "secret", 6), SECRET_MISMATCH);
    memcpy(expected, imitated, sizeof(expected));
    static const char *const wrong[] = {
        "",
        "none",
        "m=64,t=3",
        "m=64,t=3,p=2$c2FsdA",
        "m=64,t=65,p=1",
        "m=9999999,t=1,p=1",
        "m=64,t=1,p=1,keyid=00000000000000000000000000000000000000000000000"
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(secret_imitate_cost(encoded, wrong[i], imitated));
    }
    assert_false(secret_imitate_cost("nonsense", "m=64,t=3,p=2", imitated));
    assert_false(secret_imitate_cost("$argon2id$v=19$m=8192", "m=64,t=3,p=2", imitated));
    assert_string_equal(imitated, expected);
}

int
main(void)
{
    secret_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_matches_its_secret_only),
        cmocka_unit_test(the_encoded_form_is_libargon2s),
        cmocka_unit_test(memory_of_a_hash_goes_back),
        cmocka_unit_test(two_hashes_of_one_secret_differ),
        cmocka_unit_test(costs_out_of_range_are_refused),
        cmocka_unit_test(what_is_no_hash_of_ours_is_malformed),
        cmocka_unit_test(another_cost_needs_a_rehash),
        cmocka_unit_test(a_cost_can_be_imitated),
        cmocka_unit_test(base62_uses_its_whole_alphabet),
        cmocka_unit_test(a_digest_depends_on_bytes_and_key),
        cmocka_unit_test(wiping_leaves_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
