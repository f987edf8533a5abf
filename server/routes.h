/* The HTTP API, on one page: routes.c. */
#ifndef SERVER_ROUTES_H
#define SERVER_ROUTES_H

#include "server/request/route.h"

extern const struct route routes[];
extern const size_t routes_count;

/* Writes the table as JSON, an object a route: {"method", "path", "access", "bodyMax"}, and of an ordinary
 * call its statement and inputs. The caller frees the writer. */
struct json_writer;
void routes_write(struct json_writer *writer);

#endif
