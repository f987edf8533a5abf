/* `testkase-reporter report`: reads the files, sends their results, tells how it went. */
#ifndef REPORTER_REPORT_H
#define REPORTER_REPORT_H

#include "reporter/options.h"
#include "reporter/outcome.h"

/* The whole subcommand; the last line on standard error says how it ended. */
enum outcome report_run(const struct options *options);

#endif
