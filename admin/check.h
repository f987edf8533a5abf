/* The values that an operator types, against the rules that the API has too. What is wrong is told on
 * standard error; then the program ends with COMMAND_MISUSED, or COMMAND_FAILED where a secret was read. */
#ifndef ADMIN_CHECK_H
#define ADMIN_CHECK_H

#include "admin/input.h"
#include "common/config.h"
#include "common/secret.h"
#include <stdbool.h>
#include <stdint.h>

/* A display name of 1 to 100 characters: true and a trimmed copy to free. `what` names it in the message. */
bool check_name(const char *what, const char *text, char **ret_name);

bool check_email(const char *text);

/* A number from `least` to `most`, in decimal digits. */
bool check_number(const char *what, const char *text, int64_t least, int64_t most, int64_t *ret_number);

/* An identifier of the database: from 1. */
bool check_id(const char *what, const char *text, int64_t *ret_id);

/* "PRJ-7" → 7. */
bool check_project(const char *text, int64_t *ret_number);

/* Whether `text` is one of `choices`, which are divided by "|" and shown so. */
bool check_choice(const char *what, const char *text, const char *choices);

/* Reads a password, twice on a terminal, and hashes it at the configured costs. `email` and `name` are whose.
 */
bool check_password(const struct config *config, const char *email, const char *name,
                    char ret_hash[SECRET_HASH_SIZE]);

/* The configured costs of argon2id. */
struct secret_cost check_cost(const struct config *config);

#endif
