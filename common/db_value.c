#include "common/db_value.h"
#include <string.h>

bool
db_named_find(const struct db_named *values, const char *name, struct db_value *ret_value)
{
    for (; values && values->name; values++) {
        if (strcmp(values->name, name) == 0) {
            *ret_value = values->value;
            return true;
        }
    }
    return false;
}
