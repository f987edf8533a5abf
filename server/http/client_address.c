#include "server/http/client_address.h"
#include <arpa/inet.h>
#include <string.h>

static const unsigned char mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF };

static void
set_v4(struct client_address *address, const struct in_addr *v4)
{
    address->known = true;
    memcpy(address->bytes, mapped_prefix, sizeof(mapped_prefix));
    memcpy(address->bytes + sizeof(mapped_prefix), v4, sizeof(*v4));
}

static void
set_v6(struct client_address *address, const struct in6_addr *v6)
{
    address->known = true;
    memcpy(address->bytes, v6, sizeof(*v6));
}

void
client_address_of_peer(const struct sockaddr *peer, struct client_address *ret_address)
{
    memset(ret_address, 0, sizeof(*ret_address));
    if (peer->sa_family == AF_INET) {
        set_v4(ret_address, &((const struct sockaddr_in *)(const void *)peer)->sin_addr);
    } else if (peer->sa_family == AF_INET6) {
        set_v6(ret_address, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr);
    }
}

bool
client_address_parse(const char *text, struct client_address *ret_address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        set_v4(ret_address, &v4);
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6) == 1) {
        set_v6(ret_address, &v6);
        return true;
    }
    return false;
}

bool
client_address_is_v4(const struct client_address *address)
{
    return address->known && memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

void
client_address_text(const struct client_address *address, char ret_text[CLIENT_ADDRESS_SIZE])
{
    ret_text[0] = '\0';
    if (client_address_is_v4(address)) {
        inet_ntop(AF_INET, address->bytes + sizeof(mapped_prefix), ret_text, CLIENT_ADDRESS_SIZE);
    } else if (address->known) {
        inet_ntop(AF_INET6, address->bytes, ret_text, CLIENT_ADDRESS_SIZE);
    }
}

struct client_address
client_address_untranslated(const struct client_address *address)
{
    static const struct {
        unsigned char prefix[12];
        size_t length, at; /* of the prefix; where the four bytes are */
        unsigned char inverted;
    } translations[] = {
        { { 0x00, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0 }, 12, 12, 0 },
        { { 0x00, 0x64, 0xFF, 0x9B, 0, 1 }, 6, 12, 0 },
        { { 0x20, 0x02 }, 2, 2, 0 },
        { { 0x20, 0x01, 0, 0 }, 4, 12, 0xFF },
    };
    struct client_address untranslated = *address;
    for (size_t i = 0; i < sizeof(translations) / sizeof(translations[0]); i++) {
        if (memcmp(address->bytes, translations[i].prefix, translations[i].length) == 0) {
            memcpy(untranslated.bytes, mapped_prefix, sizeof(mapped_prefix));
            for (size_t j = 0; j < 4; j++) {
                untranslated.bytes[sizeof(mapped_prefix) + j] =
                    address->bytes[translations[i].at + j] ^ translations[i].inverted;
            }
        }
    }
    return untranslated;
}

bool
client_address_is_loopback(const struct client_address *address)
{
    if (client_address_is_v4(address)) {
        return address->bytes[sizeof(mapped_prefix)] == 127;
    }
    return address->known && memcmp(address->bytes, &in6addr_loopback, sizeof(in6addr_loopback)) == 0;
}
