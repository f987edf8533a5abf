/* The text of a calendar (RFC 5545): lines end with CR LF and are folded at 75 octets, never within a
 * character; texts are escaped. */
#ifndef SERVER_RESOURCES_CALENDAR_TEXT_H
#define SERVER_RESOURCES_CALENDAR_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct calendar_text;

/* `name` is shown as the calendar's. */
struct calendar_text *calendar_text_new(const char *name);

/* Content lines: a property with a text, which is escaped (§3.3.11), or with a value that stands as it is. */
void calendar_text_add(struct calendar_text *calendar, const char *property, const char *text);
void calendar_text_add_raw(struct calendar_text *calendar, const char *property, const char *value);

/* Ends the calendar, frees it and returns its bytes, which the caller frees. */
char *calendar_text_end(struct calendar_text *calendar, size_t *ret_length);

#endif
