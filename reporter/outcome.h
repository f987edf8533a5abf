/* The exit statuses of testkase-reporter. */
#ifndef REPORTER_OUTCOME_H
#define REPORTER_OUTCOME_H

enum outcome {
    OUTCOME_REPORTED = 0,
    OUTCOME_REFUSED = 1, /* the server refused: 401, 403, 404, 422 and other answers that no retry changes */
    OUTCOME_MISUSED = 2, /* wrong command line */
    OUTCOME_UNREADABLE = 3, /* a file is unreadable or of another format, or no file matched */
    OUTCOME_UNREACHED = 4,  /* the server was not reached after all retries; the results are spooled */
    OUTCOME_PARTIAL = 5     /* reported, but not whole */
};

/* What the status means, for --help. */
const char *outcome_meaning(enum outcome outcome);

#endif
