#include "common/config_value.h"
#include "common/memory.h"
#include "common/text.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#define HOST_LIMIT   253                    /* characters of a DNS name, RFC 1035 section 2.3.4 */
#define NETWORK_SIZE (INET6_ADDRSTRLEN + 5) /* an address with its prefix length and a comma */

#define REFUSED_LISTEN "must be host:port, [IPv6 address]:port or unix:/path, for example 127.0.0.1:8080"
#define REFUSED_ORIGIN "must be http:// or https:// with a host and perhaps a port, and nothing behind them"
#define REFUSED_SMTP                                                                                         \
    "must be like smtp://user:password@host:587 or smtps://host, with special characters percent-encoded"
#define REFUSED_NETWORKS                                                                                     \
    "must be IPv4 or IPv6 networks or addresses, separated by commas, for example 10.0.0.0/8,::1"

/* A host with an optional port, as slices of a longer text. */
struct address {
    const char *host; /* with the brackets of an IPv6 address */
    size_t host_length;
    const char *port; /* NULL when there is none */
    size_t port_length;
};

const char *
config_value_line(const char *value)
{
    for (const char *c = value; *c; c++) {
        if (iscntrl((unsigned char)*c)) {
            return "must be one line without control characters";
        }
    }
    return NULL;
}

static bool
is_ipv4(const char *host, size_t length)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr address;
    if (length >= sizeof(text)) {
        return false;
    }
    memcpy(text, host, length);
    text[length] = '\0';
    return inet_pton(AF_INET, text, &address) == 1;
}

static bool
is_bracketed_ipv6(const char *host, size_t length)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (length < 2 || length - 2 >= sizeof(text) || host[0] != '[' || host[length - 1] != ']') {
        return false;
    }
    memcpy(text, host + 1, length - 2);
    text[length - 2] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

static bool
is_host_name(const char *host, size_t length)
{
    bool label_empty = true;
    for (size_t i = 0; i < length; i++) {
        bool dot = host[i] == '.';
        bool dash = host[i] == '-' || host[i] == '_';
        if ((dot || dash) ? label_empty : !isalnum((unsigned char)host[i])) {
            return false;
        }
        label_empty = dot;
    }
    return length > 0 && length <= HOST_LIMIT && !label_empty;
}

static bool
is_host(const char *host, size_t length)
{
    size_t numeric = 0;
    while (numeric < length && (isdigit((unsigned char)host[numeric]) || host[numeric] == '.')) {
        numeric++;
    }
    if (length && numeric == length) {
        return is_ipv4(host, length);
    }
    return is_bracketed_ipv6(host, length) || is_host_name(host, length);
}

static bool
is_port(const char *port, size_t length, int64_t minimum)
{
    int64_t number = 0;
    return text_to_id(port, length, &number) && number >= minimum && number <= UINT16_MAX;
}

/* Splits at the colon after the host, and checks both parts. */
static bool
split_address(const char *text, size_t length, int64_t minimum_port, struct address *ret_address)
{
    const char *end = text + length;
    const char *host_end = text;
    bool bracketed = length && text[0] == '[';
    while (host_end < end && *host_end != (bracketed ? ']' : ':')) {
        host_end++;
    }
    host_end += bracketed && host_end < end;
    struct address address = { .host = text, .host_length = (size_t)(host_end - text) };
    if (!is_host(address.host, address.host_length)) {
        return false;
    }
    if (host_end < end) {
        address.port = host_end + 1;
        address.port_length = (size_t)(end - address.port);
        if (*host_end != ':' || !is_port(address.port, address.port_length, minimum_port)) {
            return false;
        }
    }
    *ret_address = address;
    return true;
}

/* Returns the text after `prefix`, or NULL when the value does not begin with it. */
static const char *
after(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncasecmp(text, prefix, length) == 0 ? text + length : NULL;
}

const char *
config_value_listen(const char *value)
{
    const char *path = strncmp(value, "unix:", 5) == 0 ? value + 5 : NULL;
    if (path) {
        struct sockaddr_un address;
        bool good = path[0] == '/' && path[1] && !config_value_line(path);
        if (strlen(path) >= sizeof(address.sun_path)) {
            return "has a socket path that is too long, the limit is 107 bytes";
        }
        return good ? NULL : REFUSED_LISTEN;
    }
    struct address address;
    bool good = split_address(value, strlen(value), 0, &address) && address.port;
    return good ? NULL : REFUSED_LISTEN;
}

/* Cuts the next item of a list off its front, without the blanks around it. Returns false after the last. */
static bool
next_item(const char **rest, const char **ret_item, size_t *ret_length)
{
    if (!*rest) {
        return false;
    }
    const char *item = *rest + strspn(*rest, " ");
    size_t length = strcspn(item, ",");
    *rest = item[length] ? item + length + 1 : NULL;
    while (length && item[length - 1] == ' ') {
        length--;
    }
    *ret_item = item;
    *ret_length = length;
    return true;
}

const char *
config_value_listen_list(const char *value)
{
    const char *item, *phrase = NULL;
    size_t length;
    while (!phrase && next_item(&value, &item, &length)) {
        char *address = memory_copy_text(item, length);
        phrase = config_value_listen(address);
        free(address);
    }
    return phrase;
}

const char *
config_value_mode(const char *value, long *ret_mode)
{
    size_t length = strlen(value);
    bool is_octal = strspn(value, "01234567") == length;
    if (!is_octal || !(length == 3 || (length == 4 && value[0] == '0'))) {
        return "must be the mode of a file in octal, for example 0660";
    }
    *ret_mode = strtol(value, NULL, 8);
    return NULL;
}

static bool
is_default_port(const struct address *address, bool https)
{
    const char *number = https ? "443" : "80";
    return address->port_length == strlen(number) && memcmp(address->port, number, address->port_length) == 0;
}

const char *
config_value_origin(const char *value, char **ret_origin)
{
    const char *secure = after(value, "https://");
    const char *authority = secure ? secure : after(value, "http://");
    if (!authority) {
        return REFUSED_ORIGIN;
    }
    size_t length = strcspn(authority, "/?#");
    struct address address;
    if (strcmp(authority + length, "/") != 0 && authority[length] != '\0') {
        return REFUSED_ORIGIN;
    }
    if (!split_address(authority, length, 1, &address)) {
        return REFUSED_ORIGIN;
    }
    if (address.port && is_default_port(&address, secure != NULL)) {
        length = address.host_length;
    }
    char *origin = memory_copy_text(value, (size_t)(authority - value) + length);
    for (char *c = origin; *c; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    *ret_origin = origin;
    return NULL;
}

const char *
config_value_smtp(const char *value)
{
    const char *secure = after(value, "smtps://");
    const char *authority = secure ? secure : after(value, "smtp://");
    if (!authority || config_value_line(value)) {
        return REFUSED_SMTP;
    }
    size_t length = strcspn(authority, "/?#");
    const char *at = strchr(authority, '@');
    const char *host = at ? at + 1 : authority;
    /* One @ only: programs disagree about which of several ends the password. What a password with / ? or #
     * in it leaves behind would be taken for the host. */
    if (at && (strchr(host, '@') || host > authority + length)) {
        return REFUSED_SMTP;
    }
    struct address address;
    bool good =
        !strchr(authority, '#') && split_address(host, (size_t)(authority + length - host), 1, &address);
    return good ? NULL : REFUSED_SMTP;
}

/* Clears the bits after the first `prefix` ones. */
static void
mask(unsigned char *bytes, size_t size, int64_t prefix)
{
    for (size_t i = 0; i < size; i++) {
        int64_t kept = prefix - (int64_t)i * 8;
        kept = kept < 0 ? 0 : kept > 8 ? 8 : kept;
        bytes[i] = (unsigned char)(bytes[i] & (0xff00u >> kept));
    }
}

/* Reads one "address" or "address/prefix" and writes it as a CIDR. */
static bool
normalize_network(const char *item, size_t length, char ret_network[NETWORK_SIZE])
{
    char text[INET6_ADDRSTRLEN] = "";
    const char *slash = memchr(item, '/', length);
    size_t address_length = slash ? (size_t)(slash - item) : length;
    if (address_length >= sizeof(text)) {
        return false;
    }
    memcpy(text, item, address_length);
    unsigned char bytes[sizeof(struct in6_addr)];
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    size_t size = family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
    int64_t longest = (int64_t)size * 8;
    int64_t prefix = longest;
    if (inet_pton(family, text, bytes) != 1) {
        return false;
    }
    if (slash && (!text_to_id(slash + 1, length - address_length - 1, &prefix) || prefix > longest)) {
        return false;
    }
    mask(bytes, size, prefix);
    inet_ntop(family, bytes, text, sizeof(text));
    snprintf(ret_network, NETWORK_SIZE, "%s/%d", text, (int)prefix);
    return true;
}

static size_t
count_items(const char *list)
{
    size_t count = 1;
    for (const char *c = list; *c; c++) {
        count += *c == ',';
    }
    return count;
}

const char *
config_value_networks(const char *value, char **ret_networks)
{
    char *networks = memory_new(count_items(value), NETWORK_SIZE);
    char *end = networks;
    const char *item;
    size_t length;
    while (next_item(&value, &item, &length)) {
        char network[NETWORK_SIZE];
        if (!normalize_network(item, length, network)) {
            free(networks);
            return REFUSED_NETWORKS;
        }
        end = stpcpy(stpcpy(end, end == networks ? "" : ","), network);
    }
    *ret_networks = networks;
    return NULL;
}
