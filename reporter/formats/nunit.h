/* NUnit 3 (test-run), and NUnit 2 (test-results). */
#ifndef REPORTER_FORMATS_NUNIT_H
#define REPORTER_FORMATS_NUNIT_H

#include "reporter/format.h"

extern const struct format nunit_format;

#endif
