/* The rules for passwords (OWASP ASVS 5.0 §6.2): 8 to 128 characters, of any kind, and not one of the most
 * common passwords. A password is never truncated. */
#ifndef COMMON_PASSWORD_H
#define COMMON_PASSWORD_H

#include <stddef.h>

/* NULL when the password is acceptable, otherwise a constant phrase that says what to change ("must have …").
 * `email` and `name` may be NULL; a password equal to either (ASCII case ignored) is refused. Characters are
 * Unicode code points; the bytes must be UTF-8 without NUL. */
const char *password_refusal(const char *password, size_t length, const char *email, const char *name);

/* The most common passwords of at least 8 characters, sorted by byte value; from common_passwords.txt. */
extern const char *const password_common[];
extern const int password_common_count;

#endif
