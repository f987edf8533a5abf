/* Text of report files made fit to be sent and shown. */
#ifndef REPORTER_CLEAN_H
#define REPORTER_CLEAN_H

#include <stddef.h>

#define CLEAN_NAME_MAX    4096 /* bytes of a test's name */
#define CLEAN_MESSAGE_MAX 2048 /* bytes of a failure's message */

/* A copy in valid UTF-8 on one line: escape sequences of terminals, control and bidirectional characters are
 * removed, line ends and tabs become spaces, invalid bytes become U+FFFD, secrets that pasted_secret_find()
 * recognizes become "***". Without spaces at its ends, and cut to `limit` bytes between two characters. The
 * caller frees it. */
char *clean_text(const char *bytes, size_t length, size_t limit);

/* The same with lines: their ends and the blanks within them stay, as a diff in a message needs them. Blank
 * lines at its ends are removed, and of several in between all but one. */
char *clean_lines(const char *bytes, size_t length, size_t limit);

/* As clean_text(), of the first line that is not blank. */
char *clean_first_line(const char *bytes, size_t length, size_t limit);

#endif
