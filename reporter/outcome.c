#include "reporter/outcome.h"

static const char *const meanings[] = {
    [OUTCOME_REPORTED] = "reported (or --dry-run found nothing wrong)",
    [OUTCOME_REFUSED] = "the server refused: token, rights, project, cycle or organization",
    [OUTCOME_MISUSED] = "wrong command line",
    [OUTCOME_UNREADABLE] = "a file is unreadable or of another format, or no file matched; nothing was sent",
    [OUTCOME_UNREACHED] = "the server was not reached; the results are spooled for `resume`",
    [OUTCOME_PARTIAL] =
        ("reported, but not whole: an error that no test carries, a count of the server that\n"
         "differs, a bad file under --keep-going, or --missing-id-in-testcase fail"),
};

const char *
outcome_meaning(enum outcome outcome)
{
    return meanings[outcome];
}
