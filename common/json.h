/* JSON (RFC 8259), strictly. Reading: yajl's SAX parser under our own rules, into a small read-only tree;
 * refused are nesting deeper than 16, more than 2000 values, a key twice in one object, more than 64 keys in
 * an object, bytes that are not UTF-8, a byte order mark, U+0000 in a key, lone surrogates (also escaped),
 * comments, and trailing text. Writing: yajl_gen into a growing buffer. */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 16
#define JSON_KEYS_MAX  64
#define JSON_NODES_MAX 2000 /* values of any type, which bounds time and memory whatever the length */

enum json_type {
    JSON_NULL,
    JSON_BOOLEAN,
    JSON_INTEGER,
    JSON_REAL, /* and every number that int64 cannot hold; the value is not kept */
    JSON_STRING,
    JSON_STRING_WITH_NUL, /* a string with U+0000; its content is not kept */
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_document;
struct json_value;

/* Reads one value. Returns 0 and a document for json_free(), or -1 and a constant sentence that says what is
 * wrong, which never quotes the input. The document keeps no pointer into `bytes`. */
int json_read(const char *bytes, size_t length, struct json_document **ret_document, const char **ret_error);
/* The same with another bound on the number of values. */
int json_read_up_to(size_t nodes, const char *bytes, size_t length, struct json_document **ret_document,
                    const char **ret_error);

/* Wipes the strings (a body may hold a password) and frees; NULL is fine. */
void json_free(struct json_document *document);

const struct json_value *json_root(const struct json_document *document);
enum json_type json_type(const struct json_value *value);

/* The member called `key`, or NULL when there is none or `object` is not an object. */
const struct json_value *json_member(const struct json_value *object, const char *key);

/* Walks an array's elements or an object's members, in order: index from 0; NULL past the end. `ret_key` (may
 * be NULL) is set for members; keys are NUL-terminated and live as long as the document. */
const struct json_value *json_at(const struct json_value *container, size_t index, const char **ret_key);
size_t json_count(const struct json_value *container);

/* The value's content; each requires json_type() to be the matching one. Strings are UTF-8, NUL-terminated,
 * without NUL inside. */
const char *json_string(const struct json_value *value, size_t *ret_length);
int64_t json_integer(const struct json_value *value);
bool json_boolean(const struct json_value *value);

/* --- writing --- */

struct json_writer;

struct json_writer *json_writer_new(void);
void json_writer_free(struct json_writer *writer);

/* Forgets what was written and keeps the memory, for the next document. */
void json_writer_reset(struct json_writer *writer);

/* The bytes so far, not NUL-terminated; they live until the next call with this writer. */
const char *json_writer_bytes(const struct json_writer *writer, size_t *ret_length);

/* One call a JSON event. Text must be UTF-8; bytes that are not become U+FFFD. A NULL text is written as
 * null. */
void json_open_object(struct json_writer *writer);
void json_close_object(struct json_writer *writer);
void json_open_array(struct json_writer *writer);
void json_close_array(struct json_writer *writer);
void json_key(struct json_writer *writer, const char *key);
void json_put_text(struct json_writer *writer, const char *text);
void json_put_integer(struct json_writer *writer, int64_t number);
void json_put_boolean(struct json_writer *writer, bool truth);
void json_put_null(struct json_writer *writer);
/* Copies bytes that are already one JSON value (as PostgreSQL's json output is). */
void json_put_raw(struct json_writer *writer, const char *json, size_t length);

/* Key and value in one call, the usual case. */
void json_text_member(struct json_writer *writer, const char *key, const char *text);
void json_integer_member(struct json_writer *writer, const char *key, int64_t number);
void json_boolean_member(struct json_writer *writer, const char *key, bool truth);

#endif
