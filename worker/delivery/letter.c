#include "worker/delivery/letter.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memory.h"
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* An encoded word has at most 75 characters (RFC 2047 §2), of which 12 are around the Base64. */
#define WORD_BYTES_MOST 45
#define WORD_SIZE       (12 + WORD_BYTES_MOST / 3 * 4 + 1)

#define FIELD_SIZE 2048

/* --- header fields --- */

static void
add_field(struct curl_slist **fields, const char *name, const char *value)
{
    char field[FIELD_SIZE];
    snprintf(field, sizeof(field), "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(*fields, field);
    if (!longer) {
        log_out_of_memory();
    }
    *fields = longer;
}

static bool
is_plain(const char *text)
{
    return *text &&
           text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ")] == '\0';
}

/* How many bytes of UTF-8 fit into one word, without splitting a character. */
static size_t
word_length(const char *text)
{
    size_t length = strlen(text);
    if (length <= WORD_BYTES_MOST) {
        return length;
    }
    length = WORD_BYTES_MOST;
    while (length > 1 && ((unsigned char)text[length] & 0xC0) == 0x80) {
        length--;
    }
    return length;
}

/* Words of RFC 2047 that stand on lines of their own, so that a text of any content is one field. */
static void
write_phrase(FILE *out, const char *text)
{
    if (is_plain(text) && strlen(text) <= WORD_BYTES_MOST) {
        fputs(text, out);
        return;
    }
    for (const char *separator = ""; *text; separator = "\r\n ") {
        char base64[WORD_SIZE];
        size_t length = word_length(text);
        sodium_bin2base64(base64, sizeof(base64), (const unsigned char *)text, length,
                          sodium_base64_VARIANT_ORIGINAL);
        fprintf(out, "%s=?UTF-8?B?%s?=", separator, base64);
        text += length;
    }
}

static FILE *
open_text(char **ret_text, size_t *ret_length)
{
    FILE *out = open_memstream(ret_text, ret_length);
    if (!out) {
        log_out_of_memory();
    }
    return out;
}

static void
close_text(FILE *out)
{
    if (fclose(out) != 0) {
        log_out_of_memory();
    }
}

static void
add_phrase_field(struct curl_slist **fields, const char *name, const char *phrase, const char *address)
{
    char *value;
    size_t length;
    FILE *out = open_text(&value, &length);
    write_phrase(out, phrase);
    if (address) {
        fprintf(out, "%s<%s>", *phrase ? "\r\n " : "", address);
    }
    close_text(out);
    add_field(fields, name, value);
    free(value);
}

void
letter_domain(const char *address, char *ret_domain, size_t size)
{
    const char *at = strrchr(address, '@');
    snprintf(ret_domain, size, "%s", at && at[1] ? at + 1 : "localhost");
}

static void
add_date(struct curl_slist **fields)
{
    static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    char date[64];
    snprintf(date, sizeof(date), "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday,
             months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    add_field(fields, "Date", date);
}

static void
add_message_id(struct curl_slist **fields, const struct letter *letter)
{
    char domain[256], id[512];
    letter_domain(letter->from, domain, sizeof(domain));
    snprintf(id, sizeof(id), "<%s@%s>", letter->id, domain);
    add_field(fields, "Message-ID", id);
}

static void
add_unsubscribe(struct curl_slist **fields, const struct letter *letter)
{
    char address[FIELD_SIZE - 64];
    snprintf(address, sizeof(address), "<%s/api/v1/mail/unsubscribe/%s>", letter->public_url,
             letter->unsubscribe_secret);
    add_field(fields, "List-Unsubscribe", address);
    add_field(fields, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
}

struct curl_slist *
letter_headers(const struct letter *letter)
{
    struct curl_slist *fields = NULL;
    add_date(&fields);
    add_phrase_field(&fields, "From", "TestKase", letter->from);
    add_phrase_field(&fields, "To", letter->to_name, letter->to);
    add_phrase_field(&fields, "Subject", letter->subject, NULL);
    add_message_id(&fields, letter);
    add_field(&fields, "Auto-Submitted", "auto-generated");
    if (letter->unsubscribe_secret) {
        add_unsubscribe(&fields, letter);
    }
    return fields;
}

/* --- the body --- */

/* One way to write it. */
struct style {
    void (*open)(FILE *out, const struct letter *letter);
    void (*item)(FILE *out, const struct letter *letter, const struct json_value *item);
    void (*close)(FILE *out, const struct letter *letter);
};

static const char *
member(const struct json_value *item, const char *name)
{
    const struct json_value *value = json_member(item, name);
    return value && json_type(value) == JSON_STRING ? json_string(value, NULL) : "";
}

/* Calls `write` for each sentence of an item. */
static void
each_sentence(FILE *out, const struct json_value *item, void (*write)(FILE *out, const char *sentence))
{
    const struct json_value *sentences = json_member(item, "sentences"), *sentence;
    for (size_t i = 0; sentences && (sentence = json_at(sentences, i, NULL)); i++) {
        if (json_type(sentence) == JSON_STRING) {
            write(out, json_string(sentence, NULL));
        }
    }
}

static char *
body(const struct letter *letter, const struct style *style)
{
    char *text;
    size_t length;
    FILE *out = open_text(&text, &length);
    struct json_document *document = NULL;
    const char *error;
    style->open(out, letter);
    if (letter->items && json_read(letter->items, strlen(letter->items), &document, &error) == 0) {
        const struct json_value *items = json_root(document), *item;
        for (size_t i = 0; (item = json_at(items, i, NULL)); i++) {
            style->item(out, letter, item);
        }
    }
    style->close(out, letter);
    json_free(document);
    close_text(out);
    return text;
}

static const char *
farewell(const struct letter *letter)
{
    if (letter->is_digest) {
        return "You get this because you want the weekly digest, as an admin of your organization. The page "
               "Account says which mails you want.";
    }
    return letter->unsubscribe_secret
               ? "You get this because tokens of yours, or of service accounts that you look after, are due. "
                 "The page Account says which mails you want."
               : "You get this because it concerns the security of your account. Such mails cannot be turned "
                 "off.";
}

/* --- as text --- */

static void
text_open(FILE *out, const struct letter *letter)
{
    fprintf(out, "Hello%s%s,\r\n\r\n", *letter->to_name ? " " : "", letter->to_name);
}

static void
text_sentence(FILE *out, const char *sentence)
{
    fprintf(out, "  %s\r\n", sentence);
}

static void
text_item(FILE *out, const struct letter *letter, const struct json_value *item)
{
    const char *secret = letter->link_secret;
    fprintf(out, "* %s\r\n", member(item, "heading"));
    each_sentence(out, item, text_sentence);
    fprintf(out, "  %s%s%s%s\r\n\r\n", letter->public_url, member(item, "path"), secret ? "#" : "",
            secret ? secret : "");
}

static void
text_close(FILE *out, const struct letter *letter)
{
    fprintf(out, "-- \r\nTestKase, %s\r\n%s\r\n", letter->public_url, farewell(letter));
}

char *
letter_text(const struct letter *letter)
{
    static const struct style style = { text_open, text_item, text_close };
    return body(letter, &style);
}

/* --- as HTML, in the colours of the page --- */

static void
write_escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
            break;
        }
    }
}

static void
html_open(FILE *out, const struct letter *letter)
{
    fputs("<!doctype html>\r\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"color-scheme\" content=\"light dark\"></head>\r\n"
          "<body style=\"margin:0;padding:24px;background:#f5f7f6;color:#14201d;"
          "font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif\">\r\n"
          "<div style=\"max-width:560px;margin:0 auto\">\r\n<p>Hello",
          out);
    if (*letter->to_name) {
        fputc(' ', out);
        write_escaped(out, letter->to_name);
    }
    fputs(",</p>\r\n", out);
}

static void
html_sentence(FILE *out, const char *sentence)
{
    fputs("<p style=\"margin:0 0 4px;color:#47544f\">", out);
    write_escaped(out, sentence);
    fputs("</p>\r\n", out);
}

static void
html_item(FILE *out, const struct letter *letter, const struct json_value *item)
{
    fputs("<div style=\"margin:0 0 16px;padding:16px 20px;background:#ffffff;border:1px solid #e1e6e4;"
          "border-radius:8px\">\r\n<h2 style=\"margin:0 0 8px;font-size:17px\">",
          out);
    write_escaped(out, member(item, "heading"));
    fputs("</h2>\r\n", out);
    each_sentence(out, item, html_sentence);
    fputs("<p style=\"margin:12px 0 0\"><a style=\"color:#0a6070\" href=\"", out);
    write_escaped(out, letter->public_url);
    write_escaped(out, member(item, "path"));
    if (letter->link_secret) {
        fputc('#', out);
        write_escaped(out, letter->link_secret);
    }
    fprintf(out, "\">%s</a></p>\r\n</div>\r\n",
            letter->link_secret ? "Set the password" : "Open in TestKase");
}

static void
html_close(FILE *out, const struct letter *letter)
{
    fputs("<p style=\"color:#606d68;font-size:13px\">", out);
    write_escaped(out, farewell(letter));
    fputs("<br>TestKase, ", out);
    write_escaped(out, letter->public_url);
    fputs("</p>\r\n</div></body></html>\r\n", out);
}

char *
letter_html(const struct letter *letter)
{
    static const struct style style = { html_open, html_item, html_close };
    return body(letter, &style);
}
