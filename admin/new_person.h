/* The account of a new person, as the operator describes it: of an organization's owner, or of another
 * account. */
#ifndef ADMIN_NEW_PERSON_H
#define ADMIN_NEW_PERSON_H

#include "admin/command.h"
#include "common/secret.h"
#include <stdbool.h>

/* Begins zeroed. */
struct new_person {
    const char *email; /* the operator's argument */
    char *name;
    bool has_password;
    char hash[SECRET_HASH_SIZE]; /* of the password */
};

/* Checks the address and the name, which is the value of `name_option` or else the part of the address before
 * the @ ("the owner's name" is a `what`), and with --password-stdin reads and hashes the password. Says what
 * is wrong; new_person_end() in any case. */
enum command_exit new_person_read(const struct command_call *call, const char *email, const char *what,
                                  const char *name_option, struct new_person *ret_person);

/* Wipes and frees. */
void new_person_end(struct new_person *person);

#endif
