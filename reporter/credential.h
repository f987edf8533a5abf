/* The token that the reporter presents. It is held in one place, wiped at the end, and never printed. */
#ifndef REPORTER_CREDENTIAL_H
#define REPORTER_CREDENTIAL_H

#include "reporter/options.h"

/* Takes the token from --token, else --token-file, else TESTKASE_PAT, which is then wiped from the
 * environment. Returns 0 and a token for credential_free(), or -1 and a sentence that does not quote it. A
 * token must have the form of one (token.h). */
int credential_read(const struct options *options, char **ret_token, char *ret_error, size_t error_size);

/* Whether a token is given, be it a good one or not. */
bool credential_is_given(const struct options *options);

/* Wipes and frees; NULL is fine. */
void credential_free(char *token);

#endif
