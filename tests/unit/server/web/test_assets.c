#include "server/web/assets.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PREFIX_LENGTH strlen("/assets/0123456789abcdef/")

static const struct asset *
find(const char *path)
{
    return asset_find(path, strlen(path));
}

static void
test_the_table_is_sorted_and_each_asset_is_found(void **state)
{
    (void)state;
    assert_true(assets_count > 5);
    for (size_t i = 0; i < assets_count; i++) {
        assert_true(i == 0 || strcmp(assets[i - 1].path, assets[i].path) < 0);
        assert_ptr_equal(find(assets[i].path), &assets[i]);
    }
}

static void
test_pages_and_document_have_their_own_paths(void **state)
{
    (void)state;
    assert_string_equal(find("index.html")->content_type, "text/html; charset=utf-8");
    assert_string_equal(find("docs.html")->content_type, "text/html; charset=utf-8");
    assert_string_equal(find("/openapi.json")->content_type, "application/json");
}

static void
test_only_exact_paths_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < assets_count; i++) {
        const char *path = assets[i].path;
        char other[256];
        assert_null(asset_find(path, strlen(path) - 1));
        assert_null(asset_find(path + 1, strlen(path) - 1));
        snprintf(other, sizeof(other), "%s/", path);
        assert_null(find(other));
        assert_null(asset_find(other, strlen(path) + 1));
        if (strlen(path) > PREFIX_LENGTH) {
            snprintf(other, sizeof(other), "%s", path);
            other[PREFIX_LENGTH - 2] = other[PREFIX_LENGTH - 2] == '0' ? '1' : '0';
            assert_null(find(other));
            snprintf(other, sizeof(other), "/assets/%s", path + PREFIX_LENGTH);
            assert_null(find(other));
        }
    }
    assert_null(asset_find("", 0));
    assert_null(find("/"));
    assert_null(find("/assets/"));
    assert_null(find("zzz"));
    assert_null(asset_find("index.html\0", sizeof("index.html")));
}

static void
test_the_two_encodings_have_different_tags(void **state)
{
    (void)state;
    for (size_t i = 0; i < assets_count; i++) {
        const struct asset *asset = &assets[i];
        assert_int_equal(strlen(asset->plain.etag), 34);
        if (asset->gzip.bytes) {
            assert_true(asset->gzip.length < asset->plain.length);
            assert_string_not_equal(asset->gzip.etag, asset->plain.etag);
            assert_memory_equal(asset->gzip.bytes, "\x1f\x8b\x08", 3);
            assert_memory_equal(asset->gzip.bytes + 4, "\0\0\0\0", 4); /* no time in it (RFC 1952 §2.3.1) */
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_is_sorted_and_each_asset_is_found),
        cmocka_unit_test(test_pages_and_document_have_their_own_paths),
        cmocka_unit_test(test_only_exact_paths_are_found),
        cmocka_unit_test(test_the_two_encodings_have_different_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
