/* The order in which libpq tries the hosts of a connection string. libpq always begins with the first, and
 * leaves it to the caller to end an attempt to connect that takes too long: with a first host that takes
 * connections and says nothing, it would never come to the second. */
#ifndef COMMON_DB_HOSTS_H
#define COMMON_DB_HOSTS_H

struct pg_conn; /* libpq's PGconn */

/* Lists as in libpq's parameters of these names; NULL where those of the connection string hold. Zeroed at
 * first; db_hosts_clear() frees the lists. */
struct db_hosts {
    char *host;
    char *hostaddr;
    char *port;
};

/* From now on, the host that `connection` uses or tries is the last in the order, after those behind it and
 * then those before it. Changes nothing when there is only one. */
void db_hosts_pass_over(struct db_hosts *hosts, struct pg_conn *connection);
void db_hosts_clear(struct db_hosts *hosts);

#endif
