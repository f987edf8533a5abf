/* The first half of `report`: finds the files, reads them all, and merges their results. */
#ifndef REPORTER_COLLECT_H
#define REPORTER_COLLECT_H

#include "reporter/console.h"
#include "reporter/merge.h"
#include "reporter/options.h"
#include "reporter/source.h"
#include "reporter/tally.h"

struct collection {
    struct source_list sources;
    struct merge *merge;
};

/* Reads everything that the options name; remarks go to the console and into the tally. Returns 0 when there
 * is something to go on with (perhaps no test at all), or -1 after it has told what is wrong. For
 * collect_free() in either case. */
int collect_run(const struct options *options, struct console *console, struct tally *tally,
                struct collection *ret_collection);

void collect_free(struct collection *collection);

#endif
