#include "server/resources/activity.h"
#include "server/request/endpoint.h"

static const struct input filters[] = {
    { "since", INPUT_TIME, .in_query = true },
    { "bucket", INPUT_CHOICE, .in_query = true, .choices = "hour|day", .fallback = "hour" },
    { 0 },
};

const struct endpoint activity_list = { .query = QUERY_USAGE_LIST,
                                        .answer = ENDPOINT_SUBPAGE,
                                        .inputs = filters };
