/* The file with the CA certificates that the reporter trusts. Systems keep it in different places, and a
 * static program knows at most one of them. */
#ifndef REPORTER_TRUST_H
#define REPORTER_TRUST_H

#include <stddef.h>

struct trust {
    const char *file;   /* NULL: there is none of the known files */
    const char *source; /* who named it: "--cacert", or a variable; NULL: it was found */
};

/* `cacert` if it is given (not NULL), else the file that CURL_CA_BUNDLE or SSL_CERT_FILE names, whether or
 * not these can be read; else the first of trust_files that can. The texts belong to the caller, the
 * environment, and trust_files. */
struct trust trust_find(const char *cacert);

/* Where systems keep their certificates; ends with NULL. */
extern const char *const trust_files[];

/* The first of these files that can be read and is not empty; NULL: there is none. `files` ends with NULL. */
const char *trust_first(const char *const *files);

/* What is trusted, for an error: "trusted are the certificates in FILE (SSL_CERT_FILE)", or where none was
 * found. */
void trust_describe(const struct trust *trust, char *ret_text, size_t size);

#endif
