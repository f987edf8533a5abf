/* A PostgreSQL that speaks the frontend/backend protocol 3.0 over a unix socket, on a thread of its own, and
 * answers each query as the test says: what libpq sees is real, and faults come when they are wanted. */
#ifndef TESTS_UNIT_COMMON_SCRIPTED_POSTGRES_H
#define TESTS_UNIT_COMMON_SCRIPTED_POSTGRES_H

#include "common/migrations.h"
#include "common/queries.h"
#include <arpa/inet.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define POSTGRES_CELLS_MAX 8

enum postgres_reaction {
    POSTGRES_ANSWERS,
    POSTGRES_REFUSES,   /* with `sqlstate` */
    POSTGRES_IS_SILENT, /* from this query on, on this connection */
    POSTGRES_HANGS_UP,  /* closes the connection */
    POSTGRES_TALKS_ROT, /* sends what is no message, and closes */
    POSTGRES_NOTIFIES,  /* answers, after a notification on "channel" */
};

struct postgres_reply {
    enum postgres_reaction reaction;
    const char *sqlstate;
    int columns;                           /* one row of them, or no row */
    const char *cells[POSTGRES_CELLS_MAX]; /* NULL: SQL NULL */
};

static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    char directory[64];
    int listener;
    struct postgres_reply replies[QUERY_COUNT];
    int prepared[QUERY_COUNT], executed[QUERY_COUNT];
    int connections;
} postgres;

/* --- bytes --- */

struct postgres_bytes {
    char bytes[4096];
    size_t length;
};

static inline void
postgres_put(struct postgres_bytes *out, const void *bytes, size_t length)
{
    if (length > sizeof(out->bytes) - out->length) {
        abort();
    }
    memcpy(out->bytes + out->length, bytes, length);
    out->length += length;
}

static inline void
postgres_put_number(struct postgres_bytes *out, uint32_t number, int size)
{
    uint32_t four = htonl(number);
    uint16_t two = htons((uint16_t)number);
    postgres_put(out, size == 4 ? (const void *)&four : &two, (size_t)size);
}

static inline void
postgres_put_text(struct postgres_bytes *out, const char *text)
{
    postgres_put(out, text, strlen(text) + 1);
}

static inline void
postgres_put_message(struct postgres_bytes *out, char type, const struct postgres_bytes *content)
{
    postgres_put(out, &type, 1);
    postgres_put_number(out, (uint32_t)content->length + 4, 4);
    postgres_put(out, content->bytes, content->length);
}

static inline void
postgres_put_parameter(struct postgres_bytes *out, const char *name, const char *value)
{
    struct postgres_bytes content = { .length = 0 };
    postgres_put_text(&content, name);
    postgres_put_text(&content, value);
    postgres_put_message(out, 'S', &content);
}

static inline void
postgres_put_ready(struct postgres_bytes *out)
{
    postgres_put_message(out, 'Z', &(struct postgres_bytes){ "I", 1 });
}

static inline bool
postgres_send(int fd, struct postgres_bytes *out)
{
    bool sent = send(fd, out->bytes, out->length, MSG_NOSIGNAL) == (ssize_t)out->length;
    out->length = 0;
    return sent;
}

/* False when the client has gone, or the test ends. */
static inline bool
postgres_read(int fd, void *ret_bytes, size_t length)
{
    for (size_t have = 0; have < length;) {
        ssize_t count = recv(fd, (char *)ret_bytes + have, length - have, 0);
        if (count <= 0) {
            return false;
        }
        have += (size_t)count;
    }
    return true;
}

/* --- answers --- */

static inline void
postgres_put_row(struct postgres_bytes *out, const struct postgres_reply *reply)
{
    struct postgres_bytes description = { .length = 0 }, row = { .length = 0 };
    static const char done[] = "SELECT 1";
    postgres_put_number(&description, (uint32_t)reply->columns, 2);
    postgres_put_number(&row, (uint32_t)reply->columns, 2);
    for (int i = 0; i < reply->columns; i++) {
        postgres_put_text(&description, "column");
        postgres_put_number(&description, 0, 4);  /* table */
        postgres_put_number(&description, 0, 2);  /* column of it */
        postgres_put_number(&description, 25, 4); /* text */
        postgres_put_number(&description, 0xffff, 2);
        postgres_put_number(&description, 0xffffffff, 4);
        postgres_put_number(&description, 0, 2); /* text form */
        const char *cell = reply->cells[i];
        postgres_put_number(&row, cell ? (uint32_t)strlen(cell) : 0xffffffff, 4);
        postgres_put(&row, cell ? cell : "", cell ? strlen(cell) : 0);
    }
    if (reply->columns) {
        postgres_put_message(out, 'T', &description);
        postgres_put_message(out, 'D', &row);
    } else {
        postgres_put_message(out, 'n', &(struct postgres_bytes){ .length = 0 });
    }
    struct postgres_bytes content = { .length = 0 };
    postgres_put(&content, done, sizeof(done));
    postgres_put_message(out, 'C', &content);
}

static inline void
postgres_put_error(struct postgres_bytes *out, const char *sqlstate)
{
    struct postgres_bytes content = { .length = 0 };
    const char *const fields[] = { "SERROR", "VERROR", "Msaid no", "nthe_constraint" };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        postgres_put_text(&content, fields[i]);
    }
    postgres_put(&content, "C", 1);
    postgres_put_text(&content, sqlstate);
    postgres_put(&content, "", 1);
    postgres_put_message(out, 'E', &content);
}

static inline void
postgres_put_notification(struct postgres_bytes *out)
{
    struct postgres_bytes content = { .length = 0 };
    postgres_put_number(&content, 42, 4);
    postgres_put_text(&content, "channel");
    postgres_put_text(&content, "payload");
    postgres_put_message(out, 'A', &content);
}

/* False when the connection is to be closed. */
static inline bool
postgres_react(int fd, const struct postgres_reply *reply, struct postgres_bytes *out)
{
    switch (reply->reaction) {
    case POSTGRES_REFUSES:
        postgres_put_error(out, reply->sqlstate);
        return true;
    case POSTGRES_HANGS_UP:
        return false;
    case POSTGRES_TALKS_ROT:
        postgres_put(out, "\xff\xff\xff\xff\xff rot", 9);
        postgres_send(fd, out);
        return false;
    case POSTGRES_NOTIFIES:
        postgres_put_notification(out);
        postgres_put_row(out, reply);
        return true;
    default:
        postgres_put_row(out, reply);
        return true;
    }
}

/* --- one connection --- */

static inline bool
postgres_greet(int fd)
{
    uint32_t length;
    char startup[1024];
    if (!postgres_read(fd, &length, 4) || ntohl(length) - 4 > sizeof(startup) ||
        !postgres_read(fd, startup, ntohl(length) - 4)) {
        return false;
    }
    struct postgres_bytes out = { .length = 0 };
    postgres_put_message(&out, 'R', &(struct postgres_bytes){ { 0, 0, 0, 0 }, 4 });
    postgres_put_parameter(&out, "server_version", "15.0");
    postgres_put_parameter(&out, "client_encoding", "UTF8");
    postgres_put_parameter(&out, "standard_conforming_strings", "on");
    postgres_put_parameter(&out, "in_hot_standby", "off");
    postgres_put_parameter(&out, "default_transaction_read_only", "off");
    postgres_put_message(&out, 'K', &(struct postgres_bytes){ { 0, 0, 0, 1, 0, 0, 0, 2 }, 8 });
    postgres_put_ready(&out);
    return postgres_send(fd, &out);
}

/* The number in the statement's name, "q17", which is the query's. */
static inline int
postgres_query_of(const char *name)
{
    int query = atoi(name + 1);
    return *name == 'q' && query < QUERY_COUNT ? query : -1;
}

static inline void
postgres_talk(int fd)
{
    struct postgres_bytes out = { .length = 0 };
    int query = -1;
    bool skipping = false, silent = false;
    char type, content[65536];
    uint32_t length;
    while (postgres_read(fd, &type, 1) && postgres_read(fd, &length, 4) &&
           ntohl(length) - 4 <= sizeof(content) && postgres_read(fd, content, ntohl(length) - 4)) {
        struct postgres_reply reply = { .reaction = POSTGRES_ANSWERS };
        pthread_mutex_lock(&postgres.lock);
        if (type == 'P' && postgres_query_of(content) >= 0) {
            postgres.prepared[postgres_query_of(content)]++;
        } else if (type == 'B') {
            query = postgres_query_of(content + strlen(content) + 1);
        } else if (type == 'E' && query >= 0) {
            postgres.executed[query]++;
            reply = postgres.replies[query];
        }
        pthread_mutex_unlock(&postgres.lock);
        silent = silent || reply.reaction == POSTGRES_IS_SILENT;
        if (silent || (skipping && type != 'S')) {
            continue;
        }
        const struct postgres_bytes nothing = { .length = 0 };
        switch (type) {
        case 'P':
            postgres_put_message(&out, '1', &nothing);
            break;
        case 'B':
            postgres_put_message(&out, '2', &nothing);
            break;
        case 'E':
            if (!postgres_react(fd, &reply, &out)) {
                return;
            }
            skipping = reply.reaction == POSTGRES_REFUSES;
            break;
        case 'Q':
            postgres_put_row(&out, &reply);
            postgres_put_ready(&out);
            break;
        case 'S':
            postgres_put_ready(&out);
            skipping = false;
            break;
        default:
            break;
        }
        if ((type == 'S' || type == 'Q') && !postgres_send(fd, &out)) {
            return;
        }
    }
}

static inline void *
postgres_serve(void *unused)
{
    (void)unused;
    int fd;
    while ((fd = accept(postgres.listener, NULL, NULL)) >= 0) {
        pthread_mutex_lock(&postgres.lock);
        postgres.connections++;
        pthread_mutex_unlock(&postgres.lock);
        if (postgres_greet(fd)) {
            postgres_talk(fd);
        }
        close(fd);
    }
    return NULL;
}

/* --- for tests --- */

/* What the query is answered with from now on. */
static inline void
postgres_says(enum query query, struct postgres_reply reply)
{
    pthread_mutex_lock(&postgres.lock);
    postgres.replies[query] = reply;
    pthread_mutex_unlock(&postgres.lock);
}

static inline void
postgres_says_text(enum query query, const char *text)
{
    postgres_says(query, (struct postgres_reply){ .columns = 1, .cells = { text } });
}

static inline int
postgres_count(const int *counter)
{
    pthread_mutex_lock(&postgres.lock);
    int count = *counter;
    pthread_mutex_unlock(&postgres.lock);
    return count;
}

/* One connection at a time is served; the next waits until it ends. */
static inline void
postgres_start(void)
{
    static char version[16];
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memset(&postgres, 0, sizeof(postgres));
    pthread_mutex_init(&postgres.lock, NULL);
    snprintf(postgres.directory, sizeof(postgres.directory), "/tmp/testkase-unit-XXXXXX");
    assert_non_null(mkdtemp(postgres.directory));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", postgres.directory);
    postgres.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(postgres.listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(postgres.listener, 16), 0);
    snprintf(version, sizeof(version), "%d", migration_count);
    postgres_says_text(QUERY_DB_SESSION, NULL);
    postgres_says(QUERY_DB_SCHEMA_VERSION,
                  (struct postgres_reply){ .columns = 3, .cells = { version, NULL, version } });
    assert_int_equal(pthread_create(&postgres.thread, NULL, postgres_serve, NULL), 0);
}

/* After the client's connections are closed. */
static inline void
postgres_stop(void)
{
    char path[128];
    shutdown(postgres.listener, SHUT_RDWR);
    pthread_join(postgres.thread, NULL);
    close(postgres.listener);
    snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", postgres.directory);
    unlink(path);
    rmdir(postgres.directory);
    pthread_mutex_destroy(&postgres.lock);
}

static inline const char *
postgres_url(void)
{
    static char url[160];
    snprintf(url, sizeof(url), "host=%s port=5432 user=u dbname=d password=hidden", postgres.directory);
    return url;
}

#endif
