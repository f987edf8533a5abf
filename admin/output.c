#include "admin/output.h"
#include "common/memory.h"
#include "common/secret.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2

struct output_list {
    const struct output_column *columns;
    size_t width; /* columns */
    size_t count; /* records */
    size_t capacity;
    char **cells; /* width × count */
};

static size_t
count_columns(const struct output_column *columns)
{
    size_t count = 0;
    while (columns[count].key) {
        count++;
    }
    return count;
}

void
output_set_cell(const struct output_column *columns, const char **cells, const char *key, const char *text)
{
    for (size_t i = 0; columns[i].key; i++) {
        if (strcmp(columns[i].key, key) == 0) {
            cells[i] = text;
        }
    }
}

static bool
is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* How many bytes of `text` are one character that can control a terminal or the order of what it shows: C0
 * and DEL (one byte), C1 (two in UTF-8), and Unicode's line separators and bidirectional controls (three). 0:
 * none. */
static size_t
control_length(const char *text)
{
    static const char *const longer[] = { "\u200e", "\u200f", "\u2028", "\u2029", "\u202a",
                                          "\u202b", "\u202c", "\u202d", "\u202e", "\u2066",
                                          "\u2067", "\u2068", "\u2069" };
    unsigned char first = (unsigned char)text[0];
    if (first < 0x20 || first == 0x7f) {
        return 1;
    }
    if (first == 0xc2) {
        return (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] <= 0x9f ? 2 : 0;
    }
    for (size_t i = 0; first == 0xe2 && i < sizeof(longer) / sizeof(longer[0]); i++) {
        if (strncmp(text, longer[i], 3) == 0) {
            return 3;
        }
    }
    return 0;
}

static size_t
characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++) {
        count += !is_continuation(*text);
    }
    return count;
}

void
output_text(FILE *out, const char *text)
{
    while (*text) {
        size_t control = control_length(text);
        putc(control > 0 ? '?' : *text, out);
        text += control > 0 ? control : 1;
    }
}

static const char *
for_people(enum output_kind kind, const char *cell)
{
    if (!cell) {
        return "-";
    }
    if (kind == OUTPUT_TRUTH) {
        return cell[0] == 't' ? "yes" : "no";
    }
    return cell;
}

static void
print_padded(FILE *out, const char *text, size_t width)
{
    size_t shown = characters(text);
    output_text(out, text);
    fprintf(out, "%*s", (int)(width > shown ? width - shown : 0), "");
}

static void
write_json(struct json_writer *writer, const struct output_column *column, const char *cell)
{
    json_key(writer, column->key);
    if (!cell) {
        json_put_null(writer);
    } else if (column->kind == OUTPUT_NUMBER) {
        json_put_integer(writer, strtoll(cell, NULL, 10));
    } else if (column->kind == OUTPUT_TRUTH) {
        json_put_boolean(writer, cell[0] == 't');
    } else {
        json_put_text(writer, cell);
    }
}

void
output_write_record(struct json_writer *writer, const struct output_column *columns, const char *const *cells)
{
    json_open_object(writer);
    for (size_t i = 0; columns[i].key; i++) {
        write_json(writer, &columns[i], cells[i]);
    }
    json_close_object(writer);
}

/* The code point of one control character. */
static unsigned
code_point(const char *text, size_t length)
{
    unsigned code = (unsigned char)text[0] & (length == 1 ? 0x7f : length == 2 ? 0x1f : 0x0f);
    for (size_t i = 1; i < length; i++) {
        code = code << 6 | ((unsigned char)text[i] & 0x3f);
    }
    return code;
}

/* The writer escapes C0 only, as RFC 8259 demands; the others are escaped here. */
void
output_json(FILE *out, struct json_writer *writer)
{
    size_t length;
    const char *bytes = json_writer_bytes(writer, &length);
    char *text = memory_copy_text(bytes, length);
    for (const char *at = text; *at;) {
        size_t control = control_length(at);
        if (control > 0) {
            fprintf(out, "\\u%04x", code_point(at, control));
        } else {
            putc(*at, out);
        }
        at += control > 0 ? control : 1;
    }
    putc('\n', out);
    secret_wipe(text, length); /* a new token is shown, too */
    free(text);
    json_writer_free(writer);
}

void
output_record(FILE *out, const struct output_column *columns, const char *const *cells, bool json)
{
    if (json) {
        struct json_writer *writer = json_writer_new();
        output_write_record(writer, columns, cells);
        output_json(out, writer);
        return;
    }
    size_t widest = 0;
    for (size_t i = 0; columns[i].key; i++) {
        size_t width = columns[i].title ? characters(columns[i].title) : 0;
        widest = width > widest ? width : widest;
    }
    for (size_t i = 0; columns[i].key; i++) {
        if (columns[i].title) {
            print_padded(out, columns[i].title, widest + GAP);
            output_text(out, for_people(columns[i].kind, cells[i]));
            putc('\n', out);
        }
    }
}

struct output_list *
output_list_new(const struct output_column *columns)
{
    struct output_list *list = memory_new(1, sizeof(*list));
    list->columns = columns;
    list->width = count_columns(columns);
    return list;
}

void
output_list_free(struct output_list *list)
{
    if (!list) {
        return;
    }
    for (size_t i = 0; i < list->width * list->count; i++) {
        free(list->cells[i]);
    }
    free(list->cells);
    free(list);
}

void
output_list_add(struct output_list *list, const char *const *cells)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? list->capacity * 2 : 16;
        list->cells = memory_resize(list->cells, list->capacity * list->width, sizeof(*list->cells));
    }
    for (size_t i = 0; i < list->width; i++) {
        list->cells[list->count * list->width + i] = memory_duplicate(cells[i]);
    }
    list->count++;
}

static size_t
widest_in_column(const struct output_list *list, size_t column)
{
    size_t widest = characters(list->columns[column].title);
    for (size_t row = 0; row < list->count; row++) {
        const char *cell = for_people(list->columns[column].kind, list->cells[row * list->width + column]);
        size_t width = characters(cell);
        widest = width > widest ? width : widest;
    }
    return widest;
}

/* One line of the table; the last shown column is not padded. */
static void
print_line(FILE *out, const struct output_list *list, const size_t *widths, const char *const *cells)
{
    size_t pad = 0;
    for (size_t i = 0; i < list->width; i++) {
        if (!list->columns[i].title) {
            continue;
        }
        fprintf(out, "%*s", (int)pad, "");
        const char *text = cells ? for_people(list->columns[i].kind, cells[i]) : list->columns[i].title;
        size_t shown = characters(text);
        output_text(out, text);
        pad = (widths[i] > shown ? widths[i] - shown : 0) + GAP;
    }
    putc('\n', out);
}

static void
print_table(FILE *out, const struct output_list *list)
{
    size_t *widths = memory_new(list->width, sizeof(*widths));
    for (size_t i = 0; i < list->width; i++) {
        widths[i] = list->columns[i].title ? widest_in_column(list, i) : 0;
    }
    print_line(out, list, widths, NULL);
    for (size_t row = 0; row < list->count; row++) {
        print_line(out, list, widths, (const char *const *)list->cells + row * list->width);
    }
    free(widths);
}

void
output_list_print(FILE *out, const struct output_list *list, bool truncated, bool json)
{
    if (!json) {
        print_table(out, list);
        return;
    }
    struct json_writer *writer = json_writer_new();
    json_open_object(writer);
    json_key(writer, "data");
    json_open_array(writer);
    for (size_t row = 0; row < list->count; row++) {
        output_write_record(writer, list->columns, (const char *const *)list->cells + row * list->width);
    }
    json_close_array(writer);
    json_boolean_member(writer, "truncated", truncated);
    json_close_object(writer);
    output_json(out, writer);
}

void
output_error(const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    fputs("testkase-admin: ", stderr);
    output_text(stderr, line);
    putc('\n', stderr);
}
