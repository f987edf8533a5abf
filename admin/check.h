/* Checks for values that an operator types, by the rules of the API. When a check fails, it prints the reason
 * on standard error, and the program ends with COMMAND_MISUSED (COMMAND_FAILED if a secret was read). */
#ifndef ADMIN_CHECK_H
#define ADMIN_CHECK_H

#include "admin/input.h"
#include "common/config.h"
#include "common/secret.h"
#include <stdbool.h>
#include <stdint.h>

/* A display name of 1 to 100 characters. Returns true and a trimmed copy, which the caller frees. `what`
 * names it in the message. */
bool check_name(const char *what, const char *text, char **ret_name);

/* A remark of 1 to 200 characters, and an address on the web; each also passes when it is not given (NULL).
 * `what` names it in the message. */
bool check_note(const char *what, const char *text);
bool check_link(const char *what, const char *text);

/* 1 to 255 characters of ASCII; also passes when it is not given (NULL). */
bool check_idempotency_key(const char *text);

bool check_email(const char *text);

/* A number from `least` to `most`, in decimal digits. */
bool check_number(const char *what, const char *text, int64_t least, int64_t most, int64_t *ret_number);

/* An identifier of the database: a number from 1. */
bool check_id(const char *what, const char *text, int64_t *ret_id);

/* "PRJ-7" → 7. */
bool check_project(const char *text, int64_t *ret_number);

/* Whether `text` is one of `choices`, which are separated by "|". */
bool check_choice(const char *what, const char *text, const char *choices);

/* Reads the password of the account `email`, `name` (twice from a terminal), and hashes it at the configured
 * costs. */
bool check_password(const struct config *config, const char *email, const char *name,
                    char ret_hash[SECRET_HASH_SIZE]);

/* The configured costs of argon2id. */
struct secret_cost check_cost(const struct config *config);

#endif
