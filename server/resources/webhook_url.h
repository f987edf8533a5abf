/* Checks the address of a webhook when an admin enters it, so that a mistake is told at once. What an address
 * leads to is checked again by the worker, at each connection that it opens. */
#ifndef SERVER_RESOURCES_WEBHOOK_URL_H
#define SERVER_RESOURCES_WEBHOOK_URL_H

#include <stddef.h>

/* https, or http if there are `networks` (as for public_address_kind()); a host name or a literal address
 * that may be called, in its usual form; port 443 (80) or from 1024 on; no user, password or fragment;
 * visible ASCII, at most 2000 bytes. Returns NULL when the address is good, otherwise a constant phrase. */
const char *webhook_url_refusal(const char *url, size_t length, const char *networks);

#endif
