/* The HTTP API, on one page: routes.c. */
#ifndef SERVER_ROUTES_H
#define SERVER_ROUTES_H

#include "server/request/route.h"

extern const struct route routes[];
extern const size_t routes_count;

/* Handles requests whose path none of them has (struct server's `missing`). It is not in the table. */
extern const struct route routes_missing;

/* Writes the table as JSON, one object per route: {"method", "path", "access", "bodyMax"}; an endpoint also
 * has "statement", "answer", and its inputs in "body" and "query". The caller frees the writer. */
struct json_writer;
void routes_write(struct json_writer *writer);

#endif
