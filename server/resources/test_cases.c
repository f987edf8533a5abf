#include "server/resources/test_cases.h"
#include "server/request/endpoint.h"

static const struct input filters[] = {
    { "projectId", INPUT_PROJECT, .required = true, .in_query = true },
    { "search", INPUT_NOTE, .in_query = true },
    { "automationId", INPUT_INTEGER, .in_query = true, .least = 10000, .most = 999999 },
    { "status", INPUT_CHOICE, .in_query = true, .choices = "active|archived|all", .fallback = "active" },
    { 0 },
};

static const struct input place[] = {
    { "projectId", INPUT_PROJECT, .required = true, .in_query = true },
    { 0 },
};

static const struct input draft[] = {
    { "projectId", INPUT_PROJECT, .required = true, .in_query = true },
    { "title", INPUT_NOTE, .required = true },
    { 0 },
};

static const struct input changes[] = {
    { "projectId", INPUT_PROJECT, .required = true, .in_query = true },
    { "title", INPUT_NOTE, .required = false },
    { 0 },
};

static const struct refusal refusals[] = {
    { "test_cases_automation_ids_used_up", PROBLEM_CONFLICT, NULL,
      "The project has used all automation ids, those of archived cases too; make another project." },
    { "archived", PROBLEM_CONFLICT, NULL, "The test case is archived; it cannot be changed any more." },
    { 0 },
};

const struct endpoint test_cases_list = { .query = QUERY_TEST_CASES_LIST,
                                          .answer = ENDPOINT_SUBPAGE,
                                          .inputs = filters };
const struct endpoint test_cases_create = {
    .query = QUERY_TEST_CASES_CREATE, .answer = ENDPOINT_CREATED, .inputs = draft, .refusals = refusals
};
const struct endpoint test_cases_get = { .query = QUERY_TEST_CASES_GET,
                                         .answer = ENDPOINT_ROW,
                                         .inputs = place };
const struct endpoint test_cases_update = {
    .query = QUERY_TEST_CASES_UPDATE, .answer = ENDPOINT_ROW, .inputs = changes, .refusals = refusals
};
const struct endpoint test_cases_archive = { .query = QUERY_TEST_CASES_ARCHIVE,
                                             .answer = ENDPOINT_EMPTY,
                                             .inputs = place };
const struct endpoint test_cases_history = { .query = QUERY_TEST_CASES_HISTORY,
                                             .answer = ENDPOINT_SUBPAGE,
                                             .inputs = place };
