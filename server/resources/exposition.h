/* /metrics: the text that Prometheus reads (exposition format, version 0.0.4), for all loops together. */
#ifndef SERVER_RESOURCES_EXPOSITION_H
#define SERVER_RESOURCES_EXPOSITION_H

#include "server/request/step.h"
#include <stddef.h>

struct server;

/* Answers clients on this machine only; with a separate metrics address, answers there only. */
request_function exposition_get;

/* The text; the caller frees it. */
char *exposition_write(const struct server *server, size_t *ret_length);

#endif
