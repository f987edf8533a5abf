/* /metrics: the text that Prometheus reads (exposition format, version 0.0.4), of all loops together. */
#ifndef SERVER_RESOURCES_EXPOSITION_H
#define SERVER_RESOURCES_EXPOSITION_H

#include "server/request/step.h"
#include <stddef.h>

struct server;

/* For this machine only, unless metrics have an address of their own; then nowhere else. */
request_function exposition_get;

/* The text; the caller frees it. */
char *exposition_write(const struct server *server, size_t *ret_length);

#endif
