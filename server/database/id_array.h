/* PostgreSQL's binary form of a one-dimensional bigint[] without nulls (array_send in its source), as a
 * parameter. */
#ifndef SERVER_DATABASE_ID_ARRAY_H
#define SERVER_DATABASE_ID_ARRAY_H

#include "common/db.h"
#include <endian.h>

#define ID_ARRAY_MAX 24
#define INT8_OID     20

struct id_array {
    uint32_t dimensions, has_null, element_type, length, lower_bound;
    struct {
        uint32_t size;
        uint32_t high, low;
    } elements[ID_ARRAY_MAX];
};

/* At most ID_ARRAY_MAX numbers. The value lives as long as `ret_array`. */
static inline struct db_value
id_array_value(struct id_array *ret_array, const int64_t *numbers, size_t count)
{
    ret_array->dimensions = htobe32(1);
    ret_array->has_null = 0;
    ret_array->element_type = htobe32(INT8_OID);
    ret_array->length = htobe32((uint32_t)count);
    ret_array->lower_bound = htobe32(1);
    for (size_t i = 0; i < count; i++) {
        uint64_t number = (uint64_t)numbers[i];
        ret_array->elements[i].size = htobe32(sizeof(number));
        ret_array->elements[i].high = htobe32((uint32_t)(number >> 32));
        ret_array->elements[i].low = htobe32((uint32_t)number);
    }
    return DB_BINARY((const char *)ret_array,
                     (int)(5 * sizeof(uint32_t) + count * sizeof(ret_array->elements[0])));
}

#endif
