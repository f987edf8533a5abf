/* A step of a request: a function that runs on the thread of the request's loop and returns how to go on. */
#ifndef SERVER_REQUEST_STEP_H
#define SERVER_REQUEST_STEP_H

struct request;

enum step_result {
    STEP_NEXT, /* run the continuation, or else the next step */
    STEP_WAIT, /* a completion will call request_complete() */
    STEP_DONE, /* the answer is set */
};

typedef enum step_result request_function(struct request *request);

/* One row of the table of steps. The table ends with a row without a function. */
struct step {
    const char *name; /* for the log */
    request_function *run;
};

#endif
