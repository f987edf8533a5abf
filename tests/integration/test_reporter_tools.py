"""testkase-reporter reads what test runners really write, as far as they are on the machine anyway; its counts are theirs."""

import subprocess

import pytest

from support.postgres import ROOT
from support.reporter import Reporter

REPORTS = ROOT / "tests" / "reporter" / "reports"


@pytest.fixture(name="reporter")
def _reporter(binaries, tmp_path):
    return Reporter(binaries / "reporter" / "testkase-reporter", tmp_path)


def counts(outcome):
    return {key: outcome["tests"][key] for key in ("pass", "fail", "blocked", "skipped")}


# What each tool printed of its project in tests/reporter/projects: pass, fail, blocked, skipped, flaky, errors of no test.
# Jest's "todo" has no mark in its report, and passes. Of a test that a hook kept from running, Mocha's reports have the hook
# alone; Mochawesome has both. Of tests that did not run, Playwright's JUnit has only "skipped".
KEPT = {
    "jest.xml": (3, 2, 0, 1, 0, 0),
    "mocha.json": (2, 1, 0, 1, 1, 1),
    "mocha-xunit.xml": (2, 2, 0, 1, 0, 0),
    "mochawesome.json": (2, 1, 1, 1, 0, 1),
    "playwright.json": (8, 4, 2, 2, 2, 0),
    "playwright.xml": (8, 4, 0, 4, 2, 0),
    "cucumber.json": (2, 4, 0, 1, 0, 0),
}


def test_every_kept_report_is_expected():
    assert {path.name for path in REPORTS.iterdir()} == set(KEPT)


@pytest.mark.parametrize("name", KEPT)
def test_kept_reports(reporter, name):
    *expected, flaky, errors = KEPT[name]
    outcome = reporter.run_json("--dry-run", str(REPORTS / name), status=5 if errors else 0)
    assert list(counts(outcome).values()) == expected
    assert (outcome["flaky"], outcome["suiteErrors"]["count"]) == (flaky, errors)
    assert outcome["withoutId"]["count"] == 0


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
