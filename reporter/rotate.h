/* `testkase-reporter rotate`: a pipeline replaces its own token. */
#ifndef REPORTER_ROTATE_H
#define REPORTER_ROTATE_H

#include "reporter/options.h"
#include "reporter/outcome.h"

/* Makes the successor of the token, hands it to the command on standard input, proves that it works, and ends
 * the old token if that was asked for. If the command fails, the successor is ended. A successor that an
 * earlier run made and nobody has used is ended and made anew; one that is in use is left alone, and is a
 * refusal. */
enum outcome rotate_run(const struct options *options);

#endif
