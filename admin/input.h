/* Secrets from the terminal, with echo off, or from standard input. Never from argv. */
#ifndef ADMIN_INPUT_H
#define ADMIN_INPUT_H

#include <stddef.h>

#define INPUT_SECRET_MAX 1536 /* bytes; longer than any password or token */

struct input_secret {
    char bytes[INPUT_SECRET_MAX + 1]; /* NUL-terminated, without NUL inside */
    size_t length;
};

/* Reads one line of `descriptor`, up to a line feed (a carriage return before it goes too) or the end, and
 * not a byte more. Returns 0, or -1 and a constant sentence. */
int input_line(int descriptor, struct input_secret *ret_secret, const char **ret_error);

/* Shows `prompt` on the terminal `descriptor` and reads a line with echo off, as input_line() does. Restores
 * the terminal before a signal that ends or stops the program takes effect. */
int input_terminal(int descriptor, const char *prompt, struct input_secret *ret_secret,
                   const char **ret_error);

/* Reads from standard input: from a terminal with `prompt` and then, unless `again` is NULL, a second time,
 * which must give the same; otherwise one line. */
int input_secret(const char *prompt, const char *again, struct input_secret *ret_secret,
                 const char **ret_error);

/* Overwrites it. */
void input_wipe(struct input_secret *secret);

#endif
