#include "server/request/input_values.h"
#include "common/secret.h"
#include <stdlib.h>
#include <string.h>

void
input_values_free(struct input_values *values)
{
    if (!values) {
        return;
    }
    for (size_t i = 0; i < values->count; i++) {
        char *owned = values->items[i].owned;
        if (owned) {
            secret_wipe(owned, strlen(owned));
            free(owned);
        }
    }
    free(values);
}
