#include "admin/new_person.h"
#include "admin/check.h"
#include "common/memory.h"
#include <stdlib.h>
#include <string.h>

static bool
read_name(const struct command_call *call, const char *what, const char *name_option,
          struct new_person *person)
{
    const char *given = command_value(call, name_option);
    char *default_name = memory_copy_text(person->email, strcspn(person->email, "@"));
    bool is_good = check_name(what, given ? given : default_name, &person->name);
    free(default_name);
    return is_good;
}

enum command_exit
new_person_read(const struct command_call *call, const char *email, const char *what, const char *name_option,
                struct new_person *ret_person)
{
    ret_person->email = email;
    ret_person->has_password = command_value(call, "password-stdin") != NULL;
    if (!check_email(email) || !read_name(call, what, name_option, ret_person)) {
        return COMMAND_MISUSED;
    }
    if (ret_person->has_password &&
        !check_password(call->config, email, ret_person->name, ret_person->hash)) {
        return COMMAND_FAILED;
    }
    return COMMAND_DONE;
}

void
new_person_end(struct new_person *person)
{
    secret_wipe(person->hash, sizeof(person->hash));
    free(person->name);
}
