/* Playwright's reporter json. */
#ifndef REPORTER_FORMATS_PLAYWRIGHT_H
#define REPORTER_FORMATS_PLAYWRIGHT_H

#include "reporter/format.h"

extern const struct format playwright_format;

#endif
