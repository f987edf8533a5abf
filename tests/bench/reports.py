"""Measures uploads of results beside COPY, and testkase-reporter beside xmllint. Parts of bench.py."""

import contextlib
import gzip
import io
import json
import statistics
import subprocess
import threading
import time

import load
from support.process import ENVIRONMENT

RESULTS = 50_000
FIRST_ID = 10_001
MESSAGE = "expected 200, got 500: the gateway did not answer within 30 seconds"
STATUSES = ("pass", "pass", "pass", "pass", "pass", "pass", "pass", "fail", "skipped", "blocked")
CONNECTIONS = 16


class Project:
    """PRJ-1 of a fresh organization, with a case for each result."""

    def __init__(self, service, results):
        self.service, self.database = service, service.database
        self.organization = service.organization()
        self.api = service.bearer(self.organization.member)
        self.id = self.database.value("select id from testkase.projects where organization_id = %s and number = 1",
                                      (self.organization.id,))
        self.database.query("""insert into testkase.test_cases (project_id, number, title, automation_id)
            select %s, n, 'Case ' || n, %s + n from generate_series(1, %s) n""",
                            (self.id, FIRST_ID - 1, results))
        self.database.query("vacuum analyze testkase.test_cases")
        self.results = [{"automationId": FIRST_ID + n, "status": STATUSES[n % 10], "durationMs": n % 5000,
                         "name": f"checkout works in country {n} [{FIRST_ID + n}]",
                         **({"message": MESSAGE} if STATUSES[n % 10] == "fail" else {})} for n in range(results)]

    def cycle(self):
        """(id, number) of a fresh test cycle."""
        number = int(self.api.post("/test-cycles?projectId=PRJ-1", {"name": "Nightly"}, 201).json()["id"].split("-")[1])
        return self.database.value("select id from testkase.test_cycles where project_id = %s and number = %s",
                                   (self.id, number)), number

    def body(self, number):
        """A request's body and header fields."""
        text = json.dumps({"orgId": self.organization.id, "projectId": "PRJ-1", "cycleId": f"TCYCLE-{number}",
                           "build": {"id": "17", "branch": "main"}, "results": self.results}, separators=(",", ":"))
        return gzip.compress(text.encode(), 6), {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    def upload(self, number):
        """Seconds that it takes."""
        body, fields = self.body(number)
        begun = time.monotonic()
        answer = self.api.session.post(self.api.base + "/api/v1/automation/results", data=body, headers=fields, timeout=120)
        seconds = time.monotonic() - begun
        assert answer.status_code == 200 and answer.json()["matched"] == len(self.results), answer.text[:300]
        return seconds

    def copy(self, cycle):
        """Seconds that PostgreSQL's COPY takes for the same rows in the same two tables, with their triggers and indexes."""
        cases = dict(self.database.query("select automation_id, id from testkase.test_cases where project_id = %s", (self.id,)))
        run = self.database.value("""insert into testkase.test_runs (project_id, cycle_id, user_id, build, received, matched)
            values (%s, %s, %s, '{}', %s, %s) returning id""",
                                  (self.id, cycle, self.organization.member.id, len(self.results), len(self.results)))
        executions, latest = io.StringIO(), io.StringIO()
        for result in sorted(self.results, key=lambda one: cases[one["automationId"]]):
            case, message = cases[result["automationId"]], result.get("message", "\\N")
            executions.write(f"{case}\t{cycle}\t{run}\t{result['status']}\t{result['durationMs']}\t{result['name']}\t{message}\n")
            latest.write(f"{cycle}\t{case}\t{run}\tnow\t{result['status']}\t{result['durationMs']}\t{message}\n")
        executions.seek(0)
        latest.seek(0)
        connection = self.database.connect()
        with contextlib.closing(connection), connection.cursor() as cursor:
            begun = time.monotonic()
            cursor.copy_expert("""copy testkase.test_executions (case_id, cycle_id, run_id, status, duration_ms, name, message)
                                  from stdin""", executions)
            cursor.copy_expert("""copy testkase.test_latest_results (cycle_id, case_id, run_id, executed_at, status, duration_ms,
                                                                     message) from stdin""", latest)
            connection.commit()
            return time.monotonic() - begun


def measure_uploads(bench):
    project = Project(bench.service(TESTKASE_THREADS="1"), RESULTS)
    copies, first, again = [], [], []
    for turn in range(bench.options.rounds + 1):
        bench.say(f"uploads, round {turn}")
        copied, (_, number) = project.cycle()[0], project.cycle()
        round_ = project.copy(copied), project.upload(number), project.upload(number)
        if turn > 0:  # the first one warms caches
            for times, seconds in zip((copies, first, again), round_):
                times.append(seconds)
    rows = []
    for title, times in (("COPY into both tables", copies), ("upload to a new cycle", first),
                         ("upload to a cycle that has results of all", again)):
        ratio = statistics.median(copy / seconds for copy, seconds in zip(copies, times))
        rows.append([title, f"{ratio:.3f}", f"{statistics.median(times):.2f}", f"{RESULTS / statistics.median(times):,.0f}"])
    return ["", "ratio", "seconds", "results/s"], rows


class Uploading:
    """One upload after the other, as long as the block lasts."""

    def __init__(self, project, number):
        self.count = 0
        self._project, self._number = project, number
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._over.is_set():
            self._project.upload(self._number)
            self.count += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(120)
        assert self.count > 0


def measure_beside_uploads(bench, path):
    service = bench.service(TESTKASE_THREADS="1")
    project = Project(service, RESULTS)
    _, number = project.cycle()
    file, _ = bench.mint(service, 100, "tokens-uploads")
    bench.warm(service.server, file)
    results = {"idle": [], "uploads": []}
    for turn in range(bench.options.rounds):
        bench.say(f"beside uploads, round {turn + 1}")
        results["idle"].append(bench.run(service.server, path, file, CONNECTIONS))
        with Uploading(project, number):
            results["uploads"].append(bench.run(service.server, path, file, CONNECTIONS))
    rows = []
    for how, found in results.items():
        ratio = statistics.median(result.p99 / idle.p99 for result, idle in zip(found, results["idle"]))
        result = load.median(found)
        rows.append([how, f"{ratio:.2f}", f"{result.rate:,.0f}", f"{result.p50:.2f}", f"{result.p99:.2f}", result.bad])
    return ["", "p99 against idle", "requests/s", "p50 ms", "p99 ms", "errors"], rows


def write_report(path):
    """A JUnit file as a large run leaves it: as many tests as a project has ids of five digits, with output and stack traces."""
    trace = "".join(f"    at com.example.shop.Checkout.pay(Checkout.java:{line})\n" for line in range(24))
    output = "<system-out><![CDATA[" + "2026-01-01 12:00:00 INFO order 4711 was sent to the warehouse\n" * 30 + "]]></system-out>"
    with path.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n')
        for first in range(0, 90_000, 100):
            file.write(f'<testsuite name="shop.Checkout{first}" tests="100" failures="10">\n')
            for number in range(first, first + 100):
                failure = f'<failure message="{MESSAGE}">{trace}</failure>' if number % 10 == 0 else ""
                file.write(f'<testcase classname="com.example.shop.Checkout{first}" time="{number % 7}.{number % 1000:03}" '
                           f'name="pays by card in country {number % 250} [{10_000 + number}]">{failure}{output}</testcase>\n')
            file.write("</testsuite>\n")
        file.write("</testsuites>\n")


def cost(command, folder):
    """(seconds of CPU, most resident MiB) of a command. A small program starts it, since what its parent has counts, too."""
    figures = folder / "cost"
    done = subprocess.run(["/usr/bin/time", "--format", "%U %S %M", "--output", figures, *command], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, env=ENVIRONMENT, check=False)
    assert done.returncode == 0, command
    user, system, resident = figures.read_text().split()
    return float(user) + float(system), int(resident) / 1024


def measure_reporter(bench):
    report = bench.folder / "junit.xml"
    write_report(report)
    commands = {
        "`xmllint --stream --noout`": ["xmllint", "--stream", "--noout", str(report)],
        "`testkase-reporter report --dry-run`": [
            str(bench.options.bin / "reporter" / "testkase-reporter"), "report", "--dry-run", "--json", "--project-id", "PRJ-1",
            "--org-id", "1", "--format", "junit", "--results-file", str(report)]}
    found = {name: [] for name in commands}
    for turn in range(bench.options.rounds):
        bench.say(f"reporter, round {turn + 1}")
        for name, command in commands.items():
            found[name].append(cost(command, bench.folder))
    baseline = next(iter(found.values()))
    rows = [[name, f"{statistics.median(one[0] / other[0] for one, other in zip(costs, baseline)):.2f}",
             f"{statistics.median(one[0] for one in costs):.2f}", f"{max(one[1] for one in costs):.1f}"]
            for name, costs in found.items()]
    return [f"{report.stat().st_size / 1e6:,.0f} MB of JUnit XML", "CPU against xmllint", "CPU seconds", "resident MiB"], rows

