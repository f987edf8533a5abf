/* The files that the server serves unchanged: pages, style sheets, scripts, the description of the API. The
 * build makes the table (cmake/embed_assets.cmake). */
#ifndef SERVER_WEB_ASSETS_H
#define SERVER_WEB_ASSETS_H

#include <stddef.h>

struct asset {
    const char *name;         /* "docs.css" */
    const char *content_type; /* by the name's extension */
    const char *etag;         /* a digest of the content, in quotes (RFC 9110 §8.8.3) */
    const unsigned char *bytes;
    size_t length;
};

extern const struct asset assets[];
extern const size_t assets_count;

#endif
