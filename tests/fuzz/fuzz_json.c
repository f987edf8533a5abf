/* Any bytes as JSON: what is accepted keeps the promised bounds, and is read again the same once written. */
#include "common/json.h"
#include "common/text.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void
copy_value(struct json_writer *writer, const struct json_value *value, int depth)
{
    const char *key;
    const struct json_value *item;
    size_t length;
    if (depth > JSON_DEPTH_MAX) {
        abort();
    }
    switch (json_type(value)) {
    case JSON_OBJECT:
        if (json_count(value) > JSON_KEYS_MAX) {
            abort();
        }
        json_open_object(writer);
        for (size_t i = 0; (item = json_at(value, i, &key)); i++) {
            if (json_member(value, key) != item) {
                abort(); /* a key twice */
            }
            json_key(writer, key);
            copy_value(writer, item, depth + 1);
        }
        json_close_object(writer);
        break;
    case JSON_ARRAY:
        json_open_array(writer);
        for (size_t i = 0; (item = json_at(value, i, NULL)); i++) {
            copy_value(writer, item, depth + 1);
        }
        json_close_array(writer);
        break;
    case JSON_STRING:
        json_string(value, &length);
        if (strlen(json_string(value, NULL)) != length || !text_is_utf8(json_string(value, NULL), length)) {
            abort();
        }
        json_put_text(writer, json_string(value, NULL));
        break;
    case JSON_INTEGER:
        json_put_integer(writer, json_integer(value));
        break;
    case JSON_BOOLEAN:
        json_put_boolean(writer, json_boolean(value));
        break;
    default:
        json_put_null(writer);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_document *document, *again;
    const char *error;
    size_t length;
    if (json_read((const char *)data, size, &document, &error) < 0) {
        return 0;
    }
    struct json_writer *writer = json_writer_new();
    copy_value(writer, json_root(document), 0);
    const char *bytes = json_writer_bytes(writer, &length);
    enum json_type type = json_type(json_root(document));
    bool is_kept = type != JSON_REAL && type != JSON_STRING_WITH_NUL;
    if (json_read(bytes, length, &again, &error) < 0 ||
        json_type(json_root(again)) != (is_kept ? type : JSON_NULL)) {
        abort();
    }
    json_free(again);
    json_free(document);
    json_writer_free(writer);
    return 0;
}
