/* Mochawesome, the reporter json of Mocha, and what the Module API of Cypress returns. */
#ifndef REPORTER_FORMATS_CYPRESS_H
#define REPORTER_FORMATS_CYPRESS_H

#include "reporter/format.h"

extern const struct format cypress_format;

#endif
