#include "common/config_value.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define LABEL_50 "a23456789.b23456789.c23456789.d23456789.e23456789."

static void
assert_all_good(const char *(*check)(const char *), const char *const *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (check(values[i])) {
            fail_msg("\"%s\" %s", values[i], check(values[i]));
        }
    }
}

static void
assert_all_refused(const char *(*check)(const char *), const char *const *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!check(values[i])) {
            fail_msg("\"%s\" was taken", values[i]);
        }
    }
}

static void
test_line(void **state)
{
    static const char *const good[] = { "", "host=a dbname=b", "K\xc3\xa4se <k@example.org>" };
    static const char *const bad[] = { "a\nb", "a\n", "\t", "\x1b[2J", "\x7f" };
    (void)state;
    assert_all_good(config_value_line, good, COUNT(good));
    assert_all_refused(config_value_line, bad, COUNT(bad));
}

static void
test_listen(void **state)
{
    static const char *const good[] = {
        "127.0.0.1:8080",
        "0.0.0.0:0",
        "[::]:80",
        "[::1]:65535",
        "localhost:8080",
        "a-b.example.org:1",
        "my_host:1",
        "unix:/run/testkase.sock",
        LABEL_50 LABEL_50 LABEL_50 LABEL_50 LABEL_50 "xyz:1",
    };
    static const char *const bad[] = {
        "",
        "8080",
        ":8080",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:99999999999999999999",
        "127.0.0.1:-1",
        "127.0.0.1:+1",
        "127.0.0.1: 80",
        "127.0.0.1:80 ",
        "127.0.0.1:0x50",
        "127.0.0.1:http",
        "127.0.0.256:80",
        "127.1:80",
        "::1:8080",
        "[::1]",
        "[::1]8080",
        "[::1:8080",
        "[]:80",
        "[127.0.0.1]:80",
        "[fe80::1%eth0]:80",
        "a b:80",
        "-a:80",
        ".a:80",
        "a..b:80",
        "a.:80",
        "h\xc3\xb6st:80",
        "http://127.0.0.1:8080",
        "unix:",
        "unix:/",
        "unix:run/testkase.sock",
        "unix:/run/a\nb",
        "UNIX:/run/a",
        LABEL_50 LABEL_50 LABEL_50 LABEL_50 LABEL_50 "wxyz:1",
    };
    (void)state;
    assert_all_good(config_value_listen, good, COUNT(good));
    assert_all_refused(config_value_listen, bad, COUNT(bad));
}

static void
test_listen_list(void **state)
{
    static const char *const good[] = {
        "127.0.0.1:80",
        "127.0.0.1:80,[::1]:80",
        " 127.0.0.1:80 , unix:/run/a.sock ",
        "[::]:80,0.0.0.0:80,unix:/a,unix:/b",
    };
    static const char *const bad[] = { "",
                                       ",",
                                       "127.0.0.1:80,",
                                       ",127.0.0.1:80",
                                       "127.0.0.1:80,,[::1]:80",
                                       "127.0.0.1:80 [::1]:80",
                                       "127.0.0.1:80;[::1]:80",
                                       "unix:/a,b" };
    (void)state;
    assert_all_good(config_value_listen_list, good, COUNT(good));
    assert_all_refused(config_value_listen_list, bad, COUNT(bad));
}

static void
test_mode(void **state)
{
    static const char *const bad[] = { "",          "66",   "1660",  "0668", "00660",
                                       "rw-rw----", "+660", "0x1b0", "06600" };
    long mode = 0;
    (void)state;
    assert_null(config_value_mode("0660", &mode));
    assert_int_equal(mode, 0660);
    assert_null(config_value_mode("777", &mode));
    assert_int_equal(mode, 0777);
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_non_null(config_value_mode(bad[i], &mode));
    }
    assert_int_equal(mode, 0777);
}

static void
test_socket_path_fits_the_kernel(void **state)
{
    char value[200] = "unix:/";
    (void)state;
    memset(value + 6, 'p', 106);
    assert_null(config_value_listen(value));
    value[6 + 106] = 'p';
    assert_non_null(strstr(config_value_listen(value), "too long"));
}

static void
test_origin_is_normalized(void **state)
{
    static const struct {
        const char *value;
        const char *origin;
    } cases[] = {
        { "http://127.0.0.1:8080", "http://127.0.0.1:8080" },
        { "https://pat.example.org/", "https://pat.example.org" },
        { "HTTPS://PAT.Example.ORG:443/", "https://pat.example.org" },
        { "http://pat.example.org:80", "http://pat.example.org" },
        { "http://pat.example.org:443", "http://pat.example.org:443" },
        { "https://pat.example.org:80", "https://pat.example.org:80" },
        { "https://pat.example.org:44", "https://pat.example.org:44" },
        { "https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443" },
        { "http://localhost", "http://localhost" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *origin = NULL;
        assert_null(config_value_origin(cases[i].value, &origin));
        assert_string_equal(origin, cases[i].origin);
        free(origin);
    }
}

static void
test_origin_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "pat.example.org",
        "ftp://pat.example.org",
        "http:/pat.example.org",
        "https://",
        "https:///",
        "https://:443",
        "https://pat.example.org//",
        "https://pat.example.org/x",
        "https://pat.example.org?",
        "https://pat.example.org/?a=b",
        "https://pat.example.org#a",
        "https://user@pat.example.org",
        "https://user:secret@pat.example.org",
        "https://pat.example.org:0",
        "https://pat.example.org:65536",
        "https://pat.example.org:",
        "https://pat.example.org\r\nX: y",
        "https://pat example.org",
        " https://pat.example.org",
        "https://p\xc3\xa4t.example.org",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        char *origin = (char *)"untouched";
        if (!config_value_origin(bad[i], &origin)) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
        assert_string_equal(origin, "untouched");
    }
}

static void
test_smtp(void **state)
{
    static const char *const good[] = {
        "smtp://localhost",           "smtp://user:pass@host:587", "smtps://mail.example.org",
        "SMTPS://a%40b:p%2Fw@host:1", "smtp://[::1]:25",           "smtp://user:p%23ss@host:587",
        "smtp://host:587/client",
    };
    static const char *const bad[] = {
        "",
        "smtp://",
        "smtp://user:pass@",
        "smtp://user:pa/ss@host",
        "smtp://user:p@ss@host:587",
        "smtp://user:12/ss@host",
        "smtp://user:12#ss@host",
        "smtp://user:12?ss@host",
        "smtp://user@x#y:587",
        "smtp://host#x",
        "smtp://host:0",
        "smtp://host:x",
        "http://host",
        "host:587",
        "smtp://host/\nx",
        "smtp://a b",
    };
    (void)state;
    assert_all_good(config_value_smtp, good, COUNT(good));
    assert_all_refused(config_value_smtp, bad, COUNT(bad));
}

static void
test_networks_are_normalized(void **state)
{
    static const struct {
        const char *value;
        const char *networks;
    } cases[] = {
        { "10.0.0.0/8", "10.0.0.0/8" },
        { "127.0.0.1", "127.0.0.1/32" },
        { "::1", "::1/128" },
        { " 10.1.2.3/8 ,  ::1 ", "10.0.0.0/8,::1/128" },
        { "255.255.255.255/0", "0.0.0.0/0" },
        { "255.255.255.255/1", "128.0.0.0/1" },
        { "255.255.255.255/31", "255.255.255.254/31" },
        { "192.168.77.255/23", "192.168.76.0/23" },
        { "2001:DB8:ffff::1/33", "2001:db8:8000::/33" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128",
          "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128" },
        { "::/0,0.0.0.0/0", "::/0,0.0.0.0/0" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *networks = NULL;
        assert_null(config_value_networks(cases[i].value, &networks));
        assert_string_equal(networks, cases[i].networks);
        free(networks);
    }
}

static void
test_networks_refused(void **state)
{
    static const char *const bad[] = {
        "",
        ",",
        "10.0.0.0/8,",
        ",10.0.0.0/8",
        "10.0.0.0/8,,::1",
        "10.0.0.0/33",
        "::/129",
        "10.0.0.0/",
        "10.0.0.0/-1",
        "10.0.0.0/08",
        "10.0.0.0/8/8",
        "10.0.0/8",
        "10.0.0.0 /8",
        "10.0.0.0/ 8",
        "10.0.0.0/8;::1",
        "localhost",
        "[::1]",
        "fe80::1%eth0",
        "010.0.0.1",
        "/8",
        "10.0.0.0/8\n",
        "unix:",
        "10.0.0.0/8 ::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555/128",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        char *networks = (char *)"untouched";
        if (!config_value_networks(bad[i], &networks)) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
        assert_string_equal(networks, "untouched");
    }
}

static void
test_many_long_networks(void **state)
{
    static const char longest[] = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    enum { ITEMS = 1000 };
    char *list = calloc(ITEMS, sizeof(longest));
    char *networks = NULL;
    (void)state;
    assert_non_null(list);
    for (size_t i = 0; i < ITEMS; i++) {
        memcpy(list + i * sizeof(longest), longest, strlen(longest));
        list[i * sizeof(longest) + strlen(longest)] = i + 1 < ITEMS ? ',' : '\0';
    }
    assert_null(config_value_networks(list, &networks));
    assert_int_equal(strlen(networks), ITEMS * (strlen(longest) + 4 + 1) - 1);
    free(networks);
    free(list);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_listen),
        cmocka_unit_test(test_socket_path_fits_the_kernel),
        cmocka_unit_test(test_origin_is_normalized),
        cmocka_unit_test(test_origin_refused),
        cmocka_unit_test(test_smtp),
        cmocka_unit_test(test_listen_list),
        cmocka_unit_test(test_mode),
        cmocka_unit_test(test_networks_are_normalized),
        cmocka_unit_test(test_networks_refused),
        cmocka_unit_test(test_many_long_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
