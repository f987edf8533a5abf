#include "server/http/client_name.h"
#include "common/pasted_secret.h"
#include "common/token.h"
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
