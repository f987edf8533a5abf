"""testkase-reporter reads what test runners really write, as far as they are on the machine anyway; its counts are theirs."""

import re
import subprocess

import pytest

from support.postgres import ROOT
from support.printed import COUNTS, TOOLS, printed_counts
from support.reporter import Reporter

REPORTS = ROOT / "tests" / "reporter" / "reports"
PRINTED = ROOT / "tests" / "reporter" / "printed"


@pytest.fixture(name="reporter")
def _reporter(binaries, tmp_path):
    return Reporter(binaries / "reporter" / "testkase-reporter", tmp_path)


def counts(outcome):
    return {key: outcome["tests"][key] for key in COUNTS}


# What is in each tool's report of its project in tests/reporter/projects: pass, fail, blocked, skipped, flaky, errors of no test.
# Jest's "todo" has no mark in its report, and passes. Of a test that a hook kept from running, Mocha's reports have the hook
# alone; Mochawesome has both. Of tests that did not run, Playwright's JUnit has only "skipped". TestNG counts what a failed
# set-up kept from running as skipped; Surefire's report has set-ups and attempts as tests. PHPUnit's risky tests pass.
KEPT = {
    "jest.xml": (3, 2, 0, 1, 0, 0),
    "mocha.json": (2, 1, 0, 1, 1, 1),
    "mocha-xunit.xml": (2, 2, 0, 1, 0, 0),
    "mochawesome.json": (2, 1, 1, 1, 0, 1),
    "playwright.json": (8, 4, 2, 2, 2, 0),
    "playwright.xml": (8, 4, 0, 4, 2, 0),
    "cucumber.json": (2, 4, 0, 1, 0, 0),
    "catch2.xml": (1, 2, 0, 2, 0, 0),
    "go-junit-report.xml": (3, 5, 0, 1, 0, 0),
    "gtest.xml": (2, 5, 0, 4, 0, 0),
    "nunit.xml": (3, 2, 0, 1, 0, 0),
    "phpunit.xml": (5, 5, 0, 6, 0, 0),
    "rspec.xml": (1, 7, 0, 3, 0, 0),
    "surefire.xml": (8, 7, 0, 13, 0, 0),
    "testng.xml": (8, 5, 3, 3, 1, 0),
}
# Tests whose names have no id.
WITHOUT_ID = {"go-junit-report.xml": 5, "gtest.xml": 7, "nunit.xml": 4, "phpunit.xml": 14, "surefire.xml": 28}


def test_every_kept_report_is_expected():
    assert {path.name for path in REPORTS.iterdir()} == set(KEPT)


@pytest.mark.parametrize("name", KEPT)
def test_kept_reports(reporter, name):
    *expected, flaky, errors = KEPT[name]
    outcome = reporter.run_json("--dry-run", str(REPORTS / name), status=5 if errors else 0)
    assert list(counts(outcome).values()) == expected
    assert (outcome["flaky"], outcome["suiteErrors"]["count"]) == (flaky, errors)
    assert outcome["withoutId"]["count"] == WITHOUT_ID.get(name, 0)


@pytest.mark.parametrize("name", TOOLS)
def test_counts_are_those_that_the_tool_printed(reporter, name):
    outcome = reporter.run_json("--dry-run", str(REPORTS / name), status=5 if KEPT[name][-1] else 0)
    assert counts(outcome) == printed_counts(PRINTED, name)


def test_counts_of_testng(reporter):
    """Its own report says what it counted: attempts apart, and without failures in the share that a test is allowed."""
    told = {name: int(value) for name, value in re.findall(r'(\w+)="(\d+)"', re.search(
        "<testng-results[^>]*>", (REPORTS / "testng.xml").read_text())[0])}
    found = counts(reporter.run_json("--dry-run", str(REPORTS / "testng.xml")))
    assert found["pass"] == told["total"] - told["retried"] - told["failed"] - told["skipped"]
    assert (found["fail"], found["blocked"] + found["skipped"]) == (told["failed"], told["skipped"])


def test_verdicts_of_testng(reporter):
    """What kept a test from running: a failed set-up (blocked), or a wish, or another test (skipped)."""
    planned = {key: status for key, (status, _) in reporter.planned(str(REPORTS / "testng.xml")).items()}
    assert {key for key, status in planned.items() if status == "blocked"} == {"48281", "48282", "48284"}
    assert {key for key, status in planned.items() if status == "skipped"} == {"48273", "48274", "48283"}


PYTEST = """
import pytest

def test_passes():
    '''[48271]'''

@pytest.mark.parametrize("value", [1, 2], ids=["a [48272]", "b [48272]"])
def test_parameters(value):
    assert value == 1, "\\x1b[31mred\\x1b[0m"

@pytest.mark.skip(reason="why")
def test_skipped(): pass

@pytest.mark.xfail
def test_expected_failure(): assert False

@pytest.fixture
def broken():
    raise RuntimeError("no database")

def test_set_up(broken): pass

@pytest.fixture
def breaks_after():
    yield
    raise RuntimeError("tear-down")

def test_tear_down(breaks_after): pass

def test_property(record_property):
    record_property("testkase", "[48273]")
"""


@pytest.mark.parametrize("family", ["xunit1", "xunit2"])
def test_pytest(reporter, family):
    reporter.write("test_it.py", PYTEST)
    done = subprocess.run(["/usr/bin/python3", "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-q", "-o",
                           f"junit_family={family}", "--junitxml=out.xml", "test_it.py"], cwd=reporter.folder,
                          capture_output=True, text=True, timeout=120, check=False, env=reporter.environment)
    outcome = reporter.run_json("--dry-run", "out.xml")
    # pytest counts the test with a broken tear-down twice: 4 passed, 1 failed, 1 skipped, 1 xfailed, 2 errors.
    assert "1 failed, 4 passed, 1 skipped, 1 xfailed" in done.stdout and "2 errors" in done.stdout
    assert counts(outcome) == {"pass": 3, "fail": 3, "blocked": 0, "skipped": 2}
    planned = reporter.planned("out.xml")
    assert {key: value[0] for key, value in planned.items()} == {"48272": "fail", **({"48273": "pass"})}


def test_pytest_that_cannot_collect(reporter):
    reporter.write("test_it.py", "import does_not_exist\n")
    subprocess.run(["/usr/bin/python3", "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-q", "--junitxml=out.xml",
                    "test_it.py"], cwd=reporter.folder, capture_output=True, timeout=120, check=False, env=reporter.environment)
    assert counts(reporter.run_json("--dry-run", "out.xml"))["fail"] == 1


CTEST = """
cmake_minimum_required(VERSION 3.25)
project(it NONE)
enable_testing()
add_test(NAME "passes [48271]" COMMAND true)
add_test(NAME "fails [48272]" COMMAND false)
add_test(NAME "absent [48273]" COMMAND /does/not/exist)
add_test(NAME "skipped [48274]" COMMAND sh -c "exit 77")
set_tests_properties("skipped [48274]" PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME "disabled [48275]" COMMAND true)
set_tests_properties("disabled [48275]" PROPERTIES DISABLED TRUE)
"""


def test_ctest(reporter):
    reporter.write("CMakeLists.txt", CTEST)
    for words in (["cmake", "-S", ".", "-B", "build"], ["ctest", "--test-dir", "build", "--output-junit", "out.xml"]):
        subprocess.run(words, cwd=reporter.folder, capture_output=True, timeout=120, check=False, env=reporter.environment)
    done = reporter.run("--dry-run", "build/out.xml")
    planned = {line[:5]: line[6:13].strip() for line in done.stdout.splitlines()}
    assert planned == {"48271": "pass", "48272": "fail", "48273": "blocked", "48274": "skipped", "48275": "skipped"}
    assert "could not run it" in done.stderr


def test_cmocka(reporter, binaries):
    """Of a test of this repository: its names have no ids, and all pass."""
    program = binaries / "tests" / "unit" / "unit_reporter_test_ids"
    subprocess.run([program], cwd=reporter.folder, capture_output=True, timeout=120, check=True,
                   env={**reporter.environment, "CMOCKA_MESSAGE_OUTPUT": "xml", "CMOCKA_XML_FILE": "out.xml"})
    outcome = reporter.run_json("--dry-run", "out.xml")
    assert counts(outcome) == {"pass": 4, "fail": 0, "blocked": 0, "skipped": 0}
    assert outcome["withoutId"]["count"] == 4
