#include "reporter/ci.h"
#include "common/memory.h"
#include "reporter/buffer.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Each text is made of variables: words in braces stand for them, "|" separates alternatives, of which the
 * first counts whose variables are all set. "?" behind the first brace: the word may also be missing, and
 * then the character before the brace is left out. */
struct ci_variables {
    enum ci_provider provider;
    const char *name;
    const char *marker, *value; /* the variable that the system sets; to what (NULL: anything) */
    const char *id, *number, *url, *branch, *commit;
};

/* clang-format off */
static const struct ci_variables systems[] = {
    { CI_GITHUB, "github", "GITHUB_ACTIONS", "true",
      "{GITHUB_RUN_ID}-{?GITHUB_RUN_ATTEMPT}", "{GITHUB_RUN_NUMBER}",
      "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}/attempts/{GITHUB_RUN_ATTEMPT}"
      "|{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
      "{GITHUB_HEAD_REF}|{GITHUB_REF_NAME}", "{GITHUB_SHA}" },
    { CI_GITLAB, "gitlab", "GITLAB_CI", NULL,
      "{CI_PIPELINE_ID}", "{CI_PIPELINE_IID}", "{CI_PIPELINE_URL}|{CI_JOB_URL}",
      "{CI_MERGE_REQUEST_SOURCE_BRANCH_NAME}|{CI_COMMIT_REF_NAME}",
      "{CI_MERGE_REQUEST_SOURCE_BRANCH_SHA}|{CI_COMMIT_SHA}" },
    { CI_AZURE, "azure", "TF_BUILD", "True",
      "{BUILD_BUILDID}", "{BUILD_BUILDNUMBER}",
      "{SYSTEM_TEAMFOUNDATIONCOLLECTIONURI}{SYSTEM_TEAMPROJECTID}/_build/results?buildId={BUILD_BUILDID}",
      "{SYSTEM_PULLREQUEST_SOURCEBRANCH}|{BUILD_SOURCEBRANCH}",
      "{SYSTEM_PULLREQUEST_SOURCECOMMITID}|{BUILD_SOURCEVERSION}" },
    { CI_CIRCLECI, "circleci", "CIRCLECI", "true",
      "{CIRCLE_WORKFLOW_ID}", "{CIRCLE_BUILD_NUM}", "{CIRCLE_BUILD_URL}", "{CIRCLE_BRANCH}|{CIRCLE_TAG}",
      "{CIRCLE_SHA1}" },
    { CI_TEAMCITY, "teamcity", "TEAMCITY_VERSION", NULL,
      "{BUILD_ID}|{BUILD_NUMBER}", "{BUILD_NUMBER}", "{BUILD_URL}", "{BRANCH_NAME}", "{BUILD_VCS_NUMBER}" },
    { CI_BITBUCKET, "bitbucket", "BITBUCKET_BUILD_NUMBER", NULL,
      "{BITBUCKET_PIPELINE_UUID}|{BITBUCKET_BUILD_NUMBER}", "{BITBUCKET_BUILD_NUMBER}",
      "{BITBUCKET_GIT_HTTP_ORIGIN}/pipelines/results/{BITBUCKET_BUILD_NUMBER}",
      "{BITBUCKET_BRANCH}|{BITBUCKET_TAG}", "{BITBUCKET_COMMIT}" },
    { CI_BUILDKITE, "buildkite", "BUILDKITE", "true",
      "{BUILDKITE_BUILD_ID}", "{BUILDKITE_BUILD_NUMBER}", "{BUILDKITE_BUILD_URL}", "{BUILDKITE_BRANCH}",
      "{BUILDKITE_COMMIT}" },
    { CI_DRONE, "drone", "DRONE", "true",
      "{DRONE_BUILD_NUMBER}", "{DRONE_BUILD_NUMBER}", "{DRONE_BUILD_LINK}",
      "{DRONE_SOURCE_BRANCH}|{DRONE_BRANCH}", "{DRONE_COMMIT_SHA}" },
    { CI_JENKINS, "jenkins", "JENKINS_URL", NULL,
      "{BUILD_TAG}|{BUILD_ID}", "{BUILD_NUMBER}", "{BUILD_URL}", "{CHANGE_BRANCH}|{BRANCH_NAME}|{GIT_BRANCH}",
      "{GIT_COMMIT}" },
};
/* clang-format on */

static const struct ci_variables *
find_system(enum ci_provider provider)
{
    for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++) {
        if (systems[i].provider == provider) {
            return &systems[i];
        }
    }
    return NULL;
}

static const char *
value_of(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

enum ci_provider
ci_detect(void)
{
    for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++) {
        const char *value = value_of(systems[i].marker);
        if (value && (!systems[i].value || strcasecmp(value, systems[i].value) == 0)) {
            return systems[i].provider;
        }
    }
    return CI_NONE;
}

const char *
ci_name(enum ci_provider provider)
{
    const struct ci_variables *system = find_system(provider);
    return system ? system->name : NULL;
}

/* Appends the variable whose braced name begins at `*form`, and moves on behind it. False: it is not set. */
static bool
append_variable(const char **form, struct buffer *text)
{
    char name[64] = "";
    const char *start = *form + 1;
    bool is_optional = *start == '?';
    start += is_optional;
    size_t length = strcspn(start, "}");
    memcpy(name, start, length < sizeof(name) ? length : sizeof(name) - 1);
    *form = start + length + 1;
    const char *value = value_of(name);
    if (value) {
        buffer_append(text, value, strlen(value));
    } else if (is_optional && text->length > 0) {
        text->bytes[--text->length] = '\0';
    }
    return value || is_optional;
}

/* The first alternative whose variables are set; NULL: none is. */
static char *
expand(const char *form)
{
    struct buffer text = { .limit = 2000 };
    bool is_whole = true;
    for (;;) {
        if (*form == '|' || !*form) {
            if (is_whole || !*form) {
                break;
            }
            buffer_reset(&text);
            is_whole = true;
            form++;
        } else if (*form == '{') {
            is_whole = append_variable(&form, &text) && is_whole;
        } else {
            buffer_append(&text, form++, 1);
        }
    }
    char *copy = is_whole && text.length ? memory_duplicate(buffer_text(&text)) : NULL;
    buffer_free(&text);
    return copy;
}

static char *
without_prefix(char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    if (text && strncmp(text, prefix, length) == 0) {
        memmove(text, text + length, strlen(text + length) + 1);
    }
    return text;
}

/* Cuts user and password out of an address; some systems write a job's token there. */
static char *
without_user(char *url)
{
    char *host = url ? strstr(url, "://") : NULL;
    if (host) {
        host += 3;
        char *end = host + strcspn(host, "/?#"), *at = memrchr(host, '@', (size_t)(end - host));
        if (at) {
            memmove(host, at + 1, strlen(at + 1) + 1);
        }
    }
    return url;
}

void
ci_build_read(enum ci_provider provider, struct ci_build *ret_build)
{
    const struct ci_variables *system = find_system(provider);
    *ret_build = (struct ci_build){ .provider = provider };
    if (system) {
        ret_build->id = expand(system->id);
        ret_build->number = expand(system->number);
        ret_build->url = without_user(expand(system->url));
        ret_build->branch = without_prefix(expand(system->branch), "refs/heads/");
        ret_build->commit = expand(system->commit);
    }
}

void
ci_build_free(struct ci_build *build)
{
    free(build->id);
    free(build->number);
    free(build->url);
    free(build->branch);
    free(build->commit);
    *build = (struct ci_build){ 0 };
}
