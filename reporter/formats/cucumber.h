/* Cucumber JSON, of all implementations and of behave. */
#ifndef REPORTER_FORMATS_CUCUMBER_H
#define REPORTER_FORMATS_CUCUMBER_H

#include "reporter/format.h"

extern const struct format cucumber_format;

#endif
