/* Reads the members of a JSON body. What is missing or wrong is noted as a field error on the request;
 * request_has_errors() tells at the end. Texts live as long as the request's body. */
#ifndef SERVER_REQUEST_INPUT_H
#define SERVER_REQUEST_INPUT_H

#include "server/request/request.h"

enum member_need { MEMBER_REQUIRED, MEMBER_OPTIONAL };

/* Notes every member that is not among `known` (ended by NULL). */
void members_refuse_unknown(struct request *request, const char *const *known);

/* A display name, trimmed (text_name_refusal()); NULL when absent or refused. The caller frees it. */
char *members_name(struct request *request, const char *key, enum member_need need);

/* Any text; NULL when absent or refused. */
const char *members_text(struct request *request, const char *key, enum member_need need, size_t *ret_length);

/* One of `choices` (ended by NULL); NULL when absent or refused. `refusal` says what it may be. */
const char *members_choice(struct request *request, const char *key, enum member_need need,
                           const char *const *choices, const char *refusal);

/* A whole number; false when absent or refused. */
bool members_integer(struct request *request, const char *key, enum member_need need, int64_t *ret_number);

#endif
