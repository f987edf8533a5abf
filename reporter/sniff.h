/* What formats recognize files by. `head` is text without white space before it, NUL-terminated; it may end
 * anywhere. */
#ifndef REPORTER_SNIFF_H
#define REPORTER_SNIFF_H

#include <stdbool.h>

/* Whether the root element is one of `roots`, which ends with NULL. */
bool sniff_root(const char *head, const char *const *roots);

/* Whether the document is an array or object (by its first character) that has the key somewhere in the head.
 */
bool sniff_key(const char *head, char first, const char *key);

/* Whether the document is an object whose first key is that. */
bool sniff_first_key(const char *head, const char *key);

#endif
