/* The inputs of one request, as input.c has read them. */
#ifndef SERVER_REQUEST_INPUT_VALUES_H
#define SERVER_REQUEST_INPUT_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INPUT_VALUES_MAX 16

struct input;

struct input_value {
    const struct input *input;
    const char *text; /* NULL: absent, or JSON's null */
    bool is_given;    /* it is there and not refused, as null or as another value */
    size_t length;
    int64_t number; /* of a numeric input */
    char *owned;    /* the copy that `text` points to; NULL when `text` is in the body or a constant */
};

struct input_values {
    size_t count;
    struct input_value items[INPUT_VALUES_MAX];
};

/* Wipes the copies and frees; NULL is fine. */
void input_values_free(struct input_values *values);

#endif
