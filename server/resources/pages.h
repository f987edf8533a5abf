/* Embedded files: the pages of server/web with what they load, and the description of the API (openapi.json).
 */
#ifndef SERVER_RESOURCES_PAGES_H
#define SERVER_RESOURCES_PAGES_H

#include "server/request/step.h"

request_function pages_index;   /* GET of the addresses within the page: its script tells them apart */
request_function pages_docs;    /* GET /docs */
request_function pages_openapi; /* GET /openapi.json */
request_function pages_asset;   /* GET /assets/{rest} */

/* For a path that no route has. A browser that opens it as a page gets the page with 404, which then says so;
 * STEP_NEXT for other requests. */
request_function pages_missing;

#endif
