/* The trace of a sign-in that failed: a counter by reason, a log line (one a minute for each address), and an
 * audit event of the account, if there is one. */
#ifndef SERVER_REQUEST_FAILED_SIGN_IN_H
#define SERVER_REQUEST_FAILED_SIGN_IN_H

#include "server/metrics.h"
#include "server/request/request.h"

/* Counts and logs. */
void failed_sign_in_note(struct request *request, enum sign_in_failure reason);

/* The same, and records the audit event, whose number for each account is bounded (sessions/refuse.sql). It
 * is written behind the answer, and an unknown address sends the same statement, so that neither duration nor
 * load reveals which addresses have accounts. */
void failed_sign_in_record(struct request *request, enum sign_in_failure reason, const char *email);

#endif
