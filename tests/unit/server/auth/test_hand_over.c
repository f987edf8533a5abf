#include "common/secret.h"
#include "server/auth/hand_over.h"
#include "server/auth/verified.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct verified_key
key_of(const struct verified *verified, int number)
{
    char token[32];
    struct verified_key key;
    int length = snprintf(token, sizeof(token), "token %d", number);
    verified_key_of(verified, token, (size_t)length, &key);
    return key;
}

/* One that knows the tokens 1 to `count`, and token 0 as wrong. */
static struct verified *
knowing(int count)
{
    struct verified *verified = verified_new(10000, 1000);
    for (int i = 0; i <= count; i++) {
        struct verified_key key = key_of(verified, i);
        verified_remember(verified, &key, i ? VERIFIED_GOOD : VERIFIED_WRONG, 100 + i);
    }
    return verified;
}

static enum verified_answer
find(struct verified *verified, int number, int64_t *ret_id)
{
    struct verified_key key = key_of(verified, number);
    *ret_id = 0;
    return verified_find(verified, &key, ret_id);
}

static void
assert_knows_nothing(struct verified *verified)
{
    int64_t id;
    for (int i = 0; i <= 100; i++) {
        assert_int_equal(find(verified, i, &id), VERIFIED_UNKNOWN);
    }
}

static void
test_the_next_process_knows_right_secrets(void **state)
{
    (void)state;
    struct verified *before = knowing(100), *after = verified_new(1000, 1000);
    int64_t id;
    int fd = hand_over_give(before);
    assert_true(fd >= 0);
    verified_free(before);
    assert_int_equal(hand_over_take(after, fd), 100);
    for (int i = 1; i <= 100; i++) {
        assert_int_equal(find(after, i, &id), VERIFIED_GOOD);
        assert_int_equal(id, 100 + i);
    }
    assert_int_equal(find(after, 0, &id), VERIFIED_UNKNOWN); /* wrong ones are not handed over */
    assert_int_equal(find(after, 101, &id), VERIFIED_UNKNOWN);
    close(fd);
    verified_free(after);
}

static void
test_it_is_taken_once_and_wiped(void **state)
{
    (void)state;
    struct verified *before = knowing(100), *after = verified_new(1000, 1000),
                    *third = verified_new(1000, 1000);
    struct stat file;
    int fd = hand_over_give(before);
    assert_int_equal(hand_over_take(after, fd), 100);
    assert_int_equal(fstat(fd, &file), 0);
    const char *bytes = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(bytes, MAP_FAILED);
    for (off_t i = 0; i < file.st_size; i++) {
        assert_int_equal(bytes[i], 0);
    }
    munmap((void *)bytes, (size_t)file.st_size);
    assert_int_equal(hand_over_take(third, fd), -1);
    assert_knows_nothing(third);
    close(fd);
    verified_free(before);
    verified_free(after);
    verified_free(third);
}

static void
test_nothing_known(void **state)
{
    (void)state;
    struct verified *before = knowing(0), *after = verified_new(1000, 1000);
    int fd = hand_over_give(before);
    assert_int_equal(hand_over_take(after, fd), 0);
    assert_knows_nothing(after);
    close(fd);
    verified_free(before);
    verified_free(after);
}

static void
test_no_more_than_there_is_room_for(void **state)
{
    (void)state;
    struct verified *before = knowing(900), *after = verified_new(16, 16);
    int64_t id;
    int known = 0, fd = hand_over_give(before);
    assert_int_equal(hand_over_take(after, fd), 900);
    for (int i = 1; i <= 900; i++) {
        known += find(after, i, &id) == VERIFIED_GOOD;
    }
    assert_in_range(known, 1, 32);
    close(fd);
    verified_free(before);
    verified_free(after);
}

static void
test_the_size_is_sealed(void **state)
{
    (void)state;
    struct verified *before = knowing(10);
    int fd = hand_over_give(before);
    assert_int_equal(ftruncate(fd, 10), -1);
    assert_int_equal(ftruncate(fd, 1 << 20), -1);
    close(fd);
    verified_free(before);
}

/* --- what is not ours --- */

/* Other memory of the given size with the first bytes of `fd`, and its bytes at `offset` changed. */
static int
forge(int fd, off_t size, off_t offset, const char *bytes, size_t count, bool sealed)
{
    char head[4096] = "";
    int forged = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ssize_t length = pread(fd, head, sizeof(head), 0);
    assert_true(forged >= 0 && length > 0);
    assert_int_equal(pwrite(forged, head, (size_t)length, 0), length);
    assert_int_equal(pwrite(forged, bytes, count, offset), count);
    assert_int_equal(ftruncate(forged, size), 0);
    assert_true(!sealed || fcntl(forged, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
    return forged;
}

static void
test_refuses_what_is_not_ours(void **state)
{
    static const struct {
        off_t more; /* bytes at its end */
        off_t offset;
        const char *bytes;
        size_t count;
        bool sealed;
    } forgeries[] = {
        { 0, 0, "TKVERIX", 8, true },                           /* no magic */
        { 0, 8, "\2\0\0\0", 4, true },                          /* another layout */
        { 0, 12, "\51\0\0\0", 4, true },                        /* another size of a result */
        { 0, 16, "\12\0\0\0\0\0\0\0", 8, true },                /* more results than there are */
        { 0, 16, "\377\377\377\377\377\377\377\377", 8, true }, /* as many as there are numbers */
        { 1, 0, "T", 1, true },                                 /* a byte too many */
        { -1, 0, "T", 1, true },                                /* a byte is missing */
        { -3000, 0, "T", 1, true },                             /* less than the head */
        { 0, 0, "T", 1, false },                                /* its size may change */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++) {
        struct verified *before = knowing(9), *after = verified_new(1000, 1000);
        struct stat file;
        int fd = hand_over_give(before);
        assert_int_equal(fstat(fd, &file), 0);
        off_t size = file.st_size + forgeries[i].more;
        int forged = forge(fd, size > 0 ? size : 3, forgeries[i].offset, forgeries[i].bytes,
                           forgeries[i].count, forgeries[i].sealed);
        assert_int_equal(hand_over_take(after, forged), -1);
        assert_knows_nothing(after);
        close(forged);
        close(fd);
        verified_free(before);
        verified_free(after);
    }
}

static void
test_refuses_what_is_no_memory(void **state)
{
    (void)state;
    struct verified *after = verified_new(1000, 1000);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(hand_over_take(after, pipes[0]), -1);
    assert_int_equal(hand_over_take(after, -1), -1);
    int empty = memfd_create("empty", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(fcntl(empty, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
    assert_int_equal(hand_over_take(after, empty), -1);
    assert_knows_nothing(after);
    close(pipes[0]);
    close(pipes[1]);
    close(empty);
    verified_free(after);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_next_process_knows_right_secrets),
        cmocka_unit_test(test_it_is_taken_once_and_wiped),
        cmocka_unit_test(test_nothing_known),
        cmocka_unit_test(test_no_more_than_there_is_room_for),
        cmocka_unit_test(test_the_size_is_sealed),
        cmocka_unit_test(test_refuses_what_is_not_ours),
        cmocka_unit_test(test_refuses_what_is_no_memory),
    };
    secret_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
