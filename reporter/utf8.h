/* UTF-8 (RFC 3629), one character at a time. */
#ifndef REPORTER_UTF8_H
#define REPORTER_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_MAX         4      /* bytes of a character */
#define UTF8_REPLACEMENT 0xfffd /* U+FFFD */

/* Reads the character at `bytes` (`length` is 1 at least); returns how many bytes it takes. Of bytes that are
 * not UTF-8, one is taken, and the character is U+FFFD. */
size_t utf8_read(const char *bytes, size_t length, uint32_t *ret_character);

/* How many bytes a character takes that begins with `first`; 0: none does. */
size_t utf8_length(unsigned char first);

/* Writes a character; returns how many bytes that took. What UTF-8 cannot hold is written as U+FFFD. */
size_t utf8_write(uint32_t character, char ret_bytes[UTF8_MAX]);

#endif
