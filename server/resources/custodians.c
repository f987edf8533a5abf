#include "server/resources/custodians.h"
#include "server/request/endpoint.h"

static const struct refusal refusals[] = {
    { "not_a_service", PROBLEM_CONFLICT, NULL,
      "Only a service account has custodians; a person looks after itself." },
    { "not_a_person", PROBLEM_CONFLICT, NULL, "A custodian is a person, not a service account." },
    { 0 },
};

const struct endpoint custodians_list = { .query = QUERY_CUSTODIANS_LIST, .answer = ENDPOINT_SUBPAGE };
const struct endpoint custodians_set = { .query = QUERY_CUSTODIANS_SET,
                                         .answer = ENDPOINT_ROW,
                                         .refusals = refusals };
const struct endpoint custodians_remove = { .query = QUERY_CUSTODIANS_REMOVE, .answer = ENDPOINT_EMPTY };
