/* `testkase-reporter resume`: sends what earlier runs left in the spool. */
#ifndef REPORTER_RESUME_H
#define REPORTER_RESUME_H

#include "reporter/options.h"
#include "reporter/outcome.h"

/* The whole subcommand. Only batches for the address that is given are sent, so that no file can lead the
 * token elsewhere. */
enum outcome resume_run(const struct options *options);

#endif
