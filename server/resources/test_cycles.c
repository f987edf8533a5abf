#include "server/resources/test_cycles.h"
#include "server/request/endpoint.h"

static const struct input filters[] = {
    { "projectId", INPUT_PROJECT, .required = true, .in_query = true },
    { "status", INPUT_CHOICE, .in_query = true, .choices = "active|archived|all", .fallback = "active" },
    { 0 },
};

static const struct input execution_filters[] = {
    { "projectId", INPUT_PROJECT, .required = true, .in_query = true },
    { "status", INPUT_CHOICE, .in_query = true, .choices = "not_executed|pass|fail|blocked|skipped" },
    { 0 },
};

static const struct input place[] = {
    { "projectId", INPUT_PROJECT, .required = true, .in_query = true },
    { 0 },
};

static const struct input draft[] = {
    { "projectId", INPUT_PROJECT, .required = true, .in_query = true },
    { "name", INPUT_NAME, .required = true },
    { 0 },
};

static const struct input changes[] = {
    { "projectId", INPUT_PROJECT, .required = true, .in_query = true },
    { "name", INPUT_NAME, .required = false },
    { 0 },
};

static const struct refusal refusals[] = {
    { "is_master", PROBLEM_CONFLICT, NULL,
      "The master cycle comes with the project and cannot be archived." },
    { "archived", PROBLEM_CONFLICT, NULL, "The test cycle is archived; it cannot be changed any more." },
    { 0 },
};

const struct endpoint test_cycles_list = { .query = QUERY_TEST_CYCLES_LIST,
                                           .answer = ENDPOINT_SUBPAGE,
                                           .inputs = filters };
const struct endpoint test_cycles_create = { .query = QUERY_TEST_CYCLES_CREATE,
                                             .answer = ENDPOINT_CREATED,
                                             .inputs = draft };
const struct endpoint test_cycles_get = { .query = QUERY_TEST_CYCLES_GET,
                                          .answer = ENDPOINT_ROW,
                                          .inputs = place };
const struct endpoint test_cycles_update = {
    .query = QUERY_TEST_CYCLES_UPDATE, .answer = ENDPOINT_ROW, .inputs = changes, .refusals = refusals
};
const struct endpoint test_cycles_archive = {
    .query = QUERY_TEST_CYCLES_ARCHIVE, .answer = ENDPOINT_EMPTY, .inputs = place, .refusals = refusals
};
const struct endpoint test_cycles_executions = { .query = QUERY_TEST_CYCLES_EXECUTIONS,
                                                 .answer = ENDPOINT_SUBPAGE,
                                                 .inputs = execution_filters };
const struct endpoint test_cycles_runs = { .query = QUERY_TEST_CYCLES_RUNS,
                                           .answer = ENDPOINT_SUBPAGE,
                                           .inputs = place };
