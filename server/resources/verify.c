#include "server/resources/verify.h"
#include "common/text.h"
#include "server/request/request.h"

static void
add_id(struct request *request, const char *name, int64_t id)
{
    char text[TEXT_NUMBER_SIZE];
    text_number(id, text);
    answer_add_header(&request->answer, name, text);
}

enum step_result
verify(struct request *request)
{
    const struct caller *caller = request->auth.caller;
    add_id(request, "X-Testkase-User-Id", caller->user_id);
    answer_add_header(&request->answer, "X-Testkase-User-Email", caller->email);
    add_id(request, "X-Testkase-Org-Id", caller->organization_id);
    answer_add_header(&request->answer, "X-Testkase-Org-Role", caller->org_role);
    if (caller->token_id) {
        add_id(request, "X-Testkase-Api-Key-Id", caller->token_id);
    }
    return answer_empty(&request->answer, 200);
}
