#include "common/log.h"
#include "common/secret.h"
#include "server/take_over/rendezvous.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ADDRESS "127.0.0.1:8080"

static char folder[64];

static int
set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test-rendezvous-XXXXXX");
    assert_non_null(mkdtemp(folder));
    setenv("RUNTIME_DIRECTORY", folder, 1);
    unsetenv("XDG_RUNTIME_DIR");
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

static bool
is_found(const char *listen)
{
    struct rendezvous *rendezvous = rendezvous_new(listen, NULL);
    rendezvous_free(rendezvous);
    return rendezvous;
}

/* --- the directory --- */

static void
test_the_first_runtime_directory_counts(void **state)
{
    (void)state;
    char several[200];
    snprintf(several, sizeof(several), "%s:/nowhere", folder);
    setenv("RUNTIME_DIRECTORY", several, 1);
    assert_true(is_found(ADDRESS));
    snprintf(several, sizeof(several), "/nowhere:%s", folder);
    setenv("RUNTIME_DIRECTORY", several, 1);
    assert_false(is_found(ADDRESS));
}

static void
test_that_of_the_session_is_made(void **state)
{
    (void)state;
    char path[100];
    struct stat made;
    setenv("RUNTIME_DIRECTORY", "", 1);
    setenv("XDG_RUNTIME_DIR", folder, 1);
    assert_true(is_found(ADDRESS));
    assert_true(is_found(ADDRESS));
    snprintf(path, sizeof(path), "%s/testkase", folder);
    assert_int_equal(stat(path, &made), 0);
    assert_int_equal(made.st_mode & 07777, 0700);
    assert_int_equal(rmdir(path), 0);
}

static void
test_unfit_directories_are_not_used(void **state)
{
    (void)state;
    assert_int_equal(chmod(folder, 0720), 0);
    assert_false(is_found(ADDRESS));
    assert_int_equal(chmod(folder, 0702), 0);
    assert_false(is_found(ADDRESS));
    assert_int_equal(chmod(folder, 0755), 0);
    assert_true(is_found(ADDRESS));
    setenv("RUNTIME_DIRECTORY", "relative", 1);
    assert_false(is_found(ADDRESS));
    setenv("RUNTIME_DIRECTORY", "/dev/null", 1);
    assert_false(is_found(ADDRESS));
    setenv("RUNTIME_DIRECTORY", "/nowhere", 1);
    assert_false(is_found(ADDRESS));
}

/* --- the name --- */

static void
test_a_port_that_the_kernel_chooses_is_nobodys_address(void **state)
{
    (void)state;
    assert_false(is_found("127.0.0.1:0"));
    assert_false(is_found("127.0.0.1:0, [::1]:8080"));
    assert_false(is_found("127.0.0.1:8080,[::1]:0"));
    assert_true(is_found("[::1]:8080"));
    assert_true(is_found("127.0.0.1:080"));
    assert_true(is_found("unix:/run/testkase/http"));
    assert_null(rendezvous_new(ADDRESS, "127.0.0.1:0"));
}

static void
assert_meet(const char *const one[2], const char *const other[2], bool same_name, bool same_digest)
{
    struct rendezvous *first = rendezvous_new(one[0], one[1]), *second = rendezvous_new(other[0], other[1]);
    int waiting = rendezvous_listen(first), fd = rendezvous_connect(second, 1000);
    assert_true(waiting >= 0);
    assert_int_equal(fd >= 0, same_name);
    assert_int_equal(memcmp(rendezvous_digest(first), rendezvous_digest(second), RENDEZVOUS_DIGEST_SIZE) == 0,
                     same_digest);
    if (fd >= 0) {
        close(fd);
    }
    rendezvous_remove(first);
    close(waiting);
    rendezvous_free(first);
    rendezvous_free(second);
}

static void
test_the_same_addresses_meet(void **state)
{
    (void)state;
    static const char *const plain[] = { ADDRESS, NULL }, *const none[] = { ADDRESS, "" },
                             *const metrics[] = { ADDRESS, "127.0.0.1:9090" },
                             *const other[] = { "127.0.0.1:8081", NULL },
                             *const two[] = { "127.0.0.1:8080,[::1]:8080", NULL },
                             *const spaced[] = { "127.0.0.1:8080, [::1]:8080", NULL };
    assert_meet(plain, none, true, true);
    assert_meet(plain, metrics, true, false);
    assert_meet(plain, other, false, false);
    assert_meet(plain, two, false, false);
    assert_meet(two, spaced, true, true);
}

/* --- the socket --- */

static void
test_nobody_waits(void **state)
{
    (void)state;
    struct rendezvous *rendezvous = rendezvous_new(ADDRESS, NULL);
    assert_int_equal(rendezvous_connect(rendezvous, 1000), -1);
    assert_int_equal(errno, ENOENT);
    int waiting = rendezvous_listen(rendezvous);
    assert_true(waiting >= 0);
    close(waiting);
    assert_int_equal(rendezvous_connect(rendezvous, 1000), -1);
    assert_int_equal(errno, ECONNREFUSED);
    rendezvous_remove(rendezvous);
    rendezvous_free(rendezvous);
}

static void
test_a_stale_file_is_replaced_and_a_live_one_stays(void **state)
{
    (void)state;
    struct rendezvous *first = rendezvous_new(ADDRESS, NULL), *second = rendezvous_new(ADDRESS, NULL);
    int waiting = rendezvous_listen(first);
    assert_int_equal(rendezvous_listen(second), -1);
    assert_int_equal(errno, EADDRINUSE);
    rendezvous_remove(second); /* not its own */
    int fd = rendezvous_connect(second, 1000);
    assert_true(fd >= 0);
    close(fd);
    close(waiting);
    waiting = rendezvous_listen(second);
    assert_true(waiting >= 0);
    rendezvous_remove(second);
    close(waiting);
    rendezvous_free(first);
    rendezvous_free(second);
}

static void
test_the_other_account_is_known(void **state)
{
    (void)state;
    int ends[2];
    pid_t process = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    assert_true(rendezvous_is_own_account(ends[0], &process));
    assert_int_equal(process, getpid());
    close(ends[0]);
    close(ends[1]);
    assert_false(rendezvous_is_own_account(ends[0], &process));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_first_runtime_directory_counts),
        TEST(test_that_of_the_session_is_made),
        TEST(test_unfit_directories_are_not_used),
        TEST(test_a_port_that_the_kernel_chooses_is_nobodys_address),
        TEST(test_the_same_addresses_meet),
        TEST(test_nobody_waits),
        TEST(test_a_stale_file_is_replaced_and_a_live_one_stays),
        TEST(test_the_other_account_is_known),
    };
    secret_setup();
    log_setup("test", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
