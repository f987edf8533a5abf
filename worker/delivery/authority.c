#include "worker/delivery/authority.h"
#include <stdlib.h>

void
authority_trust(CURL *curl)
{
    const char *file = getenv("SSL_CERT_FILE");
    if (file && *file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, file);
    }
}
