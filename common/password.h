/* The rules for passwords (OWASP ASVS 5.0 §6.2): 8 to 128 characters, of any kind, and not one of the most
 * common passwords. A password is never truncated. */
#ifndef COMMON_PASSWORD_H
#define COMMON_PASSWORD_H

#include <stddef.h>

/* More bytes than 128 characters can have, however they are composed. */
#define PASSWORD_BYTES_MAX 1536
#define PASSWORD_SIZE      (PASSWORD_BYTES_MAX + 1)

/* The same password has several forms: keyboards and systems differ in whether they compose a letter and its
 * accent, and in the spaces that they write. So what was typed is normalized before it is hashed or compared,
 * by the rules of OpaqueString (RFC 8265 §4.2.2): every space of Unicode becomes U+0020, then form NFC.
 * Nothing else is mapped or refused; code points that this version of Unicode does not know stay as they are.
 * Returns the length of *ret_password, which is NUL-terminated; or 0 when nothing was typed, it is not UTF-8,
 * or either form is longer than PASSWORD_BYTES_MAX. The caller wipes it. */
size_t password_normalize(const char *typed, size_t length, char ret_password[PASSWORD_SIZE]);

/* NULL when the password is acceptable, otherwise a constant phrase that says what to change ("must have …").
 * `email` and `name` may be NULL; a password equal to either (ASCII case ignored) is refused. Characters are
 * Unicode code points; the bytes must be UTF-8 without NUL. */
const char *password_refusal(const char *password, size_t length, const char *email, const char *name);

/* The most common passwords of at least 8 characters, sorted by byte value; from common_passwords.txt. */
extern const char *const password_common[];
extern const int password_common_count;

#endif
