"""What test runners print at the end of a run, as the counts that their reports must have."""

import re

COUNTS = ("pass", "fail", "blocked", "skipped")


def number(text, pattern):
    """The number in a line; 0 when there is no such line."""
    found = re.search(pattern, text, re.MULTILINE)
    return int(found[1]) if found else 0


def catch2(text, _):
    [passed, failed, excused] = re.search(r"test cases: \d+ \| (\d+) passed \| (\d+) failed \| (\d+) failed as expected",
                                          text).groups()
    return int(passed), int(failed), 0, int(excused)


def cucumber(text, _):
    """What has no step, or an unfinished one, fails."""
    line = re.search(r"^\d+ scenarios \((.*)\)", text, re.MULTILINE)[1]
    found = {word: int(count) for count, word in re.findall(r"(\d+) (\w+)", line)}
    passed, skipped = found.pop("passed"), found.pop("skipped")
    return passed, sum(found.values()), 0, skipped


def go(text, _):
    return tuple(len(re.findall(rf"^ *--- {word}: ", text, re.MULTILINE)) if word else 0 for word in ("PASS", "FAIL", "", "SKIP"))


def gtest(text, _):
    return (number(text, r"^\[  PASSED  \] (\d+) test"), number(text, r"^\[  FAILED  \] (\d+) test"), 0,
            number(text, r"^\[  SKIPPED \] (\d+) test") + number(text, r"YOU HAVE (\d+) DISABLED"))


def jest(text, _):
    """A "todo" has no mark in the report, and passes."""
    line = re.search(r"^Tests: .*", text, re.MULTILINE)[0]
    return (number(line, r"(\d+) passed") + number(line, r"(\d+) todo"), number(line, r"(\d+) failed"), 0,
            number(line, r"(\d+) skipped"))


def mocha(text, report):
    """A failed hook is a failure of no test, except in xunit. Mochawesome also has the one test that it kept from running."""
    hooks = 0 if report == "mocha-xunit.xml" else len(re.findall(r'^ +"before all" hook', text, re.MULTILINE))
    return (number(text, r"^ *(\d+) passing"), number(text, r"^ *(\d+) failing") - hooks,
            int(report == "mochawesome.json"), number(text, r"^ *(\d+) pending"))


def nunit(text, _):
    """By pytest-nunit, for which an expected failure has passed."""
    line = re.search(r"^=+ (.*) in [\d.]+s =+$", text, re.MULTILINE)[1]
    return (number(line, r"(\d+) passed") + number(line, r"(\d+) xfailed"),
            number(line, r"(\d+) failed") + number(line, r"(\d+) error"), 0, number(line, r"(\d+) skipped"))


def phpunit(text, _):
    """Risky tests, and those with warnings, do not fail a run."""
    line = re.search(r"^Tests: .*", text, re.MULTILINE)[0]
    fail = number(line, r"Errors: (\d+)") + number(line, r"Failures: (\d+)")
    skipped = number(line, r"Skipped: (\d+)") + number(line, r"Incomplete: (\d+)")
    return number(line, r"Tests: (\d+)") - fail - skipped, fail, 0, skipped


def playwright(text, report):
    """Its JUnit has only "skipped" for what did not run."""
    not_run = number(text, r"^ +(\d+) did not run")
    skipped = number(text, r"^ +(\d+) skipped")
    blocked, skipped = (0, skipped + not_run) if report == "playwright.xml" else (not_run, skipped)
    return number(text, r"^ +(\d+) passed") + number(text, r"^ +(\d+) flaky"), number(text, r"^ +(\d+) failed"), blocked, skipped


def rspec(text, _):
    examples, fail, pending = map(int, re.search(r"(\d+) examples, (\d+) failures, (\d+) pending", text).groups())
    return examples - fail - pending, fail, 0, pending


def surefire(text, _):
    """The first line is that of the class; the last one takes attempts together, which the report has one by one."""
    run, failures, errors, skipped = map(int, re.search(
        r"Tests run: (\d+), Failures: (\d+), Errors: (\d+), Skipped: (\d+), Time elapsed", text).groups())
    return run - failures - errors - skipped, failures + errors, 0, skipped


# Report → the tool, and how to read what it printed.
TOOLS = {
    "catch2.xml": ("catch2", catch2), "cucumber.json": ("cucumber", cucumber), "go-junit-report.xml": ("go", go),
    "gtest.xml": ("gtest", gtest), "jest.xml": ("jest", jest), "mocha.json": ("mocha", mocha),
    "mocha-xunit.xml": ("mocha", mocha), "mochawesome.json": ("mocha", mocha), "nunit.xml": ("nunit", nunit),
    "phpunit.xml": ("phpunit", phpunit), "playwright.json": ("playwright", playwright),
    "playwright.xml": ("playwright", playwright), "rspec.xml": ("rspec", rspec), "surefire.xml": ("testng", surefire)}


def printed_counts(folder, report):
    """What the tool printed that wrote this report, as counts in the order of COUNTS."""
    tool, read = TOOLS[report]
    return dict(zip(COUNTS, read((folder / f"{tool}.txt").read_text(), report)))
