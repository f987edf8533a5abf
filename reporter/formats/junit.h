/* JUnit XML, as some forty tools write it: read by the names of its elements, to any depth. */
#ifndef REPORTER_FORMATS_JUNIT_H
#define REPORTER_FORMATS_JUNIT_H

#include "reporter/format.h"

extern const struct format junit_format;

#endif
