#include "server/take_over/message.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int ends[2];

static int
set_up(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
}

static int
tear_down(void **state)
{
    (void)state;
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* The number that the next descriptor would get: the same as before when none was left open. */
static int
next_descriptor(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

static bool
is_same_file(int one, int other)
{
    struct stat first, second;
    return fstat(one, &first) == 0 && fstat(other, &second) == 0 && first.st_ino == second.st_ino &&
           first.st_dev == second.st_dev;
}

static void
test_a_message_arrives_with_its_descriptors(void **state)
{
    (void)state;
    struct message sent = message_of(MESSAGE_GIVE), received;
    int descriptors[MESSAGE_DESCRIPTORS_MAX], count = 0;
    sent.loops = 3;
    sent.loop_of[MESSAGE_SOCKETS_MAX - 1] = -1;
    assert_int_equal(message_send(ends[0], &sent, ends, 2), 0);
    assert_int_equal(message_receive(ends[1], &received, descriptors, &count), MESSAGE_HERE);
    assert_memory_equal(&received, &sent, sizeof(sent));
    assert_int_equal(count, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(is_same_file(descriptors[i], ends[i]));
        assert_true(fcntl(descriptors[i], F_GETFD) & FD_CLOEXEC);
        close(descriptors[i]);
    }
}

static void
test_as_many_descriptors_as_there_is_room_for(void **state)
{
    (void)state;
    struct message message = message_of(MESSAGE_GIVE);
    int descriptors[MESSAGE_DESCRIPTORS_MAX + 1] = { 0 }, received[MESSAGE_DESCRIPTORS_MAX], count = 0;
    assert_int_equal(message_send(ends[0], &message, descriptors, MESSAGE_DESCRIPTORS_MAX + 1), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(message_send(ends[0], &message, descriptors, MESSAGE_DESCRIPTORS_MAX), 0);
    assert_int_equal(message_receive(ends[1], &message, received, &count), MESSAGE_HERE);
    assert_int_equal(count, MESSAGE_DESCRIPTORS_MAX);
    while (count > 0) {
        close(received[--count]);
    }
}

static void
test_descriptors_that_nobody_wants_are_closed(void **state)
{
    (void)state;
    struct message message = message_of(MESSAGE_ASK), foreign = message;
    int received[MESSAGE_DESCRIPTORS_MAX], count = 0, next = next_descriptor();
    assert_int_equal(message_send(ends[0], &message, ends, 2), 0);
    assert_int_equal(message_receive(ends[1], &message, NULL, NULL), MESSAGE_STRANGE);
    foreign.version = MESSAGE_VERSION + 1;
    assert_int_equal(message_send(ends[0], &foreign, ends, 2), 0);
    assert_int_equal(message_receive(ends[1], &message, received, &count), MESSAGE_FOREIGN);
    foreign.magic[0] = 'X';
    assert_int_equal(message_send(ends[0], &foreign, ends, 2), 0);
    assert_int_equal(message_receive(ends[1], &message, received, &count), MESSAGE_STRANGE);
    assert_int_equal(count, 0);
    assert_int_equal(next_descriptor(), next);
}

static void
test_other_sizes_are_strange(void **state)
{
    (void)state;
    struct {
        struct message message;
        char more;
    } packet = { .message = message_of(MESSAGE_ASK) };
    struct message received = { .version = 7 };
    const size_t sizes[] = { 1, 19, sizeof(struct message) - 1, sizeof(struct message) + 1 };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(send(ends[0], &packet, sizes[i], 0), sizes[i]);
        assert_int_equal(message_receive(ends[1], &received, NULL, NULL), MESSAGE_STRANGE);
    }
    assert_int_equal(received.version, 7);
}

static void
test_another_version_may_have_another_size(void **state)
{
    (void)state;
    char packet[2 * sizeof(struct message)] = "";
    struct message message = message_of(MESSAGE_REFUSE), received;
    message.version = MESSAGE_VERSION + 1;
    memcpy(packet, &message, sizeof(message));
    const size_t sizes[] = { 20, sizeof(message), sizeof(packet) };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(send(ends[0], packet, sizes[i], 0), sizes[i]);
        assert_int_equal(message_receive(ends[1], &received, NULL, NULL), MESSAGE_FOREIGN);
        assert_int_equal(received.version, MESSAGE_VERSION + 1);
        assert_int_equal(received.kind, MESSAGE_REFUSE);
    }
}

static void
test_nothing_and_the_end(void **state)
{
    (void)state;
    struct message received;
    assert_int_equal(message_receive(ends[1], &received, NULL, NULL), MESSAGE_NOT_YET);
    shutdown(ends[0], SHUT_WR);
    assert_int_equal(message_receive(ends[1], &received, NULL, NULL), MESSAGE_ENDED);
}

/* The kernel reports the question that nobody read before it gives the answer. */
static void
test_a_refusal_is_read_after_the_other_has_closed(void **state)
{
    (void)state;
    struct message message = message_of(MESSAGE_REFUSE), received;
    message.reason = MESSAGE_BUSY;
    assert_int_equal(message_send(ends[1], &message, NULL, 0), 0);
    assert_int_equal(message_send(ends[0], &message, NULL, 0), 0);
    close(ends[0]);
    ends[0] = -1;
    assert_int_equal(message_receive(ends[1], &received, NULL, NULL), MESSAGE_HERE);
    assert_int_equal(received.reason, MESSAGE_BUSY);
    assert_int_equal(message_receive(ends[1], &received, NULL, NULL), MESSAGE_ENDED);
}

static void
test_every_reason_has_its_text(void **state)
{
    (void)state;
    const char *unknown = message_reason_text(0);
    for (uint32_t reason = MESSAGE_OTHER_VERSION; reason <= MESSAGE_TOO_LATE; reason++) {
        assert_string_not_equal(message_reason_text(reason), unknown);
    }
    assert_string_equal(message_reason_text(MESSAGE_TOO_LATE + 1), unknown);
    assert_string_equal(message_reason_text(UINT32_MAX), unknown);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_message_arrives_with_its_descriptors),
        TEST(test_as_many_descriptors_as_there_is_room_for),
        TEST(test_descriptors_that_nobody_wants_are_closed),
        TEST(test_other_sizes_are_strange),
        TEST(test_another_version_may_have_another_size),
        TEST(test_nothing_and_the_end),
        TEST(test_a_refusal_is_read_after_the_other_has_closed),
        TEST(test_every_reason_has_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
