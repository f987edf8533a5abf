#include "server/request/idempotency.h"
#include "common/pasted_secret.h"
#include <string.h>

bool
idempotency_key_read(struct request *request, char ret_key[IDEMPOTENCY_KEY_SIZE])
{
    struct http_slice key = http_head_field(request->head, "idempotency-key");
    ret_key[0] = '\0';
    if (!key.bytes) {
        return true;
    }
    if (key.length >= 2 && key.bytes[0] == '"' && key.bytes[key.length - 1] == '"') {
        key = (struct http_slice){ key.bytes + 1, key.length - 2 };
    }
    bool is_good = key.length >= 1 && key.length < IDEMPOTENCY_KEY_SIZE;
    for (size_t i = 0; is_good && i < key.length; i++) {
        is_good = key.bytes[i] >= ' ' && key.bytes[i] <= '~';
    }
    if (!is_good || pasted_secret_find(key.bytes, key.length, NULL)) {
        answer_refuse(&request->answer, PROBLEM_BAD_REQUEST,
                      "Idempotency-Key must be 1 to 255 ASCII characters, best a random UUID.");
        return false;
    }
    memcpy(ret_key, key.bytes, key.length);
    ret_key[key.length] = '\0';
    return true;
}
