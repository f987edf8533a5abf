/* Automation ids in the texts of a test: "[48271]", exactly five ASCII digits in brackets. Leading zeros
 * count. A project that has used up the ids of five digits goes on with six: "[482711]" is an id only for who
 * asks for it, since other tools write such numbers into names, too. */
#ifndef REPORTER_IDS_H
#define REPORTER_IDS_H

#include <stdbool.h>
#include <stddef.h>

#define IDS_DIGITS    5
#define IDS_RANGE     1000000          /* an id is below it */
#define IDS_TEXT_SIZE (IDS_DIGITS + 2) /* an id of six digits, and NUL */
#define IDS_MAX       32               /* of one test; further ones are dropped, and is_cut says so */

/* Where an id may stand. The first level with an id wins, and others are not looked at. */
enum ids_level {
    IDS_NAME,       /* name or title of the test */
    IDS_DISPLAY,    /* a second name: description, annotation, tag */
    IDS_PROPERTY,   /* a property of the test */
    IDS_CLASS,      /* its class name */
    IDS_SUITE,      /* names of the suites around it, the innermost first */
    IDS_NONE = 1000 /* no id so far */
};

struct ids {
    int level;
    size_t count;
    bool is_cut;
    int list[IDS_MAX]; /* in the order of the text, each once */
};

/* Whether six digits without a leading zero are an id, too. For the whole process; before the first text. */
void ids_take_six_digits(bool takes);

/* Without an id. */
void ids_reset(struct ids *ids);

/* Adds the ids of a text that stands at `level`; an IDS_SUITE may be increased by the distance from the test.
 * Ids of a level that does not win are dropped. NULL is a text without an id. */
void ids_add(struct ids *ids, int level, const char *text);

/* Adds the ids of `other` at `level`. */
void ids_add_all(struct ids *ids, int level, const struct ids *other);

/* Writes the five or six digits of an id, NUL-terminated. */
void ids_write(int id, char ret_text[IDS_TEXT_SIZE]);

#endif
