#include "common/pasted_secret.h"
#include "common/token.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define WORD_MIN       20 /* no secret is shorter */
#define AWS_KEY_LENGTH 40

#define REFUSAL(kind) "must not contain a secret, and this looks like " kind

static bool
is_upper_or_digit(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool
is_alphanumeric(char c)
{
    return is_upper_or_digit(c) || (c >= 'a' && c <= 'z');
}

static bool
is_alphanumeric_or_joined(char c)
{
    return is_alphanumeric(c) || c == '_' || c == '-';
}

static bool
is_base64(char c)
{
    return is_alphanumeric(c) || c == '+' || c == '/';
}

static bool
is_in_word(char c)
{
    return is_base64(c) || c == '_' || c == '-';
}

/* Secrets that begin with a prefix of their own, with at least that many characters after it. */
static const struct shape {
    const char *prefix;
    size_t least;
    bool (*is_member)(char c);
    const char *refusal;
} shapes[] = {
    { TOKEN_PREFIX, 20, is_alphanumeric, REFUSAL("a token of this service") },
    { "ghp_", 20, is_alphanumeric, REFUSAL("a GitHub token") },
    { "gho_", 20, is_alphanumeric, REFUSAL("a GitHub token") },
    { "ghu_", 20, is_alphanumeric, REFUSAL("a GitHub token") },
    { "ghs_", 20, is_alphanumeric, REFUSAL("a GitHub token") },
    { "ghr_", 20, is_alphanumeric, REFUSAL("a GitHub token") },
    { "github_pat_", 20, is_alphanumeric_or_joined, REFUSAL("a GitHub token") },
    { "glpat-", 20, is_alphanumeric_or_joined, REFUSAL("a GitLab token") },
    { "gloas-", 20, is_alphanumeric_or_joined, REFUSAL("a GitLab token") },
    { "gldt-", 20, is_alphanumeric_or_joined, REFUSAL("a GitLab token") },
    { "glrt-", 20, is_alphanumeric_or_joined, REFUSAL("a GitLab token") },
    { "glrtr-", 20, is_alphanumeric_or_joined, REFUSAL("a GitLab token") },
    { "glcbt-", 20, is_alphanumeric_or_joined, REFUSAL("a GitLab token") },
    { "glptt-", 20, is_alphanumeric_or_joined, REFUSAL("a GitLab token") },
    { "glft-", 20, is_alphanumeric_or_joined, REFUSAL("a GitLab token") },
    { "glimt-", 20, is_alphanumeric_or_joined, REFUSAL("a GitLab token") },
    { "glsoat-", 20, is_alphanumeric_or_joined, REFUSAL("a GitLab token") },
    { "glagent-", 20, is_alphanumeric_or_joined, REFUSAL("a GitLab token") },
    { "glffct-", 20, is_alphanumeric_or_joined, REFUSAL("a GitLab token") },
    { "GR1348941", 20, is_alphanumeric_or_joined, REFUSAL("a GitLab token") },
    { "AKIA", 16, is_upper_or_digit, REFUSAL("an AWS key") },
    { "ASIA", 16, is_upper_or_digit, REFUSAL("an AWS key") },
    { "ABIA", 16, is_upper_or_digit, REFUSAL("an AWS key") },
    { "ACCA", 16, is_upper_or_digit, REFUSAL("an AWS key") },
    { "AIza", 35, is_alphanumeric_or_joined, REFUSAL("a Google key") },
    { "xoxa-", 20, is_alphanumeric_or_joined, REFUSAL("a Slack token") },
    { "xoxb-", 20, is_alphanumeric_or_joined, REFUSAL("a Slack token") },
    { "xoxp-", 20, is_alphanumeric_or_joined, REFUSAL("a Slack token") },
    { "xoxs-", 20, is_alphanumeric_or_joined, REFUSAL("a Slack token") },
    { "sk_live_", 20, is_alphanumeric, REFUSAL("a Stripe key") },
    { "rk_live_", 20, is_alphanumeric, REFUSAL("a Stripe key") },
    { "npm_", 36, is_alphanumeric, REFUSAL("an npm token") },
};

static size_t
run_length(const char *at, const char *end, bool (*is_member)(char c))
{
    const char *stop = at;
    while (stop < end && is_member(*stop)) {
        stop++;
    }
    return (size_t)(stop - at);
}

static bool
has_shape(const char *at, const char *end, const struct shape *shape)
{
    size_t prefix = strlen(shape->prefix), left = (size_t)(end - at);
    return left >= prefix + shape->least && memcmp(at, shape->prefix, prefix) == 0 &&
           run_length(at + prefix, end, shape->is_member) >= shape->least;
}

static const char *
find_shape(const char *word, const char *end, const char **ret_refusal)
{
    for (const char *at = word; (size_t)(end - at) >= WORD_MIN; at++) {
        for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
            const char *prefix = shapes[i].prefix;
            /* Two characters decide nearly always: a report may have megabytes of text. */
            if (at[0] == prefix[0] && at[1] == prefix[1] && has_shape(at, end, &shapes[i])) {
                *ret_refusal = shapes[i].refusal;
                return at;
            }
        }
    }
    return NULL;
}

static int
character_class(char c)
{
    return c >= '0' && c <= '9' ? 1 : c >= 'A' && c <= 'Z' ? 2 : c >= 'a' && c <= 'z' ? 3 : 4;
}

/* A secret access key of AWS has no prefix: 40 characters of base64 without padding. Those of a random one
 * change between digits, upper and lower case about 25 times; those of WordsWrittenTogether change less, and
 * those of a hash in hexadecimal have only one case. */
static bool
is_aws_secret(const char *run, size_t length)
{
    enum { CHANGES_MIN = 13 };
    unsigned seen = 0;
    int changes = 0;
    for (size_t i = 0; i < length; i++) {
        seen |= 1U << character_class(run[i]);
        changes += i > 0 && character_class(run[i]) != character_class(run[i - 1]);
    }
    return length == AWS_KEY_LENGTH && (seen & 0xE) == 0xE && changes >= CHANGES_MIN;
}

static const char *
find_aws_secret(const char *word, const char *end, const char **ret_refusal)
{
    for (const char *run = word; run < end;) {
        size_t length = run_length(run, end, is_base64);
        if (is_aws_secret(run, length)) {
            *ret_refusal = REFUSAL("an AWS key");
            return run;
        }
        run += length + 1;
    }
    return NULL;
}

const char *
pasted_secret_find(const char *bytes, size_t length, const char **ret_refusal)
{
    const char *end = bytes + length, *refusal, *found = NULL;
    for (const char *word = bytes; word < end && !found;) {
        const char *stop = word + run_length(word, end, is_in_word);
        if (stop - word >= WORD_MIN) {
            found = find_shape(word, stop, &refusal);
            found = found ? found : find_aws_secret(word, stop, &refusal);
        }
        word = stop + 1;
    }
    if (found && ret_refusal) {
        *ret_refusal = refusal;
    }
    return found;
}

void
pasted_secret_mask(char *text)
{
    char *at;
    while ((at = (char *)(uintptr_t)pasted_secret_find(text, strlen(text), NULL))) {
        size_t length = 0;
        while (isalnum((unsigned char)at[length]) || (at[length] && strchr("_-+/", at[length]))) {
            length++;
        }
        size_t masked = length < 3 ? length : 3;
        memset(at, '*', masked);
        memmove(at + masked, at + length, strlen(at + length) + 1);
        if (masked == 0) {
            return;
        }
        text = at + masked;
    }
}
