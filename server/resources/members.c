#include "server/resources/members.h"
#include "server/request/endpoint.h"

static const struct input membership[] = {
    { "role", INPUT_CHOICE, .required = true, .choices = "project_admin|user|guest" },
    { 0 },
};

static const struct refusal refusals[] = {
    { "is_org_admin", PROBLEM_CONFLICT, NULL,
      "The account is the organization's owner or an admin of it, and so an admin of every project." },
    { 0 },
};

const struct endpoint members_list = { .query = QUERY_MEMBERS_LIST, .answer = ENDPOINT_SUBPAGE };
const struct endpoint members_set = {
    .query = QUERY_MEMBERS_SET, .answer = ENDPOINT_ROW, .inputs = membership, .refusals = refusals
};
const struct endpoint members_remove = { .query = QUERY_MEMBERS_REMOVE, .answer = ENDPOINT_EMPTY };
