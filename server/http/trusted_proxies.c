#include "server/http/trusted_proxies.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/retry.h"
#include "server/http/characters.h"
#include <stdlib.h>
#include <string.h>

#define MAPPED_PREFIX_BITS 96 /* of an IPv4 address as IPv6 (RFC 4291 §2.5.5.2) */

struct network {
    struct client_address address;
    int bits;
};

struct trusted_proxies {
    struct retry_shared_log untrusted_log;
    size_t count;
    struct network networks[];
};

static bool
parse_network(char *cidr, struct network *ret_network)
{
    char *slash = strchr(cidr, '/');
    if (!slash) {
        return false;
    }
    *slash = '\0';
    if (!client_address_parse(cidr, &ret_network->address)) {
        return false;
    }
    ret_network->bits = (int)strtol(slash + 1, NULL, 10) + (strchr(cidr, ':') ? 0 : MAPPED_PREFIX_BITS);
    return ret_network->bits >= 0 && ret_network->bits <= 128;
}

struct trusted_proxies *
trusted_proxies_new(const char *cidrs)
{
    size_t most = strlen(cidrs) / 4 + 1;
    struct trusted_proxies *proxies = memory_new(1, sizeof(*proxies) + most * sizeof(proxies->networks[0]));
    char *copy = memory_duplicate(cidrs), *rest = copy, *cidr;
    while ((cidr = strsep(&rest, ",")) && proxies->count < most) {
        if (parse_network(cidr, &proxies->networks[proxies->count])) {
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
contains(const struct network *network, const struct client_address *address)
{
    const unsigned char *prefix = network->address.bytes;
    size_t whole = (size_t)network->bits / 8;
    int rest = network->bits % 8;
    unsigned char mask = (unsigned char)(0xFF00 >> rest);
    return memcmp(prefix, address->bytes, whole) == 0 &&
           (rest == 0 || (prefix[whole] & mask) == (address->bytes[whole] & mask));
}

static bool
is_trusted(const struct trusted_proxies *proxies, const struct client_address *address)
{
    if (!address->known) {
        return proxies->count > 0;
    }
    for (size_t i = 0; i < proxies->count; i++) {
        if (contains(&proxies->networks[i], address)) {
            return true;
        }
    }
    return false;
}

/* --- one element of a field --- */

static bool
is_port(struct http_slice text)
{
    return text.length > 0 && http_characters_all(text, HTTP_DECIMAL);
}

/* Removes the port and the brackets: 192.0.2.7:4711, [2001:db8::7]:4711. */
static struct http_slice
without_port(struct http_slice node)
{
    const char *end = node.bytes + node.length;
    const char *close = node.length > 0 && *node.bytes == '[' ? memchr(node.bytes, ']', node.length) : NULL;
    const char *colon = close ? close + 1 : memchr(node.bytes, ':', node.length);
    bool has_port = colon && colon < end && *colon == ':' && is_port(http_slice_between(colon + 1, end));
    if (close && (has_port || close + 1 == end)) {
        return http_slice_between(node.bytes + 1, close);
    }
    return has_port && !close ? http_slice_between(node.bytes, colon) : node;
}

/* An element of X-Forwarded-For. */
static bool
parse_node(struct http_slice node, struct client_address *ret_address)
{
    char text[INET6_ADDRSTRLEN];
    node = without_port(http_slice_trim(node));
    if (node.length == 0 || node.length >= sizeof(text)) {
        return false;
    }
    memcpy(text, node.bytes, node.length);
    text[node.length] = '\0';
    return client_address_parse(text, ret_address);
}

static struct http_slice
without_quotes(struct http_slice text)
{
    bool is_quoted = text.length > 2 && *text.bytes == '"' && text.bytes[text.length - 1] == '"';
    return is_quoted ? (struct http_slice){ text.bytes + 1, text.length - 2 } : text;
}

/* An element of Forwarded: pairs separated by semicolons; the address is in the pair `for` (RFC 7239 §4). */
static bool
parse_pairs(struct http_slice element, struct client_address *ret_address)
{
    struct http_slice pair;
    while (http_slice_next(&element, ';', &pair)) {
        pair = http_slice_trim(pair);
        if (http_slice_skip_nocase(&pair, "for=")) {
            return parse_node(without_quotes(pair), ret_address);
        }
    }
    return false;
}

/* --- all elements, from the right --- */

/* In the order of preference: if a request has the first field, the second is ignored. */
static const struct forwarding {
    const char *name;
    bool (*parse)(struct http_slice element, struct client_address *ret_address);
} forwardings[] = { { "x-forwarded-for", parse_node }, { "forwarded", parse_pairs } };

#define FORWARDINGS (sizeof(forwardings) / sizeof(forwardings[0]))

/* Replaces `address` by the field's last element, and again for as long as that is a trusted proxy's. Returns
 * whether to go on with an earlier field: not after a client's address, or after an element that cannot be
 * read. */
static bool
walk_elements(const struct trusted_proxies *proxies, const struct forwarding *forwarding,
              struct http_slice value, struct client_address *address)
{
    size_t end = value.length;
    while (is_trusted(proxies, address)) {
        const char *comma = end > 0 ? memrchr(value.bytes, ',', end) : NULL;
        size_t start = comma ? (size_t)(comma - value.bytes) + 1 : 0;
        if (!forwarding->parse((struct http_slice){ value.bytes + start, end - start }, address)) {
            return false;
        }
        if (!comma) {
            return true;
        }
        end = start - 1;
    }
    return false;
}

/* Walks the fields of that name, the last one first. Returns whether the head has any. */
static bool
walk_fields(const struct trusted_proxies *proxies, const struct forwarding *forwarding,
            const struct http_head *head, struct client_address *address)
{
    bool found = false, goes_on = true;
    for (size_t i = head->field_count; i > 0 && goes_on; i--) {
        const struct http_field *field = &head->fields[i - 1];
        if (http_slice_equals_nocase(field->name, forwarding->name)) {
            found = true;
            goes_on = walk_elements(proxies, forwarding, field->value, address);
        }
    }
    return found;
}

/* A client may send such a field, too, so the line names the peer and leaves the decision to the operator. */
static void
note_untrusted(struct trusted_proxies *proxies, const struct client_address *peer,
               const struct http_head *head)
{
    char address[CLIENT_ADDRESS_SIZE];
    for (size_t i = 0; i < FORWARDINGS; i++) {
        if (http_head_field(head, forwardings[i].name).bytes &&
            retry_shared_log_is_due(&proxies->untrusted_log)) {
            client_address_text(peer, address);
            log_warning("a peer that is not trusted names client addresses; if it is your proxy, trust it",
                        log_text("peer", *address ? address : "unix socket"),
                        log_text("field", forwardings[i].name),
                        log_text("setting", "TESTKASE_TRUSTED_PROXIES"));
        }
    }
}

void
trusted_proxies_client(struct trusted_proxies *proxies, const struct sockaddr *peer,
                       const struct http_head *head, struct client_address *ret_address)
{
    client_address_of_peer(peer, ret_address);
    if (!head) {
        return;
    }
    if (!is_trusted(proxies, ret_address)) {
        note_untrusted(proxies, ret_address, head);
        return;
    }
    for (size_t i = 0; i < FORWARDINGS; i++) {
        if (walk_fields(proxies, &forwardings[i], head, ret_address)) {
            return;
        }
    }
}

bool
trusted_proxies_trust(const struct trusted_proxies *proxies, const struct client_address *address)
{
    return is_trusted(proxies, address);
}
