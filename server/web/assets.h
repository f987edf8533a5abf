/* The files that the server serves unchanged: pages, style sheets, scripts, icons, the description of the
 * API. The build makes the table (cmake/embed_assets.cmake). */
#ifndef SERVER_WEB_ASSETS_H
#define SERVER_WEB_ASSETS_H

#include <stddef.h>

/* One encoding of a file. */
struct asset_form {
    const char *etag; /* a digest of these bytes, in quotes: a strong tag (RFC 9110 §8.8.3) */
    const unsigned char *bytes;
    size_t length;
};

struct asset {
    /* The whole path of its address, as requests have it: "/openapi.json", or "/assets/<hash>/js/app.js",
     * with one hash over all files. A page has several addresses, so this is its name: "index.html". */
    const char *path;
    const char *content_type; /* by the name's extension */
    struct asset_form plain;
    struct asset_form gzip; /* `bytes` is NULL when gzip does not make the file smaller */
};

extern const struct asset assets[]; /* sorted by path */
extern const size_t assets_count;

/* The asset with exactly this path; NULL when there is none. Nothing is decoded. */
const struct asset *asset_find(const char *path, size_t length);

#endif
