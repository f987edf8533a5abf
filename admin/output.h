/* The output of testkase-admin: one record or a list of them, as text for people or as JSON, and error lines.
 * Text for people shows a control character as "?", JSON escapes it, so that a name cannot control the
 * terminal. */
#ifndef ADMIN_OUTPUT_H
#define ADMIN_OUTPUT_H

#include "common/json.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum output_kind { OUTPUT_TEXT, OUTPUT_NUMBER, OUTPUT_TRUTH };

/* Cells are text in PostgreSQL's form: decimal digits, "t" or "f"; NULL is null. */
struct output_column {
    const char *key; /* in JSON, and the column of the result; camelCase as in the API; NULL ends the list */
    const char *title; /* for people; NULL: in JSON only */
    enum output_kind kind;
};

/* Sets the cell of that key, which is among the columns, to a text that outlives its use. */
void output_set_cell(const struct output_column *columns, const char **cells, const char *key,
                     const char *text);

/* One record: a line "title  value" each, or one JSON object. */
void output_record(FILE *out, const struct output_column *columns, const char *const *cells, bool json);

/* The JSON object of a record, as a part of a document. */
void output_write_record(struct json_writer *writer, const struct output_column *columns,
                         const char *const *cells);

struct output_list;

/* A list of records with these columns, which must outlive it. */
struct output_list *output_list_new(const struct output_column *columns);
void output_list_free(struct output_list *list);

/* Adds a record; the cells are copied. */
void output_list_add(struct output_list *list, const char *const *cells);

/* Prints a table, or {"data":[…],"truncated":…}. `truncated`: there are more records than were asked for. */
void output_list_print(FILE *out, const struct output_list *list, bool truncated, bool json);

/* Prints the document and a line end; frees the writer. */
void output_json(FILE *out, struct json_writer *writer);

/* Prints a text for people, without a line end. */
void output_text(FILE *out, const char *text);

/* Prints a line for people ("testkase-admin: …") on standard error. */
void output_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
