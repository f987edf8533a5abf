"""Load by wrk, and what it cost."""

import dataclasses
import os
import pathlib
import statistics
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Result:
    rate: float  # requests a second
    p50: float  # ms
    p99: float  # ms
    bad: int  # answers that were no 2xx, and errors of sockets
    server: float  # us of CPU a request
    postgres: float  # the same of PostgreSQL


def cpu_us(pids):
    """CPU time that each of these processes has taken."""
    taken = {}
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        except OSError:
            continue
        taken[pid] = (int(fields[11]) + int(fields[12])) * 1_000_000 // TICKS
    return taken


def spent_us(before, pids):
    """What they have taken since; those that have ended meanwhile are left out."""
    return sum(taken - before.get(pid, 0) for pid, taken in cpu_us(pids).items())


def run(base, path, tokens, connections, seconds, pids=(), cluster=None):
    """Asks for `path` with every token of the file in turn."""
    servers, postgres = cpu_us(pids), cpu_us(cluster.processes()) if cluster else {}
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(HERE / "tokens.lua"), base],
        env={**os.environ, "TARGET": path, "TOKENS": str(tokens)}, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    count, duration, p50, p99, bad, errors = (int(word) for word in line.split()[1:])
    assert count > 0, done.stdout
    return Result(count / duration * 1e6, p50 / 1000, p99 / 1000, bad + errors, spent_us(servers, pids) / count,
                  spent_us(postgres, cluster.processes()) / count if cluster else 0.0)


class Flood:
    """Wrong sign-ins for so many seconds; see flood.lua. `answers` counts them by status, afterwards."""

    def __init__(self, base, connections, seconds):
        self.answers = {}
        self._command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(HERE / "flood.lua"),
                         base]

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        told = self._process.communicate()[0]
        for line in told.splitlines():
            if line.startswith("ANSWERS"):
                for word in line.split()[1:]:
                    status, count = word.split("=")
                    self.answers[status] = self.answers.get(status, 0) + int(count)


def median(results):
    """Of each number by itself; of what went wrong, all."""
    return Result(*[statistics.median(getattr(result, field.name) for result in results) if field.name != "bad"
                    else sum(result.bad for result in results) for field in dataclasses.fields(Result)])


def ratio(results, baseline):
    """The median of the ratios of runs that were neighbours in time."""
    return statistics.median(result.rate / base.rate for result, base in zip(results, baseline))
