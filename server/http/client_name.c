#include "server/http/client_name.h"
#include "common/pasted_secret.h"
#include "common/token.h"
#include "server/http/characters.h"
#include <string.h>

void
client_name(struct http_slice user_agent, char *ret_name, size_t size)
{
    ret_name[0] = '\0';
    if (!user_agent.bytes) {
        return;
    }
    const char *token = memmem(user_agent.bytes, user_agent.length, TOKEN_PREFIX, strlen(TOKEN_PREFIX));
    size_t length = token ? (size_t)(token - user_agent.bytes) : user_agent.length;
    const char *secret = pasted_secret_find(user_agent.bytes, length, NULL);
    length = secret ? (size_t)(secret - user_agent.bytes) : length;
    length = length < size ? length : size - 1;
    for (size_t i = 0; i < length; i++) {
        char c = user_agent.bytes[i];
        ret_name[i] = c >= ' ' && c <= '~' ? c : '?';
    }
    ret_name[length] = '\0';
}

void
client_name_product(struct http_slice user_agent, char *ret_product, size_t size)
{
    const char *at = user_agent.bytes;
    size_t product = http_characters_span(at, user_agent.length, HTTP_TOKEN);
    if (product > 0 && product < user_agent.length && at[product] == '/') {
        size_t rest = user_agent.length - product - 1;
        size_t version = http_characters_span(at + product + 1, rest, HTTP_TOKEN);
        product += version > 0 ? 1 + version : 0;
    }
    client_name((struct http_slice){ at, product }, ret_product, size);
}
