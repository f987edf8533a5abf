/* `testkase-reporter doctor`: whether reporting would work, one line for each thing that it needs. */
#ifndef REPORTER_DOCTOR_H
#define REPORTER_DOCTOR_H

#include "reporter/options.h"
#include "reporter/outcome.h"

/* The whole subcommand; the lines go to standard output. */
enum outcome doctor_run(const struct options *options);

#endif
