"""testkase-reporter without a server: files, patterns, formats, ids, what becomes of equal tests, exit statuses."""

import json
import os
import pty
import subprocess
import threading

import pytest

from support.reporter import Reporter, junit

FAIL = '<failure message="boom"/>'


@pytest.fixture(name="reporter")
def _reporter(binaries, tmp_path):
    return Reporter(binaries / "reporter" / "testkase-reporter", tmp_path)


# --- the command line ---

def test_help_names_every_option_and_status(reporter):
    text = reporter.run("--help", target=()).stdout
    for option in ("--token", "--project-id", "--org-id", "--cycle-id", "--format", "--results-file", "--build-id", "--dry-run",
                   "--report-skipped-as", "--missing-id-in-testcase", "--verbose", "--url", "--retries", "--json",
                   "--fail-on-empty", "--keep-going", "--duplicates"):
        assert f"\n    {option}" in text
    assert "EXIT STATUS" in text
    assert "testkase-reporter report" in subprocess.run([reporter.program, "--help"], capture_output=True, text=True,
                                                        check=True).stdout


@pytest.mark.parametrize("subcommand", ["report", "resume", "doctor", "rotate"])
def test_help_of_each_subcommand(reporter, subcommand):
    text = reporter.run(subcommand, "--help").stdout
    assert text.startswith(f"NAME\n    testkase-reporter {subcommand} - ")
    for option in ("--cacert", "--help", "--quiet", "--token", "--token-file", "--url"):
        assert f"\n    {option}" in text, option


@pytest.mark.parametrize("words, says", [
    (("--nonsense", "a.xml"), "no such option"),
    (("--format", "trx", "a.xml"), "--format must be"),
    (("--project-id", "1", "a.xml"), "--project-id must be PRJ-"),
    (("--retries", "-1", "a.xml"), "--retries must be"),
    (("--dry-run=1", "a.xml"), "takes no value"),
    (("--token-file", "-", "-"), "cannot be both the token and a report"),
    ((), "--results-file PATH... is missing"),
    (("a.xml", "--cycle-id"), "needs a value"),
])
def test_wrong_command_lines(reporter, words, says):
    done = reporter.run("--dry-run", *words, status=2)
    assert says in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("environment, says", [
    ({"TESTKASE_PAT": ""}, "there is no token"),
    ({"TESTKASE_PAT": "tk_pat_short"}, "not whole"),
    ({"TESTKASE_URL": "ftp://x"}, "must begin with https://"),
    ({"TESTKASE_URL": "https://u:secret@x"}, "must not hold a user"),
    ({"TESTKASE_URL": ""}, "set TESTKASE_URL"),
])
def test_token_and_address_are_checked_first(reporter, environment, says):
    done = reporter.run("missing.xml", environment={"TESTKASE_URL": "http://127.0.0.1:1", **environment}, status=2)
    assert says in done.stderr and "secret@" not in done.stderr


def test_a_mistyped_token_is_not_quoted(reporter):
    done = reporter.run("--token", reporter.token, "--tokenn", reporter.token, "a.xml", status=2)
    assert reporter.token not in done.stderr


# --- files and patterns ---

def test_patterns(reporter):
    for number, name in enumerate(("a/b/1.xml", "a/2.xml", "a/.hidden/3.xml", "[x]*.xml", "a/b/c/4.xml")):
        reporter.write(name, junit(f"t [1000{number}]"))
    assert set(reporter.planned("**/*.xml")) == {"10000", "10001", "10003", "10004"}
    assert set(reporter.planned("a/*.xml")) == {"10001"}
    assert set(reporter.planned("a/**/*.xml")) == {"10000", "10001", "10004"}
    assert set(reporter.planned("[x]*.xml")) == {"10003"}
    assert set(reporter.planned("a/b/[0-9].xml", "--results-file", "./a/2.xml")) == {"10000", "10001"}
    assert set(reporter.planned(str(reporter.folder / "a" / "?.xml"))) == {"10001"}


def test_a_file_is_read_once(reporter):
    reporter.write("a.xml", junit("t [48271]"))
    os.symlink("a.xml", reporter.folder / "b.xml")
    assert reporter.run_json("--dry-run", "*.xml", "a.xml")["tests"]["total"] == 1


def test_nothing_matches(reporter):
    done = reporter.run("--dry-run", "reports/*.xml", status=3)
    assert "reports/*.xml" in done.stderr and str(reporter.folder) in done.stderr
    assert "nothing was reported" in done.stderr.splitlines()[-1]
    reporter.run("--dry-run", "--allow-empty", "reports/*.xml")
    reporter.write("folder/a.xml", "")
    assert "is a folder" in reporter.run("--dry-run", "folder", status=3).stderr


def test_standard_input_and_pipes(reporter):
    text = junit("t [48271]").encode()
    assert reporter.run("--dry-run", "--format", "junit", "-", standard_input=text).stdout == "48271 pass    t [48271]\n"
    os.mkfifo(reporter.folder / "pipe")
    writer = threading.Thread(target=lambda: (reporter.folder / "pipe").write_bytes(text))
    writer.start()
    assert reporter.planned("pipe") == {"48271": ("pass", "t [48271]")}
    writer.join(10)


@pytest.mark.skipif(os.geteuid() == 0, reason="this machine runs the tests as root, who may read everything")
def test_a_file_without_permission(reporter):
    reporter.write("a.xml", junit("t"))
    os.chmod(reporter.folder / "a.xml", 0)
    assert "Permission denied" in reporter.run("--dry-run", "a.xml", status=3).stderr


# --- bad files ---

@pytest.mark.parametrize("words, content, says", [
    (("--format", "junit"), "", "the file is empty"),
    ((), "", "the file is empty"),
    (("--format", "junit"), junit("a")[:-30], "truncated"),
    (("--format", "junit"), "<test-run/>", "use --format nunit"),
    (("--format", "junit"), '[{"elements": []}]', "use --format cucumber"),
    (("--format", "junit"), "{}", "this is not JUnit XML"),
    (("--format", "junit"), "<!DOCTYPE html><html></html>", "HTML page"),
    (("--format", "cypress"), junit("a"), "use --format junit"),
    (("--format", "playwright"), "Running 3 tests\n{}", "PLAYWRIGHT_JSON_OUTPUT_NAME"),
    (("--format", "cucumber"), '{"meta": {}}\n{"source": {}}\n', "formatter json"),
    (("--format", "playwright"), '{"config": {}, "suites": []}{}', "more text after the end"),
    ((), "hello", "none of the known formats"),
    (("--format", "junit"), '<!DOCTYPE t [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><testsuites>&c;</testsuites>', "entities"),
])
def test_bad_files(reporter, words, content, says):
    reporter.write("good.xml", junit("t [48271]"))
    reporter.write("bad.xml", content)
    done = reporter.run("--dry-run", *words, "bad.xml", status=3)
    assert says in done.stderr and "bad.xml" in done.stderr
    assert done.stdout == ""


def test_keep_going_takes_nothing_of_a_bad_file(reporter):
    reporter.write("a.xml", junit("t [48271]"))
    reporter.write("b.xml", junit("u [48272]", "v")[:-40])
    reporter.run("--dry-run", "*.xml", status=3)
    done = reporter.run("--dry-run", "--keep-going", "*.xml", "missing.xml", status=5)
    assert done.stdout == "48271 pass    t [48271]\n"
    assert "2 files could not be read" in done.stderr.splitlines()[-1]


def test_no_tests(reporter):
    reporter.write("a.xml", "<testsuites/>")
    assert "0 tests" in reporter.run("--dry-run", "a.xml").stderr
    reporter.run("--dry-run", "--fail-on-empty", "a.xml", status=3)
    reporter.write("b.xml", '<testsuites><testsuite name="s"><error message="no"/></testsuite></testsuites>')
    assert "carried by no test" in reporter.run("--dry-run", "b.xml", status=5).stderr.splitlines()[-1]


# --- encodings ---

@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "windows-1252", "windows-1251", "iso-8859-15"])
def test_encodings(reporter, encoding):
    name = "жук" if encoding == "windows-1251" else "Größe"
    declared = encoding if encoding.startswith(("win", "iso")) else "utf-16" if "16" in encoding else "utf-8"
    text = f'<?xml version="1.0" encoding="{declared}"?>\r\n' + junit(f"{name} [48271]")
    reporter.write("a.xml", text.encode(encoding))
    assert reporter.planned("a.xml") == {"48271": ("pass", f"{name} [48271]")}


def test_characters_that_xml_forbids(reporter):
    reporter.write("a.xml", b"\n\n" + junit("a [48271]").encode().replace(b"a [", b"a\x01\xe9&#0; ["))
    done = reporter.run("--dry-run", "a.xml")
    assert done.stdout == "48271 pass    a\ufffdé\ufffd [48271]\n"
    assert "3 characters are invalid" in done.stderr


# --- equal tests, skipped tests, tests without an id ---

def test_different_tests_with_one_id(reporter):
    reporter.write("a.xml", junit("a [48271]", ("b [48271]", FAIL), ("c [48271]", "<skipped/>"), "d [48272] [48273]"))
    assert reporter.planned("a.xml") == {"48271": ("fail", "b [48271]"), "48272": ("pass", "d [48272] [48273]"),
                                         "48273": ("pass", "d [48272] [48273]")}


def test_equal_tests(reporter):
    reporter.write("a.xml", junit(("a [48271]", FAIL), "a [48271]"))
    done = reporter.run("--dry-run", "a.xml")
    assert done.stdout.startswith("48271 pass") and "--duplicates worst" in done.stderr
    assert reporter.planned("--duplicates", "worst", "a.xml")["48271"][0] == "fail"
    outcome = reporter.run_json("--dry-run", "a.xml")
    assert outcome["repeated"] == 1 and outcome["flaky"] == 1 and outcome["tests"]["total"] == 2


def test_equal_tests_in_two_files(reporter):
    reporter.write("a.xml", junit(("a [48271]", FAIL)))
    reporter.write("b.xml", junit("a [48271]"))
    outcome = reporter.run_json("--dry-run", "*.xml")
    assert outcome["results"]["fail"] == 1 and outcome["folded"] == 1 and outcome["flaky"] == 0
    reporter.write("b.xml", junit(("a [48271]", FAIL)))
    outcome = reporter.run_json("--dry-run", "*.xml")
    assert outcome["repeated"] == 1 and outcome["folded"] == 0


def test_a_file_of_an_earlier_run(reporter):
    reporter.write("a.xml", junit("a [48271]"))
    reporter.write("b.xml", junit("b [48272]"))
    os.utime(reporter.folder / "b.xml", (10 ** 9, 10 ** 9))
    assert "b.xml is" in reporter.run("--dry-run", "*.xml").stderr
    assert "older" not in reporter.run("--dry-run", "b.xml").stderr


def test_skipped(reporter):
    reporter.write("a.xml", junit(("a [48271]", "<skipped/>")))
    assert reporter.planned("a.xml")["48271"][0] == "skipped"
    assert reporter.planned("--report-skipped-as", "blocked", "a.xml")["48271"][0] == "blocked"
    assert reporter.planned("--report-skipped-as", "ignore", "a.xml") == {}


def test_without_an_id(reporter):
    reporter.write("a.xml", junit("a", "b [48271]"))
    assert "1 tests have no automation id, such as: a" in reporter.run("--dry-run", "a.xml").stderr
    reporter.run("--dry-run", "--missing-id-in-testcase", "fail", "a.xml", status=5)
    assert reporter.run_json("--dry-run", "a.xml")["withoutId"] == {"count": 1, "data": [{"file": "a.xml", "test": "a"}]}


# --- CI systems ---

def test_annotations_cannot_be_forged(reporter):
    reporter.write("a.xml", junit("a&#10;::error::forged %0A::error::x"))
    done = reporter.run("--dry-run", "a.xml", environment={"GITHUB_ACTIONS": "true"})
    lines = [line for line in done.stderr.splitlines() if line.startswith("::")]
    assert len(lines) == 1 and lines[0].startswith("::warning title=testkase-reporter::1 tests")
    assert "%250A" in lines[0]
    reporter.write("##vso[x].xml", junit("a [48271]"))
    done = reporter.run("--dry-run", "##vso[x].xml", environment={"TF_BUILD": "True"})
    assert not [line for line in done.stderr.splitlines() if line.startswith("##")]


def test_summary_in_markdown(reporter):
    reporter.write("a.xml", junit("a `x` | [link](x)", ("b [48271]", FAIL)))
    reporter.run("--dry-run", "a.xml", environment={"GITHUB_STEP_SUMMARY": str(reporter.folder / "step.md")})
    text = (reporter.folder / "step.md").read_text()
    assert "| 2 tests | 1 | 1 | 0 | 0 |" in text and "`a 'x' | [link](x)`" in text


def test_a_section_in_gitlab(reporter):
    reporter.write("a.xml", junit("a [48271]"))
    lines = reporter.run("--dry-run", "a.xml", environment={"GITLAB_CI": "true"}).stderr.split("\n")
    assert lines[0].startswith("\x1b[0Ksection_start:") and any("section_end:" in line for line in lines)


def test_a_bar_on_a_terminal_only(reporter):
    reporter.write("a.xml", junit(*(f"a [{number:05d}]" for number in range(5000))))
    assert "\r" not in reporter.run("--dry-run", "a.xml").stderr
    ours, theirs = pty.openpty()
    child = subprocess.Popen(reporter.command("--dry-run", "a.xml"), cwd=reporter.folder, env=reporter.environment,
                             stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    text = b""
    try:
        while block := os.read(ours, 4096):
            text += block
    except OSError:
        pass  # the terminal is gone
    os.close(ours)
    assert child.wait(20) == 0
    assert b"reading [" in text and b"100 %" in text and text.endswith(b"(exit status 0)\r\n")


def test_many_remarks_are_cut(reporter):
    for number in range(30):
        reporter.write(f"{number}.xml", junit((f"a{number} [48271]", "<skipped/>" + FAIL)))
    says = "both failed and not executed"
    assert reporter.run("--dry-run", "*.xml").stderr.count(says) == 20
    assert reporter.run("--dry-run", "--verbose", "*.xml").stderr.count(says) == 30


# --- size ---

def test_long_names(reporter):
    reporter.write("a.xml", junit("x" * (1 << 20) + " [48271]"))
    [(_, name)] = reporter.planned("a.xml").values()
    assert len(name) == 4096


def big_junit(path, megabytes):
    """Many tests with output, each id several times."""
    output = "x" * 3000 + "\n"
    with open(path, "w", encoding="ascii") as file:
        file.write('<?xml version="1.0"?>\n<testsuites>\n')
        number = 0
        while file.tell() < megabytes << 20:
            file.write(f'<testsuite name="s{number}">\n')
            for _ in range(100):
                number += 1
                file.write(f'<testcase classname="com.example.Test{number % 977}" name="does {number} [{number % 50000:05d}]" '
                           f'time="0.01"><system-out><![CDATA[{output}]]></system-out></testcase>\n')
            file.write("</testsuite>\n")
        file.write("</testsuites>\n")
    return number


@pytest.mark.alone
def test_a_large_file_needs_little_memory(reporter):
    tests = big_junit(reporter.folder / "big.xml", 200)
    bound = [] if "asan" in str(reporter.program) else ["prlimit", f"--data={32 << 20}"]
    done = subprocess.run([*bound, *reporter.command("--dry-run", "big.xml", "--json", "--quiet")], cwd=reporter.folder,
                          env=reporter.environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["tests"]["total"] == tests
