#include "server/auth/body_room.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define KIB  ((size_t)1024)
#define BODY (24 * KIB) /* of a request that may have 16 KiB */

static const struct client_address nowhere = { 0 };

static struct client_address
ipv4(unsigned char last)
{
    struct client_address address = { .known = true, .bytes = { [10] = 0xFF, [11] = 0xFF, 192, 0, 2, last } };
    return address;
}

static struct client_address
ipv6(unsigned char network, unsigned char host)
{
    struct client_address address = { .known = true, .bytes = { 0x20, 1, [7] = network, [15] = host } };
    return address;
}

static enum body_outcome
take(struct body_room *room, struct body_hold *hold, int64_t user_id, const struct client_address *address,
     struct body_hold **ret_victim)
{
    *ret_victim = NULL;
    body_room_take(room, hold, user_id, address, 16 * KIB);
    return body_room_check(room, ret_victim);
}

static void
test_a_clients_oldest_goes(void **state)
{
    (void)state;
    struct body_room *room = body_room_new(100 * BODY, 3 * BODY);
    static struct body_hold holds[5];
    struct body_hold other = { 0 }, *victim;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take(room, &holds[i], 7, &nowhere, &victim), BODY_ROOM_FITS);
    }
    assert_int_equal(take(room, &other, 8, &nowhere, &victim), BODY_ROOM_FITS);
    assert_int_equal(take(room, &holds[3], 7, &nowhere, &victim), BODY_ROOM_CLIENT_FULL);
    assert_ptr_equal(victim, &holds[0]);
    body_room_give(room, victim);
    assert_int_equal(body_room_check(room, &victim), BODY_ROOM_FITS);
    /* One that is whole is not a victim, and takes little. */
    body_room_arrived(room, &holds[1], 100);
    assert_int_equal(take(room, &holds[4], 7, &nowhere, &victim), BODY_ROOM_CLIENT_FULL);
    assert_ptr_equal(victim, &holds[2]);
    body_room_give(room, victim);
    assert_int_equal(body_room_check(room, &victim), BODY_ROOM_FITS);
    for (int i = 0; i < 5; i++) {
        body_room_give(room, &holds[i]);
        body_room_give(room, &holds[i]); /* once more is fine */
    }
    body_room_give(room, &other);
    body_room_free(room);
}

static void
test_the_busiest_makes_room_in_the_loop(void **state)
{
    (void)state;
    struct body_room *room = body_room_new(4 * BODY, 3 * BODY);
    static struct body_hold many[3];
    struct body_hold first = { 0 }, last = { 0 }, *victim;
    assert_int_equal(take(room, &first, 1, &nowhere, &victim), BODY_ROOM_FITS);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take(room, &many[i], 2, &nowhere, &victim), BODY_ROOM_FITS);
    }
    assert_int_equal(take(room, &last, 3, &nowhere, &victim), BODY_ROOM_LOOP_FULL);
    assert_ptr_equal(victim, &many[0]);
    body_room_give(room, victim);
    assert_int_equal(body_room_check(room, &victim), BODY_ROOM_FITS);
    body_room_free(room);
}

static void
test_one_body_may_be_as_large_as_it_likes(void **state)
{
    (void)state;
    struct body_room *room = body_room_new(4 * BODY, 3 * BODY);
    struct body_hold upload = { 0 }, small = { 0 }, *victim;
    body_room_take(room, &upload, 1, &nowhere, 16 * KIB * KIB);
    assert_int_equal(body_room_check(room, &victim), BODY_ROOM_FITS);
    assert_int_equal(take(room, &small, 2, &nowhere, &victim), BODY_ROOM_LOOP_FULL);
    assert_ptr_equal(victim, &upload);
    body_room_free(room);
}

/* Accounts, IPv4 addresses, IPv6 /64 and unix sockets are clients of their own. */
static void
test_who_is_one_client(void **state)
{
    (void)state;
    struct body_room *room = body_room_new(100 * BODY, BODY);
    const struct client_address one = ipv4(1), other = ipv4(2), here = ipv6(1, 1), there = ipv6(2, 1),
                                neighbour = ipv6(1, 2);
    const struct {
        int64_t user_id;
        const struct client_address *address;
        enum body_outcome outcome;
    } cases[] = { { 1, &one, BODY_ROOM_FITS },           { 2, &one, BODY_ROOM_FITS },
                  { 0, &one, BODY_ROOM_FITS },           { 0, &other, BODY_ROOM_FITS },
                  { 0, &here, BODY_ROOM_FITS },          { 0, &there, BODY_ROOM_FITS },
                  { 0, &nowhere, BODY_ROOM_FITS },       { 1, &other, BODY_ROOM_CLIENT_FULL },
                  { 0, &one, BODY_ROOM_CLIENT_FULL },    { 0, &neighbour, BODY_ROOM_CLIENT_FULL },
                  { 0, &nowhere, BODY_ROOM_CLIENT_FULL } };
    static struct body_hold holds[sizeof(cases) / sizeof(cases[0])];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct body_hold *victim;
        assert_int_equal(take(room, &holds[i], cases[i].user_id, cases[i].address, &victim),
                         cases[i].outcome);
        if (victim) {
            body_room_give(room, victim);
        }
    }
    body_room_free(room);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_clients_oldest_goes),
        cmocka_unit_test(test_the_busiest_makes_room_in_the_loop),
        cmocka_unit_test(test_one_body_may_be_as_large_as_it_likes),
        cmocka_unit_test(test_who_is_one_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
