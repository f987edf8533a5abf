/* Our parser of heads beside Debian's http-parser, on the same bytes: what we accept, it must accept, and
 * both must understand the same. We refuse more, which is fine.
 *
 * What we accept and it does not, knowingly: methods that are not in its list, and, for methods that we only
 * know as "other", targets that it judges by the method (CONNECT); a Content-Length beside a field whose name
 * goes on after "Transfer-Encoding", which it takes for that field (so that "chunked" may be lost on it,
 * too). */
/* Both call their methods alike. */
/* clang-format off */
#define http_method their_method
#define HTTP_GET THEIR_GET
#define HTTP_HEAD THEIR_HEAD
#define HTTP_POST THEIR_POST
#define HTTP_PUT THEIR_PUT
#define HTTP_PATCH THEIR_PATCH
#define HTTP_DELETE THEIR_DELETE
#define HTTP_OPTIONS THEIR_OPTIONS
#include <http_parser.h>
#undef http_method
#undef HTTP_GET
#undef HTTP_HEAD
#undef HTTP_POST
#undef HTTP_PUT
#undef HTTP_PATCH
#undef HTTP_DELETE
#undef HTTP_OPTIONS
/* clang-format on */

#include "server/http/head.h"
#include "server/http/query.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIELDS_MAX 200

struct theirs {
    struct http_slice url;
    struct http_field fields[FIELDS_MAX];
    size_t count;
    bool in_value, complete, keep_alive;
};

static void
check(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "the parsers differ: %s\n", what);
        abort();
    }
}

/* Data may come in several pieces, which lie behind one another. */
static void
append(struct http_slice *slice, const char *at, size_t length)
{
    if (!slice->bytes) {
        slice->bytes = at;
    }
    slice->length = (size_t)(at - slice->bytes) + length;
}

static int
on_url(http_parser *parser, const char *at, size_t length)
{
    append(&((struct theirs *)parser->data)->url, at, length);
    return 0;
}

static int
on_field(http_parser *parser, const char *at, size_t length)
{
    struct theirs *theirs = parser->data;
    if (theirs->in_value || theirs->count == 0) {
        check(theirs->count < FIELDS_MAX, "number of fields");
        theirs->fields[theirs->count++] = (struct http_field){ { NULL, 0 }, { NULL, 0 } };
        theirs->in_value = false;
    }
    append(&theirs->fields[theirs->count - 1].name, at, length);
    return 0;
}

static int
on_value(http_parser *parser, const char *at, size_t length)
{
    struct theirs *theirs = parser->data;
    theirs->in_value = true;
    append(&theirs->fields[theirs->count - 1].value, at, length);
    return 0;
}

static int
on_headers_complete(http_parser *parser)
{
    struct theirs *theirs = parser->data;
    theirs->complete = true;
    theirs->keep_alive = http_should_keep_alive(parser);
    http_parser_pause(parser, 1);
    return 1;
}

static bool
same(struct http_slice ours, struct http_slice theirs)
{
    while (theirs.length &&
           (theirs.bytes[theirs.length - 1] == ' ' || theirs.bytes[theirs.length - 1] == '\t')) {
        theirs.length--;
    }
    return ours.length == theirs.length &&
           (ours.length == 0 || memcmp(ours.bytes, theirs.bytes, ours.length) == 0);
}

static void
compare_part(struct http_slice ours, const struct http_parser_url *url, const char *bytes, int part)
{
    struct http_slice theirs = { NULL, 0 };
    if (url->field_set & (1 << part)) {
        theirs = (struct http_slice){ bytes + url->field_data[part].off, url->field_data[part].len };
    }
    if (part == UF_PATH && theirs.length == 0) {
        theirs = (struct http_slice){ "/", 1 };
    }
    check(same(ours, theirs), "target");
}

static void
compare_target(const struct http_head *head, const struct theirs *theirs)
{
    struct http_parser_url url;
    if (theirs->url.length == 1) {
        check(same(head->path, theirs->url) && !head->query.bytes, "short target");
        return;
    }
    http_parser_url_init(&url);
    /* Its own reader of URLs is stricter about hosts than what has just accepted the target. */
    if (http_parser_parse_url(theirs->url.bytes, theirs->url.length, 0, &url) == 0) {
        compare_part(head->path, &url, theirs->url.bytes, UF_PATH);
        compare_part(head->query, &url, theirs->url.bytes, UF_QUERY);
    } else {
        check(theirs->url.bytes[0] != '/', "a path that is no URL");
    }
}

static void
compare_fields(const struct http_head *head, const struct theirs *theirs)
{
    check(head->field_count == theirs->count, "number of fields");
    for (size_t i = 0; i < theirs->count; i++) {
        check(same(head->fields[i].name, theirs->fields[i].name), "name");
        check(same(head->fields[i].value, theirs->fields[i].value), "value");
    }
}

/* A tab after a value is optional whitespace (RFC 9110 §5.6.3); the other parser only skips spaces there. */
static bool
has_tab_after(const struct http_head *head, const char *name)
{
    bool tab = false;
    for (size_t i = 0; i < head->field_count; i++) {
        struct http_slice value = head->fields[i].value;
        if (http_slice_equals_nocase(head->fields[i].name, name)) {
            size_t after = strcspn(value.bytes + value.length, "\r\n");
            tab |= memchr(value.bytes + value.length, '\t', after) != NULL;
        }
    }
    return tab;
}

/* It lets Proxy-Connection count, and in a list it misses options behind an empty one, or behind one that
 * begins like another ("keep-al, close"). */
static bool
reads_options_otherwise(const struct http_head *head)
{
    bool otherwise = has_tab_after(head, "connection");
    for (size_t i = 0; i < head->field_count; i++) {
        struct http_slice value = head->fields[i].value;
        otherwise |= http_slice_equals_nocase(head->fields[i].name, "proxy-connection");
        otherwise |= http_slice_equals_nocase(head->fields[i].name, "connection") &&
                     memchr(value.bytes, ',', value.length);
    }
    return otherwise;
}

/* It lets keep-alive win over close in HTTP/1.0; we do not. */
static void
compare_keep_alive(const struct http_head *head, const struct theirs *theirs)
{
    if (!reads_options_otherwise(head)) {
        check(!head->keep_alive || theirs->keep_alive, "keep-alive");
        check(head->keep_alive || !theirs->keep_alive || head->minor_version == 0, "close");
    }
}

static bool
has_longer_transfer_encoding(const struct http_head *head)
{
    static const char name[] = "transfer-encoding";
    for (size_t i = 0; i < head->field_count; i++) {
        struct http_slice found = head->fields[i].name;
        if (found.length > sizeof(name) - 1 && strncasecmp(found.bytes, name, sizeof(name) - 1) == 0) {
            return true;
        }
    }
    return false;
}

static void
compare(const struct http_head *head, const http_parser *parser)
{
    const struct theirs *theirs = parser->data;
    check(http_slice_equals(head->method_text, http_method_str((enum their_method)parser->method)), "method");
    check(parser->http_major == 1 && parser->http_minor == head->minor_version, "version");
    check(head->chunked == !!(parser->flags & F_CHUNKED) || has_longer_transfer_encoding(head), "chunked");
    check((head->content_length >= 0) == !!(parser->flags & F_CONTENTLENGTH), "presence of a length");
    check(head->content_length < 0 || (uint64_t)head->content_length == parser->content_length, "length");
    compare_target(head, theirs);
    compare_fields(head, theirs);
    compare_keep_alive(head, theirs);
}

static bool
is_known_leniency(const struct http_head *head, enum http_errno error)
{
    return head->method == HTTP_OTHER ||
           (error == HPE_INVALID_CONTENT_LENGTH && has_tab_after(head, "content-length")) ||
           (error == HPE_UNEXPECTED_CONTENT_LENGTH && has_longer_transfer_encoding(head));
}

static void
differentiate(const struct http_head *head, const char *bytes, size_t length)
{
    static const http_parser_settings settings = { .on_url = on_url,
                                                   .on_header_field = on_field,
                                                   .on_header_value = on_value,
                                                   .on_headers_complete = on_headers_complete };
    struct theirs theirs = { .count = 0 };
    http_parser parser;
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = &theirs;
    http_parser_execute(&parser, &settings, bytes, length);
    if (theirs.complete) {
        compare(head, &parser);
    } else if (!is_known_leniency(head, HTTP_PARSER_ERRNO(&parser))) {
        check(false, http_errno_description(HTTP_PARSER_ERRNO(&parser)));
    }
}

/* The scan must come to the same however the bytes arrive. */
static ssize_t
scan(const char *bytes, size_t length)
{
    size_t scanned = 0;
    ssize_t whole = http_head_scan(bytes, length, &scanned);
    ssize_t found = 0;
    scanned = 0;
    for (size_t end = 1; end <= length && found == 0; end += 1 + end / 8) {
        found = http_head_scan(bytes, end, &scanned);
    }
    if (found == 0) {
        found = http_head_scan(bytes, length, &scanned);
    }
    check(found == whole, "scanning in pieces");
    return whole;
}

/* Every parameter that the query names can be asked for. */
static void
check_query(struct http_slice query)
{
    struct http_slice rest = query, piece, name;
    while (http_slice_next(&rest, '&', &piece)) {
        if (piece.length) {
            char value[16];
            http_slice_next(&piece, '=', &name);
            char *text = strndup(name.bytes, name.length);
            int found = http_query_parameter(query, text, value, sizeof(value));
            check(found != 0 && (found < 0 || strlen(value) < sizeof(value)), "a parameter that is there");
            free(text);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_head head;
    enum problem_code code = PROBLEM_NONE;
    const char *detail = NULL;
    char *bytes = malloc(size ? size : 1); /* exact, so that a read past the end is seen */
    memcpy(bytes, data, size);
    ssize_t length = scan(bytes, size);
    size_t parsed = length > 0 ? (size_t)length : size;
    if (http_head_parse(bytes, parsed, &head, &code, &detail) == 0) {
        check(length > 0, "a head without an end");
        check_query(head.query);
        differentiate(&head, bytes, parsed);
    } else {
        check(code > PROBLEM_NONE && code < PROBLEM_COUNT && detail, "a refusal without a reason");
    }
    free(bytes);
    return 0;
}
