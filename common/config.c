#include "common/config.h"
#include "common/config_links.h"
#include "common/config_value.h"
#include "common/memory.h"
#include "common/processors.h"
#include "common/secret.h"
#include "common/text.h"
#include "common/token.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX              "TESTKASE_"
#define FILE_SUFFIX         "_FILE"
#define VALUE_LIMIT         65536 /* bytes of a value, in the environment or in a file */
#define NAME_LIMIT          64    /* longer names get no suggestion */
#define SHOWN_LIMIT         128   /* characters of an unknown name in an error */
#define TYPO_DISTANCE       2     /* edits between an unknown name and the one that is suggested */
#define THREADS_LIMIT       256
#define THREADS_DEFAULT_MAX 8
#define HELP_WIDTH          80
#define DESCRIPTION_SIZE    512

/* The buffer for the line that says what is wrong. */
struct failure {
    char *text;
    size_t size;
};

struct option;

struct kind {
    bool text; /* the field is a char * */
    /* Checks `value` and stores it; when it refuses it, returns false and a line in `failure`. */
    bool (*parse)(const struct option *option, const char *value, void *field, struct failure *failure);
};

struct option {
    const char *name;
    const struct kind *kind;
    size_t offset; /* of the field in struct config */
    long minimum;  /* numbers only */
    long maximum;
    unsigned programs; /* the enum config_program that read it; 0: only people and scripts do */
    bool secret;       /* has a _FILE form; its value appears in no error */
    const char *fallback;
    const char *shown_fallback; /* what --help says instead of the fallback, or of "none" */
    const char *meaning;
};

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_ERROR] = "error",
    NULL,
};

static const char *const format_names[] = { [LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json", NULL };

/* Writes the line. Replaces everything but printable ASCII, because values come from outside. */
static bool __attribute__((format(printf, 2, 3))) fail(struct failure *failure, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->text, failure->size, format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < failure->size && failure->text[i]; i++) {
        if (failure->text[i] < ' ' || failure->text[i] > '~') {
            failure->text[i] = '?';
        }
    }
    return false;
}

/* Whether the value, whatever the variable, may hold a secret that was pasted into the wrong place: a URL
 * with a password, a connection string, a token. */
static bool
may_hold_secret(const char *value)
{
    return strpbrk(value, "@#") || strcasestr(value, "password") || strcasestr(value, TOKEN_PREFIX);
}

static bool
refuse(const struct option *option, const char *value, const char *phrase, struct failure *failure)
{
    if (option->secret || may_hold_secret(value)) {
        return fail(failure, "%s %s", option->name, phrase);
    }
    return fail(failure, "%s %s, not \"%.80s\"", option->name, phrase, value);
}

static bool
parse_number(const struct option *option, const char *value, void *field, struct failure *failure)
{
    int64_t number = 0;
    if (!text_to_id(value, strlen(value), &number) || number < option->minimum || number > option->maximum) {
        char phrase[96];
        snprintf(phrase, sizeof(phrase), "must be a whole number from %ld to %ld", option->minimum,
                 option->maximum);
        return refuse(option, value, phrase, failure);
    }
    *(long *)field = (long)number;
    return true;
}

/* Returns the index of `value` in `names`, or -1. */
static int
find_choice(const char *const *names, const char *value)
{
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], value) == 0) {
            return i;
        }
    }
    return -1;
}

static bool
parse_level(const struct option *option, const char *value, void *field, struct failure *failure)
{
    int choice = find_choice(level_names, value);
    if (choice < 0) {
        return refuse(option, value, "must be debug, info, warning or error", failure);
    }
    *(enum log_level *)field = (enum log_level)choice;
    return true;
}

static bool
parse_format(const struct option *option, const char *value, void *field, struct failure *failure)
{
    int choice = find_choice(format_names, value);
    if (choice < 0) {
        return refuse(option, value, "must be text or json", failure);
    }
    *(enum log_format *)field = (enum log_format)choice;
    return true;
}

static void
release(char *text)
{
    if (text) {
        secret_wipe(text, strlen(text));
        free(text);
    }
}

/* When two variables fill one field, the first in the table wins. */
static void
keep_text(void *field, char *text)
{
    char **kept = field;
    if (*kept) {
        release(text);
    } else {
        *kept = text;
    }
}

static bool
parse_line(const struct option *option, const char *value, void *field, struct failure *failure)
{
    const char *phrase = config_value_line(value);
    if (phrase) {
        return refuse(option, value, phrase, failure);
    }
    keep_text(field, memory_duplicate(value));
    return true;
}

static bool
parse_listen(const struct option *option, const char *value, void *field, struct failure *failure)
{
    const char *phrase = config_value_listen(value);
    if (phrase) {
        return refuse(option, value, phrase, failure);
    }
    keep_text(field, memory_duplicate(value));
    return true;
}

static bool
parse_listen_list(const struct option *option, const char *value, void *field, struct failure *failure)
{
    const char *phrase = config_value_listen_list(value);
    if (phrase) {
        return refuse(option, value, phrase, failure);
    }
    keep_text(field, memory_duplicate(value));
    return true;
}

static bool
parse_mode(const struct option *option, const char *value, void *field, struct failure *failure)
{
    const char *phrase = config_value_mode(value, field);
    return !phrase || refuse(option, value, phrase, failure);
}

static bool
parse_origin(const struct option *option, const char *value, void *field, struct failure *failure)
{
    char *origin = NULL;
    const char *phrase = config_value_origin(value, &origin);
    if (phrase) {
        return refuse(option, value, phrase, failure);
    }
    keep_text(field, origin);
    return true;
}

static bool
parse_smtp(const struct option *option, const char *value, void *field, struct failure *failure)
{
    const char *phrase = config_value_smtp(value);
    if (phrase) {
        return refuse(option, value, phrase, failure);
    }
    keep_text(field, memory_duplicate(value));
    return true;
}

static bool
parse_networks(const struct option *option, const char *value, void *field, struct failure *failure)
{
    char *networks = NULL;
    const char *phrase = config_value_networks(value, &networks);
    if (phrase) {
        return refuse(option, value, phrase, failure);
    }
    keep_text(field, networks);
    return true;
}

static bool
parse_sender(const struct option *option, const char *value, void *field, struct failure *failure)
{
    if (text_email_refusal(value, strlen(value))) {
        return refuse(option, value, "must be a plain e-mail address, like testkase@example.com", failure);
    }
    keep_text(field, memory_duplicate(value));
    return true;
}

static const struct kind kind_number = { false, parse_number };
static const struct kind kind_level = { false, parse_level };
static const struct kind kind_format = { false, parse_format };
static const struct kind kind_line = { true, parse_line };
static const struct kind kind_listen = { true, parse_listen };
static const struct kind kind_listen_list = { true, parse_listen_list };
static const struct kind kind_mode = { false, parse_mode };
static const struct kind kind_origin = { true, parse_origin };
static const struct kind kind_sender = { true, parse_sender };
static const struct kind kind_smtp = { true, parse_smtp };
static const struct kind kind_networks = { true, parse_networks };

#define PROGRAMS_WITH_DATABASE (CONFIG_SERVER | CONFIG_WORKER | CONFIG_ADMIN)

/* RFC 9106 section 3.1 wants at least 8 KiB for each lane; the smallest memory covers the most lanes. */
#define ARGON2_MEMORY_MINIMUM      8192
#define ARGON2_PARALLELISM_MAXIMUM 16
_Static_assert(ARGON2_MEMORY_MINIMUM >= 8 * ARGON2_PARALLELISM_MAXIMUM, "8 KiB for each lane");

/* clang-format off */
static const struct option options[] = {
    { .name = "TESTKASE_ADMIN_DATABASE_URL", .kind = &kind_line, .secret = true,
      .offset = offsetof(struct config, database_url), .programs = CONFIG_ADMIN,
      .meaning = "PostgreSQL connection of the role that owns the schema. Takes precedence over "
                 "TESTKASE_DATABASE_URL." },
    { .name = "TESTKASE_ADMIN_EMAIL" },
    { .name = "TESTKASE_ADMIN_PASSWORD" },
    { .name = "TESTKASE_ARGON2_MEMORY_KIB", .kind = &kind_number, .fallback = "19456",
      .minimum = ARGON2_MEMORY_MINIMUM, .maximum = 1048576,
      .offset = offsetof(struct config, argon2_memory_kib), .programs = CONFIG_SERVER | CONFIG_ADMIN,
      .meaning = "Memory for a new hash of a token or password, in KiB. A verified token or "
                 "password with other costs is rehashed." },
    { .name = "TESTKASE_ARGON2_PARALLELISM", .kind = &kind_number, .fallback = "1",
      .minimum = 1, .maximum = ARGON2_PARALLELISM_MAXIMUM,
      .offset = offsetof(struct config, argon2_parallelism), .programs = CONFIG_SERVER | CONFIG_ADMIN,
      .meaning = "Lanes of a new hash." },
    { .name = "TESTKASE_ARGON2_TIME", .kind = &kind_number, .fallback = "2", .minimum = 1, .maximum = 64,
      .offset = offsetof(struct config, argon2_time), .programs = CONFIG_SERVER | CONFIG_ADMIN,
      .meaning = "Passes over the memory of a new hash." },
    { .name = "TESTKASE_BIN" },
    { .name = "TESTKASE_DATABASE_URL", .kind = &kind_line, .secret = true,
      .fallback = "postgresql:///testkase",
      .offset = offsetof(struct config, database_url), .programs = PROGRAMS_WITH_DATABASE,
      .meaning = "PostgreSQL connection: a libpq connection string or URI. It may name several "
                 "hosts, for failover." },
    { .name = "TESTKASE_LISTEN", .kind = &kind_listen_list, .fallback = "127.0.0.1:8080",
      .offset = offsetof(struct config, listen), .programs = CONFIG_SERVER,
      .meaning = "Addresses to serve on, separated by commas: host:port, [v6]:port or unix:/path. [::]:port "
                 "serves IPv4, too. Socket activation takes precedence." },
    { .name = "TESTKASE_LOG_FORMAT", .kind = &kind_format, .fallback = "text",
      .offset = offsetof(struct config, log_format), .programs = PROGRAMS_WITH_DATABASE,
      .meaning = "Format of the log on stderr: text (for journald and people) or json." },
    { .name = "TESTKASE_LOG_LEVEL", .kind = &kind_level, .fallback = "info",
      .offset = offsetof(struct config, log_level), .programs = PROGRAMS_WITH_DATABASE,
      .meaning = "Lowest level that is logged: debug, info, warning or error." },
    { .name = "TESTKASE_MAIL_FROM", .kind = &kind_sender,
      .offset = offsetof(struct config, mail_from), .programs = CONFIG_WORKER,
      .meaning = "Sender address of mail." },
    { .name = "TESTKASE_METRICS_LISTEN", .kind = &kind_listen,
      .offset = offsetof(struct config, metrics_listen), .programs = CONFIG_SERVER | CONFIG_WORKER,
      .shown_fallback = "none; /metrics is then on the server's main port, to loopback only",
      .meaning = "Separate address for /metrics." },
    { .name = "TESTKASE_PAT", .kind = &kind_line, .secret = true,
      .offset = offsetof(struct config, pat), .programs = CONFIG_REPORTER,
      .meaning = "Personal Access Token to report with. The option --token takes precedence." },
    { .name = "TESTKASE_PUBLIC_URL", .kind = &kind_origin, .fallback = "http://127.0.0.1:8080",
      .offset = offsetof(struct config, public_url), .programs = PROGRAMS_WITH_DATABASE,
      .meaning = "Address of the service as browsers see it, without a path. https turns on Secure and "
                 "__Host- cookies and HSTS." },
    { .name = "TESTKASE_RATE_BURST", .kind = &kind_number, .fallback = "120", .minimum = 1, .maximum = 100000,
      .offset = offsetof(struct config, rate_burst), .programs = CONFIG_SERVER,
      .meaning = "Requests that a token may send at once." },
    { .name = "TESTKASE_RATE_LIMIT", .kind = &kind_number, .fallback = "600",
      .minimum = 1, .maximum = 1000000,
      .offset = offsetof(struct config, rate_limit), .programs = CONFIG_SERVER,
      .meaning = "Requests a minute for each token, at all servers on the database together. An admin can "
                 "set another limit for a token." },
    { .name = "TESTKASE_SMTP_URL", .kind = &kind_smtp, .secret = true,
      .offset = offsetof(struct config, smtp_url), .programs = CONFIG_WORKER,
      .shown_fallback = "none; no mail is sent",
      .meaning = "Mail server, like smtp://user:pass@host:587 (smtps:// for TLS from the start)." },
    { .name = "TESTKASE_SOCKET_GROUP", .kind = &kind_line,
      .offset = offsetof(struct config, socket_group), .programs = CONFIG_SERVER,
      .shown_fallback = "the process's group",
      .meaning = "Group of a unix socket, by name or number." },
    { .name = "TESTKASE_SOCKET_MODE", .kind = &kind_mode, .fallback = "0600",
      .offset = offsetof(struct config, socket_mode), .programs = CONFIG_SERVER,
      .meaning = "Mode of a unix socket, in octal. Clients need the right to write: 0660 lets the group in, "
                 "0666 everybody." },
    { .name = "TESTKASE_THREADS", .kind = &kind_number, .minimum = 1, .maximum = THREADS_LIMIT,
      .offset = offsetof(struct config, threads), .programs = CONFIG_SERVER,
      .shown_fallback = "number of usable cores, 8 at most",
      .meaning = "Event-loop threads; each has 7 connections to PostgreSQL." },
    { .name = "TESTKASE_TRUSTED_PROXIES", .kind = &kind_networks,
      .offset = offsetof(struct config, trusted_proxies), .programs = CONFIG_SERVER,
      .meaning = "Comma-separated CIDRs or addresses whose X-Forwarded-For and Forwarded "
                 "fields are believed." },
    { .name = "TESTKASE_URL", .kind = &kind_origin,
      .offset = offsetof(struct config, url), .programs = CONFIG_REPORTER,
      .meaning = "Address of the server to report to. The option --url takes precedence." },
    { .name = "TESTKASE_WEBHOOK_NETWORKS", .kind = &kind_networks,
      .offset = offsetof(struct config, webhook_networks), .programs = CONFIG_SERVER | CONFIG_WORKER,
      .meaning = "Comma-separated CIDRs or addresses that webhooks may call although they are not on the "
                 "internet, and without TLS." },
};
/* clang-format on */

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

/* How many characters must be inserted, removed or replaced to make one name the other. */
static size_t
edit_distance(const char *a, size_t a_length, const char *b)
{
    size_t row[NAME_LIMIT + 1];
    size_t b_length = strlen(b);
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            size_t shifted = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < shifted ? replaced : shifted;
        }
    }
    return row[b_length];
}

static void
file_form(const struct option *option, char ret_name[NAME_LIMIT + 1])
{
    snprintf(ret_name, NAME_LIMIT + 1, "%s%s", option->name, option->secret ? FILE_SUFFIX : "");
}

/* The distance to the nearest known name, which goes to `ret_known`; 0 when the name itself is known. */
static size_t
nearest(const char *name, size_t length, char ret_known[NAME_LIMIT + 1])
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < 2 * OPTION_COUNT; i++) {
        char known[NAME_LIMIT + 1];
        const struct option *option = &options[i / 2];
        if (i % 2) {
            file_form(option, known);
        } else {
            snprintf(known, sizeof(known), "%s", option->name);
        }
        size_t distance = edit_distance(name, length, known);
        if (distance < best) {
            best = distance;
            memcpy(ret_known, known, sizeof(known));
        }
    }
    return best;
}

static bool
check_name(const char *name, size_t length, struct failure *failure)
{
    char known[NAME_LIMIT + 1] = "";
    size_t distance = length <= NAME_LIMIT ? nearest(name, length, known) : SIZE_MAX;
    if (distance == 0) {
        return true;
    }
    int shown = length <= SHOWN_LIMIT ? (int)length : SHOWN_LIMIT;
    if (distance <= TYPO_DISTANCE) {
        return fail(failure, "%.*s is not a known variable; did you mean %s?", shown, name, known);
    }
    return fail(failure, "%.*s is not a known variable; --help lists those that are", shown, name);
}

/* Whether the variable, "NAME=value", is unset or set for another service. */
static bool
is_foreign(const char *entry, size_t name_length)
{
    const char *value = entry + name_length + 1;
    if (!entry[name_length] || !*value) {
        return entry[name_length] == '=';
    }
    char *name = memory_copy_text(entry, name_length);
    bool foreign = config_links_made(name, value);
    free(name);
    return foreign;
}

static bool
check_names(const char *const *environment, struct failure *failure)
{
    for (size_t i = 0; environment[i]; i++) {
        const char *entry = environment[i];
        size_t length = strcspn(entry, "=");
        if (strncmp(entry, PREFIX, strlen(PREFIX)) == 0 && !check_name(entry, length, failure) &&
            !is_foreign(entry, length)) {
            return false;
        }
    }
    if (failure->size) {
        failure->text[0] = '\0';
    }
    return true;
}

/* Returns the value of `name`, or NULL. */
static const char *
find_variable(const char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; environment[i]; i++) {
        if (strncmp(environment[i], name, length) == 0 && environment[i][length] == '=') {
            return environment[i] + length + 1;
        }
    }
    return NULL;
}

/* Reads at most `size` bytes up to the end of the file; -1 with errno. */
static ssize_t
read_all(int descriptor, char *bytes, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t count = read(descriptor, bytes + used, size - used);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return -1;
        }
        if (count == 0) {
            break;
        }
        used += (size_t)count;
    }
    return (ssize_t)used;
}

/* Opens a regular file. The errors name the variable, not the path, because an operator who mixes up VAR and
 * VAR_FILE has put the secret there. */
static int
open_file(const char *variable, const char *path, bool *ret_exposed, struct failure *failure)
{
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0 || fstat(descriptor, &status)) {
        fail(failure, "%s names a file that cannot be opened: %s", variable, strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        fail(failure, "%s must name a regular file", variable);
    } else {
        *ret_exposed = status.st_mode & S_IROTH;
        return descriptor;
    }
    if (descriptor >= 0) {
        close(descriptor);
    }
    return -1;
}

/* Turns the bytes of the file into a value; false when they are none, too many or binary. */
static bool
accept_content(const char *variable, const char *bytes, size_t length, struct failure *failure)
{
    if (length > VALUE_LIMIT) {
        return fail(failure, "%s names a file of more than %d bytes", variable, VALUE_LIMIT);
    }
    if (length == 0) {
        return fail(failure, "%s names an empty file", variable);
    }
    if (memchr(bytes, '\0', length)) {
        return fail(failure, "%s names a file with a NUL byte in it", variable);
    }
    return true;
}

static bool
read_file(const char *variable, const char *path, char **ret_value, bool *ret_exposed,
          struct failure *failure)
{
    int descriptor = open_file(variable, path, ret_exposed, failure);
    if (descriptor < 0) {
        return false;
    }
    const size_t size = VALUE_LIMIT + 2; /* a newline, and one byte to detect a longer file */
    char *bytes = memory_new(size, 1);
    ssize_t count = read_all(descriptor, bytes, size);
    bool good = count >= 0;
    if (good) {
        size_t length = (size_t)count;
        length -= length && bytes[length - 1] == '\n';
        good = accept_content(variable, bytes, length, failure);
        if (good) {
            *ret_value = memory_copy_text(bytes, length);
        }
    } else {
        fail(failure, "%s names a file that cannot be read: %s", variable, strerror(errno));
    }
    secret_wipe(bytes, size);
    free(bytes);
    close(descriptor);
    return good;
}

/* An empty value means unset, because Compose files and unit templates cannot leave a variable out. */
static bool
is_set(const char *value)
{
    return value && *value;
}

/* Finds the value, in the variable or in the file that its _FILE form names; NULL when it is unset. */
static bool
read_value(const struct option *option, const char *const *environment, char **ret_value, bool *ret_exposed,
           struct failure *failure)
{
    char file_name[NAME_LIMIT + 1];
    file_form(option, file_name);
    const char *value = find_variable(environment, option->name);
    const char *path = option->secret ? find_variable(environment, file_name) : NULL;
    if (is_set(value) && is_set(path)) {
        return fail(failure, "%s and %s are both set; unset one of them", option->name, file_name);
    }
    if (is_set(path)) {
        return read_file(file_name, path, ret_value, ret_exposed, failure);
    }
    if (is_set(value)) {
        if (strlen(value) > VALUE_LIMIT) {
            return fail(failure, "%s has more than %d bytes", option->name, VALUE_LIMIT);
        }
        *ret_value = memory_duplicate(value);
    }
    return true;
}

static void *
field_of(struct config *config, const struct option *option)
{
    return (char *)config + option->offset;
}

static bool
load_option(const struct option *option, const char *const *environment, struct config *config,
            struct failure *failure)
{
    char *value = NULL;
    bool is_exposed = false;
    if (!read_value(option, environment, &value, &is_exposed, failure)) {
        return false;
    }
    if (is_exposed && config->exposed_count < CONFIG_EXPOSED_MAX) {
        config->exposed[config->exposed_count++] = option->name;
    }
    const char *text = value ? value : option->fallback;
    bool good = !text || option->kind->parse(option, text, field_of(config, option), failure);
    release(value);
    return good;
}

/* The bound keeps a big machine from taking more than half of PostgreSQL's default of 100 connections. One
 * thread keeps several processes of PostgreSQL busy anyway. */
static long
default_threads(void)
{
    int cores = processors_usable();
    return cores < THREADS_DEFAULT_MAX ? cores : THREADS_DEFAULT_MAX;
}

static bool
load_options(const char *const *environment, enum config_program program, struct config *config,
             struct failure *failure)
{
    const char *const nothing[] = { NULL };
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        bool reads = options[i].programs & program;
        if (options[i].kind && !load_option(&options[i], reads ? environment : nothing, config, failure)) {
            return false;
        }
    }
    return true;
}

static bool
check_mail(const struct config *config, struct failure *failure)
{
    if (config->smtp_url && *config->smtp_url && !(config->mail_from && *config->mail_from)) {
        return fail(failure,
                    "TESTKASE_SMTP_URL is set, and TESTKASE_MAIL_FROM is not: set it to the sender's "
                    "address of mail");
    }
    return true;
}

int
config_load(const char *const *environment, enum config_program program, struct config **ret_config,
            char *ret_error, size_t error_size)
{
    struct failure failure = { .text = ret_error, .size = error_size };
    if (error_size) {
        ret_error[0] = '\0';
    }
    struct config *config = memory_new(1, sizeof(*config));
    config->threads = default_threads();
    if (!check_names(environment, &failure) || !load_options(environment, program, config, &failure) ||
        !check_mail(config, &failure)) {
        config_free(config);
        return -1;
    }
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (options[i].kind && options[i].kind->text) {
            keep_text(field_of(config, &options[i]), memory_duplicate(""));
        }
    }
    *ret_config = config;
    return 0;
}

void
config_free(struct config *config)
{
    if (!config) {
        return;
    }
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (options[i].kind && options[i].kind->text) {
            char **field = field_of(config, &options[i]);
            release(*field);
            *field = NULL; /* another variable may fill the same field */
        }
    }
    free(config);
}

static const char file_meaning[] = "Path of a file that holds it instead.";

/* Prints `text`, wrapped between `column` and the width of the help. Further lines begin with `lead`. */
static void
print_wrapped(FILE *out, const char *text, size_t column, const char *lead)
{
    size_t position = column;
    while (*text) {
        size_t length = strcspn(text, " ");
        if (position > column && position + 1 + length > HELP_WIDTH) {
            fprintf(out, "\n%-*s", (int)column, lead);
            position = column;
        } else if (position > column) {
            fputc(' ', out);
            position++;
        }
        fprintf(out, "%.*s", (int)length, text);
        position += length;
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static void
describe(const struct option *option, char text[static DESCRIPTION_SIZE])
{
    char range[64] = "";
    const char *fallback = option->shown_fallback ? option->shown_fallback : option->fallback;
    if (option->maximum) {
        snprintf(range, sizeof(range), "From %ld to %ld. ", option->minimum, option->maximum);
    }
    snprintf(text, DESCRIPTION_SIZE, "%s %sDefault: %s.", option->meaning, range,
             fallback ? fallback : "none");
}

static void
print_option(FILE *out, const struct option *option, size_t column)
{
    char text[DESCRIPTION_SIZE];
    describe(option, text);
    fprintf(out, "  %-*s", (int)column - 2, option->name);
    print_wrapped(out, text, column, "");
    if (option->secret) {
        char name[NAME_LIMIT + 1];
        file_form(option, name);
        fprintf(out, "  %-*s", (int)column - 2, name);
        print_wrapped(out, file_meaning, column, "");
    }
}

static void
print_assignment(FILE *out, const char *name, const char *value, const char *text)
{
    fputs("# ", out);
    print_wrapped(out, text, 2, "#");
    fprintf(out, "#%s=%s\n\n", name, value ? value : "");
}

/* The column after the longest name that `program` reads. */
static size_t
help_column(enum config_program program)
{
    size_t longest = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char name[NAME_LIMIT + 1];
        file_form(&options[i], name);
        if (options[i].programs & program && strlen(name) > longest) {
            longest = strlen(name);
        }
    }
    return longest + 4;
}

void
config_print_help(FILE *out, enum config_program program)
{
    size_t column = help_column(program);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (options[i].programs & program) {
            print_option(out, &options[i], column);
        }
    }
}

void
config_print_file(FILE *out, enum config_program program)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char text[DESCRIPTION_SIZE];
        char name[NAME_LIMIT + 1];
        if (!(options[i].programs & program)) {
            continue;
        }
        describe(&options[i], text);
        print_assignment(out, options[i].name, options[i].fallback, text);
        if (options[i].secret) {
            file_form(&options[i], name);
            print_assignment(out, name, NULL, file_meaning);
        }
    }
}
