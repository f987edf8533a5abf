#include "reporter/sniff.h"
#include <stdio.h>
#include <string.h>

#define QUOTED_MAX 64

/* The name of the first element, without its prefix; its length in `ret_length`. NULL: there is none. */
static const char *
root_name(const char *head, size_t *ret_length)
{
    while (*head == '<' && (head[1] == '?' || head[1] == '!')) {
        const char *end = strncmp(head, "<!--", 4) == 0 ? strstr(head, "-->") : strchr(head, '>');
        if (!end) {
            return NULL;
        }
        head = strchr(end, '>') + 1;
        head += strspn(head, " \t\r\n");
    }
    if (*head++ != '<') {
        return NULL;
    }
    size_t length = strcspn(head, " \t\r\n/>");
    const char *colon = memchr(head, ':', length);
    if (colon) {
        length -= (size_t)(colon + 1 - head);
        head = colon + 1;
    }
    *ret_length = length;
    return head;
}

bool
sniff_root(const char *head, const char *const *roots)
{
    size_t length;
    const char *name = root_name(head, &length);
    for (; name && *roots; roots++) {
        if (strlen(*roots) == length && strncmp(*roots, name, length) == 0) {
            return true;
        }
    }
    return false;
}

bool
sniff_key(const char *head, char first, const char *key)
{
    char quoted[QUOTED_MAX];
    snprintf(quoted, sizeof(quoted), "\"%s\"", key);
    return *head == first && strstr(head, quoted);
}

bool
sniff_first_key(const char *head, const char *key)
{
    size_t length = strlen(key);
    if (*head != '{') {
        return false;
    }
    head += 1 + strspn(head + 1, " \t\r\n");
    return *head == '"' && strncmp(head + 1, key, length) == 0 && head[1 + length] == '"';
}
