#include "common/json.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/secret.h"
#include "common/text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>

/* --- reading --- */

struct json_value {
    enum json_type type;
    char *key; /* of a member */
    size_t key_length;
    union {
        bool boolean;
        int64_t integer;
        struct {
            char *bytes;
            size_t length;
        } string;
        struct {
            struct json_value **items;
            size_t count, room;
        } container;
    } as;
};

struct json_document {
    struct json_value *root;
};

struct reader {
    struct json_value *root;
    struct json_value *open[JSON_DEPTH_MAX]; /* containers around what comes next */
    size_t depth;
    size_t nodes_left; /* how many more values there may be */
    char *key;         /* of the member whose value comes next */
    size_t key_length;
    const char *error;
};

static void
free_value(struct json_value *value)
{
    if (!value) {
        return;
    }
    if (value->type == JSON_STRING) {
        secret_wipe(value->as.string.bytes, value->as.string.length);
        free(value->as.string.bytes);
    } else if (value->type == JSON_ARRAY || value->type == JSON_OBJECT) {
        for (size_t i = 0; i < value->as.container.count; i++) {
            free_value(value->as.container.items[i]); /* at most JSON_DEPTH_MAX deep */
        }
        free(value->as.container.items);
    }
    free(value->key);
    free(value);
}

static int
refuse(struct reader *reader, const char *error)
{
    reader->error = error;
    return 0;
}

static int
add_value(struct reader *reader, struct json_value *value)
{
    value->key = reader->key;
    value->key_length = reader->key_length;
    reader->key = NULL;
    if (reader->depth == 0) {
        reader->root = value;
        return 1;
    }
    struct json_value *parent = reader->open[reader->depth - 1];
    if (parent->as.container.count == parent->as.container.room) {
        size_t room = parent->as.container.room ? parent->as.container.room * 2 : 8;
        parent->as.container.items =
            memory_resize(parent->as.container.items, room, sizeof(struct json_value *));
        parent->as.container.room = room;
    }
    parent->as.container.items[parent->as.container.count++] = value;
    return 1;
}

/* NULL, and the document is refused, when it has too many values. */
static struct json_value *
new_value(struct reader *reader, enum json_type type)
{
    if (reader->nodes_left == 0) {
        reader->error = "The body holds too many values.";
        return NULL;
    }
    reader->nodes_left--;
    struct json_value *value = memory_new(1, sizeof(*value));
    value->type = type;
    return value;
}

static int
on_null(void *argument)
{
    struct json_value *value = new_value(argument, JSON_NULL);
    return value ? add_value(argument, value) : 0;
}

static int
on_boolean(void *argument, int truth)
{
    struct json_value *value = new_value(argument, JSON_BOOLEAN);
    if (!value) {
        return 0;
    }
    value->as.boolean = truth != 0;
    return add_value(argument, value);
}

/* Only an integer's value is kept: no call takes another number. */
static int
on_number(void *argument, const char *text, size_t length)
{
    char digits[24];
    bool fits = length < sizeof(digits) && !memchr(text, '.', length) && !memchr(text, 'e', length) &&
                !memchr(text, 'E', length);
    long long integer = 0;
    errno = 0;
    if (fits) {
        memcpy(digits, text, length);
        digits[length] = '\0';
        integer = strtoll(digits, NULL, 10);
    }
    struct json_value *value = new_value(argument, fits && errno == 0 ? JSON_INTEGER : JSON_REAL);
    if (!value) {
        return 0;
    }
    value->as.integer = integer;
    return add_value(argument, value);
}

static int
on_string(void *argument, const unsigned char *bytes, size_t length)
{
    if (memchr(bytes, '\0', length)) {
        struct json_value *unfit = new_value(argument, JSON_STRING_WITH_NUL);
        return unfit ? add_value(argument, unfit) : 0;
    }
    struct json_value *value = new_value(argument, JSON_STRING);
    if (!value) {
        return 0;
    }
    value->as.string.bytes = memory_copy_text((const char *)bytes, length);
    value->as.string.length = length;
    return add_value(argument, value);
}

static int
open_container(struct reader *reader, enum json_type type)
{
    if (reader->depth == JSON_DEPTH_MAX) {
        return refuse(reader, "The body is nested deeper than 16 levels.");
    }
    struct json_value *value = new_value(reader, type);
    if (!value) {
        return 0;
    }
    add_value(reader, value);
    reader->open[reader->depth++] = value;
    return 1;
}

static int
on_open_object(void *argument)
{
    return open_container(argument, JSON_OBJECT);
}

static int
on_open_array(void *argument)
{
    return open_container(argument, JSON_ARRAY);
}

static int
on_close(void *argument)
{
    struct reader *reader = argument;
    reader->depth--;
    return 1;
}

static int
on_key(void *argument, const unsigned char *bytes, size_t length)
{
    struct reader *reader = argument;
    const struct json_value *object = reader->open[reader->depth - 1];
    if (memchr(bytes, '\0', length)) {
        return refuse(reader, "The body holds the character U+0000, which no key may.");
    }
    if (object->as.container.count == JSON_KEYS_MAX) {
        return refuse(reader, "An object in the body has more than 64 keys.");
    }
    for (size_t i = 0; i < object->as.container.count; i++) {
        const struct json_value *member = object->as.container.items[i];
        if (member->key_length == length && memcmp(member->key, bytes, length) == 0) {
            return refuse(reader, "An object in the body has the same key twice.");
        }
    }
    reader->key = memory_copy_text((const char *)bytes, length);
    reader->key_length = length;
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_open_object,
    .yajl_map_key = on_key,
    .yajl_end_map = on_close,
    .yajl_start_array = on_open_array,
    .yajl_end_array = on_close,
};

static int
hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The code unit of the \uXXXX escape at `bytes`, or -1. */
static int
escaped_unit(const char *bytes, size_t left)
{
    int unit = 0;
    if (left < 6 || bytes[0] != '\\' || bytes[1] != 'u') {
        return -1;
    }
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(bytes[i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

/* yajl replaces a lone surrogate in silence, so they are looked for before. Outside strings a backslash is an
 * error anyway. */
static bool
has_lone_surrogate(const char *bytes, size_t length)
{
    for (size_t at = 0; at + 1 < length; at++) {
        if (bytes[at] != '\\') {
            continue;
        }
        int unit = escaped_unit(bytes + at, length - at);
        if (unit >= 0xDC00 && unit <= 0xDFFF) {
            return true;
        }
        if (unit >= 0xD800 && unit <= 0xDBFF) {
            int low = escaped_unit(bytes + at + 6, length - at - 6);
            if (low < 0xDC00 || low > 0xDFFF) {
                return true;
            }
            at += 6;
        }
        at++; /* what is escaped is no escape itself */
    }
    return false;
}

static void
parse(struct reader *reader, const char *bytes, size_t length)
{
    yajl_handle parser = yajl_alloc(&callbacks, NULL, reader);
    if (!parser) {
        log_out_of_memory(); /* the only reason for yajl to return NULL */
    }
    yajl_config(parser, yajl_allow_comments, 0);
    yajl_config(parser, yajl_dont_validate_strings, 1);
    yajl_status status = yajl_parse(parser, (const unsigned char *)bytes, length);
    if (status == yajl_status_ok) {
        status = yajl_complete_parse(parser);
    }
    yajl_free(parser);
    if (!reader->error && (status != yajl_status_ok || !reader->root || reader->depth > 0)) {
        reader->error = "The body is not valid JSON; check its syntax.";
    }
}

/* Editors and shells of Windows write these marks; RFC 8259 §8.1 forbids them. */
static const char *
byte_order_mark_error(const char *bytes, size_t length)
{
    if (length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
        return "The body begins with a byte order mark (U+FEFF); send the JSON without it.";
    }
    if (length >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0)) {
        return "The body begins with the byte order mark of UTF-16; send UTF-8 without a mark.";
    }
    return NULL;
}

int
json_read_up_to(size_t nodes, const char *bytes, size_t length, struct json_document **ret_document,
                const char **ret_error)
{
    struct reader reader = { .error = byte_order_mark_error(bytes, length), .nodes_left = nodes };
    if (reader.error) {
        *ret_error = reader.error;
        return -1;
    }
    if (!text_is_utf8(bytes, length)) {
        reader.error = "The body is not valid UTF-8.";
    } else if (has_lone_surrogate(bytes, length)) {
        reader.error = "The body holds half of a surrogate pair.";
    } else {
        parse(&reader, bytes, length);
    }
    free(reader.key);
    if (reader.error) {
        free_value(reader.root);
        *ret_error = reader.error;
        return -1;
    }
    *ret_document = memory_new(1, sizeof(**ret_document));
    (*ret_document)->root = reader.root;
    return 0;
}

int
json_read(const char *bytes, size_t length, struct json_document **ret_document, const char **ret_error)
{
    return json_read_up_to(JSON_NODES_MAX, bytes, length, ret_document, ret_error);
}

void
json_free(struct json_document *document)
{
    if (document) {
        free_value(document->root);
        free(document);
    }
}

const struct json_value *
json_root(const struct json_document *document)
{
    return document->root;
}

enum json_type
json_type(const struct json_value *value)
{
    return value->type;
}

size_t
json_count(const struct json_value *container)
{
    return container->type == JSON_ARRAY || container->type == JSON_OBJECT ? container->as.container.count
                                                                           : 0;
}

const struct json_value *
json_at(const struct json_value *container, size_t index, const char **ret_key)
{
    if (index >= json_count(container)) {
        return NULL;
    }
    const struct json_value *value = container->as.container.items[index];
    if (ret_key) {
        *ret_key = value->key;
    }
    return value;
}

const struct json_value *
json_member(const struct json_value *object, const char *key)
{
    for (size_t i = 0; object->type == JSON_OBJECT && i < object->as.container.count; i++) {
        if (strcmp(object->as.container.items[i]->key, key) == 0) {
            return object->as.container.items[i];
        }
    }
    return NULL;
}

const char *
json_string(const struct json_value *value, size_t *ret_length)
{
    if (ret_length) {
        *ret_length = value->as.string.length;
    }
    return value->as.string.bytes;
}

int64_t
json_integer(const struct json_value *value)
{
    return value->as.integer;
}

bool
json_boolean(const struct json_value *value)
{
    return value->as.boolean;
}

/* --- writing --- */

struct json_writer {
    yajl_gen generator;
};

struct json_writer *
json_writer_new(void)
{
    struct json_writer *writer = memory_new(1, sizeof(*writer));
    writer->generator = yajl_gen_alloc(NULL);
    if (!writer->generator) {
        log_out_of_memory(); /* the only reason for yajl to return NULL */
    }
    return writer;
}

void
json_writer_free(struct json_writer *writer)
{
    if (writer) {
        yajl_gen_free(writer->generator);
        free(writer);
    }
}

void
json_writer_reset(struct json_writer *writer)
{
    const unsigned char *bytes;
    size_t length;
    if (yajl_gen_get_buf(writer->generator, &bytes, &length) == yajl_gen_status_ok) {
        secret_wipe((void *)bytes, length);
    }
    yajl_gen_clear(writer->generator);
    yajl_gen_reset(writer->generator, NULL);
}

const char *
json_writer_bytes(const struct json_writer *writer, size_t *ret_length)
{
    const unsigned char *bytes = NULL;
    *ret_length = 0;
    yajl_gen_get_buf(writer->generator, &bytes, ret_length);
    return (const char *)bytes;
}

void
json_open_object(struct json_writer *writer)
{
    yajl_gen_map_open(writer->generator);
}

void
json_close_object(struct json_writer *writer)
{
    yajl_gen_map_close(writer->generator);
}

void
json_open_array(struct json_writer *writer)
{
    yajl_gen_array_open(writer->generator);
}

void
json_close_array(struct json_writer *writer)
{
    yajl_gen_array_close(writer->generator);
}

/* With each byte that begins no character as U+FFFD. The caller frees it. */
static char *
repaired(const char *text, size_t length, size_t *ret_length)
{
    static const char replacement[] = { '\xEF', '\xBF', '\xBD' };
    char *copy = memory_new(length * 3 + 1, 1);
    size_t out = 0;
    for (size_t at = 0; at < length;) {
        size_t size = 1;
        while (size <= 4 && at + size <= length && !text_is_utf8(text + at, size)) {
            size++;
        }
        if (size <= 4 && at + size <= length) {
            memcpy(copy + out, text + at, size);
            out += size;
            at += size;
        } else {
            memcpy(copy + out, replacement, sizeof(replacement));
            out += sizeof(replacement);
            at++;
        }
    }
    *ret_length = out;
    return copy;
}

static void
put_bytes(struct json_writer *writer, const char *text, size_t length)
{
    if (text_is_utf8(text, length)) {
        yajl_gen_string(writer->generator, (const unsigned char *)text, length);
        return;
    }
    size_t repaired_length;
    char *copy = repaired(text, length, &repaired_length);
    yajl_gen_string(writer->generator, (const unsigned char *)copy, repaired_length);
    free(copy);
}

void
json_key(struct json_writer *writer, const char *key)
{
    put_bytes(writer, key, strlen(key));
}

void
json_put_text(struct json_writer *writer, const char *text)
{
    if (text) {
        put_bytes(writer, text, strlen(text));
    } else {
        yajl_gen_null(writer->generator);
    }
}

void
json_put_integer(struct json_writer *writer, int64_t number)
{
    yajl_gen_integer(writer->generator, number);
}

void
json_put_boolean(struct json_writer *writer, bool truth)
{
    yajl_gen_bool(writer->generator, truth);
}

void
json_put_null(struct json_writer *writer)
{
    yajl_gen_null(writer->generator);
}

/* yajl_gen_number() copies its text as it is and puts the commas. */
void
json_put_raw(struct json_writer *writer, const char *json, size_t length)
{
    yajl_gen_number(writer->generator, json, length);
}

void
json_text_member(struct json_writer *writer, const char *key, const char *text)
{
    json_key(writer, key);
    json_put_text(writer, text);
}

void
json_integer_member(struct json_writer *writer, const char *key, int64_t number)
{
    json_key(writer, key);
    json_put_integer(writer, number);
}

void
json_boolean_member(struct json_writer *writer, const char *key, bool truth)
{
    json_key(writer, key);
    json_put_boolean(writer, truth);
}
