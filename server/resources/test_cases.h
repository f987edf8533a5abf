/* /test-cases: the test cases of a project, and what became of each over time. */
#ifndef SERVER_RESOURCES_TEST_CASES_H
#define SERVER_RESOURCES_TEST_CASES_H

struct endpoint;

extern const struct endpoint test_cases_list, test_cases_create, test_cases_get, test_cases_update,
    test_cases_archive, test_cases_history;

#endif
