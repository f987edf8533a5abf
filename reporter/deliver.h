/* Sends batches until the server has answered each: attempts, waits, halves. */
#ifndef REPORTER_DELIVER_H
#define REPORTER_DELIVER_H

#include "reporter/batch.h"
#include "reporter/console.h"
#include "reporter/http.h"
#include "reporter/merge.h"
#include "reporter/options.h"
#include "reporter/outcome.h"
#include "reporter/spool.h"
#include "reporter/tally.h"

struct delivery {
    struct http *http;
    struct console *console;
    struct interrupt *interrupt;
    struct spool *spool; /* NULL: what cannot be sent is lost */
    const char *url;     /* of the service, for the spool */
    struct merge *merge; /* to name the tests of unmatched ids; NULL: they are not known */
    struct tally *tally;
    int64_t retries;
    int64_t deadline_ms; /* of clock_monotonic_ms() */
    bool may_end;        /* set: the refusal may end with another token, so the spool keeps the batch */
};

/* Sends a batch, which may stand in the spool as `file` (all zero: it does not). Takes the batch, and the
 * file: it is removed once the server has answered for good. Counts in the tally, and tells the console what
 * went wrong. Returns OUTCOME_REPORTED, OUTCOME_PARTIAL (the server counts otherwise), OUTCOME_REFUSED or
 * OUTCOME_UNREACHED. */
enum outcome deliver_batch(struct delivery *delivery, struct batch *batch, struct spool_file *file);

/* One GET, tried once, within a few seconds. Returns whether the answer is 200; it is for http_answer_free()
 * in any case. */
bool deliver_ask(struct delivery *delivery, const char *path, struct http_answer *ret_answer);

/* Warns when the token is due for rotation, with the days that are left. */
void deliver_check_token(struct delivery *delivery);

#endif
