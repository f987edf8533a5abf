/* Recognizes secrets that people paste where a name belongs. Names are stored, logged and shown to others, so
 * a secret must not become one. */
#ifndef COMMON_PASTED_SECRET_H
#define COMMON_PASTED_SECRET_H

#include <stddef.h>

/* Looks for a token of this service (also a mistyped or cut one), and for what looks like a token of GitHub,
 * GitLab, Slack, Stripe or npm, or a key of AWS or Google. Returns where the first one begins, or NULL when
 * there is none; then *ret_refusal is a constant phrase that says what it looks like ("must not contain …").
 * `ret_refusal` may be NULL. Fast for short words, such as those of a User-Agent. */
const char *pasted_secret_find(const char *bytes, size_t length, const char **ret_refusal);

/* Replaces each of them in `text` by at most three asterisks. */
void pasted_secret_mask(char *text);

#endif
