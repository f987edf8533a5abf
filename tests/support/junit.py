"""What the JUnit files of pytest and ctest say, for tests/run.sh. A test that failed may be run a second time; then SECOND is the
file of that run, and what it says of a test replaces what FIRST says.

Usage, in tests/:
    python3 -m support.junit again FIRST            what may be run again, one a line: ids of pytest, or ctest's programs
    python3 -m support.junit count FIRST [SECOND]   "PASSED FAILED SKIPPED", then lines "failed ID", "flaky ID" and
                                                    "skipped ID: REASON"
    python3 -m support.junit failures FIRST [SECOND]
                                                    the tests that have failed, and the ends of their messages

A test is flaky that failed in FIRST and passed in SECOND; it counts as passed. A skipped test counts as failed, unless the reason
is that this machine or shell cannot do what the test needs."""

import dataclasses
import pathlib
import re
import sys
import xml.etree.ElementTree as tree

EXCUSES = ("this machine ", "this shell ")
# With more failures than that, something is broken, and to run them all again would only take time.
MOST_AGAIN = 20
# Of how many failures the ends are shown, and how much of each.
MOST_SHOWN, LINES_SHOWN, COLUMNS_SHOWN = 10, 25, 200


@dataclasses.dataclass
class Result:
    """Of one test. `unit` is what can be run again: the test itself, or the C program that it is in; None if nothing can."""
    id: str
    unit: str | None
    failed: bool
    skipped: str | None = None
    message: str = ""


def read(path):
    """The results in a file."""
    root = tree.parse(path).getroot()
    cases = list(root.iter("testcase"))
    if root.tag == "testsuites":
        marks = marks_of_pytest(cases)
        return [of_pytest(case, marks.get(id_of_pytest(case), set())) for case in cases]
    return [result for case in cases for result in of_ctest(case)]


def id_of_pytest(case):
    if not case.get("classname"):
        return case.get("name")  # a file that cannot be imported
    return f"{case.get('classname').replace('.', '/')}.py::{case.get('name')}"


def marks_of_pytest(cases):
    """The names of the properties that tests/conftest.py gave to each test. A test that fails, and then again when it is taken
    down, is two cases, of which one has them."""
    marks = {}
    for case in cases:
        marks.setdefault(id_of_pytest(case), set()).update(item.get("name") for item in case.iter("property"))
    return marks


def of_pytest(case, marks):
    """A failure without marks (a file that cannot be imported, a pytest that crashed) is final."""
    reason = case.find("skipped").get("message", "") if case.find("skipped") is not None else None
    failed = case.find("failure") is not None or case.find("error") is not None
    name = id_of_pytest(case)
    unit = name if "ran" in marks and "no_second_chance" not in marks and reason is None else None
    texts = [part.text or part.get("message", "") for kind in ("failure", "error") for part in case.iter(kind)]
    return Result(name, unit, failed or reason is not None and not reason.startswith(EXCUSES), reason, "\n".join(texts))


def of_ctest(case):
    """The single tests of a program, by its TAP lines. A program that failed without a failed test (it was killed, or a sanitizer
    spoke) is one more."""
    program = case.get("name")
    output = case.findtext("system-out") or ""
    lines = re.findall(r"^(not )?ok \d+ - (.*)$", output, re.MULTILINE)
    for failed, name in lines:
        yield Result(f"{program}::{name.strip()}", program, bool(failed), message=output if failed else "")
    if case.get("status") != "run" and not any(failed for failed, _ in lines):
        yield Result(program, program, True, message=output)


def list_again(results):
    units = sorted({result.unit for result in results if result.failed and result.unit})
    return units if len(units) <= MOST_AGAIN else []


def merge(first, second):
    """(results that count, ids of the flaky ones)."""
    again = {result.unit or result.id for result in second}
    bad = {result.unit or result.id for result in second if result.failed}
    kept = [result for result in first if (result.unit or result.id) not in again]
    flaky = [result.id for result in first if result.failed and result.unit in again - bad]
    return kept + second, list(dict.fromkeys(flaky))


def count(first, second):
    results, flaky = merge(first, second)
    failed = [result for result in results if result.failed]
    skipped = [result for result in results if result.skipped is not None]
    passed = len(results) - len(failed) - len([result for result in skipped if not result.failed])
    return [f"{passed} {len(failed)} {len(skipped)}", *(f"failed {result.id}" for result in failed),
            *(f"flaky {name}" for name in flaky), *(f"skipped {result.id}: {result.skipped}" for result in skipped)]


def list_failures(first, second):
    results, _ = merge(first, second)
    failed = [result for result in results if result.failed]
    lines = []
    for position, result in enumerate(failed):
        lines.append(f"  {result.id}")
        if position < MOST_SHOWN:
            message = result.message.rstrip().splitlines()[-LINES_SHOWN:]
            lines += [f"    | {line[:COLUMNS_SHOWN]}".rstrip() for line in message]
    return lines


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "again":
        lines = list_again(read(arguments[1]))
    elif len(arguments) in (2, 3) and arguments[0] in ("count", "failures"):
        # A second run that wrote nothing saves no test.
        second = read(arguments[2]) if len(arguments) == 3 and pathlib.Path(arguments[2]).exists() else []
        lines = (count if arguments[0] == "count" else list_failures)(read(arguments[1]), second)
    else:
        print(__doc__, file=sys.stderr)
        return 2
    for line in lines:
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
