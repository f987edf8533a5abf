/* The CI system that the reporter runs in, by the variables that it sets. */
#ifndef REPORTER_CI_H
#define REPORTER_CI_H

enum ci_provider {
    CI_NONE,
    CI_GITHUB,
    CI_GITLAB,
    CI_AZURE,
    CI_CIRCLECI,
    CI_TEAMCITY,
    CI_BITBUCKET,
    CI_BUILDKITE,
    CI_DRONE,
    CI_JENKINS
};

/* A build; texts are NULL where the CI system does not say. */
struct ci_build {
    enum ci_provider provider;
    char *id, *number, *url, *branch, *commit;
};

/* The first CI system, in the order of the enum, whose own variable is set. */
enum ci_provider ci_detect(void);

/* "github" …; NULL for CI_NONE. */
const char *ci_name(enum ci_provider provider);

/* The build as the environment has it, for ci_build_free(). Addresses lose user and password. */
void ci_build_read(enum ci_provider provider, struct ci_build *ret_build);
void ci_build_free(struct ci_build *build);

#endif
