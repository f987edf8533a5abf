#include "server/auth/caller.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "scripted_db.h"

static void
test_the_caller_of_a_token(void **state)
{
    (void)state;
    static const char *cells[] = { "9",
                                   "0", /* epoch and time are not read */
                                   "7",
                                   "t",
                                   "123456",
                                   "2026-12-01T00:00:00Z",
                                   "CI",
                                   "tk_pat_a1b2c3d4…x9y8z7",
                                   "2026-11-01T00:00:00Z",
                                   "30",
                                   NULL,
                                   "3",
                                   "a@example.test",
                                   "Ada",
                                   "person",
                                   "admin",
                                   "2",
                                   "Example" };
    const struct db_result result = { .rows = 1, .columns = 18, .cells = cells };
    struct caller *caller = caller_of_token(&result, 0, 2);
    assert_int_equal(caller->token_id, 7);
    assert_true(caller->has_ended);
    assert_int_equal(caller->expires_us, 123456);
    assert_string_equal(caller->token_expires_at, "2026-12-01T00:00:00Z");
    assert_string_equal(caller->token_name, "CI");
    assert_string_equal(caller->token_preview, "tk_pat_a1b2c3d4…x9y8z7");
    assert_string_equal(caller->token_created_at, "2026-11-01T00:00:00Z");
    assert_int_equal(caller->token_days, 30);
    assert_int_equal(caller->rate_limit, 0);
    assert_int_equal(caller->user_id, 3);
    assert_string_equal(caller->email, "a@example.test");
    assert_string_equal(caller->name, "Ada");
    assert_string_equal(caller->kind, "person");
    assert_string_equal(caller->org_role, "admin");
    assert_true(caller->is_admin);
    assert_int_equal(caller->organization_id, 2);
    assert_string_equal(caller->organization_name, "Example");
    assert_int_equal(caller->session_id, 0);
    caller_keep(caller);
    caller_free(caller);
    assert_string_equal(caller->name, "Ada");
    caller_free(caller);
    caller_free(NULL);
}

static void
test_the_caller_of_a_session(void **state)
{
    (void)state;
    const char *cells[] = { "5", "3", "a@example.test", "Ada", "person", "member", "2", "Example" };
    const struct db_result result = { .rows = 1, .columns = 8, .cells = cells };
    static const struct {
        const char *role;
        bool is_admin;
    } roles[] = { { "owner", true }, { "admin", true }, { "member", false }, { "guest", false } };
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        cells[5] = roles[i].role;
        struct caller *caller = caller_of_session(&result, 0);
        assert_int_equal(caller->session_id, 5);
        assert_int_equal(caller->token_id, 0);
        assert_null(caller->token_expires_at);
        assert_int_equal(caller->user_id, 3);
        assert_string_equal(caller->email, "a@example.test");
        assert_string_equal(caller->org_role, roles[i].role);
        assert_int_equal(caller->is_admin, roles[i].is_admin);
        assert_string_equal(caller->organization_name, "Example");
        caller_free(caller);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_caller_of_a_token),
        cmocka_unit_test(test_the_caller_of_a_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
