/* Streaming JSON by yajl, for files that nobody vouches for: any encoding that encoding.h reads, nesting up
 * to 200, of each string the first 64 KiB. A table says which objects and arrays of a document matter; all
 * others are passed over. */
#ifndef REPORTER_JSON_EVENTS_H
#define REPORTER_JSON_EVENTS_H

#include "reporter/format.h"

#define JSON_EVENTS_DEPTH_MAX  200
#define JSON_EVENTS_STRING_MAX 65536

/* What an object or array is: the value of `key` in an object of the kind `parent`, or, without a key, an
 * element of an array of that kind. The document itself has the parent JSON_EVENTS_TOP. */
struct json_rule {
    int parent;
    const char *key;
    bool is_array;
    int kind; /* 1 or more */
};

#define JSON_EVENTS_TOP 0

enum json_scalar_type { JSON_SCALAR_TEXT, JSON_SCALAR_NUMBER, JSON_SCALAR_BOOLEAN, JSON_SCALAR_NULL };

struct json_scalar {
    enum json_scalar_type type;
    const char *text; /* of texts and numbers, not NUL-terminated; the bytes need not be UTF-8 */
    size_t length;
    bool truth; /* of booleans */
};

struct json_handlers {
    const struct json_rule *rules; /* ends with kind 0 */
    const char *hint;              /* a sentence for files that are no JSON; may be NULL */
    void (*open)(void *owner, int kind);
    void (*close)(void *owner, int kind);
    /* A value in an object (with its key) or array (key is "") of that kind. */
    void (*scalar)(void *owner, int kind, const char *key, const struct json_scalar *value);
};

/* For json_events_free(). The handlers are called from within json_events_feed(). */
struct json_events *json_events_new(const struct json_handlers *handlers, void *owner);

/* Both return 0, or -1 and a fault with its place in the file. */
int json_events_feed(struct json_events *events, const char *bytes, size_t length, struct fault *ret_fault);
int json_events_finish(struct json_events *events, struct fault *ret_fault);

uint64_t json_events_repairs(const struct json_events *events);

/* NULL is fine. */
void json_events_free(struct json_events *events);

/* --- reading a scalar --- */

/* A number; `otherwise` when it is none. */
double json_scalar_number(const struct json_scalar *value, double otherwise);

/* Whether it is that text. */
bool json_scalar_is(const struct json_scalar *value, const char *text);

/* A clean copy of a text, for free(), on one line or with its lines; NULL when it is none. */
char *json_scalar_copy(const struct json_scalar *value, size_t limit);
char *json_scalar_lines(const struct json_scalar *value, size_t limit);

#endif
