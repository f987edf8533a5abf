#include "server/http/body.h"
#include "common/memory.h"
#include "server/http/characters.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY  4096
#define DIGITS_MAX      16
#define OVERHEAD_MAX    8192
#define DIRECT_ROOM_MIN 2048

enum step {
    DATA,      /* of a chunk or, without chunks, of the whole body */
    SIZE,      /* the digits */
    EXTENSION, /* after a ';' */
    SIZE_LF,
    DATA_CR,
    DATA_LF,
    TRAILER_BEGIN, /* at the beginning of a line after the last chunk */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF
};

void
http_body_begin(struct http_body *body, const struct http_head *head)
{
    *body = (struct http_body){ .state = HTTP_BODY_UNFINISHED, .chunked = head->chunked, .limit = SIZE_MAX };
    if (body->chunked) {
        body->step = SIZE;
        return;
    }
    body->left = head->content_length > 0 ? (uint64_t)head->content_length : 0;
    body->state = body->left ? HTTP_BODY_UNFINISHED : HTTP_BODY_WHOLE;
}

/* Refuses the body if the bytes that are announced exceed the limit. */
static void
check_limit(struct http_body *body)
{
    if (body->state == HTTP_BODY_UNFINISHED && body->step == DATA &&
        body->left > body->limit - body->length) {
        body->state = HTTP_BODY_TOO_LARGE;
    }
}

void
http_body_keep(struct http_body *body, size_t limit)
{
    body->keeping = true;
    body->limit = limit;
    check_limit(body);
}

/* --- keeping --- */

/* Like realloc(), but wipes the old copy: a body may hold a password. */
static void
grow(struct http_body *body, size_t capacity)
{
    char *bytes = memory_new(capacity, 1);
    if (body->bytes) {
        memcpy(bytes, body->bytes, body->length);
        explicit_bzero(body->bytes, body->length);
        free(body->bytes);
    }
    body->bytes = bytes;
    body->capacity = capacity;
}

/* Memory follows the bytes received, not the bytes announced: it at most doubles, and never exceeds what may
 * still come. */
static void
make_room(struct http_body *body, size_t count)
{
    size_t needed = body->length + count;
    if (needed <= body->capacity) {
        return;
    }
    size_t capacity = body->capacity ? body->capacity * 2 : FIRST_CAPACITY;
    size_t most = body->chunked ? body->limit : body->length + (size_t)body->left;
    capacity = capacity > most ? most : capacity;
    grow(body, capacity < needed ? needed : capacity);
}

static void
count_data(struct http_body *body, size_t count)
{
    body->length += count;
    body->left -= count;
    if (body->left) {
        return;
    }
    if (body->chunked) {
        body->step = DATA_CR;
    } else {
        body->state = HTTP_BODY_WHOLE;
    }
}

static size_t
take_data(struct http_body *body, const char *bytes, size_t length)
{
    size_t count = length < body->left ? length : (size_t)body->left;
    if (body->keeping) {
        make_room(body, count);
        memcpy(body->bytes + body->length, bytes, count);
    }
    count_data(body, count);
    return count;
}

size_t
http_body_room(struct http_body *body, char **ret_bytes)
{
    if (!body->keeping || body->state != HTTP_BODY_UNFINISHED || body->step != DATA ||
        body->left < DIRECT_ROOM_MIN) {
        return 0;
    }
    make_room(body, 1);
    size_t room = body->capacity - body->length;
    *ret_bytes = body->bytes + body->length;
    return room < body->left ? room : (size_t)body->left;
}

void
http_body_received(struct http_body *body, size_t count)
{
    count_data(body, count);
}

static void
wipe(struct http_body *body)
{
    if (body->keeping && body->bytes) {
        explicit_bzero(body->bytes, body->length);
    }
    free(body->bytes);
    body->bytes = NULL;
    body->length = body->capacity = 0;
    body->keeping = false;
}

bool
http_body_may_drop(const struct http_body *body, size_t limit)
{
    return body->state != HTTP_BODY_BROKEN &&
           (body->state == HTTP_BODY_WHOLE || body->step != DATA || body->left <= limit);
}

void
http_body_drop(struct http_body *body, size_t limit)
{
    wipe(body);
    if (body->state == HTTP_BODY_TOO_LARGE) {
        body->state = HTTP_BODY_UNFINISHED;
    }
    body->limit = limit;
    check_limit(body);
}

void
http_body_end(struct http_body *body)
{
    wipe(body);
    *body = (struct http_body){ .state = HTTP_BODY_WHOLE };
}

/* --- the framing of chunks: one function a step, which takes one byte and returns false when the grammar
 * does not allow it there --- */

static bool
step_to(struct http_body *body, enum step step)
{
    body->step = (int)step;
    return true;
}

static bool
take_size(struct http_body *body, char byte)
{
    if (http_characters_is(byte, HTTP_HEXADECIMAL)) {
        body->left = body->left * 16 + (uint64_t)http_characters_hex(byte);
        return ++body->digits <= DIGITS_MAX;
    }
    return body->digits &&
           ((byte == '\r' && step_to(body, SIZE_LF)) || (byte == ';' && step_to(body, EXTENSION)));
}

/* Extensions are ignored; their grammar, quoted strings included, consists of visible ASCII. */
static bool
take_extension(struct http_body *body, char byte)
{
    return (byte == '\r' && step_to(body, SIZE_LF)) || byte == ' ' || byte == '\t' ||
           (http_characters_is(byte, HTTP_VALUE) && (unsigned char)byte < 0x80);
}

static bool
take_size_lf(struct http_body *body, char byte)
{
    body->digits = 0;
    step_to(body, body->left ? DATA : TRAILER_BEGIN);
    check_limit(body);
    return byte == '\n';
}

static bool
take_data_cr(struct http_body *body, char byte)
{
    return byte == '\r' && step_to(body, DATA_LF);
}

static bool
take_data_lf(struct http_body *body, char byte)
{
    return byte == '\n' && step_to(body, SIZE);
}

static bool
take_trailer_begin(struct http_body *body, char byte)
{
    return (byte == '\r' && step_to(body, LAST_LF)) ||
           (http_characters_is(byte, HTTP_TOKEN) && step_to(body, TRAILER_NAME));
}

static bool
take_trailer_name(struct http_body *body, char byte)
{
    return http_characters_is(byte, HTTP_TOKEN) || (byte == ':' && step_to(body, TRAILER_VALUE));
}

static bool
take_trailer_value(struct http_body *body, char byte)
{
    return http_characters_is(byte, HTTP_VALUE) || (byte == '\r' && step_to(body, TRAILER_LF));
}

static bool
take_trailer_lf(struct http_body *body, char byte)
{
    return byte == '\n' && step_to(body, TRAILER_BEGIN);
}

static bool
take_last_lf(struct http_body *body, char byte)
{
    body->state = HTTP_BODY_WHOLE;
    return byte == '\n';
}

static bool (*const take[])(struct http_body *body, char byte) = {
    [SIZE] = take_size,
    [EXTENSION] = take_extension,
    [SIZE_LF] = take_size_lf,
    [DATA_CR] = take_data_cr,
    [DATA_LF] = take_data_lf,
    [TRAILER_BEGIN] = take_trailer_begin,
    [TRAILER_NAME] = take_trailer_name,
    [TRAILER_VALUE] = take_trailer_value,
    [TRAILER_LF] = take_trailer_lf,
    [LAST_LF] = take_last_lf,
};

/* Extensions and trailers need a bound of their own, because the limit of the body does not count them. */
static bool
count_overhead(struct http_body *body, enum step step)
{
    body->overhead += step == EXTENSION || step >= TRAILER_BEGIN;
    return body->overhead <= OVERHEAD_MAX;
}

static void
take_frame(struct http_body *body, char byte)
{
    enum step step = (enum step)body->step;
    if (!take[step](body, byte) || !count_overhead(body, step)) {
        body->state = HTTP_BODY_BROKEN;
    }
}

size_t
http_body_feed(struct http_body *body, const char *bytes, size_t length)
{
    size_t used = 0;
    while (used < length && body->state == HTTP_BODY_UNFINISHED) {
        if (body->step == DATA) {
            used += take_data(body, bytes + used, length - used);
        } else {
            take_frame(body, bytes[used++]);
        }
    }
    return used;
}
