#include "server/resources/reminders.h"
#include "server/request/endpoint.h"

static const struct input filter[] = {
    { "state", INPUT_CHOICE, .in_query = true, .choices = "due|acknowledged|all", .fallback = "due" },
    { 0 },
};

const struct endpoint reminders_list = { .query = QUERY_REMINDERS_LIST,
                                         .answer = ENDPOINT_PAGE,
                                         .inputs = filter };
const struct endpoint reminders_acknowledge = { .query = QUERY_REMINDERS_ACKNOWLEDGE,
                                                .answer = ENDPOINT_ROW };
