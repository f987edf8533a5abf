/* TestNG's own testng-results.xml. */
#ifndef REPORTER_FORMATS_TESTNG_H
#define REPORTER_FORMATS_TESTNG_H

#include "reporter/format.h"

extern const struct format testng_format;

#endif
