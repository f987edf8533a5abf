#include "reporter/report.h"
#include "reporter/collect.h"
#include "reporter/tally.h"
#include <string.h>

enum outcome
report_run(const struct options *options)
{
    struct console console = { .provider = ci_detect(),
                               .quiet = options->quiet,
                               .verbose = options->verbose };
    struct tally tally = { 0 };
    struct collection collection;
    enum outcome outcome = OUTCOME_REPORTED;
    if (collect_run(options, &console, &tally, &collection) < 0) {
        outcome = OUTCOME_UNREADABLE;
    }
    if (options->json) {
        tally_print_json(&tally, outcome, "", options->dry_run);
    }
    collect_free(&collection);
    tally_free(&tally);
    return outcome;
}
