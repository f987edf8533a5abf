/* How one kind of message leaves the worker: mails by SMTP, events by calls of webhooks. The dispatcher
 * (dispatcher.h) takes rows that are due, lets the carrier set up a transfer for each, and records what came
 * of it. The time of the next attempt is decided by the statement that records, not here. */
#ifndef WORKER_DELIVERY_CARRIER_H
#define WORKER_DELIVERY_CARRIER_H

#include "common/config.h"
#include "common/db_result.h"
#include "common/queries.h"
#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

enum verdict_outcome {
    VERDICT_SENT,
    VERDICT_TRY_AGAIN,
    VERDICT_REFUSED, /* for good */
};

struct verdict {
    enum verdict_outcome outcome;
    long status;              /* of SMTP or HTTP; 0: there was no answer */
    long retry_after_seconds; /* that the receiver asked for; 0: none */
    char error[200];          /* one line, without a secret; "" when sent */
};

struct carrier {
    const char *name; /* a constant, for the log */
    size_t most;      /* transfers at once */

    /* Takes limit → the rows to send now, which nobody else takes for two minutes: "id", "attempt" and what
     * begin() reads. */
    enum query claim;

    /* Takes id, attempt, outcome (sent | try_again | refused), status, retryAfter, error: what came of it. */
    enum query record;

    /* Whether the configuration lets this carrier send at all. */
    bool (*is_configured)(const struct config *config);

    /* Sets the options of one transfer on `curl` and returns its state, for end(); the row is gone after
     * that. NULL, with the verdict, when it cannot be sent at all. */
    void *(*begin)(const struct config *config, CURL *curl, const struct db_result *rows, int row,
                   struct verdict *ret_verdict);

    /* NULL, or: the digest (SECRET_DIGEST_SIZE bytes) of the secret that the message carries, NULL when it
     * carries none. The dispatcher runs `keep` (takes id, digest → a row unless the message is not wanted any
     * more) before the transfer begins: no secret leaves that would not work. */
    const unsigned char *(*digest)(const void *state);
    enum query keep;

    /* Says what came of the transfer and frees its state. A transfer that was given up before it began ends
     * with CURLE_ABORTED_BY_CALLBACK. */
    void (*end)(void *state, CURL *curl, CURLcode code, struct verdict *ret_verdict);
};

#endif
