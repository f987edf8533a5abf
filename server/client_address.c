#include "server/client_address.h"
#include "common/memory.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

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

/* One element of X-Forwarded-For: an address, an IPv6 one perhaps in brackets. */
static bool
read_element(const char *bytes, size_t length, struct client_address *ret_address)
{
    char text[INET6_ADDRSTRLEN];
    bool is_v4;
    while (length > 0 && (*bytes == ' ' || *bytes == '\t')) {
        bytes++;
        length--;
    }
    while (length > 0 && (bytes[length - 1] == ' ' || bytes[length - 1] == '\t')) {
        length--;
    }
    if (length > 2 && bytes[0] == '[' && bytes[length - 1] == ']') {
        bytes++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof(text)) {
        return false;
    }
    memcpy(text, bytes, length);
    text[length] = '\0';
    struct client_address address = { .known = true };
    if (!read_address(text, address.bytes, &is_v4)) {
        return false;
    }
    *ret_address = address;
    return true;
}

/* From the right, past every trusted hop; what cannot be read ends the walk. False when it is over. */
static bool
walk_field(const struct trusted_proxies *proxies, struct http_slice value, struct client_address *address)
{
    size_t end = value.length;
    while (is_trusted(proxies, address)) {
        const char *comma = end > 0 ? memrchr(value.bytes, ',', end) : NULL;
        size_t start = comma ? (size_t)(comma - value.bytes) + 1 : 0;
        if (!read_element(value.bytes + start, end - start, address)) {
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
    for (size_t i = head->field_count; i > 0; i--) {
        const struct http_field *field = &head->fields[i - 1];
        if (http_slice_equals_nocase(field->name, "x-forwarded-for") &&
            !walk_field(proxies, field->value, ret_address)) {
            return;
        }
    }
}
