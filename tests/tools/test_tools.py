"""Real test runners run the projects in tests/reporter/projects: of the reports that they write, testkase-reporter counts what
they print. Everyday tests (integration/test_reporter_tools.py) do the same with reports that were kept."""

import shutil
import subprocess

import pytest

from support.postgres import ROOT
from support.printed import COUNTS, TOOLS, printed_counts
from support.reporter import Reporter

# What neither Debian nor PyPI nor npm has is run by tests/reporter/make.sh alone.
ELSEWHERE = {"go", "testng"}
HERE = sorted({tool for tool, _ in TOOLS.values()} - ELSEWHERE)
MADE = ROOT / "build" / "reporter-tools"


@pytest.fixture(scope="module", name="made")
def _made():
    """A folder with what the tools have just written and printed."""
    shutil.rmtree(MADE, ignore_errors=True)
    done = subprocess.run([ROOT / "tests" / "reporter" / "make.sh", "--into", MADE, *HERE], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=800, check=False)
    assert done.returncode == 0, done.stdout
    return MADE


def test_every_report_was_made(made):
    assert {path.name for path in (made / "reports").iterdir()} == {
        report for report, (tool, _) in TOOLS.items() if tool not in ELSEWHERE}


@pytest.mark.parametrize("report", sorted(report for report, (tool, _) in TOOLS.items() if tool in HERE))
def test_counts(made, binaries, tmp_path, report):
    reporter = Reporter(binaries / "reporter" / "testkase-reporter", tmp_path)
    printed = printed_counts(made / "printed", report)
    # An error that no test carries, such as Mocha's failed hook, makes the exit status 5.
    hooks = report in ("mocha.json", "mochawesome.json")
    outcome = reporter.run_json("--dry-run", str(made / "reports" / report), status=5 if hooks else 0)
    assert {key: outcome["tests"][key] for key in COUNTS} == printed
    assert printed["pass"] and printed["fail"], "the project has both"
