/* Rules for text that people type: names, e-mail addresses, identifiers of projects. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the bytes are UTF-8 by RFC 3629: no overlong form, no surrogate, nothing past U+10FFFF. NUL counts
 * as a character. */
bool text_is_utf8(const char *bytes, size_t length);

/* Cuts white space (Unicode's White_Space) off both ends. The bytes must be UTF-8. */
void text_trim(const char **bytes, size_t *length);

/* Checks a display name: UTF-8, 1 to `limit` characters after trimming white space (Unicode's White_Space),
 * no control (C0, C1, DEL), line or paragraph separator, bidirectional control or other invisible format
 * character such as the zero-width space (but U+200D, the joiner of emoji, is allowed), and no secret that
 * was pasted by mistake (pasted_secret_find()). Returns NULL and the
 * trimmed slice of `bytes` in the two ret_ parameters, or a constant phrase that says what to change ("must
 * have 1 to 100 characters"). */
const char *text_name_refusal(const char *bytes, size_t length, size_t limit, const char **ret_name,
                              size_t *ret_length);

/* Checks an address on the web that pages show as a link: http or https with a host, in visible ASCII, at
 * most 500 bytes, without a user or password before the host, and no pasted secret. Returns NULL when it is
 * valid, otherwise a constant phrase. */
const char *text_link_refusal(const char *bytes, size_t length);

/* Checks an e-mail address: the ASCII subset of RFC 5321 Mailbox without quoted strings and address literals,
 * at most 254 bytes, and no pasted secret. Returns NULL when it is valid, otherwise a constant phrase. */
const char *text_email_refusal(const char *bytes, size_t length);

/* Reads decimal digits without a sign, at most INT64_MAX, and without a leading zero unless the number is 0;
 * otherwise returns false. */
bool text_to_id(const char *bytes, size_t length, int64_t *ret_id);

/* The prefixes of ids that are numbered within an organization or a project, such as PRJ-7. */
#define TEXT_PROJECT_PREFIX "PRJ-"
#define TEXT_CYCLE_PREFIX   "TCYCLE-"
#define TEXT_CASE_PREFIX    "TC-"

/* "PRJ-7" → 7: from 1 to INT32_MAX, in digits as for text_to_id(). False when the text has another form. */
bool text_to_numbered(const char *bytes, size_t length, const char *prefix, int64_t *ret_number);

/* Whether `text` is one of `choices`, which are separated by "|". */
bool text_is_choice(const char *text, const char *choices);

/* Writes a refusal that lists them behind `beginning`: "must be admin or member", "must be 7, 30 or 60". */
void text_choices_refusal(const char *beginning, const char *choices, char *ret_refusal, size_t size);

/* RFC 3339 §5.6 in UTC, with a day and an hour that the calendar has: "2030-01-31T09:00:00Z", seconds with or
 * without a fraction; no leap second. */
bool text_is_time(const char *text);

/* Writes a number's decimal form, NUL-terminated; returns its length. For places where snprintf() is too
 * slow. */
#define TEXT_NUMBER_SIZE 21
size_t text_number(int64_t number, char ret_text[TEXT_NUMBER_SIZE]);

#endif
