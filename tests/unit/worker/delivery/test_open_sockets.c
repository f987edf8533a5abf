#include "worker/delivery/open_sockets.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define CONNECTIONS 20 /* more than the list has room for at first */

static int
listen_somewhere(char *ret_url, size_t url_size)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listening >= 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listening, CONNECTIONS), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &size), 0);
    snprintf(ret_url, url_size, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    return listening;
}

static CURL *
connect_watched(struct open_sockets *sockets, const char *url)
{
    CURL *curl = curl_easy_init();
    assert_non_null(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    open_sockets_watch(sockets, curl);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    return curl;
}

static void
assert_at_end(int connection)
{
    char byte;
    assert_int_equal(recv(connection, &byte, 1, 0), 0);
}

static void
test_those_that_are_open_are_shut(void **state)
{
    (void)state;
    struct open_sockets sockets;
    open_sockets_init(&sockets);
    char url[64];
    int listening = listen_somewhere(url, sizeof(url));
    CURL *curls[CONNECTIONS];
    int accepted[CONNECTIONS];
    for (size_t i = 0; i < CONNECTIONS; i++) {
        curls[i] = connect_watched(&sockets, url);
        accepted[i] = accept(listening, NULL, NULL);
        assert_true(accepted[i] >= 0);
    }
    assert_int_equal(sockets.count, CONNECTIONS);

    /* One that was closed is forgotten: its number may be another file's by then. */
    curl_easy_cleanup(curls[3]);
    assert_int_equal(sockets.count, CONNECTIONS - 1);
    assert_at_end(accepted[3]);

    char byte;
    assert_int_equal(recv(accepted[0], &byte, 1, MSG_DONTWAIT), -1);
    open_sockets_shut(&sockets);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        assert_at_end(accepted[i]);
        close(accepted[i]);
    }

    /* They are still curl's to close. */
    assert_int_equal(sockets.count, CONNECTIONS - 1);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (i != 3) {
            curl_easy_cleanup(curls[i]);
        }
    }
    assert_int_equal(sockets.count, 0);
    open_sockets_clear(&sockets);
    close(listening);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_those_that_are_open_are_shut),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
