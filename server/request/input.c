#include "server/request/input.h"
#include "common/memory.h"
#include "common/text.h"
#include <stdio.h>
#include <string.h>

#define NAME_LENGTH_MAX 100

static bool
is_among(const char *text, const char *const *list)
{
    for (; *list; list++) {
        if (strcmp(text, *list) == 0) {
            return true;
        }
    }
    return false;
}

void
members_refuse_unknown(struct request *request, const char *const *known)
{
    const char *key;
    for (size_t i = 0; json_at(json_root(request->body), i, &key); i++) {
        if (!is_among(key, known)) {
            request_field_error(request, key, "is not a property of this request");
        }
    }
}

/* The member, if it is there and of that type. */
static const struct json_value *
find(struct request *request, const char *key, enum member_need need, enum json_type type,
     const char *refusal)
{
    const struct json_value *value = json_member(json_root(request->body), key);
    if (!value) {
        if (need == MEMBER_REQUIRED) {
            request_field_error(request, key, "is required");
        }
        return NULL;
    }
    if (json_type(value) != type) {
        request_field_error(request, key, refusal);
        return NULL;
    }
    return value;
}

const char *
members_text(struct request *request, const char *key, enum member_need need, size_t *ret_length)
{
    const struct json_value *value = find(request, key, need, JSON_STRING, "must be a text");
    return value ? json_string(value, ret_length) : NULL;
}

char *
members_name(struct request *request, const char *key, enum member_need need)
{
    size_t length, trimmed_length;
    const char *trimmed;
    const char *text = members_text(request, key, need, &length);
    if (!text) {
        return NULL;
    }
    const char *refusal = text_name_refusal(text, length, NAME_LENGTH_MAX, &trimmed, &trimmed_length);
    if (refusal) {
        request_field_error(request, key, refusal);
        return NULL;
    }
    return memory_copy_text(trimmed, trimmed_length);
}

const char *
members_choice(struct request *request, const char *key, enum member_need need, const char *const *choices,
               const char *refusal)
{
    const struct json_value *value = find(request, key, need, JSON_STRING, refusal);
    if (!value) {
        return NULL;
    }
    size_t length;
    const char *text = json_string(value, &length);
    if (!is_among(text, choices)) {
        request_field_error(request, key, refusal);
        return NULL;
    }
    return text;
}

bool
members_integer(struct request *request, const char *key, enum member_need need, int64_t *ret_number)
{
    const struct json_value *value = find(request, key, need, JSON_INTEGER, "must be a whole number");
    if (!value) {
        return false;
    }
    *ret_number = json_integer(value);
    return true;
}
