#include "server/http/head.h"
#include "server/http/characters.h"
#include <string.h>
#include <strings.h>

/* Whether every '%' begins a valid escape, of a byte other than NUL. */
static bool
escapes_are_good(struct http_slice slice)
{
    const char *end = slice.bytes + slice.length;
    const char *at = slice.bytes;
    while ((at = memchr(at, '%', (size_t)(end - at)))) {
        if (http_characters_unescape(at, end) <= 0) {
            return false;
        }
        at += 3;
    }
    return true;
}

/* --- the end of a head --- */

ssize_t
http_head_scan(const char *bytes, size_t length, size_t *scanned)
{
    if (length && !http_characters_is(bytes[0], HTTP_TOKEN)) {
        return -1;
    }
    const char *end = bytes + length;
    const char *at = bytes + *scanned;
    const char *cr;
    while ((cr = memchr(at, '\r', (size_t)(end - at)))) {
        if (memchr(at, '\n', (size_t)(cr - at)) || (cr + 1 < end && cr[1] != '\n')) {
            return -1;
        }
        if (cr + 1 == end) {
            *scanned = (size_t)(cr - bytes);
            return 0;
        }
        at = cr + 2;
        if (cr - bytes >= 2 && cr[-2] == '\r' && cr[-1] == '\n') {
            return at - bytes;
        }
    }
    if (memchr(at, '\n', (size_t)(end - at))) {
        return -1;
    }
    *scanned = length;
    return 0;
}

/* The first CR or LF that is not a part of CR LF; NULL when there is none. */
static const char *
lone_line_break(const char *bytes, const char *end)
{
    for (const char *at = bytes; at < end; at++) {
        bool is_pair = *at == '\r' && at + 1 < end && at[1] == '\n';
        if (!is_pair && (*at == '\r' || *at == '\n')) {
            return at;
        }
        at += is_pair;
    }
    return NULL;
}

const char *
http_head_scan_detail(const char *bytes, size_t length)
{
    static const char field[] = "\nAuthorization:";
    const size_t field_length = sizeof(field) - 1;
    const char *end = lone_line_break(bytes, bytes + length);
    const char *line = end ? memrchr(bytes, '\n', (size_t)(end - bytes)) : NULL;
    if (line && (size_t)(end - line) >= field_length && strncasecmp(line, field, field_length) == 0) {
        return "The Authorization field holds a line break, which often ends a file or variable with a "
               "token; "
               "remove it.";
    }
    return "A request begins with a method, and every line of its head ends with CR LF.";
}

/* --- parsing --- */

struct parse {
    struct http_head *head;
    struct http_slice target;
    struct http_slice content_length;
    struct http_slice transfer_encoding;
    bool close, keep_alive, expectation_failed;
    enum problem_code code;
    const char *detail;
};

static bool
refuse(struct parse *parse, enum problem_code code, const char *detail)
{
    parse->code = code;
    parse->detail = detail;
    return false;
}

static bool
refuse_bad(struct parse *parse, const char *detail)
{
    return refuse(parse, PROBLEM_BAD_REQUEST, detail);
}

/* --- the request line (RFC 9112 §3) --- */

static bool
parse_version(struct parse *parse, struct http_slice version)
{
    const char *bytes = version.bytes;
    if (version.length != 8 || memcmp(bytes, "HTTP/", 5) != 0 ||
        !http_characters_is(bytes[5], HTTP_DECIMAL) || bytes[6] != '.' ||
        !http_characters_is(bytes[7], HTTP_DECIMAL)) {
        return refuse_bad(
            parse, "The request line must be a method, a target and HTTP/1.1, separated by single spaces.");
    }
    if (bytes[5] != '1' || bytes[7] > '1') {
        return refuse(parse, PROBLEM_VERSION_NOT_SUPPORTED, "Use HTTP/1.1 or HTTP/1.0.");
    }
    parse->head->minor_version = bytes[7] - '0';
    return true;
}

static bool
parse_request_line(struct parse *parse, struct http_slice line)
{
    struct http_head *head = parse->head;
    const char *end = line.bytes + line.length;
    size_t method_length = http_characters_span(line.bytes, line.length, HTTP_TOKEN);
    const char *target = line.bytes + method_length + 1;
    if (!method_length || target > end || target[-1] != ' ') {
        return refuse_bad(parse, "The request line must begin with a method and one space.");
    }
    head->method_text = http_slice_between(line.bytes, target - 1);
    head->method = http_method_parse(head->method_text);
    const char *space = memchr(target, ' ', (size_t)(end - target));
    if (!space) {
        return refuse_bad(parse, "The request line must end with the HTTP version.");
    }
    parse->target = http_slice_between(target, space);
    if (parse->target.length > HTTP_TARGET_MAX) {
        return refuse(parse, PROBLEM_URI_TOO_LONG, "The request target is longer than 8 KiB.");
    }
    return parse_version(parse, http_slice_between(space + 1, end));
}

/* --- fields (RFC 9112 §5) --- */

/* RFC 9110 §7.2 with RFC 3986 §3.2: a host, and maybe a port of digits. User information is refused. */
static bool
is_authority(struct http_slice text)
{
    const char *end = text.bytes + text.length;
    const char *at = text.bytes;
    if (text.length && *at == '[') {
        size_t literal = http_characters_span(at + 1, text.length - 1, HTTP_HOST6);
        at += 1 + literal;
        if (!literal || at == end || *at++ != ']') {
            return false;
        }
    } else {
        at += http_characters_span(at, text.length, HTTP_HOST);
        if (at == text.bytes || !escapes_are_good(http_slice_between(text.bytes, at))) {
            return false;
        }
    }
    if (at == end) {
        return true;
    }
    struct http_slice port = http_slice_between(at + 1, end);
    return *at == ':' && port.length && port.length <= 5 && http_characters_all(port, HTTP_DECIMAL);
}

static bool
take_host(struct parse *parse, struct http_slice value)
{
    if (parse->head->host.bytes) {
        return refuse_bad(parse, "The Host field must not be repeated.");
    }
    parse->head->host = value;
    return is_authority(value) ||
           refuse_bad(parse, "The Host field must be a host name or address, with or without a port.");
}

static bool
take_authorization(struct parse *parse, struct http_slice value)
{
    if (parse->head->authorization.bytes) {
        return refuse_bad(parse, "The Authorization field must not be repeated.");
    }
    parse->head->authorization = value;
    return true;
}

static bool
take_content_length(struct parse *parse, struct http_slice value)
{
    if (parse->content_length.bytes) {
        return refuse_bad(parse, "The Content-Length field must not be repeated.");
    }
    parse->content_length = value;
    if (!value.length || value.length > 19 || !http_characters_all(value, HTTP_DECIMAL)) {
        return refuse_bad(parse, "The Content-Length field must be a number of plain digits.");
    }
    int64_t length = 0;
    for (size_t i = 0; i < value.length; i++) {
        if (__builtin_mul_overflow(length, 10, &length) ||
            __builtin_add_overflow(length, value.bytes[i] - '0', &length)) {
            return refuse_bad(parse, "The number in the Content-Length field is too large.");
        }
    }
    parse->head->content_length = length;
    return true;
}

static bool
take_transfer_encoding(struct parse *parse, struct http_slice value)
{
    if (parse->transfer_encoding.bytes) {
        return refuse_bad(parse, "The Transfer-Encoding field must not be repeated.");
    }
    parse->transfer_encoding = value;
    parse->head->chunked = http_slice_equals(value, "chunked");
    /* Blanks after the value, and tabs, are refused, because proxies disagree about what they mean. */
    parse->head->chunked =
        parse->head->chunked && value.bytes[value.length] == '\r' && value.bytes[-1] != '\t';
    return parse->head->chunked || refuse_bad(parse, "The only supported Transfer-Encoding is chunked.");
}

static bool
take_connection(struct parse *parse, struct http_slice value)
{
    struct http_slice option;
    while (http_slice_next(&value, ',', &option)) {
        option = http_slice_trim(option);
        parse->close |= http_slice_equals_nocase(option, "close");
        parse->keep_alive |= http_slice_equals_nocase(option, "keep-alive");
    }
    return true;
}

static bool
take_expect(struct parse *parse, struct http_slice value)
{
    bool known = http_slice_equals_nocase(value, "100-continue");
    parse->head->expects_continue |= known;
    parse->expectation_failed |= !known;
    return true;
}

/* The fields that the server reads: either a function takes each of that name, or the first is stored at an
 * offset of struct http_head. */
static const struct reader {
    const char *name; /* in lower case */
    size_t length;
    bool (*take)(struct parse *parse, struct http_slice value);
    size_t offset;
} readers[] = {
#define TAKEN(name, function)                                                                                \
    {                                                                                                        \
        name, sizeof(name) - 1, function, 0                                                                  \
    }
#define FIRST(name, member)                                                                                  \
    {                                                                                                        \
        name, sizeof(name) - 1, NULL, offsetof(struct http_head, member)                                     \
    }
    TAKEN("host", take_host),
    TAKEN("authorization", take_authorization),
    TAKEN("content-length", take_content_length),
    TAKEN("transfer-encoding", take_transfer_encoding),
    TAKEN("connection", take_connection),
    TAKEN("expect", take_expect),
    FIRST("cookie", cookie),
    FIRST("content-type", content_type),
    FIRST("origin", origin),
    FIRST("sec-fetch-site", sec_fetch_site),
    FIRST("user-agent", user_agent),
    FIRST("x-request-id", request_id),
#undef TAKEN
#undef FIRST
};

static const struct reader *
reader_of(struct http_slice name)
{
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        if (readers[i].length == name.length && (name.bytes[0] | 0x20) == readers[i].name[0] &&
            strncasecmp(name.bytes, readers[i].name, name.length) == 0) {
            return &readers[i];
        }
    }
    return NULL;
}

static bool
take_field(struct parse *parse, const struct http_field *field)
{
    const struct reader *reader = reader_of(field->name);
    if (!reader) {
        return true;
    }
    if (reader->take) {
        return reader->take(parse, field->value);
    }
    struct http_slice *place = (struct http_slice *)(void *)((char *)parse->head + reader->offset);
    if (!place->bytes) {
        *place = field->value;
    }
    return true;
}

static bool
parse_field(struct parse *parse, struct http_slice line)
{
    struct http_head *head = parse->head;
    if (line.bytes[0] == ' ' || line.bytes[0] == '\t') {
        return refuse_bad(parse, "A header field must not be folded over several lines.");
    }
    size_t name_length = http_characters_span(line.bytes, line.length, HTTP_TOKEN);
    if (!name_length || name_length == line.length || line.bytes[name_length] != ':') {
        return refuse_bad(parse, "A header field must be a name, directly followed by a colon, and a value.");
    }
    const char *value = line.bytes + name_length + 1;
    struct http_field field = { { line.bytes, name_length },
                                http_slice_between(value, line.bytes + line.length) };
    if (!http_characters_all(field.value, HTTP_VALUE)) {
        return refuse_bad(parse, "A header field must not contain control characters.");
    }
    if (head->field_count == HTTP_FIELDS_MAX) {
        return refuse(parse, PROBLEM_HEADERS_TOO_LARGE, "Send at most 100 header fields.");
    }
    field.value = http_slice_trim(field.value);
    head->fields[head->field_count++] = field;
    return take_field(parse, &field);
}

/* --- the target (RFC 9112 §3.2) --- */

/* Splits path and query. Refuses a path that begins with two slashes: in a relative reference, it would name
 * another host. */
static bool
parse_origin_form(struct parse *parse, struct http_slice target)
{
    struct http_head *head = parse->head;
    const char *end = target.bytes + target.length;
    const char *path_end = target.bytes + http_characters_span(target.bytes, target.length, HTTP_PATH);
    head->path = http_slice_between(target.bytes, path_end);
    if (path_end < end && *path_end == '?') {
        head->query = http_slice_between(path_end + 1, end);
        path_end += 1 + http_characters_span(path_end + 1, head->query.length, HTTP_QUERY);
    }
    if (path_end < end || (head->path.length > 1 && head->path.bytes[1] == '/')) {
        return refuse_bad(parse, "The request target contains characters that must be percent-encoded, or "
                                 "begins with two slashes.");
    }
    return escapes_are_good(head->path) || refuse_bad(parse, "The path contains an invalid percent escape.");
}

/* RFC 9112 §3.2.2 with RFC 9110 §4.2.3: the empty path means "/". */
static bool
parse_empty_path(struct parse *parse, struct http_slice rest)
{
    if (rest.length) {
        parse->head->query = http_slice_between(rest.bytes + 1, rest.bytes + rest.length);
    }
    parse->head->path = (struct http_slice){ "/", 1 };
    return http_characters_span(parse->head->query.bytes, parse->head->query.length, HTTP_QUERY) ==
               parse->head->query.length ||
           refuse_bad(parse, "The query contains characters that must be percent-encoded.");
}

/* http://host/path, as clients send it to proxies. The host must be the one in the Host field. */
static bool
parse_absolute_form(struct parse *parse, struct http_slice target)
{
    static const char scheme[] = "http://";
    const size_t scheme_length = sizeof(scheme) - 1;
    if (target.length <= scheme_length || strncasecmp(target.bytes, scheme, scheme_length) != 0) {
        return refuse_bad(parse, "The request target must be a path that begins with a slash.");
    }
    const char *end = target.bytes + target.length;
    const char *authority = target.bytes + scheme_length;
    const char *authority_end = authority;
    while (authority_end < end && *authority_end != '/' && *authority_end != '?') {
        authority_end++;
    }
    if (!parse->head->host.bytes ||
        !http_slice_same_nocase(http_slice_between(authority, authority_end), parse->head->host)) {
        return refuse_bad(parse, "The request target and the Host field name different hosts.");
    }
    if (authority_end == end || *authority_end == '?') {
        return parse_empty_path(parse, http_slice_between(authority_end, end));
    }
    return parse_origin_form(parse, http_slice_between(authority_end, end));
}

static bool
parse_target(struct parse *parse)
{
    struct http_slice target = parse->target;
    if (http_slice_equals(parse->head->method_text, "CONNECT")) {
        return refuse_bad(parse, "This server is not a proxy.");
    }
    if (target.length && target.bytes[0] == '/') {
        return parse_origin_form(parse, target);
    }
    if (http_slice_equals(target, "*") && parse->head->method == HTTP_OPTIONS) {
        parse->head->path = target;
        return true;
    }
    return parse_absolute_form(parse, target);
}

/* --- the head as a whole --- */

static bool
check_framing(struct parse *parse)
{
    const struct http_head *head = parse->head;
    if (!head->host.bytes && head->minor_version == 1) {
        return refuse_bad(parse, HTTP_HEAD_HOST_MISSING);
    }
    if (head->chunked && head->minor_version == 0) {
        return refuse_bad(parse, "HTTP/1.0 has no Transfer-Encoding; use HTTP/1.1.");
    }
    if (head->chunked && parse->content_length.bytes) {
        return refuse_bad(parse, "Send either Content-Length or Transfer-Encoding, not both.");
    }
    return true;
}

static bool
conclude(struct parse *parse)
{
    struct http_head *head = parse->head;
    head->keep_alive = !parse->close && (head->minor_version == 1 || parse->keep_alive);
    /* RFC 9110 §10.1.1: ignored in HTTP/1.0. */
    head->expects_continue = head->expects_continue && head->minor_version == 1;
    if (!check_framing(parse) || !parse_target(parse)) {
        return false;
    }
    return !parse->expectation_failed ||
           refuse(parse, PROBLEM_EXPECTATION_FAILED, "The only supported expectation is 100-continue.");
}

/* Cuts the next line off the front of `rest`; the line comes without its CR LF. */
static bool
next_line(struct parse *parse, struct http_slice *rest, struct http_slice *ret_line)
{
    const char *end = rest->bytes + rest->length;
    const char *cr = memchr(rest->bytes, '\r', rest->length);
    if (!cr || cr + 1 == end || cr[1] != '\n') {
        return refuse_bad(parse, "Every line of the head must end with CR LF.");
    }
    *ret_line = http_slice_between(rest->bytes, cr);
    *rest = http_slice_between(cr + 2, end);
    return true;
}

static bool
parse_head(struct parse *parse, struct http_slice rest)
{
    struct http_slice line;
    if (!next_line(parse, &rest, &line) || !parse_request_line(parse, line)) {
        return false;
    }
    while (next_line(parse, &rest, &line)) {
        if (!line.length) {
            return rest.length ? refuse_bad(parse, "The head ends before its last line.") : conclude(parse);
        }
        if (!parse_field(parse, line)) {
            return false;
        }
    }
    return false;
}

/* Spares the array of fields, which is most of the struct; field_count says how many of them count. */
static void
head_clear(struct http_head *head)
{
    memset(head, 0, offsetof(struct http_head, fields));
    head->content_length = -1;
}

int
http_head_parse(const char *bytes, size_t length, struct http_head *ret_head, enum problem_code *ret_code,
                const char **ret_detail)
{
    head_clear(ret_head);
    struct parse parse = { .head = ret_head };
    if (!parse_head(&parse, (struct http_slice){ bytes, length })) {
        *ret_code = parse.code;
        *ret_detail = parse.detail;
        return -1;
    }
    return 0;
}

struct http_slice
http_head_field(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->field_count; i++) {
        if (http_slice_equals_nocase(head->fields[i].name, name)) {
            return head->fields[i].value;
        }
    }
    return (struct http_slice){ NULL, 0 };
}
