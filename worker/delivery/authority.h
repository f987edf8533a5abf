/* Which certificates a transfer trusts. */
#ifndef WORKER_DELIVERY_AUTHORITY_H
#define WORKER_DELIVERY_AUTHORITY_H

#include <curl/curl.h>

/* As OpenSSL's own programs do: SSL_CERT_FILE of the environment, for servers whose authority the system does
 * not know; without it, the system's. */
void authority_trust(CURL *curl);

#endif
