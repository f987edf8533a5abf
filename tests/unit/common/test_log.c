#include "common/clock.h"
#include "common/log.h"
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <yajl/yajl_parse.h>

#include <cmocka.h>

#define WALL_US    1738367999123456 /* 2025-01-31T23:59:59.123456Z */
#define TIME       "time=2025-01-31T23:59:59.123Z "
#define JSON_TIME  "{\"time\":\"2025-01-31T23:59:59.123Z\","
#define LINE_LIMIT 8192

/* While a test runs, stderr is one end of a datagram pair: one write(2), one datagram. */
struct capture {
    int reader;
    int real_stderr;
};

static int
begin(void **state)
{
    struct capture *capture = calloc(1, sizeof(*capture));
    int ends[2];
    if (!capture || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends)) {
        free(capture);
        return -1;
    }
    capture->real_stderr = dup(STDERR_FILENO);
    capture->reader = ends[0];
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    unsetenv("JOURNAL_STREAM");
    clock_freeze(0, WALL_US);
    log_setup("testkase", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    *state = capture;
    return 0;
}

static int
end(void **state)
{
    struct capture *capture = *state;
    dup2(capture->real_stderr, STDERR_FILENO);
    close(capture->real_stderr);
    close(capture->reader);
    free(capture);
    clock_release();
    return 0;
}

static void
read_line(void **state, char line[2 * LINE_LIMIT])
{
    struct capture *capture = *state;
    ssize_t count = recv(capture->reader, line, 2 * LINE_LIMIT - 1, MSG_DONTWAIT);
    assert_true(count > 0);
    line[count] = '\0';
    assert_int_equal(strlen(line), count);
    assert_ptr_equal(strchr(line, '\n'), line + count - 1);
}

static void
assert_line(void **state, const char *expected)
{
    char line[2 * LINE_LIMIT];
    read_line(state, line);
    line[strlen(line) - 1] = '\0';
    assert_string_equal(line, expected);
}

static void
assert_silence(void **state)
{
    struct capture *capture = *state;
    char byte = 0;
    assert_int_equal(recv(capture->reader, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

/* Whether yajl, which checks UTF-8 as well, takes the text as one JSON value. */
static int
is_json(const char *text)
{
    yajl_handle parser = yajl_alloc(NULL, NULL, NULL);
    int good = yajl_parse(parser, (const unsigned char *)text, strlen(text)) == yajl_status_ok &&
               yajl_complete_parse(parser) == yajl_status_ok;
    yajl_free(parser);
    return good;
}

static void
test_text_form(void **state)
{
    log_setup("testkase-server", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_warning("connection lost", log_text("host", "db1"), log_number("pending", 3));
    assert_line(state,
                TIME "level=warning program=testkase-server msg=\"connection lost\" host=db1 pending=3");
    log_info("started");
    assert_line(state, TIME "level=info program=testkase-server msg=started");
    log_error("numbers", log_number("least", INT64_MIN), log_number("most", INT64_MAX));
    assert_line(state, TIME "level=error program=testkase-server msg=numbers least=-9223372036854775808 "
                            "most=9223372036854775807");
}

static void
test_json_form(void **state)
{
    log_setup("testkase-server", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_warning("connection lost", log_text("host", "db1"), log_number("pending", -3));
    assert_line(state, JSON_TIME "\"level\":\"warning\",\"program\":\"testkase-server\","
                                 "\"msg\":\"connection lost\",\"host\":\"db1\",\"pending\":-3}");
}

static void
test_threshold(void **state)
{
    log_debug("quiet");
    assert_silence(state);
    log_setup("testkase", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    log_warning("quiet");
    log_info("quiet");
    assert_silence(state);
    assert_false(log_enabled(LOG_LEVEL_WARNING));
    assert_true(log_enabled(LOG_LEVEL_ERROR));
    log_setup("testkase", LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
    log_debug("heard");
    assert_line(state, TIME "level=debug program=testkase msg=heard");
}

static void
test_quoting(void **state)
{
    static const struct {
        const char *value;
        const char *shown;
    } cases[] = {
        { "plain-1.2:3/[4],{5}", "plain-1.2:3/[4],{5}" },
        { "", "\"\"" },
        { NULL, "\"\"" },
        { "two words", "\"two words\"" },
        { "a=b", "\"a=b\"" },
        { "say \"no\"", "\"say \\\"no\\\"\"" },
        { "back\\slash", "\"back\\\\slash\"" },
        { "a\nlevel=error\r\tb", "\"a\\nlevel=error\\r\\tb\"" },
        { "\x1b[31mred\x7f\x01", "\"\\u001b[31mred\\u007f\\u0001\"" },
        { "Zo\xc3\xab \xe6\x9d\xb1 \xf0\x9f\x99\x82", "\"Zo\xc3\xab \xe6\x9d\xb1 \xf0\x9f\x99\x82\"" },
        { "\xc2\x80\xc2\x85\xc2\x9f", "\"\\u0080\\u0085\\u009f\"" },         /* C1, with its ends */
        { "\xc2\xa0", "\"\xc2\xa0\"" },                                      /* the first behind C1 */
        { "\xe2\x80\xae\xe2\x81\xa6\xd8\x9c", "\"\\u202e\\u2066\\u061c\"" }, /* bidirectional controls */
        { "\xe2\x80\xa8\xe2\x80\xa9", "\"\\u2028\\u2029\"" },                /* separators */
        { "\xff\xc3", "\"\\xff\\xc3\"" },                                    /* not UTF-8, cut short */
        { "\xc0\xaf\xed\xa0\x80", "\"\\xc0\\xaf\\xed\\xa0\\x80\"" },         /* overlong, surrogate */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[256];
        snprintf(expected, sizeof(expected), TIME "level=info program=testkase msg=m value=%s next=1",
                 cases[i].shown);
        log_info("m", log_text("value", cases[i].value), log_number("next", 1));
        assert_line(state, expected);
    }
}

static void
test_json_escapes(void **state)
{
    log_setup("testkase", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_info("a\nb", log_text("value", "\"\\\x1b\x7f\xff\xe2\x80\xa8\xf0\x9f\x99\x82"));
    assert_line(state, JSON_TIME "\"level\":\"info\",\"program\":\"testkase\",\"msg\":\"a\\nb\","
                                 "\"value\":\"\\\"\\\\\\u001b\\u007f\\ufffd\\u2028\xf0\x9f\x99\x82\"}");
}

static void
test_any_byte_gives_one_valid_line(void **state)
{
    for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
        log_setup("testkase", LOG_LEVEL_INFO, (enum log_format)format);
        for (int first = 1; first < 256; first++) {
            const char value[] = { (char)first, (char)(first ^ 0x55), '\x80', '\n', '\0' };
            char line[2 * LINE_LIMIT];
            log_info(value, log_text("value", value));
            read_line(state, line);
            for (const char *c = line; *c && *c != '\n'; c++) {
                assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
            }
            assert_true(format == LOG_FORMAT_TEXT || is_json(line));
        }
    }
}

/* Lines around the limit: bounded, one datagram, valid, with the mark exactly when something is missing. */
static void
check_cut(void **state, enum log_format format, const char *unit, const char *tail_key)
{
    static char value[3 * LINE_LIMIT];
    static char line[2 * LINE_LIMIT];
    size_t seen_whole = 0, seen_cut = 0, width = strlen(unit), length = 0;
    for (; length < 7000; length += width) {
        memcpy(value + length, unit, width);
    }
    for (; length < 9000; length += width) {
        memcpy(value + length, unit, width + 1);
        log_info("m", log_text("value", value), log_number(tail_key, 42));
        read_line(state, line);
        assert_in_range(strlen(line), 1, LINE_LIMIT);
        int cut = strstr(line, "truncated") != NULL;
        /* strstr() may take quadratic time */
        int whole = memmem(line, strlen(line), value, length + width) && strstr(line, tail_key);
        assert_int_equal(cut, !whole);
        assert_true(format == LOG_FORMAT_TEXT || is_json(line));
        if (cut && format == LOG_FORMAT_TEXT) {
            assert_non_null(strstr(line, " truncated=true\n"));
        }
        *(cut ? &seen_cut : &seen_whole) += 1;
    }
    assert_true(seen_whole > 0 && seen_cut > 0);
}

static void
test_long_lines_are_cut(void **state)
{
    for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
        log_setup("testkase", LOG_LEVEL_INFO, (enum log_format)format);
        check_cut(state, (enum log_format)format, "x", "tail");
        check_cut(state, (enum log_format)format, "\xc3\xa9", "tail");
        check_cut(state, (enum log_format)format, "\xf0\x9f\x99\x82", "a_tail_with_a_long_name");
    }
}

static void
test_escapes_are_not_split_by_the_cut(void **state)
{
    static char value[3 * LINE_LIMIT];
    char line[2 * LINE_LIMIT];
    memset(value, '\x1b', sizeof(value) - 1);
    for (size_t shift = 0; shift < 6; shift++) {
        memset(value, 'x', shift);
        log_info("m", log_text("value", value));
        read_line(state, line);
        assert_in_range(strlen(line), LINE_LIMIT - 64, LINE_LIMIT);
        assert_non_null(strstr(line, "\\u001b\" truncated=true\n"));
    }
}

static void
test_many_fields_are_cut_between_fields(void **state)
{
    char line[2 * LINE_LIMIT];
    char value[1024];
    memset(value, 'y', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    log_setup("testkase", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_info("m", log_text("a", value), log_text("b", value), log_text("c", value), log_text("d", value),
             log_text("e", value), log_text("f", value), log_text("g", value), log_text("h", value),
             log_number("i", 1), log_text("j", value));
    read_line(state, line);
    assert_true(is_json(line));
    assert_non_null(strstr(line, "y\",\"truncated\":true}\n"));
    assert_null(strstr(line, "\"j\""));
}

static void
set_journal_stream(unsigned long long inode_offset)
{
    struct stat status;
    char stream[64];
    assert_int_equal(fstat(STDERR_FILENO, &status), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino + inode_offset);
    setenv("JOURNAL_STREAM", stream, 1);
}

static void
test_journald_gets_priorities_and_no_time(void **state)
{
    set_journal_stream(0);
    log_setup("testkase", LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
    log_error("m");
    assert_line(state, "<3>level=error program=testkase msg=m");
    log_warning("m");
    assert_line(state, "<4>level=warning program=testkase msg=m");
    log_info("m");
    assert_line(state, "<6>level=info program=testkase msg=m");
    log_debug("m");
    assert_line(state, "<7>level=debug program=testkase msg=m");
}

static void
test_json_has_no_prefix_under_journald(void **state)
{
    set_journal_stream(0);
    log_setup("testkase", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_info("m");
    assert_line(state, JSON_TIME "\"level\":\"info\",\"program\":\"testkase\",\"msg\":\"m\"}");
}

static void
test_inherited_journal_stream_is_not_ours(void **state)
{
    set_journal_stream(1);
    log_setup("testkase", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_info("m");
    assert_line(state, TIME "level=info program=testkase msg=m");
}

static void
test_dates(void **state)
{
    static const struct {
        int64_t seconds;
        const char *time;
    } cases[] = {
        { -5, "1970-01-01T00:00:00.000Z" },           { 0, "1970-01-01T00:00:00.000Z" },
        { 951782399, "2000-02-28T23:59:59.000Z" },    { 951782400, "2000-02-29T00:00:00.000Z" },
        { 951868800, "2000-03-01T00:00:00.000Z" },    { 1709164800, "2024-02-29T00:00:00.000Z" },
        { 1735689599, "2024-12-31T23:59:59.000Z" },   { 1735689600, "2025-01-01T00:00:00.000Z" },
        { 4107542400, "2100-03-01T00:00:00.000Z" },   { 253402300799, "9999-12-31T23:59:59.000Z" },
        { 353402300799, "9999-12-31T23:59:59.000Z" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[128];
        clock_freeze(0, cases[i].seconds * 1000000);
        snprintf(expected, sizeof(expected), "time=%s level=info program=testkase msg=m", cases[i].time);
        log_info("m");
        assert_line(state, expected);
    }
}

static void
test_errno_is_kept(void **state)
{
    errno = ENOENT;
    log_info("m");
    assert_int_equal(errno, ENOENT);
    close(STDERR_FILENO); /* end() gives it back */
    log_info("nobody hears this");
    assert_int_equal(errno, ENOENT);
    (void)state;
}

#define THREADS 4
#define EVENTS  200

static void *
log_many(void *unused)
{
    for (int i = 0; i < EVENTS; i++) {
        log_info("from a thread", log_number("event", i), log_text("text", "line\nend"));
    }
    return unused;
}

static void
test_threads_do_not_mix_lines(void **state)
{
    struct capture *capture = *state;
    pthread_t threads[THREADS];
    const char expected[] = TIME "level=info program=testkase msg=\"from a thread\" event=";
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, NULL), 0);
    }
    for (int i = 0; i < THREADS * EVENTS; i++) {
        struct pollfd ready = { .fd = capture->reader, .events = POLLIN };
        char line[2 * LINE_LIMIT];
        assert_int_equal(poll(&ready, 1, 10000), 1);
        read_line(state, line);
        assert_memory_equal(line, expected, strlen(expected));
        assert_non_null(strstr(line, " text=\"line\\nend\"\n"));
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

static void
test_logging_does_not_allocate(void **state)
{
    char line[2 * LINE_LIMIT];
    struct mallinfo2 before = mallinfo2();
    log_error("m", log_text("value", "\x1b\xff plain"), log_number("number", 1));
    struct mallinfo2 after = mallinfo2();
    assert_int_equal(after.uordblks, before.uordblks);
    assert_int_equal(after.fordblks, before.fordblks);
    read_line(state, line);
}

/* Runs `failure` in a child, which must abort, and reads the line that it logged. */
static void
read_last_line_of(void (*failure)(void), void **state, char *ret_line)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        log_setup("testkase", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
        failure();
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    read_line(state, ret_line);
}

static void
test_out_of_memory_logs_and_aborts(void **state)
{
    char line[2 * LINE_LIMIT];
    read_last_line_of(log_out_of_memory, state, line);
    assert_non_null(strstr(line, "level=error program=testkase msg=\"out of memory"));
    assert_null(strstr(line, "error=\""));
}

static void
fail_for_want_of_threads(void)
{
    log_fatal("cannot start a thread", EAGAIN);
}

static void
test_a_fatal_failure_logs_its_reason_and_aborts(void **state)
{
    char line[2 * LINE_LIMIT];
    read_last_line_of(fail_for_want_of_threads, state, line);
    assert_non_null(strstr(line, "level=error program=testkase msg=\"cannot start a thread\" "
                                 "error=\"Resource temporarily unavailable\""));
}

#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CAPTURED(test_text_form),
        CAPTURED(test_json_form),
        CAPTURED(test_threshold),
        CAPTURED(test_quoting),
        CAPTURED(test_json_escapes),
        CAPTURED(test_any_byte_gives_one_valid_line),
        CAPTURED(test_long_lines_are_cut),
        CAPTURED(test_escapes_are_not_split_by_the_cut),
        CAPTURED(test_many_fields_are_cut_between_fields),
        CAPTURED(test_journald_gets_priorities_and_no_time),
        CAPTURED(test_json_has_no_prefix_under_journald),
        CAPTURED(test_inherited_journal_stream_is_not_ours),
        CAPTURED(test_dates),
        CAPTURED(test_errno_is_kept),
        CAPTURED(test_threads_do_not_mix_lines),
        CAPTURED(test_logging_does_not_allocate),
        CAPTURED(test_out_of_memory_logs_and_aborts),
        CAPTURED(test_a_fatal_failure_logs_its_reason_and_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
