/* A connection on a real socket pair, beside a model that reads the same bytes in one piece and in the
 * plainest way. However the bytes are divided, the owner gets the requests that the model finds, with their
 * bodies; each has at most one answer, in order; after an error that closes the connection nothing more
 * comes; and the memory held stays within its bounds.
 *
 * The first four bytes say how (see struct way), the others are what the client sends. */
#include "common/clock.h"
#include "server/http/connection_private.h"
#include <ctype.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WAY_SIZE     4
#define STREAM_MAX   (32 * 1024)
#define OVERHEAD_MAX 8192
#define BIG          12000 /* of an answer: more than the socket takes while nobody reads */
#define REPLY_MAX    (BIG + 1024)

static void
check(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "violated: %s\n", what);
        abort();
    }
}

/* --- how the owner and the client behave --- */

struct way {
    bool wants[2],
        later[2]; /* of requests with an even and an odd number: the body; the answer not at once */
    bool third_closes, big_answers, reads_late, closes_abruptly;
    unsigned pieces; /* 0: all at once */
    size_t limit;
    int pause; /* a long time passes before this piece; -1: never */
};

static struct way
way_of(const uint8_t *bytes)
{
    return (struct way){
        .wants = { bytes[0] & 1, bytes[0] & 2 },
        .later = { bytes[0] & 4, bytes[0] & 8 },
        .third_closes = bytes[0] & 16,
        .big_answers = bytes[0] & 32,
        .reads_late = bytes[0] & 64,
        .closes_abruptly = bytes[0] & 128,
        .pieces = bytes[1],
        .limit = (size_t)1 << (bytes[2] % 18),
        .pause = bytes[3] & 128 ? bytes[3] & 127 : -1,
    };
}

/* With these the client may miss the end, or the server give up: what happens is only the begin of the plan.
 */
static bool
is_cut_short(const struct way *way)
{
    return way->closes_abruptly || way->pause >= 0;
}

/* --- the model --- */

struct expected {
    bool refused, head_only, has_body, wanted;
    bool waits_for_continue; /* so that a closed connection is right, too */
    bool must_close;
    enum problem_code body_code;
    char *body;
    size_t body_length;
    enum http_method method;
    struct http_slice path;
    size_t body_at;
};

struct model {
    const char *bytes;
    size_t length, at;
    struct expected *requests;
    size_t count;
};

static bool
is_line_text(const char *bytes, size_t length, unsigned char last)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte != '\t' && (byte < 0x20 || byte == 0x7f || byte > last)) {
            return false;
        }
    }
    return true;
}

static bool
is_trailer(const char *line, size_t length)
{
    static const char token[] =
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const char *colon = memchr(line, ':', length);
    if (!colon || colon == line) {
        return false;
    }
    for (const char *at = line; at < colon; at++) {
        if (!*at || !strchr(token, *at)) {
            return false;
        }
    }
    return is_line_text(colon + 1, length - (size_t)(colon + 1 - line), 0xff);
}

/* The next line without its end; false when none is left. */
static bool
next_line(struct model *model, const char **ret_line, size_t *ret_length)
{
    const char *line = model->bytes + model->at;
    const char *end = memmem(line, model->length - model->at, "\r\n", 2);
    if (!end) {
        return false;
    }
    *ret_line = line;
    *ret_length = (size_t)(end - line);
    model->at += *ret_length + 2;
    return true;
}

/* A chunk's size with its extensions, which cost what the line is longer than a size. */
static bool
read_size(struct model *model, uint64_t *ret_size, size_t *overhead)
{
    const char *line;
    size_t length, digits = 0;
    if (!next_line(model, &line, &length)) {
        return false;
    }
    *ret_size = 0;
    for (; digits < length && isxdigit((unsigned char)line[digits]); digits++) {
        char text[2] = { line[digits], '\0' };
        *ret_size = *ret_size * 16 + strtoul(text, NULL, 16);
    }
    *overhead += length - digits;
    return digits >= 1 && digits <= 16 && *overhead <= OVERHEAD_MAX &&
           (digits == length || (line[digits] == ';' && is_line_text(line, length, 0x7e)));
}

static bool
read_trailers(struct model *model, size_t overhead)
{
    const char *line;
    size_t length;
    while (next_line(model, &line, &length)) {
        overhead += length + 2;
        if (overhead > OVERHEAD_MAX || (length && !is_trailer(line, length))) {
            return false;
        }
        if (!length) {
            return true;
        }
    }
    return false;
}

static bool
read_data(struct model *model, uint64_t size, struct expected *expected)
{
    if (size > model->length - model->at) {
        return false;
    }
    memcpy(expected->body + expected->body_length, model->bytes + model->at, (size_t)size);
    expected->body_length += (size_t)size;
    model->at += (size_t)size;
    return true;
}

/* Whether so much more may come: what is wanted up to its limit, then what can be read past. */
static bool
is_allowed(struct expected *expected, uint64_t size, size_t *limit)
{
    if (size <= *limit - expected->body_length) {
        return true;
    }
    if (!expected->wanted || expected->body_code == PROBLEM_PAYLOAD_TOO_LARGE) {
        return false;
    }
    expected->body_code = PROBLEM_PAYLOAD_TOO_LARGE;
    expected->body_length = 0;
    *limit = CONNECTION_SKIP_MAX;
    return size <= *limit;
}

static bool
read_chunks(struct model *model, struct expected *expected, size_t limit)
{
    uint64_t size = 0;
    size_t overhead = 0;
    while (read_size(model, &size, &overhead)) {
        if (!size) {
            return read_trailers(model, overhead);
        }
        if (!is_allowed(expected, size, &limit) || !read_data(model, size, expected) ||
            model->length - model->at < 2 || memcmp(model->bytes + model->at, "\r\n", 2) != 0) {
            return false;
        }
        model->at += 2;
    }
    return false;
}

/* Whether the next request can be found behind the body. */
static bool
read_body(struct model *model, const struct http_head *head, struct expected *expected, size_t limit)
{
    bool whole;
    expected->body_code = PROBLEM_NONE;
    expected->body = malloc(model->length + 1);
    if (!expected->wanted) {
        limit = CONNECTION_SKIP_MAX;
    }
    if (head->chunked) {
        whole = read_chunks(model, expected, limit);
    } else {
        uint64_t size = head->content_length > 0 ? (uint64_t)head->content_length : 0;
        whole = is_allowed(expected, size, &limit) && read_data(model, size, expected);
    }
    if (!whole && expected->body_code == PROBLEM_NONE) {
        expected->body_code = PROBLEM_BAD_REQUEST;
        expected->must_close |= expected->wanted;
    }
    return whole;
}

static bool
read_refused(const struct model *model, struct expected *expected)
{
    expected->refused = expected->must_close = true;
    expected->head_only = model->length - model->at >= 5 && memcmp(model->bytes + model->at, "HEAD ", 5) == 0;
    return false;
}

/* Whether there can be another request behind this one. */
static bool
read_request(struct model *model, ssize_t length, const struct way *way)
{
    static struct http_head head;
    enum problem_code code;
    const char *detail;
    size_t number = model->count++;
    struct expected *expected = &model->requests[number];
    if (length <= 0 || length > HTTP_HEAD_MAX ||
        http_head_parse(model->bytes + model->at, (size_t)length, &head, &code, &detail) < 0) {
        return read_refused(model, expected);
    }
    model->at += (size_t)length;
    expected->method = head.method;
    expected->head_only = head.method == HTTP_HEAD;
    expected->path = head.path;
    expected->body_at = model->at;
    expected->has_body = head.chunked || head.content_length > 0;
    expected->wanted = way->wants[number % 2];
    expected->waits_for_continue = head.expects_continue && expected->has_body;
    expected->must_close = !head.keep_alive || (way->third_closes && number == 2);
    return read_body(model, &head, expected, way->limit) && !expected->must_close;
}

static bool
read_next(struct model *model, const struct way *way)
{
    if (model->length - model->at >= 2 && memcmp(model->bytes + model->at, "\r\n", 2) == 0) {
        model->at += 2;
    } else if (model->length - model->at == 1 && model->bytes[model->at] == '\r') {
        return false;
    }
    size_t scanned = 0, left = model->length - model->at;
    ssize_t length = http_head_scan(model->bytes + model->at, left, &scanned);
    if (length == 0 && left < HTTP_HEAD_MAX) {
        return false;
    }
    return read_request(model, length, way);
}

static void
read_all(struct model *model, const struct way *way)
{
    /* No request is shorter than 16 bytes, but for a last one that is refused. */
    model->requests = calloc(model->length / 16 + 2, sizeof(*model->requests));
    while (read_next(model, way)) {
    }
}

static void
forget(struct model *model)
{
    for (size_t i = 0; i < model->count; i++) {
        free(model->requests[i].body);
    }
    free(model->requests);
}

/* --- the owner --- */

struct asked {
    struct run *run;
    size_t number;
    bool timed_out, head_only, answered;
    int finishes;
    size_t body_length;
    bool sent;
};

struct run {
    struct way way;
    struct model model;
    struct connection_pool *pool;
    struct connection *connection; /* no longer there when the pool counts none */
    int client;
    struct asked *asked;
    size_t count;
    struct asked *undecided; /* its body may be wanted, or its answer is due */
    bool body_told;
    size_t sent;
    char *received;
    size_t received_length, received_capacity;
    bool shut; /* by the server */
};

static bool
closes(const struct asked *asked)
{
    return asked->run->way.third_closes && asked->number == 2;
}

/* Of as many bytes as the answer to this request has. */
static size_t
reply_length(const struct asked *asked)
{
    return asked->run->way.big_answers ? BIG : 20 + asked->number % 7;
}

static const struct expected *
expected_of(const struct asked *asked)
{
    return &asked->run->model.requests[asked->number];
}

/* A client that waits for 100 Continue, and has sent nothing of the body, may now send it or not. */
static bool
is_ambiguous(const struct asked *asked)
{
    const struct expected *expected = expected_of(asked);
    return !asked->timed_out && expected->waits_for_continue && !expected->wanted &&
           asked->run->sent == expected->body_at;
}

static void
reply(struct asked *asked)
{
    static char body[BIG];
    char fields[32];
    size_t length = reply_length(asked);
    int digits = snprintf(body, sizeof(body), "%zu", asked->body_length);
    memset(body + digits, 'x', length - (size_t)digits);
    int fields_length = snprintf(fields, sizeof(fields), "N: %zu\r\n", asked->number);
    check(!asked->answered, "one answer for each request");
    asked->answered = true;
    connection_reply(asked->run->connection,
                     &(struct connection_reply){ .status = 200,
                                                 .fields = fields,
                                                 .fields_length = (size_t)fields_length,
                                                 .content_type = "text/plain",
                                                 .body = body,
                                                 .body_length = length,
                                                 .close = closes(asked) });
    check(!is_ambiguous(asked) || !asked->run->connection->exchange.keep,
          "a close where a body may come or not");
}

static void
decide(struct asked *asked)
{
    struct run *run = asked->run;
    run->undecided = NULL;
    if (!run->body_told && !asked->timed_out && !expected_of(asked)->refused && expected_of(asked)->wanted) {
        connection_want_body(run->connection, run->way.limit);
    } else {
        reply(asked);
    }
}

static void
decide_now_or_later(struct asked *asked)
{
    asked->run->undecided = asked;
    if (!asked->run->way.later[asked->number % 2]) {
        decide(asked);
    }
}

static struct asked *
begin(struct run *run)
{
    check(run->count == 0 || run->asked[run->count - 1].finishes == 1, "one request at a time");
    struct asked *asked = &run->asked[run->count];
    *asked = (struct asked){ .run = run, .number = run->count++ };
    run->body_told = false;
    return asked;
}

static void *
on_head(struct connection *connection, const struct http_head *head, void *argument)
{
    struct run *run = argument;
    check(run->count < run->model.count, "a request that is not there");
    struct asked *asked = begin(run);
    const struct expected *expected = expected_of(asked);
    check(connection == run->connection && !expected->refused, "a request that should be refused");
    check(head->method == expected->method, "the method");
    check(head->path.length == expected->path.length &&
              memcmp(head->path.bytes, expected->path.bytes, head->path.length) == 0,
          "the path");
    check(connection_has_body(connection) == expected->has_body, "presence of a body");
    asked->head_only = expected->head_only;
    decide_now_or_later(asked);
    return asked;
}

static void *
on_refused(struct connection *connection, enum problem_code code, const char *detail, void *argument)
{
    struct run *run = argument;
    bool timed_out = code == PROBLEM_REQUEST_TIMEOUT;
    check(detail && code > PROBLEM_NONE && code < PROBLEM_COUNT, "a reason");
    check(timed_out ? run->way.pause >= 0 : run->count < run->model.count, "a refusal without cause");
    struct asked *asked = begin(run);
    asked->timed_out = timed_out;
    asked->head_only = timed_out ? connection->exchange.head_only : expected_of(asked)->head_only;
    check(timed_out || expected_of(asked)->refused, "a good request was refused");
    decide_now_or_later(asked);
    return asked;
}

static void
on_body(void *request, enum problem_code code, const char *detail)
{
    struct asked *asked = request;
    struct run *run = asked->run;
    const struct expected *expected = expected_of(asked);
    const char *body = connection_body(run->connection, &asked->body_length);
    check((code == PROBLEM_NONE) == !detail, "a reason with a refused body");
    check(!run->body_told && expected->wanted, "a body once, when it is wanted");
    check(code == expected->body_code || (is_cut_short(&run->way) && code != PROBLEM_NONE),
          "the body's fate");
    if (code == PROBLEM_NONE) {
        check(asked->body_length == expected->body_length, "the body's length");
        check(memcmp(body, expected->body, asked->body_length) == 0, "the body");
    }
    run->body_told = true;
    decide_now_or_later(asked);
}

static void
on_deadline(void *request)
{
    struct asked *asked = request;
    asked->run->undecided = NULL;
    reply(asked);
}

static void
on_finished(void *request, bool sent)
{
    struct asked *asked = request;
    check(asked->answered, "the end of a request without an answer");
    asked->finishes++;
    asked->sent = sent;
}

/* --- the client --- */

static bool
is_open(const struct run *run)
{
    return connection_pool_count(run->pool) > 0;
}

/* The answers wait for nothing but us: one at a time, and maybe 100 Continue. */
static void
check_memory(const struct run *run)
{
    const struct connection *connection = run->connection;
    if (!is_open(run)) {
        return;
    }
    check(!connection->input || connection->input->capacity <= CONNECTION_INPUT_MAX, "input within bounds");
    check(connection->socket.output_length <= REPLY_MAX, "output within bounds");
    check(connection->body.capacity <= run->way.limit, "body within its limit");
    check(connection->body.capacity <= 4096 + 2 * run->sent, "body no larger than what has come");
}

static void
receive(struct run *run)
{
    ssize_t count;
    do {
        if (run->received_capacity - run->received_length < 4096) {
            run->received_capacity = run->received_capacity * 2 + 4096;
            run->received = realloc(run->received, run->received_capacity);
        }
        count = recv(run->client, run->received + run->received_length,
                     run->received_capacity - run->received_length, MSG_DONTWAIT);
        run->shut |= count == 0;
        run->received_length += count > 0 ? (size_t)count : 0;
    } while (count > 0);
}

/* What changes while there is something to do. */
struct progress {
    size_t asked, finished, connections, ready, used, filled, body, output;
    int state, to_server, to_client, body_told;
};

static struct progress
progress_of(const struct run *run)
{
    struct progress progress = { .asked = run->count, .connections = connection_pool_count(run->pool) };
    progress.finished = run->count && run->asked[run->count - 1].finishes ? run->count : 0;
    progress.ready = run->pool->ready_count;
    progress.body_told = run->body_told;
    ioctl(run->client, FIONREAD, &progress.to_client);
    if (is_open(run)) {
        const struct connection *connection = run->connection;
        progress.used = connection->input ? connection->input->used : 0;
        progress.filled = connection->input ? connection->input->filled : 0;
        progress.body = connection->body.length + connection->lingered;
        progress.output = connection->socket.output_sent;
        progress.state = (int)connection->state;
        ioctl(connection->socket.fd, FIONREAD, &progress.to_server);
    }
    return progress;
}

/* Turns the loop until nothing happens any more. */
static void
settle(struct run *run)
{
    struct progress before, after = progress_of(run);
    do {
        before = after;
        event_base_loop(run->pool->base, EVLOOP_NONBLOCK);
        check_memory(run);
        after = progress_of(run);
    } while (run->pool->ready_count || memcmp(&before, &after, sizeof(before)) != 0);
}

/* The same, with the owner and the client doing their parts. */
static void
go_on(struct run *run, bool reads)
{
    size_t received;
    bool decided;
    do {
        received = run->received_length;
        settle(run);
        decided = run->undecided != NULL;
        if (decided) {
            decide(run->undecided);
        }
        if (reads) {
            receive(run);
        }
    } while (decided || run->received_length != received);
}

static void
let_time_pass(struct run *run)
{
    for (int i = 0; i < 4; i++) {
        clock_freeze(clock_monotonic_us() + INT64_C(25000000), clock_wall_us());
        connection_pool_sweep(run->pool);
        settle(run);
    }
}

static bool
send_piece(struct run *run, size_t length)
{
    const char *bytes = run->model.bytes + run->sent;
    while (length) {
        ssize_t count = send(run->client, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno != EAGAIN) {
            return false;
        }
        count = count < 0 ? 0 : count;
        bytes += count;
        length -= (size_t)count;
        run->sent += (size_t)count;
        go_on(run, count == 0 || !run->way.reads_late);
    }
    return true;
}

/* At most some hundred pieces, so that a run stays short. */
static size_t
next_length(const struct run *run, unsigned *dice)
{
    size_t left = run->model.length - run->sent;
    if (!run->way.pieces) {
        return left;
    }
    *dice = *dice * 1103515245U + 12345U;
    size_t length = 1 + run->model.length / 256 + (*dice >> 16) % run->way.pieces;
    return length < left ? length : left;
}

static void
send_all(struct run *run)
{
    unsigned dice = run->way.pieces;
    bool taken = true;
    for (int piece = 0; taken && run->sent < run->model.length; piece++) {
        if (piece == run->way.pause) {
            let_time_pass(run);
        }
        taken = send_piece(run, next_length(run, &dice));
    }
}

/* --- what has come back --- */

struct answer {
    size_t number, length;
    int status;
    bool closes;
};

static void
read_field(struct answer *answer, char *line)
{
    char *value = strstr(line, ": ");
    check(value && value != line, "a field line");
    *value = '\0';
    value += 2;
    if (strcmp(line, "Content-Length") == 0) {
        answer->length = strtoul(value, NULL, 10);
    } else if (strcmp(line, "N") == 0) {
        answer->number = strtoul(value, NULL, 10);
    } else if (strcmp(line, "Connection") == 0) {
        answer->closes = strcmp(value, "close") == 0;
    }
}

/* There is one at `head_end`. */
static char *
find_line_end(char *line, char *head_end)
{
    return memmem(line, (size_t)(head_end + 2 - line), "\r\n", 2);
}

/* Takes the head of an answer off the front of what is left; false when it is not whole. */
static bool
read_answer(char **at, char *end, struct answer *ret_answer)
{
    struct answer answer = { .number = SIZE_MAX, .length = SIZE_MAX };
    char *head_end = memmem(*at, (size_t)(end - *at), "\r\n\r\n", 4);
    if (!head_end) {
        return false;
    }
    check(strncmp(*at, "HTTP/1.1 ", 9) == 0, "a status line");
    answer.status = atoi(*at + 9);
    char *line = find_line_end(*at, head_end);
    while (line != head_end) {
        char *next = find_line_end(line + 2, head_end);
        *next = '\0';
        read_field(&answer, line + 2);
        line = next;
    }
    *at = head_end + 4;
    *ret_answer = answer;
    return true;
}

/* Takes the answer to this request off the front; false when it is not whole. */
static bool
check_answer(const struct asked *asked, char **at, char *end, bool *ret_closes)
{
    struct answer answer;
    if (!read_answer(at, end, &answer)) {
        return false;
    }
    if (answer.status == 100) {
        check(expected_of(asked)->waits_for_continue && expected_of(asked)->wanted, "100 Continue");
        if (!read_answer(at, end, &answer)) {
            return false;
        }
    }
    check(answer.status == 200 && answer.number == asked->number, "the answers' order");
    check(answer.length == reply_length(asked), "the answer's length");
    size_t length = asked->head_only ? 0 : answer.length;
    if ((size_t)(end - *at) < length) {
        return false;
    }
    check(length == 0 || strtoul(*at, NULL, 10) == asked->body_length, "the answer's body");
    *at += length;
    *ret_closes = answer.closes;
    return true;
}

/* Only the last may say that it is the last. */
static void
check_answers(struct run *run)
{
    char *at = run->received, *end = at + run->received_length;
    bool last = false;
    *end = '\0';
    for (size_t i = 0; i < run->count; i++) {
        check(!last, "an answer behind the last one");
        if (!check_answer(&run->asked[i], &at, end, &last)) {
            check(is_cut_short(&run->way), "all answers");
            return;
        }
    }
    check(at == end || is_cut_short(&run->way), "nothing but answers");
    if (run->count && run->asked[run->count - 1].number < run->model.count) {
        check(last || !expected_of(&run->asked[run->count - 1])->must_close, "the last answer says so");
    }
}

static void
check_count(const struct run *run)
{
    bool may_stop = run->count && expected_of(&run->asked[run->count - 1])->waits_for_continue;
    check(is_cut_short(&run->way) || run->count == run->model.count || may_stop, "all requests");
    for (size_t i = 0; i < run->count; i++) {
        check(run->asked[i].finishes == 1, "one end for each request");
        check(run->asked[i].sent || is_cut_short(&run->way), "answers that were sent");
    }
}

/* --- one run --- */

/* What must close, closes once it is answered, without waiting for the client. */
static void
check_closed(const struct run *run)
{
    const struct asked *last = run->count ? &run->asked[run->count - 1] : NULL;
    if (last && last->answered && !is_cut_short(&run->way)) {
        check(run->shut || !expected_of(last)->must_close, "a close");
    }
}

static void
end(struct run *run)
{
    if (run->way.closes_abruptly) {
        close(run->client);
        run->client = -1;
        go_on(run, false);
    } else {
        go_on(run, true);
        check_closed(run);
        shutdown(run->client, SHUT_WR);
        go_on(run, true);
        close(run->client);
        run->client = -1;
    }
    check(connection_pool_busy(run->pool) == 0 && !is_open(run), "the connection's end");
}

static struct event_base *
loop(void)
{
    static struct event_base *base;
    if (!base) {
        base = event_base_new();
    }
    return base;
}

static void
open_connection(struct run *run)
{
    int ends[2];
    const struct connection_events events = { on_head, on_refused, on_body, on_deadline, on_finished, run };
    const struct sockaddr peer = { .sa_family = AF_UNIX };
    clock_freeze(INT64_C(1000000000), INT64_C(784111777) * 1000000);
    run->pool = connection_pool_new(loop(), &events, 1);
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0, "a pair of sockets");
    check(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &(int){ 1 }, sizeof(int)) == 0, "a small buffer");
    check(connection_open(run->pool, ends[0], &peer, sizeof(peer)), "room for a connection");
    run->connection = TAILQ_FIRST(&run->pool->idle);
    run->client = ends[1];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < WAY_SIZE || size > STREAM_MAX) {
        return 0;
    }
    struct run run = { .way = way_of(data) };
    run.model = (struct model){ .bytes = (const char *)data + WAY_SIZE, .length = size - WAY_SIZE };
    read_all(&run.model, &run.way);
    run.asked = calloc(run.model.count + 1, sizeof(*run.asked)); /* one may be timed out */
    open_connection(&run);
    send_all(&run);
    end(&run);
    check_count(&run);
    if (run.received) {
        check_answers(&run);
    }
    connection_pool_free(run.pool);
    free(run.asked);
    free(run.received);
    forget(&run.model);
    return 0;
}
