#include "server/resources/activity.h"
#include "server/request/endpoint.h"

static const struct input filters[] = {
    { "since", INPUT_TIME, .in_query = true },
    { 0 },
};

const struct endpoint activity_list = { .query = QUERY_USAGE_LIST,
                                        .answer = ENDPOINT_SUBPAGE,
                                        .inputs = filters };
