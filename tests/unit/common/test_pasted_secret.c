#include "common/pasted_secret.h"
#include "common/secret.h"
#include "common/token.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Secrets are written in two parts, so that scanners of this repository do not find them. */
static const char *const secrets[][3] = {
    { "ghp_", "16C7e42F292c6912E7710c838347Ae178B4a", "a GitHub token" },
    { "gho_", "16C7e42F292c6912E7710c838347Ae178B4a", "a GitHub token" },
    { "ghs_", "16C7e42F292c6912E7710c838347Ae178B4a", "a GitHub token" },
    { "github_pat_", "11AAAAAAA0abcdefghijkl_0123456789abcdefghijklmnopqrstuvwxyz", "a GitHub token" },
    { "glpat-", "wLb2xQ-Tz_k9VcR4mN7p", "a GitLab token" },
    { "glrt-", "wLb2xQ-Tz_k9VcR4mN7p", "a GitLab token" },
    { "AKIA", "IOSFODNN7EXAMPLE", "an AWS key" },
    { "ASIA", "IOSFODNN7EXAMPLE", "an AWS key" },
    { "wJalrXUtnFEMI/K7MDENG", "/bPxRfiCYEXAMPLEKEY", "an AWS key" },
    { "zHk1+a9QpLr8xWv3TnYb", "5CmJ2dSe7Gf4UoIi6KhE", "an AWS key" },
    { "xoxb-", "123456789012-abcdefABCDEF", "a Slack token" },
    { "sk_live_", "4eC39HqLyjWDarjtT1zdp7dc", "a Stripe key" },
};

static void
secrets_of_others_are_found(void **state)
{
    (void)state;
    static const char *const around[][2] = {
        { "", "" }, { "CI ", " of Ann" }, { "key=", "" }, { "(", ")." }
    };
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        for (size_t j = 0; j < sizeof(around) / sizeof(around[0]); j++) {
            char text[256];
            const char *refusal = NULL;
            snprintf(text, sizeof(text), "%s%s%s%s", around[j][0], secrets[i][0], secrets[i][1],
                     around[j][1]);
            assert_ptr_equal(pasted_secret_find(text, strlen(text), &refusal), text + strlen(around[j][0]));
            assert_non_null(strstr(refusal, secrets[i][2]));
        }
    }
}

static void
our_tokens_are_found(void **state)
{
    (void)state;
    char token[TOKEN_LENGTH + 1], text[256];
    const char *refusal = NULL;
    for (int i = 0; i < 1000; i++) {
        token_make(token);
        assert_ptr_equal(pasted_secret_find(token, TOKEN_LENGTH, NULL), token);
        snprintf(text, sizeof(text), "x-%s/1.0", token);
        assert_ptr_equal(pasted_secret_find(text, strlen(text), &refusal), text + 2);
        assert_non_null(strstr(refusal, "a token of this service"));
    }
    /* A mistyped or cut token is still most of a secret. */
    assert_non_null(pasted_secret_find(token, TOKEN_LENGTH - 1, NULL));
    token[20] = token[20] == 'a' ? 'b' : 'a';
    assert_non_null(pasted_secret_find(token, TOKEN_LENGTH, NULL));
}

static void
ordinary_names_are_not_secrets(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "GitHub Actions v2",
        "ghp_ rotation",
        "tk_pat_a1b2c3d4...x9y8z7",
        "glpat- for the runner",
        "AKIA",
        "ASIA region deployments",
        "SOUTHEASTASIADEPLOYMENT",
        "nightly-regression-tests-of-the-web-shop-and-the-mobile-app",
        "com.example.testkase.integration.GeneratedReportUploader",
        "GitHubActionsDeployProduction2024Pipelin", /* 40 characters */
        "0123456789abcdef0123456789abcdef01234567", /* a commit */
        "0123456789ABCDEF0123456789ABCDEF01234567",
        "550e8400-e29b-41d4-a716-446655440000",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
        "Safari/537.36",
        "testkase-reporter/0.1.0 (GitHubActions; Linux; x86_64)",
        "\xE4\xB8\xAD\xE6\x96\x87 AutomationProjectTestsOfTheWebShop",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (pasted_secret_find(names[i], strlen(names[i]), NULL)) {
            fail_msg("%s", names[i]);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_of_others_are_found),
        cmocka_unit_test(our_tokens_are_found),
        cmocka_unit_test(ordinary_names_are_not_secrets),
    };
    secret_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
