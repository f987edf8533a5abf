#include "server/http/client_address.h"
#include "common/memory.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAPPED_PREFIX_BITS 96

struct network {
    unsigned char bytes[16];
    int bits;
};

struct trusted_proxies {
    size_t count;
    struct network networks[];
};

static const unsigned char mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF };

/* An IPv4 or IPv6 address as 16 bytes. */
static bool
read_address(const char *text, unsigned char ret_bytes[16], bool *ret_is_v4)
{
    memcpy(ret_bytes, mapped_prefix, sizeof(mapped_prefix));
    *ret_is_v4 = inet_pton(AF_INET, text, ret_bytes + sizeof(mapped_prefix)) == 1;
    return *ret_is_v4 || inet_pton(AF_INET6, text, ret_bytes) == 1;
}

static bool
read_network(char *cidr, struct network *ret_network)
{
    bool is_v4;
    char *slash = strchr(cidr, '/');
    if (!slash) {
        return false;
    }
    *slash = '\0';
    if (!read_address(cidr, ret_network->bytes, &is_v4)) {
        return false;
    }
    ret_network->bits = (int)strtol(slash + 1, NULL, 10) + (is_v4 ? MAPPED_PREFIX_BITS : 0);
    return ret_network->bits >= 0 && ret_network->bits <= 128;
}

struct trusted_proxies *
trusted_proxies_new(const char *cidrs)
{
    size_t most = strlen(cidrs) / 4 + 1;
    struct trusted_proxies *proxies = memory_new(1, sizeof(*proxies) + most * sizeof(proxies->networks[0]));
    char *copy = memory_duplicate(cidrs), *rest = copy, *cidr;
    while ((cidr = strsep(&rest, ",")) && proxies->count < most) {
        if (read_network(cidr, &proxies->networks[proxies->count])) {
            proxies->count++;
        }
    }
    free(copy);
    return proxies;
}

void
trusted_proxies_free(struct trusted_proxies *proxies)
{
    free(proxies);
}

static bool
contains(const struct network *network, const unsigned char bytes[16])
{
    size_t whole = (size_t)network->bits / 8;
    int rest = network->bits % 8;
    unsigned char mask = (unsigned char)(0xFF00 >> rest);
    return memcmp(network->bytes, bytes, whole) == 0 &&
           (rest == 0 || (network->bytes[whole] & mask) == (bytes[whole] & mask));
}

static bool
is_trusted(const struct trusted_proxies *proxies, const struct client_address *address)
{
    if (!address->known) {
        return proxies->count > 0;
    }
    for (size_t i = 0; i < proxies->count; i++) {
        if (contains(&proxies->networks[i], address->bytes)) {
            return true;
        }
    }
    return false;
}

static bool
is_mapped(const struct client_address *address)
{
    return memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

void
client_address_text(const struct client_address *address, char ret_text[CLIENT_ADDRESS_SIZE])
{
    ret_text[0] = '\0';
    if (address->known && is_mapped(address)) {
        inet_ntop(AF_INET, address->bytes + sizeof(mapped_prefix), ret_text, CLIENT_ADDRESS_SIZE);
    } else if (address->known) {
        inet_ntop(AF_INET6, address->bytes, ret_text, CLIENT_ADDRESS_SIZE);
    }
}

bool
client_address_is_loopback(const struct client_address *address)
{
    return address->known &&
           (is_mapped(address) ? address->bytes[sizeof(mapped_prefix)] == 127
                               : memcmp(address->bytes, &in6addr_loopback, sizeof(in6addr_loopback)) == 0);
}

static void
set_peer(const struct sockaddr *peer, struct client_address *ret_address)
{
    memset(ret_address, 0, sizeof(*ret_address));
    if (peer->sa_family == AF_INET) {
        memcpy(ret_address->bytes, mapped_prefix, sizeof(mapped_prefix));
        memcpy(ret_address->bytes + sizeof(mapped_prefix),
               &((const struct sockaddr_in *)(const void *)peer)->sin_addr, 4);
    } else if (peer->sa_family == AF_INET6) {
        memcpy(ret_address->bytes, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, 16);
    } else {
        return;
    }
    ret_address->known = true;
}

static struct http_slice
trimmed(struct http_slice text)
{
    while (text.length > 0 && (*text.bytes == ' ' || *text.bytes == '\t')) {
        text.bytes++;
        text.length--;
    }
    while (text.length > 0 && (text.bytes[text.length - 1] == ' ' || text.bytes[text.length - 1] == '\t')) {
        text.length--;
    }
    return text;
}

static bool
is_port(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] < '0' || bytes[i] > '9') {
            return false;
        }
    }
    return length > 0;
}

/* Without the port and the brackets: 192.0.2.7:4711, [2001:db8::7]:4711. */
static struct http_slice
without_port(struct http_slice node)
{
    const char *end = node.bytes + node.length;
    const char *close = node.length > 0 && *node.bytes == '[' ? memchr(node.bytes, ']', node.length) : NULL;
    const char *colon = close ? close + 1 : memchr(node.bytes, ':', node.length);
    bool has_port = colon && colon < end && *colon == ':' && is_port(colon + 1, (size_t)(end - colon - 1));
    if (close && (has_port || close + 1 == end)) {
        return (struct http_slice){ node.bytes + 1, (size_t)(close - node.bytes) - 1 };
    }
    return has_port && !close ? (struct http_slice){ node.bytes, (size_t)(colon - node.bytes) } : node;
}

/* An element of X-Forwarded-For. */
static bool
read_node(struct http_slice node, struct client_address *ret_address)
{
    char text[INET6_ADDRSTRLEN];
    bool is_v4;
    node = without_port(trimmed(node));
    if (node.length == 0 || node.length >= sizeof(text)) {
        return false;
    }
    memcpy(text, node.bytes, node.length);
    text[node.length] = '\0';
    struct client_address address = { .known = true };
    if (!read_address(text, address.bytes, &is_v4)) {
        return false;
    }
    *ret_address = address;
    return true;
}

/* An element of Forwarded: pairs parted by semicolons, of which `for` counts (RFC 7239 §4). */
static bool
read_pairs(struct http_slice element, struct client_address *ret_address)
{
    static const struct http_slice name = { "for=", 4 };
    while (element.length > 0) {
        const char *semicolon = memchr(element.bytes, ';', element.length);
        size_t length = semicolon ? (size_t)(semicolon - element.bytes) : element.length;
        struct http_slice pair = trimmed((struct http_slice){ element.bytes, length });
        if (pair.length > name.length && strncasecmp(pair.bytes, name.bytes, name.length) == 0) {
            struct http_slice node = { pair.bytes + name.length, pair.length - name.length };
            bool is_quoted = node.length > 2 && *node.bytes == '"' && node.bytes[node.length - 1] == '"';
            return read_node(is_quoted ? (struct http_slice){ node.bytes + 1, node.length - 2 } : node,
                             ret_address);
        }
        element.bytes += length + (semicolon != NULL);
        element.length -= length + (semicolon != NULL);
    }
    return false;
}

/* The fields that tell, and how an element of theirs is read; the first that is there counts. */
static const struct {
    const char *name;
    bool (*read)(struct http_slice element, struct client_address *ret_address);
} forwarding_fields[] = { { "x-forwarded-for", read_node }, { "forwarded", read_pairs } };

/* From the right, past every trusted hop; what cannot be read ends the walk. False when it is over. */
static bool
walk_field(const struct trusted_proxies *proxies, struct http_slice value,
           bool (*read)(struct http_slice element, struct client_address *ret_address),
           struct client_address *address)
{
    size_t end = value.length;
    while (is_trusted(proxies, address)) {
        const char *comma = end > 0 ? memrchr(value.bytes, ',', end) : NULL;
        size_t start = comma ? (size_t)(comma - value.bytes) + 1 : 0;
        if (!read((struct http_slice){ value.bytes + start, end - start }, address)) {
            return false;
        }
        if (!comma) {
            return true;
        }
        end = start - 1;
    }
    return false;
}

void
client_address_of(const struct trusted_proxies *proxies, const struct sockaddr *peer,
                  const struct http_head *head, struct client_address *ret_address)
{
    set_peer(peer, ret_address);
    if (!head || proxies->count == 0) {
        return;
    }
    for (size_t kind = 0; kind < sizeof(forwarding_fields) / sizeof(forwarding_fields[0]); kind++) {
        bool is_there = false;
        for (size_t i = head->field_count; i > 0; i--) {
            const struct http_field *field = &head->fields[i - 1];
            if (!http_slice_equals_nocase(field->name, forwarding_fields[kind].name)) {
                continue;
            }
            is_there = true;
            if (!walk_field(proxies, field->value, forwarding_fields[kind].read, ret_address)) {
                return;
            }
        }
        if (is_there) {
            return;
        }
    }
}
