#include "admin/check.h"
#include "admin/output.h"
#include "common/memory.h"
#include "common/password.h"
#include "common/text.h"
#include <string.h>

_Static_assert(INPUT_SECRET_MAX >= PASSWORD_BYTES_MAX, "a normalized password fits");

#define NAME_CHARACTERS_MAX    100
#define NOTE_CHARACTERS_MAX    200
#define IDEMPOTENCY_KEY_LENGTH 255

bool
check_name(const char *what, const char *text, char **ret_name)
{
    const char *name;
    size_t length;
    const char *refusal = text_name_refusal(text, strlen(text), NAME_CHARACTERS_MAX, &name, &length);
    if (refusal) {
        output_error("%s %s", what, refusal);
        return false;
    }
    *ret_name = memory_copy_text(name, length);
    return true;
}

/* Prints a refusal; whether there is none. */
static bool
passes(const char *what, const char *refusal)
{
    if (refusal) {
        output_error("%s %s", what, refusal);
    }
    return !refusal;
}

bool
check_note(const char *what, const char *text)
{
    const char *note;
    size_t length;
    return !text || passes(what, text_name_refusal(text, strlen(text), NOTE_CHARACTERS_MAX, &note, &length));
}

bool
check_link(const char *what, const char *text)
{
    return !text || passes(what, text_link_refusal(text, strlen(text)));
}

bool
check_idempotency_key(const char *text)
{
    size_t length = text ? strlen(text) : 1;
    bool is_good = length >= 1 && length <= IDEMPOTENCY_KEY_LENGTH;
    for (const char *at = text; is_good && at && *at; at++) {
        is_good = *at >= ' ' && *at <= '~';
    }
    return passes("the idempotency key", is_good ? NULL : "must have 1 to 255 characters of ASCII");
}

bool
check_email(const char *text)
{
    const char *refusal = text_email_refusal(text, strlen(text));
    if (refusal) {
        output_error("the e-mail address %s", refusal);
    }
    return !refusal;
}

bool
check_number(const char *what, const char *text, int64_t least, int64_t most, int64_t *ret_number)
{
    int64_t number;
    if (!text_to_id(text, strlen(text), &number) || number < least || number > most) {
        output_error("%s must be a number from %lld to %lld", what, (long long)least, (long long)most);
        return false;
    }
    *ret_number = number;
    return true;
}

bool
check_id(const char *what, const char *text, int64_t *ret_id)
{
    int64_t id;
    if (!text_to_id(text, strlen(text), &id) || id < 1) {
        output_error("%s must be a number", what);
        return false;
    }
    *ret_id = id;
    return true;
}

bool
check_project(const char *text, int64_t *ret_number)
{
    bool is_one = text_to_numbered(text, strlen(text), TEXT_PROJECT_PREFIX, ret_number);
    if (!is_one) {
        output_error("a project is written like PRJ-1");
    }
    return is_one;
}

bool
check_choice(const char *what, const char *text, const char *choices)
{
    bool is_one = text_is_choice(text, choices);
    if (!is_one) {
        output_error("%s must be one of %s", what, choices);
    }
    return is_one;
}

struct secret_cost
check_cost(const struct config *config)
{
    return (struct secret_cost){ .memory_kib = (uint32_t)config->argon2_memory_kib,
                                 .time = (uint32_t)config->argon2_time,
                                 .parallelism = (uint32_t)config->argon2_parallelism };
}

static bool
hash_password(const struct input_secret *password, const struct config *config, const char *email,
              const char *name, char ret_hash[SECRET_HASH_SIZE])
{
    const char *refusal = password_refusal(password->bytes, password->length, email, name);
    if (refusal) {
        output_error("the password %s", refusal);
        return false;
    }
    struct secret_cost cost = check_cost(config);
    if (secret_hash(password->bytes, password->length, &cost, ret_hash) < 0) {
        output_error("the password cannot be hashed: not enough memory for the configured argon2 costs");
        return false;
    }
    return true;
}

static void
normalize(struct input_secret *password)
{
    char normalized[PASSWORD_SIZE];
    size_t length = password_normalize(password->bytes, password->length, normalized);
    if (length > 0) {
        memcpy(password->bytes, normalized, length + 1);
        password->length = length;
    }
    secret_wipe(normalized, sizeof(normalized));
}

bool
check_password(const struct config *config, const char *email, const char *name,
               char ret_hash[SECRET_HASH_SIZE])
{
    struct input_secret password = { .length = 0 };
    const char *error;
    if (input_secret("New password: ", "Repeat the password: ", &password, &error) < 0) {
        output_error("no password was read: %s", error);
        return false;
    }
    normalize(&password);
    bool good = hash_password(&password, config, email, name, ret_hash);
    input_wipe(&password);
    return good;
}
