#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/trust.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
clear_variables(void **state)
{
    (void)state;
    unsetenv("CURL_CA_BUNDLE");
    unsetenv("SSL_CERT_FILE");
    return 0;
}

static void
what_was_named_comes_first(void **state)
{
    (void)state;
    setenv("SSL_CERT_FILE", "/of/openssl", 1);
    struct trust trust = trust_find(NULL);
    assert_string_equal(trust.file, "/of/openssl");
    assert_string_equal(trust.source, "SSL_CERT_FILE");
    setenv("CURL_CA_BUNDLE", "/of/curl", 1);
    trust = trust_find(NULL);
    assert_string_equal(trust.file, "/of/curl");
    assert_string_equal(trust.source, "CURL_CA_BUNDLE");
    trust = trust_find("/given");
    assert_string_equal(trust.file, "/given");
    assert_string_equal(trust.source, "--cacert");
}

static void
an_empty_variable_names_nothing(void **state)
{
    (void)state;
    setenv("CURL_CA_BUNDLE", "", 1);
    setenv("SSL_CERT_FILE", "", 1);
    struct trust trust = trust_find(NULL);
    assert_null(trust.source);
    assert_ptr_equal(trust.file, trust_first(trust_files));
}

static void
write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* A folder and an empty file hold no certificates. */
static void
the_first_file_with_something_in_it_is_found(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_trust.XXXXXX", empty[64], absent[64], first[64], second[64];
    assert_non_null(mkdtemp(folder));
    snprintf(empty, sizeof(empty), "%s/empty", folder);
    snprintf(absent, sizeof(absent), "%s/absent", folder);
    snprintf(first, sizeof(first), "%s/first", folder);
    snprintf(second, sizeof(second), "%s/second", folder);
    write_file(empty, "");
    write_file(first, "x");
    write_file(second, "x");
    const char *const files[] = { absent, folder, empty, first, second, NULL };
    assert_ptr_equal(trust_first(files), first);
    assert_int_equal(unlink(first), 0);
    assert_ptr_equal(trust_first(files), second);
    assert_int_equal(unlink(second), 0);
    assert_null(trust_first(files));
    unlink(empty);
    rmdir(folder);
}

static void
descriptions(void **state)
{
    (void)state;
    char text[512], small[16];
    trust_describe(&(struct trust){ "/a", "SSL_CERT_FILE" }, text, sizeof(text));
    assert_string_equal(text, "trusted are the certificates in /a (SSL_CERT_FILE)");
    trust_describe(&(struct trust){ "/a", NULL }, text, sizeof(text));
    assert_string_equal(text, "trusted are the certificates in /a");
    trust_describe(&(struct trust){ NULL, NULL }, text, sizeof(text));
    for (const char *const *file = trust_files; *file; file++) {
        assert_non_null(strstr(text, *file));
    }
    trust_describe(&(struct trust){ NULL, NULL }, small, sizeof(small));
    assert_string_equal(small, "no file with CA");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_was_named_comes_first, clear_variables),
        cmocka_unit_test_setup(an_empty_variable_names_nothing, clear_variables),
        cmocka_unit_test(the_first_file_with_something_in_it_is_found),
        cmocka_unit_test(descriptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
