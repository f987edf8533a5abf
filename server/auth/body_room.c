#include "server/auth/body_room.h"
#include "common/memory.h"
#include "server/auth/id_hash.h"
#include <stdlib.h>

/* Hashed by its first member (id_hash.h). Without padding. */
struct client_key {
    uint64_t id;
    uint64_t kind;
};

enum client_kind { ACCOUNT, IPV4, IPV6, UNIX_SOCKET };

struct body_client {
    struct client_key key;
    size_t bytes, count;
    TAILQ_HEAD(body_hold_list, body_hold) arriving; /* the oldest first */
    UT_hash_handle hh;
};

struct body_room {
    size_t bytes, loop, each;
    struct body_client *clients;
    struct body_hold *last; /* taken */
};

struct body_room *
body_room_new(size_t loop, size_t each)
{
    struct body_room *room = memory_new(1, sizeof(*room));
    room->loop = loop;
    room->each = each;
    return room;
}

void
body_room_free(struct body_room *room)
{
    if (!room) {
        return;
    }
    struct body_client *client = room->clients;
    HASH_CLEAR(hh, room->clients);
    for (struct body_client *next; client; client = next) {
        next = client->hh.next;
        free(client);
    }
    free(room);
}

static struct client_key
key_of(int64_t user_id, const struct client_address *address)
{
    static const unsigned char mapped[12] = { [10] = 0xFF, [11] = 0xFF };
    if (user_id) {
        return (struct client_key){ (uint64_t)user_id, ACCOUNT };
    }
    if (!address->known) {
        return (struct client_key){ 0, UNIX_SOCKET };
    }
    bool is_ipv4 = memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
    struct client_key key = { 0, is_ipv4 ? IPV4 : IPV6 };
    memcpy(&key.id, address->bytes + (is_ipv4 ? 8 : 0), sizeof(key.id));
    return key;
}

static struct body_client *
find_or_add(struct body_room *room, const struct client_key *key)
{
    struct body_client *client;
    HASH_FIND(hh, room->clients, key, sizeof(*key), client);
    if (!client) {
        client = memory_new(1, sizeof(*client));
        client->key = *key;
        TAILQ_INIT(&client->arriving);
        HASH_ADD(hh, room->clients, key, sizeof(client->key), client);
    }
    return client;
}

static void
count(struct body_room *room, struct body_hold *hold, size_t bytes)
{
    room->bytes += bytes - hold->bytes;
    hold->client->bytes += bytes - hold->bytes;
    hold->bytes = bytes;
}

void
body_room_take(struct body_room *room, struct body_hold *hold, int64_t user_id,
               const struct client_address *address, size_t bytes)
{
    const struct client_key key = key_of(user_id, address);
    hold->client = find_or_add(room, &key);
    hold->client->count++;
    hold->is_arriving = true;
    TAILQ_INSERT_TAIL(&hold->client->arriving, hold, in_client);
    count(room, hold, bytes + BODY_ROOM_REQUEST);
    room->last = hold;
}

/* The client with an arriving body that holds most. */
static struct body_client *
busiest(const struct body_room *room)
{
    struct body_client *found = NULL;
    for (struct body_client *client = room->clients; client; client = client->hh.next) {
        if (!TAILQ_EMPTY(&client->arriving) && (!found || client->bytes > found->bytes)) {
            found = client;
        }
    }
    return found;
}

enum body_outcome
body_room_check(struct body_room *room, struct body_hold **ret_victim)
{
    const struct body_client *client = room->last ? room->last->client : NULL;
    if (client && client->bytes > room->each && client->count > 1) {
        *ret_victim = TAILQ_FIRST(&client->arriving);
        return BODY_ROOM_CLIENT_FULL;
    }
    if (client && room->bytes > room->loop && room->bytes > room->last->bytes) {
        *ret_victim = TAILQ_FIRST(&busiest(room)->arriving);
        return BODY_ROOM_LOOP_FULL;
    }
    return BODY_ROOM_FITS;
}

static void
leave_list(struct body_room *room, struct body_hold *hold)
{
    if (hold->is_arriving) {
        TAILQ_REMOVE(&hold->client->arriving, hold, in_client);
        hold->is_arriving = false;
    }
    if (room->last == hold) {
        room->last = NULL;
    }
}

void
body_room_arrived(struct body_room *room, struct body_hold *hold, size_t bytes)
{
    leave_list(room, hold);
    count(room, hold, bytes);
}

void
body_room_give(struct body_room *room, struct body_hold *hold)
{
    struct body_client *client = hold->client;
    if (!client) {
        return;
    }
    leave_list(room, hold);
    count(room, hold, 0);
    hold->client = NULL;
    if (--client->count == 0) {
        HASH_DEL(room->clients, client);
        free(client);
    }
}
