/* Proves the password of an account: at sign-in, and when a call asks the caller for it again. Guesses are
 * throttled, and refused before they cost anything when argon2 has no room. */
#ifndef SERVER_REQUEST_PASSWORD_PROOF_H
#define SERVER_REQUEST_PASSWORD_PROOF_H

#include "server/request/request.h"

/* One proof, from its comparison to the end of the request. */
struct password_proof {
    const char *input;           /* the name of the input, of kind INPUT_PASSWORD */
    request_function *then;      /* runs when argon2 is done */
    char hash[SECRET_HASH_SIZE]; /* the input is compared with it */
};

/* Wipes and frees; NULL is fine. */
void password_proof_free(struct password_proof *proof);

/* --- the parts, for sign-in --- */

/* True when no password of this account can be checked now: argon2 has no room, or the client has guessed too
 * often. The answer is set then; otherwise a guess is begun. `email` must live until the guess is settled. */
bool password_proof_refused(struct request *request, const char *email);

/* Compares the input, of at most PASSWORD_BYTES_MAX bytes, with the hash, and goes on with `then`, for which
 * outcome.hash has the result. If what was typed differs from its normalized form, and that does not match,
 * what was typed is compared, too: the hash of an older password may be that of another form. */
enum step_result password_proof_compare(struct request *request, const char *input, const char *hash,
                                        request_function *then);

/* --- the whole, for a caller with a session --- */

/* Compares the input with the password of the caller's own account, and goes on with `then`. */
enum step_result password_proof_of_caller(struct request *request, const char *input, request_function *then);

/* In `then`: whether the password was right. Settles the guess, and counts a right password as a sign-in; a
 * wrong one leaves the trace of a failed sign-in. */
bool password_proof_succeeded(struct request *request);

#endif
