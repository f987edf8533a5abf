#include "common/config.h"
#include "common/processors.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ENV(...)     ((const char *const[]){ __VA_ARGS__, NULL })
#define MARK         "hunter2hunter2" /* stands for a password in every secret here */
#define VALUE_LIMIT  65536
#define ALL_PROGRAMS (CONFIG_SERVER | CONFIG_WORKER | CONFIG_ADMIN | CONFIG_REPORTER)

/* In place of the library's. */
static int processors = 5;

int
processors_usable(void)
{
    return processors;
}

static struct config *
load(const char *const *environment, enum config_program program)
{
    struct config *config = NULL;
    char error[256] = "";
    if (config_load(environment, program, &config, error, sizeof(error)) != 0) {
        fail_msg("refused: %s", error);
    }
    return config;
}

/* Checks that the environment is refused with one line that holds `part` and no secret. */
static void
assert_refused(const char *const *environment, enum config_program program, const char *part)
{
    struct config *untouched = (struct config *)&untouched;
    struct config *config = untouched;
    char error[256] = "";
    int result = config_load(environment, program, &config, error, sizeof(error));
    if (result != -1 || !strstr(error, part)) {
        fail_msg("%s: expected \"%s\", got %d \"%s\"", environment[0], part, result, error);
    }
    assert_ptr_equal(config, untouched);
    assert_null(strstr(error, MARK));
    for (const char *c = error; *c; c++) {
        assert_in_range(*c, ' ', '~');
    }
}

static void
test_defaults(void **state)
{
    static const char *const nothing[] = { NULL };
    struct config *config = load(nothing, CONFIG_SERVER);
    (void)state;
    assert_string_equal(config->database_url, "postgresql:///testkase");
    assert_string_equal(config->listen, "127.0.0.1:8080");
    assert_string_equal(config->public_url, "http://127.0.0.1:8080");
    assert_int_equal(config->threads, 5);
    assert_string_equal(config->trusted_proxies, "");
    assert_int_equal(config->argon2_memory_kib, 19456);
    assert_int_equal(config->argon2_time, 2);
    assert_int_equal(config->argon2_parallelism, 1);
    assert_int_equal(config->rate_limit, 600);
    assert_int_equal(config->rate_burst, 120);
    assert_int_equal(config->log_level, LOG_LEVEL_INFO);
    assert_int_equal(config->log_format, LOG_FORMAT_TEXT);
    assert_string_equal(config->metrics_listen, "");
    assert_string_equal(config->smtp_url, "");
    assert_string_equal(config->mail_from, "");
    assert_string_equal(config->url, "");
    assert_string_equal(config->pat, "");
    config_free(config);
}

static void
test_a_big_machine_has_no_more_than_8_threads(void **state)
{
    (void)state;
    static const char *const nothing[] = { NULL };
    processors = 64;
    struct config *config = load(nothing, CONFIG_SERVER);
    assert_int_equal(config->threads, 8);
    config_free(config);
    config = load(ENV("TESTKASE_THREADS=64"), CONFIG_SERVER);
    assert_int_equal(config->threads, 64);
    config_free(config);
    processors = 5;
}

static void
test_server_variables(void **state)
{
    const char *const *environment =
        ENV("PATH=/bin", "TESTKASE_DATABASE_URL=host=a,b user=x", "TESTKASE_LISTEN=unix:/run/t.sock",
            "TESTKASE_PUBLIC_URL=https://Pat.example.org:443/", "TESTKASE_THREADS=7",
            "TESTKASE_TRUSTED_PROXIES=127.0.0.1, 10.0.0.0/8", "TESTKASE_ARGON2_MEMORY_KIB=8192",
            "TESTKASE_ARGON2_TIME=64", "TESTKASE_ARGON2_PARALLELISM=16", "TESTKASE_RATE_LIMIT=1000000",
            "TESTKASE_RATE_BURST=1", "TESTKASE_LOG_LEVEL=debug", "TESTKASE_LOG_FORMAT=json",
            "TESTKASE_METRICS_LISTEN=[::1]:9090");
    struct config *config = load(environment, CONFIG_SERVER);
    (void)state;
    assert_string_equal(config->database_url, "host=a,b user=x");
    assert_string_equal(config->listen, "unix:/run/t.sock");
    assert_string_equal(config->public_url, "https://pat.example.org");
    assert_int_equal(config->threads, 7);
    assert_string_equal(config->trusted_proxies, "127.0.0.1/32,10.0.0.0/8");
    assert_int_equal(config->argon2_memory_kib, 8192);
    assert_int_equal(config->argon2_time, 64);
    assert_int_equal(config->argon2_parallelism, 16);
    assert_int_equal(config->rate_limit, 1000000);
    assert_int_equal(config->rate_burst, 1);
    assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(config->log_format, LOG_FORMAT_JSON);
    assert_string_equal(config->metrics_listen, "[::1]:9090");
    config_free(config);
}

static void
test_worker_and_reporter_variables(void **state)
{
    const char *const *environment =
        ENV("TESTKASE_SMTP_URL=smtp://u:" MARK "@host:587", "TESTKASE_MAIL_FROM=pat@example.org",
            "TESTKASE_URL=https://pat.example.org/", "TESTKASE_PAT=tk_pat_x");
    struct config *worker = load(environment, CONFIG_WORKER);
    struct config *reporter = load(environment, CONFIG_REPORTER);
    (void)state;
    assert_string_equal(worker->smtp_url, "smtp://u:" MARK "@host:587");
    assert_string_equal(worker->mail_from, "pat@example.org");
    assert_string_equal(worker->pat, "");
    assert_string_equal(reporter->smtp_url, "");
    assert_string_equal(reporter->url, "https://pat.example.org");
    assert_string_equal(reporter->pat, "tk_pat_x");
    config_free(worker);
    config_free(reporter);
}

static void
test_what_others_read_is_ignored(void **state)
{
    const char *const *environment =
        ENV("TESTKASE_URL=::::", "TESTKASE_PAT=", "TESTKASE_PAT_FILE=/nowhere", "TESTKASE_ADMIN_EMAIL=x",
            "TESTKASE_ADMIN_PASSWORD=" MARK, "TESTKASE_BIN=/opt", "TESTKASE_ADMIN_DATABASE_URL=host=owner",
            "TESTKASE_SMTP_URL=nonsense", "TESTKASE_SMTP_URL_FILE=/nowhere");
    struct config *config = load(environment, CONFIG_SERVER);
    (void)state;
    assert_string_equal(config->database_url, "postgresql:///testkase");
    assert_string_equal(config->smtp_url, "");
    config_free(config);
}

static void
test_admin_database_goes_first(void **state)
{
    const char *const *both =
        ENV("TESTKASE_DATABASE_URL=host=server", "TESTKASE_ADMIN_DATABASE_URL=host=owner");
    const char *const *one = ENV("TESTKASE_DATABASE_URL=host=server", "TESTKASE_ADMIN_DATABASE_URL=");
    struct config *admin = load(both, CONFIG_ADMIN);
    struct config *worker = load(both, CONFIG_WORKER);
    struct config *fallback = load(one, CONFIG_ADMIN);
    (void)state;
    assert_string_equal(admin->database_url, "host=owner");
    assert_string_equal(worker->database_url, "host=server");
    assert_string_equal(fallback->database_url, "host=server");
    config_free(admin);
    config_free(worker);
    config_free(fallback);
}

static void
test_number_edges(void **state)
{
    static const struct {
        const char *name;
        long minimum;
        long maximum;
    } numbers[] = {
        { "TESTKASE_THREADS", 1, 256 },        { "TESTKASE_ARGON2_MEMORY_KIB", 8192, 1048576 },
        { "TESTKASE_ARGON2_TIME", 1, 64 },     { "TESTKASE_ARGON2_PARALLELISM", 1, 16 },
        { "TESTKASE_RATE_LIMIT", 1, 1000000 }, { "TESTKASE_RATE_BURST", 1, 100000 },
    };
    static const char *const bad[] = { " ",   " 9000",  "+9000",
                                       "-1",  "9000.0", "0x2328",
                                       "1e4", "many",   "99999999999999999999" };
    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        const long edges[] = { numbers[i].minimum, numbers[i].maximum, numbers[i].minimum - 1,
                               numbers[i].maximum + 1 };
        char entry[128], range[64];
        snprintf(range, sizeof(range), "%s must be a whole number from %ld to %ld", numbers[i].name,
                 numbers[i].minimum, numbers[i].maximum);
        for (size_t j = 0; j < COUNT(edges); j++) {
            snprintf(entry, sizeof(entry), "%s=%ld", numbers[i].name, edges[j]);
            if (j < 2) {
                config_free(load(ENV(entry), CONFIG_SERVER));
            } else {
                assert_refused(ENV(entry), CONFIG_SERVER, range);
            }
        }
        for (size_t j = 0; j < COUNT(bad); j++) {
            snprintf(entry, sizeof(entry), "%s=%s", numbers[i].name, bad[j]);
            assert_refused(ENV(entry), CONFIG_SERVER, range);
        }
    }
}

static void
test_bad_values(void **state)
{
    (void)state;
    assert_refused(ENV("TESTKASE_LOG_LEVEL=warn"), CONFIG_SERVER,
                   "TESTKASE_LOG_LEVEL must be debug, info, warning or error, not \"warn\"");
    assert_refused(ENV("TESTKASE_LOG_LEVEL=INFO"), CONFIG_SERVER, "TESTKASE_LOG_LEVEL must be");
    assert_refused(ENV("TESTKASE_LOG_FORMAT=xml"), CONFIG_SERVER,
                   "TESTKASE_LOG_FORMAT must be text or json, not \"xml\"");
    assert_refused(ENV("TESTKASE_LISTEN=8080"), CONFIG_SERVER, "TESTKASE_LISTEN must be host:port");
    assert_refused(ENV("TESTKASE_METRICS_LISTEN=9090"), CONFIG_WORKER, "TESTKASE_METRICS_LISTEN must be");
    assert_refused(ENV("TESTKASE_PUBLIC_URL=https://a/b"), CONFIG_SERVER, "TESTKASE_PUBLIC_URL must be");
    assert_refused(ENV("TESTKASE_TRUSTED_PROXIES=proxy"), CONFIG_SERVER, "TESTKASE_TRUSTED_PROXIES must be");
    assert_refused(ENV("TESTKASE_MAIL_FROM=a@b\r\nBcc: c@d"), CONFIG_WORKER, "TESTKASE_MAIL_FROM must be");
    assert_refused(ENV("TESTKASE_MAIL_FROM=TestKase <a@example.org>"), CONFIG_WORKER,
                   "TESTKASE_MAIL_FROM must be");
    assert_refused(ENV("TESTKASE_SMTP_URL=smtp://host"), CONFIG_WORKER, "TESTKASE_SMTP_URL is set, and");
    assert_refused(ENV("TESTKASE_URL=pat.example.org"), CONFIG_REPORTER, "TESTKASE_URL must be");
    assert_refused(ENV("TESTKASE_LISTEN=\x1b[2J\xff\n"), CONFIG_SERVER, "not \"?[2J??\"");
}

static void
test_errors_hold_no_secret(void **state)
{
    (void)state;
    assert_refused(ENV("TESTKASE_DATABASE_URL=postgresql://u:" MARK "@h/\n"), CONFIG_SERVER,
                   "TESTKASE_DATABASE_URL must be one line");
    assert_refused(ENV("TESTKASE_SMTP_URL=" MARK), CONFIG_WORKER, "TESTKASE_SMTP_URL must be like smtp://");
    assert_refused(ENV("TESTKASE_PAT=" MARK "\n"), CONFIG_REPORTER, "TESTKASE_PAT must be one line");
    assert_refused(ENV("TESTKASE_PUBLIC_URL=https://u:" MARK "@h"), CONFIG_SERVER, "TESTKASE_PUBLIC_URL");
    assert_refused(ENV("TESTKASE_SMTP_URL_FILE=smtp://u:" MARK "@h"), CONFIG_WORKER,
                   "TESTKASE_SMTP_URL_FILE names a file that cannot be opened: No such file or directory");
    assert_refused(ENV("TESTKASE_SMTP_URI=smtp://u:" MARK "@h"), CONFIG_WORKER, "TESTKASE_SMTP_URI");
    assert_refused(ENV("TESTKASE_LISTEN=host=a password=" MARK), CONFIG_SERVER, "TESTKASE_LISTEN must be");
    assert_refused(ENV("TESTKASE_PUBLIC_URL=https://u:" MARK "#x"), CONFIG_SERVER,
                   "TESTKASE_PUBLIC_URL must");
    assert_refused(ENV("TESTKASE_LOG_LEVEL=tk_pat_" MARK), CONFIG_SERVER, "TESTKASE_LOG_LEVEL must be");
}

static void
test_unknown_variables(void **state)
{
    static const struct {
        const char *entry;
        const char *error;
    } cases[] = {
        { "TESTKASE_LISTN=x", "TESTKASE_LISTN is not a known variable; did you mean TESTKASE_LISTEN?" },
        { "TESTKASE_THREAD=2", "did you mean TESTKASE_THREADS?" },
        { "TESTKASE_RATELIMIT=2", "did you mean TESTKASE_RATE_LIMIT?" },
        { "TESTKASE_DATABSE_URL_FILE=2", "did you mean TESTKASE_DATABASE_URL_FILE?" },
        { "TESTKASE_LISTEN_FILE=2", "TESTKASE_LISTEN_FILE is not a known variable; --help lists" },
        { "TESTKASE_FROBNICATE=2", "TESTKASE_FROBNICATE is not a known variable; --help lists" },
        { "TESTKASE_RATE_LIMI", "did you mean TESTKASE_RATE_LIMIT?" },
        { "TESTKASE_=2", "TESTKASE_ is not a known variable" },
        { "TESTKASE_listen=2", "TESTKASE_listen is not a known variable" },
        { "TESTKASE_\n\x1b=2", "TESTKASE_?? is not a known variable" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_refused(ENV(cases[i].entry), CONFIG_REPORTER, cases[i].error);
    }
    config_free(load(ENV("testkase_listen=x", "XTESTKASE_A=x", "TESTKASE=x", "=x", ""), CONFIG_SERVER));
}

static void
test_long_unknown_name(void **state)
{
    char entry[4096] = "TESTKASE_";
    (void)state;
    memset(entry + strlen(entry), 'A', sizeof(entry) - strlen(entry) - 1);
    assert_refused(ENV(entry), CONFIG_SERVER, "AAA is not a known variable");
}

static void
test_small_error_buffer(void **state)
{
    struct config *config = NULL;
    char error[8] = "1234567";
    (void)state;
    assert_int_equal(config_load(ENV("TESTKASE_X=1"), CONFIG_SERVER, &config, error, sizeof(error)), -1);
    assert_string_equal(error, "TESTKAS");
}

static void
test_an_empty_value_is_unset(void **state)
{
    const char *const *environment =
        ENV("TESTKASE_THREADS=", "TESTKASE_ARGON2_TIME=", "TESTKASE_LOG_LEVEL=", "TESTKASE_LOG_FORMAT=",
            "TESTKASE_SOCKET_MODE=", "TESTKASE_RATE_LIMIT=", "TESTKASE_RATE_BURST=", "TESTKASE_NO_SUCH=");
    struct config *config = load(environment, CONFIG_SERVER);
    (void)state;
    assert_int_equal(config->threads, 5);
    assert_int_equal(config->argon2_time, 2);
    assert_int_equal(config->log_level, LOG_LEVEL_INFO);
    assert_int_equal(config->log_format, LOG_FORMAT_TEXT);
    assert_int_equal(config->socket_mode, 0600);
    assert_int_equal(config->rate_limit, 600);
    config_free(config);
}

static void
test_variables_of_container_services_are_passed_over(void **state)
{
    const char *const *environment =
        ENV("TESTKASE_SERVICE_HOST=10.0.0.1", "TESTKASE_SERVICE_PORT=8080", "TESTKASE_SERVICE_PORT_HTTP=8080",
            "TESTKASE_PORT=tcp://10.0.0.1:8080", "TESTKASE_PORT_8080_TCP=tcp://10.0.0.1:8080",
            "TESTKASE_PORT_8080_TCP_PROTO=tcp", "TESTKASE_PORT_8080_TCP_PORT=8080",
            "TESTKASE_PORT_8080_TCP_ADDR=10.0.0.1", "TESTKASE_SERVER_SERVICE_HOST=10.0.0.1",
            "TESTKASE_DB_1_PORT_5432_TCP_ADDR=10.0.0.1", "TESTKASE_PORT_53_UDP=udp://10.0.0.1:53",
            "TESTKASE_DB_NAME=/web/testkase_db", "TESTKASE_DB_ENV_PG_MAJOR=15", "TESTKASE_THREADS=3");
    struct config *config = load(environment, CONFIG_SERVER);
    (void)state;
    assert_int_equal(config->threads, 3);
    config_free(config);
}

static void
test_what_only_looks_like_them_is_refused(void **state)
{
    static const char *const entries[] = { "TESTKASE_PORT=8080", "TESTKASE_SERVICEHOST=10.0.0.1",
                                           "TESTKASE_NAME=x", "TESTKASE_PORT_HTTP_TCP=x",
                                           "TESTKASE_SERVICE_HOSTS=10.0.0.1" };
    (void)state;
    for (size_t i = 0; i < COUNT(entries); i++) {
        assert_refused(ENV(entries[i]), CONFIG_SERVER, "is not a known variable");
    }
}

static void
test_empty_text_is_unset(void **state)
{
    const char *const *environment =
        ENV("TESTKASE_DATABASE_URL=", "TESTKASE_DATABASE_URL_FILE=", "TESTKASE_LISTEN=",
            "TESTKASE_PUBLIC_URL=", "TESTKASE_TRUSTED_PROXIES=", "TESTKASE_METRICS_LISTEN=");
    struct config *config = load(environment, CONFIG_SERVER);
    (void)state;
    assert_string_equal(config->database_url, "postgresql:///testkase");
    assert_string_equal(config->listen, "127.0.0.1:8080");
    assert_string_equal(config->public_url, "http://127.0.0.1:8080");
    assert_string_equal(config->trusted_proxies, "");
    assert_string_equal(config->metrics_listen, "");
    config_free(config);
}

static void
test_oversized_value(void **state)
{
    const char name[] = "TESTKASE_DATABASE_URL=";
    char *entry = calloc(1, sizeof(name) + VALUE_LIMIT + 1);
    (void)state;
    assert_non_null(entry);
    memcpy(entry, name, strlen(name));
    memset(entry + strlen(name), 'x', VALUE_LIMIT);
    config_free(load(ENV(entry), CONFIG_SERVER));
    entry[strlen(name) + VALUE_LIMIT] = 'x';
    assert_refused(ENV(entry), CONFIG_SERVER, "TESTKASE_DATABASE_URL has more than 65536 bytes");
    free(entry);
}

/* A file with this content, as TESTKASE_DATABASE_URL_FILE=... */
struct secret_file {
    char path[64];
    char entry[128];
};

static void
make_file(struct secret_file *file, const void *content, size_t length)
{
    snprintf(file->path, sizeof(file->path), "/tmp/testkase-config-XXXXXX");
    int descriptor = mkstemp(file->path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, content, length), length);
    close(descriptor);
    snprintf(file->entry, sizeof(file->entry), "TESTKASE_DATABASE_URL_FILE=%s", file->path);
}

static void
assert_file_gives(const char *content, size_t length, const char *expected)
{
    struct secret_file file;
    make_file(&file, content, length);
    struct config *config = load(ENV(file.entry), CONFIG_SERVER);
    unlink(file.path);
    assert_string_equal(config->database_url, expected);
    config_free(config);
}

static void
assert_file_refused(const char *content, size_t length, const char *part)
{
    struct secret_file file;
    make_file(&file, content, length);
    assert_refused(ENV(file.entry), CONFIG_SERVER, part);
    unlink(file.path);
}

static void
test_secret_from_file(void **state)
{
    (void)state;
    assert_file_gives("host=a", 6, "host=a");
    assert_file_gives("host=a\n", 7, "host=a");
    assert_file_gives(" host=a ", 8, " host=a ");
    assert_file_refused("host=" MARK "\n\n", 7 + strlen(MARK), "must be one line");
    assert_file_refused("host=" MARK "\r\n", 7 + strlen(MARK), "must be one line");
    assert_file_refused("", 0, "TESTKASE_DATABASE_URL_FILE names an empty file");
    assert_file_refused("\n", 1, "TESTKASE_DATABASE_URL_FILE names an empty file");
    assert_file_refused("host=a\0b", 8, "a NUL byte");
}

static void
test_size_of_secret_file(void **state)
{
    char *content = malloc(VALUE_LIMIT + 2);
    (void)state;
    assert_non_null(content);
    memset(content, 'x', VALUE_LIMIT + 2);
    assert_file_refused(content, VALUE_LIMIT + 2, "a file of more than 65536 bytes");
    assert_file_refused(content, VALUE_LIMIT + 1, "a file of more than 65536 bytes");
    content[VALUE_LIMIT] = '\n';
    assert_file_refused(content, VALUE_LIMIT + 2, "a file of more than 65536 bytes");
    struct secret_file file;
    make_file(&file, content, VALUE_LIMIT + 1);
    struct config *config = load(ENV(file.entry), CONFIG_SERVER);
    unlink(file.path);
    assert_int_equal(strlen(config->database_url), VALUE_LIMIT);
    config_free(config);
    free(content);
}

static void
test_variable_and_file_are_not_both_set(void **state)
{
    struct secret_file file;
    (void)state;
    make_file(&file, "host=a", 6);
    assert_refused(ENV("TESTKASE_DATABASE_URL=" MARK, file.entry), CONFIG_SERVER,
                   "TESTKASE_DATABASE_URL and TESTKASE_DATABASE_URL_FILE are both set");
    struct config *config = load(ENV("TESTKASE_DATABASE_URL=", file.entry), CONFIG_SERVER);
    assert_string_equal(config->database_url, "host=a");
    config_free(config);
    unlink(file.path);
}

static void
test_only_regular_files_are_read(void **state)
{
    char directory[] = "/tmp/testkase-config-XXXXXX";
    char fifo[64], entry[128];
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(fifo, sizeof(fifo), "%s/fifo", directory);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    snprintf(entry, sizeof(entry), "TESTKASE_DATABASE_URL_FILE=%s", fifo);
    assert_refused(ENV(entry), CONFIG_SERVER, "TESTKASE_DATABASE_URL_FILE must name a regular file");
    snprintf(entry, sizeof(entry), "TESTKASE_DATABASE_URL_FILE=%s", directory);
    assert_refused(ENV(entry), CONFIG_SERVER, "TESTKASE_DATABASE_URL_FILE must name a regular file");
    unlink(fifo);
    rmdir(directory);
}

static void
test_every_secret_has_a_file_form(void **state)
{
    static const struct {
        const char *name;
        enum config_program program;
    } secrets[] = {
        { "TESTKASE_DATABASE_URL_FILE", CONFIG_SERVER },
        { "TESTKASE_ADMIN_DATABASE_URL_FILE", CONFIG_ADMIN },
        { "TESTKASE_SMTP_URL_FILE", CONFIG_WORKER },
        { "TESTKASE_PAT_FILE", CONFIG_REPORTER },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(secrets); i++) {
        char entry[128], error[128];
        snprintf(entry, sizeof(entry), "%s=/nowhere/at/all", secrets[i].name);
        snprintf(error, sizeof(error), "%s names a file that cannot be opened", secrets[i].name);
        assert_refused(ENV(entry), secrets[i].program, error);
    }
}

static void
test_free_takes_null(void **state)
{
    (void)state;
    config_free(NULL);
}

static char *
help_of(enum config_program program)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    config_print_help(out, program);
    fclose(out);
    return text;
}

static void
test_help_is_aligned_sorted_and_narrow(void **state)
{
    (void)state;
    for (unsigned program = 1; program < ALL_PROGRAMS; program *= 2) {
        char *help = help_of((enum config_program)program);
        char last[80] = "";
        size_t column = 0;
        for (char *line = strtok(help, "\n"); line; line = strtok(NULL, "\n")) {
            size_t name = strcspn(line + 2, " ");
            size_t start = 2 + name + strspn(line + 2 + name, " ");
            assert_in_range(strlen(line), 1, 80);
            assert_true(line[strlen(line) - 1] != ' ');
            column = column ? column : start;
            assert_int_equal(start, column);
            if (name) {
                line[2 + name] = '\0';
                assert_true(strcmp(last, line + 2) < 0);
                snprintf(last, sizeof(last), "%s", line + 2);
            }
        }
        assert_true(column > 0);
        free(help);
    }
}

/* Sets a variable for each line "#NAME=value". Returns how many they are. */
static size_t
take_assignments(char *file, const char **environment, size_t most)
{
    size_t count = 0;
    for (char *line = strtok(file, "\n"); line; line = strtok(NULL, "\n")) {
        assert_int_equal(line[0], '#');
        assert_in_range(strlen(line), 1, line[1] == ' ' ? 80 : 200);
        if (line[1] != ' ') {
            assert_true(count < most);
            environment[count++] = line + 1;
        }
    }
    environment[count] = NULL;
    return count;
}

static void
test_file_lists_every_variable_with_a_valid_default(void **state)
{
    (void)state;
    for (unsigned program = 1; program < ALL_PROGRAMS; program *= 2) {
        char *file = NULL;
        size_t size = 0;
        const char *environment[64];
        char error[512];
        struct config *config = NULL;
        char *help = help_of((enum config_program)program);
        FILE *out = open_memstream(&file, &size);
        assert_non_null(out);
        config_print_file(out, (enum config_program)program);
        fclose(out);
        size_t count = take_assignments(file, environment, 63);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
            char name[80];
            snprintf(name, sizeof(name), "  %.*s ", (int)strcspn(environment[i], "="), environment[i]);
            assert_non_null(strstr(help, name));
        }
        if (config_load(environment, (enum config_program)program, &config, error, sizeof(error)) < 0) {
            fail_msg("%s", error);
        }
        config_free(config);
        free(help);
        free(file);
    }
}

/* Joins the lines of a wrapped text, so that a sentence can be looked for. */
static void
unwrap(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        char c = *from == '\n' ? ' ' : *from;
        if (c != ' ' || (to > text && to[-1] != ' ')) {
            *to++ = c;
        }
    }
    *to = '\0';
}

static void
test_help_states_defaults(void **state)
{
    static const struct {
        enum config_program program;
        const char *text;
    } cases[] = {
        { CONFIG_SERVER, "TESTKASE_DATABASE_URL PostgreSQL connection" },
        { CONFIG_SERVER, "Default: postgresql:///testkase." },
        { CONFIG_SERVER, "TESTKASE_DATABASE_URL_FILE Path of a file" },
        { CONFIG_SERVER, "TESTKASE_THREADS Event-loop threads; each has 7 connections to PostgreSQL. From 1 "
                         "to 256. Default: "
                         "number of usable cores, 8 at most." },
        { CONFIG_SERVER, "From 8192 to 1048576. Default: 19456." },
        { CONFIG_SERVER, "Default: 127.0.0.1:8080." },
        { CONFIG_SERVER, "Default: http://127.0.0.1:8080." },
        { CONFIG_WORKER, "TESTKASE_SMTP_URL_FILE" },
        { CONFIG_WORKER, "TESTKASE_MAIL_FROM Sender address of mail. Default: none." },
        { CONFIG_ADMIN, "TESTKASE_ADMIN_DATABASE_URL_FILE" },
        { CONFIG_REPORTER, "TESTKASE_URL" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *help = help_of(cases[i].program);
        unwrap(help);
        if (!strstr(help, cases[i].text)) {
            fail_msg("\"%s\" is not in: %s", cases[i].text, help);
        }
        free(help);
    }
}

static void
test_help_holds_what_the_program_reads(void **state)
{
    char *server = help_of(CONFIG_SERVER);
    char *reporter = help_of(CONFIG_REPORTER);
    (void)state;
    assert_null(strstr(server, "TESTKASE_SMTP_URL"));
    assert_null(strstr(server, "TESTKASE_ADMIN_"));
    assert_null(strstr(server, "TESTKASE_BIN"));
    assert_null(strstr(reporter, "TESTKASE_DATABASE_URL"));
    free(server);
    free(reporter);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_a_big_machine_has_no_more_than_8_threads),
        cmocka_unit_test(test_server_variables),
        cmocka_unit_test(test_worker_and_reporter_variables),
        cmocka_unit_test(test_what_others_read_is_ignored),
        cmocka_unit_test(test_admin_database_goes_first),
        cmocka_unit_test(test_number_edges),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_errors_hold_no_secret),
        cmocka_unit_test(test_unknown_variables),
        cmocka_unit_test(test_long_unknown_name),
        cmocka_unit_test(test_small_error_buffer),
        cmocka_unit_test(test_an_empty_value_is_unset),
        cmocka_unit_test(test_variables_of_container_services_are_passed_over),
        cmocka_unit_test(test_what_only_looks_like_them_is_refused),
        cmocka_unit_test(test_empty_text_is_unset),
        cmocka_unit_test(test_oversized_value),
        cmocka_unit_test(test_secret_from_file),
        cmocka_unit_test(test_size_of_secret_file),
        cmocka_unit_test(test_variable_and_file_are_not_both_set),
        cmocka_unit_test(test_only_regular_files_are_read),
        cmocka_unit_test(test_every_secret_has_a_file_form),
        cmocka_unit_test(test_free_takes_null),
        cmocka_unit_test(test_help_is_aligned_sorted_and_narrow),
        cmocka_unit_test(test_file_lists_every_variable_with_a_valid_default),
        cmocka_unit_test(test_help_states_defaults),
        cmocka_unit_test(test_help_holds_what_the_program_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
