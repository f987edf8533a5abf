/* Bytes of a report file to UTF-8, block by block. The byte order mark decides the encoding, else zero bytes
 * of UTF-16, else the XML declaration; a declared UTF-16 whose bytes look like ASCII is UTF-8. Mark and white
 * space at the start are dropped. In UTF-8, a byte that is none is taken as windows-1252.
 *
 * In XML, characters that XML forbids become U+FFFD, and so do numeric references to them; in comments, CDATA
 * sections and processing instructions nothing is a reference. */
#ifndef REPORTER_ENCODING_H
#define REPORTER_ENCODING_H

#include "reporter/buffer.h"
#include <stdint.h>

struct encoding;

/* For encoding_free(). */
struct encoding *encoding_new(bool is_xml);

/* Decodes a block and appends the text to `ret_text`; the last bytes may come with the next block. */
void encoding_feed(struct encoding *encoding, const char *bytes, size_t length, struct buffer *ret_text);

/* The file has ended: appends the rest. */
void encoding_finish(struct encoding *encoding, struct buffer *ret_text);

/* How many characters were replaced so far. */
uint64_t encoding_repairs(const struct encoding *encoding);

/* How many line ends were dropped before the text. */
uint64_t encoding_dropped_lines(const struct encoding *encoding);

/* NULL is fine. */
void encoding_free(struct encoding *encoding);

#endif
