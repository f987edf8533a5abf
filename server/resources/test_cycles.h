/* /test-cycles: the test cycles of a project, and the latest results of its cases in each. */
#ifndef SERVER_RESOURCES_TEST_CYCLES_H
#define SERVER_RESOURCES_TEST_CYCLES_H

struct endpoint;

extern const struct endpoint test_cycles_list, test_cycles_create, test_cycles_get, test_cycles_update,
    test_cycles_archive, test_cycles_executions, test_cycles_runs;

#endif
