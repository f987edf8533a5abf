/* Connection strings of libpq. */
#ifndef COMMON_DB_URL_H
#define COMMON_DB_URL_H

/* Returns NULL when libpq can read the connection string, otherwise a constant sentence: libpq's own message
 * quotes the part that it cannot read, which may be a part of the password. */
const char *db_url_refusal(const char *url);

#endif
