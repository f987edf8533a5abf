#include "server/resources/webhook_url.h"
#include "common/public_address.h"
#include "common/text.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define URL_BYTES_MAX  2000
#define HOST_BYTES_MAX 253 /* RFC 1035 §2.3.4, without the last dot */
#define PORT_FREE_MIN  1024
#define PORT_MAX       65535

#define FORM    "must be an address such as https://hooks.example.com/path"
#define PRIVATE "must be on the internet; the operator can allow other networks (TESTKASE_WEBHOOK_NETWORKS)"
#define CLEAR   "must begin with https://; the operator can allow http:// (TESTKASE_WEBHOOK_NETWORKS)"

/* RFC 3986 appendix A, without the brackets, which only a host has; and without "*", so that nobody sends a
 * masked address back. */
static bool
has_url_characters(const char *url, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (url[i] <= ' ' || url[i] >= 0x7F || strchr("\"<>\\^`{|}*", url[i])) {
            return false;
        }
    }
    return true;
}

/* The scheme's length with "://"; 0: another one. */
static size_t
scheme_length(const char *url, bool has_networks)
{
    if (strncasecmp(url, "https://", 8) == 0) {
        return 8;
    }
    return has_networks && strncasecmp(url, "http://", 7) == 0 ? 7 : 0;
}

static bool
is_good_port(const char *port, size_t length, bool is_https)
{
    int64_t number;
    return text_to_id(port, length, &number) && number <= PORT_MAX &&
           (number >= PORT_FREE_MIN || number == (is_https ? 443 : 80));
}

static bool
is_label(const char *label, size_t length)
{
    static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    return length > 0 && length <= 63 && label[0] != '-' && label[length - 1] != '-' &&
           strspn(label, characters) >= length;
}

/* Whether the name ends in a number, as the forms of IPv4 addresses do that inet_aton() takes (WHATWG URL
 * §3.5): 127.1, 2130706433, 0x7f.1 */
static bool
ends_in_number(const char *host)
{
    const char *dot = strrchr(host, '.'), *last = dot ? dot + 1 : host;
    if (last[0] == '0' && (last[1] == 'x' || last[1] == 'X')) {
        return strspn(last + 2, "0123456789abcdefABCDEF") == strlen(last + 2);
    }
    return strspn(last, "0123456789") == strlen(last);
}

static bool
ends_with(const char *host, const char *end)
{
    size_t length = strlen(host), end_length = strlen(end);
    return length >= end_length && strcasecmp(host + length - end_length, end) == 0;
}

/* Names that no public server has: without a dot, and of RFC 6761, 6762, 9476 and ICANN's "internal". */
static bool
is_local_name(const char *host)
{
    return !strchr(host, '.') || ends_with(host, ".localhost") || ends_with(host, ".local") ||
           ends_with(host, ".internal") || ends_with(host, ".alt");
}

static const char *
name_refusal(const char *host, const char *networks)
{
    for (const char *label = host;;) {
        size_t length = strcspn(label, ".");
        if (!is_label(label, length)) {
            return FORM;
        }
        if (!label[length]) {
            break;
        }
        label += length + 1;
    }
    if (ends_in_number(host)) {
        return FORM;
    }
    return !*networks && is_local_name(host) ? PRIVATE : NULL;
}

static const char *
host_refusal(const char *bytes, size_t length, bool is_https, const char *networks)
{
    char host[HOST_BYTES_MAX + 1];
    enum public_address_kind kind;
    bool is_bracketed = length > 1 && bytes[0] == '[' && bytes[length - 1] == ']';
    size_t cut = is_bracketed ? 1 : 0;
    if (length - 2 * cut == 0 || length - 2 * cut > HOST_BYTES_MAX) {
        return FORM;
    }
    memcpy(host, bytes + cut, length - 2 * cut);
    host[length - 2 * cut] = '\0';
    if (is_bracketed != (strchr(host, ':') != NULL)) {
        return FORM;
    }
    if (!public_address_of_literal(host, networks, &kind)) {
        return is_bracketed ? FORM : name_refusal(host, networks);
    }
    if (kind == PUBLIC_ADDRESS_PRIVATE) {
        return PRIVATE;
    }
    return !is_https && kind != PUBLIC_ADDRESS_LISTED ? CLEAR : NULL;
}

const char *
webhook_url_refusal(const char *url, size_t length, const char *networks)
{
    size_t scheme = length <= URL_BYTES_MAX ? scheme_length(url, *networks) : 0;
    if (length > URL_BYTES_MAX) {
        return "must have at most 2000 characters";
    }
    if (scheme == 0) {
        bool is_http = strncasecmp(url, "http://", 7) == 0;
        return is_http     ? CLEAR
               : *networks ? "must begin with https:// or http://"
                           : "must begin with https://";
    }
    if (!has_url_characters(url, length)) {
        return FORM;
    }
    bool is_https = scheme == 8;
    const char *host = url + scheme;
    size_t authority = strcspn(host, "/?#");
    if (memchr(host, '@', authority) || strchr(host, '#')) {
        return "must have no user, password or fragment";
    }
    if (strpbrk(host + authority, "[]")) {
        return FORM;
    }
    const char *bracket = memchr(host, ']', authority);
    const char *colon =
        memchr(bracket ? bracket : host, ':', authority - (size_t)(bracket ? bracket - host : 0));
    size_t host_length = colon ? (size_t)(colon - host) : authority;
    if (colon && !is_good_port(colon + 1, authority - host_length - 1, is_https)) {
        return is_https ? "must have the port 443 or one from 1024 to 65535"
                        : "must have the port 80 or one from 1024 to 65535";
    }
    return host_refusal(host, host_length, is_https, networks);
}
