#include "reporter/result.h"
#include <string.h>

/* FNV-1a. Whoever writes the report gains nothing by a collision. */
#define HASH_FIRST UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

const char *
result_status_name(enum result_status status)
{
    static const char *const names[RESULT_STATUSES] = { "skipped", "pass", "blocked", "fail" };
    return names[status];
}

uint64_t
result_identity(const char *const *parts, size_t count)
{
    uint64_t hash = HASH_FIRST;
    for (size_t i = 0; i < count; i++) {
        const char *part = parts[i] ? parts[i] : "";
        /* With the NUL, which keeps the parts apart. */
        for (size_t at = 0, length = strlen(part); at <= length; at++) {
            hash = (hash ^ (unsigned char)part[at]) * HASH_PRIME;
        }
    }
    return hash;
}
