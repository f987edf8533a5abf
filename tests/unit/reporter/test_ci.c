#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/ci.h"

#include <cmocka.h>
#include <stdlib.h>

static void
build_of(const char *const *variables, struct ci_build *ret_build)
{
    clearenv();
    for (; *variables; variables += 2) {
        setenv(variables[0], variables[1], 1);
    }
    ci_build_read(ci_detect(), ret_build);
}

static void
github(void **state)
{
    (void)state;
    struct ci_build build;
    build_of((const char *[]){ "GITHUB_ACTIONS", "true", "GITHUB_RUN_ID", "77", "GITHUB_SERVER_URL",
                               "https://g", "GITHUB_REPOSITORY", "o/r", "GITHUB_HEAD_REF", "",
                               "GITHUB_REF_NAME", "7/merge", NULL },
             &build);
    assert_string_equal(ci_name(build.provider), "github");
    assert_string_equal(build.id, "77");
    assert_string_equal(build.url, "https://g/o/r/actions/runs/77");
    assert_string_equal(build.branch, "7/merge");
    assert_null(build.commit);
    ci_build_free(&build);
    build_of(
        (const char *[]){ "GITHUB_ACTIONS", "true", "GITHUB_RUN_ID", "77", "GITHUB_RUN_ATTEMPT", "2", NULL },
        &build);
    assert_string_equal(build.id, "77-2");
    ci_build_free(&build);
}

static void
others(void **state)
{
    (void)state;
    struct ci_build build;
    build_of((const char *[]){ "GITLAB_CI", "1", "CI_PIPELINE_ID", "5", "CI_PIPELINE_URL", "https://u:p@g/5",
                               "CI_COMMIT_REF_NAME", "b", "CI_COMMIT_SHA", "c", NULL },
             &build);
    assert_string_equal(build.url, "https://g/5");
    assert_string_equal(build.branch, "b");
    ci_build_free(&build);
    build_of((const char *[]){ "TF_BUILD", "True", "BUILD_BUILDID", "8", "BUILD_SOURCEBRANCH",
                               "refs/heads/x/y", "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", "https://a/",
                               "SYSTEM_TEAMPROJECTID", "p", NULL },
             &build);
    assert_string_equal(build.url, "https://a/p/_build/results?buildId=8");
    assert_string_equal(build.branch, "x/y");
    ci_build_free(&build);
    build_of((const char *[]){ "JENKINS_URL", "x", "BUILD_ID", "3", "GIT_BRANCH", "origin/x", NULL }, &build);
    assert_string_equal(build.id, "3");
    assert_string_equal(build.branch, "origin/x");
    ci_build_free(&build);
    build_of((const char *[]){ "CI", "true", NULL }, &build);
    assert_int_equal(build.provider, CI_NONE);
    assert_null(build.id);
    assert_null(ci_name(CI_NONE));
    ci_build_free(&build);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(github), cmocka_unit_test(others) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
