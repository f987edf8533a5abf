#include "server/resources/organization.h"
#include "server/request/endpoint.h"

static const struct input changes[] = {
    { "name", INPUT_NAME, .required = false },
    { "tokensMayCreateTokens", INPUT_BOOLEAN, .required = false },
    { "maxExpiryDays", INPUT_INTEGER, .nullable = true, .choices = "7|30|60|90|180|365" },
    { "defaultRateLimit", INPUT_INTEGER, .nullable = true, .least = 1, .most = 1000000 },
    { "executionMonths", INPUT_INTEGER, .nullable = true, .least = 1, .most = 120 },
    { 0 },
};

const struct endpoint organization_get = { .query = QUERY_ORGANIZATIONS_GET, .answer = ENDPOINT_ROW };
const struct endpoint organization_update = { .query = QUERY_ORGANIZATIONS_UPDATE,
                                              .answer = ENDPOINT_ROW,
                                              .inputs = changes };
