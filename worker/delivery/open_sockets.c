#include "worker/delivery/open_sockets.h"
#include "common/memory.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int
note_opened(void *argument, curl_socket_t opened, curlsocktype purpose)
{
    struct open_sockets *sockets = argument;
    (void)purpose;
    pthread_mutex_lock(&sockets->mutex);
    if (sockets->count == sockets->room) {
        size_t room = sockets->room ? 2 * sockets->room : 8;
        sockets->list = memory_resize(sockets->list, room, sizeof(*sockets->list));
        sockets->room = room;
    }
    sockets->list[sockets->count++] = opened;
    pthread_mutex_unlock(&sockets->mutex);
    return CURL_SOCKOPT_OK;
}

static int
close_noted(void *argument, curl_socket_t closed)
{
    struct open_sockets *sockets = argument;
    pthread_mutex_lock(&sockets->mutex);
    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->list[i] == closed) {
            sockets->list[i] = sockets->list[--sockets->count];
            break;
        }
    }
    int outcome = close(closed);
    pthread_mutex_unlock(&sockets->mutex);
    return outcome;
}

void
open_sockets_init(struct open_sockets *sockets)
{
    *sockets = (struct open_sockets){ 0 };
    pthread_mutex_init(&sockets->mutex, NULL);
}

void
open_sockets_watch(struct open_sockets *sockets, CURL *curl)
{
    curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, note_opened);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTDATA, sockets);
    curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, close_noted);
    curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, sockets);
}

void
open_sockets_shut(struct open_sockets *sockets)
{
    pthread_mutex_lock(&sockets->mutex);
    for (size_t i = 0; i < sockets->count; i++) {
        shutdown(sockets->list[i], SHUT_RDWR);
    }
    pthread_mutex_unlock(&sockets->mutex);
}

void
open_sockets_clear(struct open_sockets *sockets)
{
    free(sockets->list);
    pthread_mutex_destroy(&sockets->mutex);
}
