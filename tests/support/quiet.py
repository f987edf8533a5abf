"""Whether the machine does nothing else at the moment: only then its times say something about us."""

import pathlib
import time

MOST = 0.3  # of the processors' time that may be spent while we do nothing


def _read():
    """All ticks of the processors, and those in which they were idle or waited for disks."""
    fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return sum(fields), fields[3] + fields[4]


def is_quiet():
    """Looks at a quarter of a second."""
    total, idle = _read()
    time.sleep(0.25)  # the span that is measured
    later_total, later_idle = _read()
    return 1 - (later_idle - idle) / max(1, later_total - total) <= MOST
