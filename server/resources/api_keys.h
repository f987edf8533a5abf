/* /api-keys: the caller's own tokens. */
#ifndef SERVER_RESOURCES_API_KEYS_H
#define SERVER_RESOURCES_API_KEYS_H

#include "server/request/request.h"

request_function api_keys_list, api_keys_create, api_keys_get, api_keys_get_current, api_keys_delete,
    api_keys_delete_current;

/* Writes the members of a token (not its braces) from the fourteen columns of api_keys/list, the first of
 * them in column `first`. */
void api_keys_write_members(struct json_writer *writer, const struct db_result *result, int row, int first);

#endif
