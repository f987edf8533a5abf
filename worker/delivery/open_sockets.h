/* The sockets that libcurl has open, so that they can be shut before it closes its connections: it takes
 * leave of a mail server (QUIT, RFC 5321 §4.1.1.10) and waits for the answer, up to two minutes if there is
 * none. */
#ifndef WORKER_DELIVERY_OPEN_SOCKETS_H
#define WORKER_DELIVERY_OPEN_SOCKETS_H

#include <curl/curl.h>
#include <pthread.h>
#include <stddef.h>

struct open_sockets {
    pthread_mutex_t mutex;
    curl_socket_t *list;
    size_t count;
    size_t room;
};

void open_sockets_init(struct open_sockets *sockets);

/* Sets CURLOPT_SOCKOPTFUNCTION and CURLOPT_CLOSESOCKETFUNCTION. `sockets` must outlive the connections of
 * `curl`, which are its multi handle's. */
void open_sockets_watch(struct open_sockets *sockets, CURL *curl);

/* From then on, neither side can say anything on those that are open; they are still to be closed. From any
 * thread. */
void open_sockets_shut(struct open_sockets *sockets);

void open_sockets_clear(struct open_sockets *sockets);

#endif
