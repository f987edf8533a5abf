/* Encodings with one byte for each character: the Windows code pages 1250 to 1258, and ISO 8859-1, -2, -5, -9
 * and -15. ISO 8859-1 is read as windows-1252, as browsers do. */
#ifndef REPORTER_CODE_PAGE_H
#define REPORTER_CODE_PAGE_H

#include <stdint.h>

/* The characters of the bytes 0x80 to 0xff (U+FFFD: none), or NULL for an unknown name. Case does not count.
 */
const uint16_t *code_page_find(const char *name);

#endif
