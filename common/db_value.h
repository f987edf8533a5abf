/* Parameters of statements. */
#ifndef COMMON_DB_VALUE_H
#define COMMON_DB_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One parameter, made by the macros: a text, `length` bytes of PostgreSQL's binary form, or a number. NULL is
 * SQL's null. */
struct db_value {
    const char *bytes;
    int length; /* of the binary form, or one of the two constants below */
    int64_t number;
};

#define DB_LENGTH_TEXT           (-1)
#define DB_LENGTH_NUMBER         (-2)
#define DB_TEXT(text)            ((struct db_value){ (text), DB_LENGTH_TEXT, 0 })
#define DB_BINARY(bytes, length) ((struct db_value){ (bytes), (length), 0 })
#define DB_INT64(number)         ((struct db_value){ NULL, DB_LENGTH_NUMBER, (number) })
#define DB_NULL                  DB_TEXT(NULL)
/* A text or NULL, in the initializer of a constant. */
#define DB_CONSTANT(text)                                                                                    \
    {                                                                                                        \
        (text), DB_LENGTH_TEXT, 0                                                                            \
    }

#define DB_PARAMETERS_MAX 32

/* A parameter by the name that the statement gives it; a list of them ends with a row without a name. */
struct db_named {
    const char *name;
    struct db_value value;
};

/* The value of that name; false when the list has none. The list may be NULL. */
bool db_named_find(const struct db_named *values, const char *name, struct db_value *ret_value);

#endif
