/* Embedded files: the pages of server/web, and the description of the API (openapi.json). */
#ifndef SERVER_RESOURCES_PAGES_H
#define SERVER_RESOURCES_PAGES_H

#include "server/request/step.h"

request_function pages_docs;    /* GET /docs */
request_function pages_openapi; /* GET /openapi.json */
request_function pages_asset;   /* GET /assets/{file} */

#endif
