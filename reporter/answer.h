/* What the service's answers say. */
#ifndef REPORTER_ANSWER_H
#define REPORTER_ANSWER_H

#include "common/json.h"
#include "reporter/http.h"

/* The JSON of an answer, for json_free(); NULL when it is none. */
struct json_document *answer_document(const struct http_answer *answer);

/* A member of an object; NULL and -1 when there is none of that type. `object` may be NULL. */
const char *answer_text(const struct json_value *object, const char *key);
int64_t answer_number(const struct json_value *object, const char *key);

/* What an answer other than 2xx says: "403: you have no right …". */
void answer_describe(const struct http_answer *answer, char *ret_text, size_t size);

#endif
