#include "server/resources/audit_events.h"
#include "server/request/endpoint.h"

static const struct input filters[] = {
    { "action", INPUT_ACTION, .in_query = true },
    { "actorUserId", INPUT_INTEGER, .in_query = true, .least = 1, .most = INT64_MAX },
    { "targetKind", INPUT_CHOICE, .in_query = true,
      .choices = "api_key|organization|project|session|test_case|test_cycle|test_run|user|webhook" },
    { "targetId", INPUT_INTEGER, .in_query = true, .least = 1, .most = INT64_MAX },
    { "since", INPUT_TIME, .in_query = true },
    { "until", INPUT_TIME, .in_query = true },
    { 0 },
};

const struct endpoint audit_events_list = { .query = QUERY_AUDIT_EVENTS_LIST,
                                            .answer = ENDPOINT_PAGE,
                                            .inputs = filters };
