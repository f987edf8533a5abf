/* Any bytes as a report of this format: read within its bounds, in blocks whose size the first byte chooses;
 * what is told has clean texts. */
#include "reporter/formats/nunit.h"
#include "tests/fuzz/report.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return report_fuzz(&nunit_format, data, size);
}
