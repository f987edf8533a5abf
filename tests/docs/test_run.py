"""tests/run.sh counts correctly, and repeats the failed tests that may be repeated: in a small tree with tests of its own."""

import re
import shutil
import subprocess

import pytest

from support.postgres import ROOT

PYTHON = """
import pathlib

import pytest

pytestmark = pytest.mark.usefixtures("counted")


@pytest.fixture
def counted(request):
    with open(pathlib.Path(__file__).with_name(request.node.name), "a") as file:
        file.write("x")


def runs(request):
    return pathlib.Path(__file__).with_name(request.node.name).stat().st_size


def test_good():
    pass


@pytest.mark.parametrize("number", [2])
def test_flaky(request, number):
    assert runs(request) == number


def test_bad(request):
    assert runs(request) > 9


@pytest.mark.no_second_chance
def test_strict(request):
    assert runs(request) > 1


@pytest.fixture
def taken_down_badly(request):
    yield
    assert runs(request) > 1


@pytest.mark.no_second_chance
@pytest.mark.usefixtures("taken_down_badly")
def test_strict_twice(request):
    assert runs(request) > 1


@pytest.mark.skip(reason="this machine is too small")
def test_excused():
    pass


@pytest.mark.skip(reason="no wish to")
def test_unexcused():
    pass
"""

MANY = """
import pathlib

import pytest


@pytest.mark.parametrize("number", range(21))
def test_many(number):
    mark = pathlib.Path(__file__).with_name(f"many-{number}")
    assert mark.exists() or mark.touch()
"""

PRESETS = """
{"version": 6, "configurePresets": [{"name": "asan", "generator": "Ninja", "binaryDir": "${sourceDir}/build/asan"}]}
"""

CMAKE = """
cmake_minimum_required(VERSION 3.25)
project(small LANGUAGES NONE)
enable_testing()
foreach(name good flaky bad killed)
  add_test(NAME common/${name} COMMAND sh ${PROJECT_SOURCE_DIR}/program.sh ${name})
endforeach()
"""

# A C test: TAP, and a status. "killed" is ended by a signal in its first run, before it reports any test.
PROGRAM = """
runs=$(cat "$1" 2>/dev/null)
echo "x$runs" >"$1"
[ "$1:$runs" != killed: ] || kill -9 $$
echo 1..2
echo ok 1 - always
case $1:$runs in
flaky: | bad:*) echo not ok 2 - second; exit 1 ;;
esac
echo ok 2 - second
"""


class Run:
    """What a run has said and left."""

    def __init__(self, tree, suite):
        done = subprocess.run([tree / "tests" / "run.sh", suite], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
        self.status = done.returncode
        self.output = done.stdout
        self.lines = done.stdout.splitlines()
        flaky = tree / "build" / "test-logs" / "flaky"
        self.flaky = flaky.read_text().splitlines() if flaky.exists() else []

    def failed(self):
        return sorted(re.findall(r"^failed: (.*)$", self.output, re.MULTILINE))


@pytest.fixture
def tree(tmp_path):
    for name in ("deploy", "tests/support"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("run.sh", "conftest.py", "pytest.ini"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests")
    (tmp_path / "server").mkdir()
    shutil.copy(ROOT / "server" / "openapi.json", tmp_path / "server")  # which tests/support reads
    (tmp_path / "tests" / "docs").mkdir()
    (tmp_path / "CMakePresets.json").write_text(PRESETS)
    (tmp_path / "CMakeLists.txt").write_text(CMAKE)
    (tmp_path / "program.sh").write_text(PROGRAM)
    return tmp_path


def test_python_tests_have_a_second_chance(tree):
    (tree / "tests" / "docs" / "test_small.py").write_text(PYTHON)
    run = Run(tree, "docs")
    file = "docs/test_small.py::"
    assert run.failed() == [file + name for name in ("test_bad", "test_strict", "test_strict_twice", "test_strict_twice",
                                                     "test_unexcused")]
    assert run.flaky == [f"docs {file}test_flaky[2]"]
    # Flaky ones and those that failed stand near the end, and the count is the last line.
    start = run.lines.index("1 flaky: failed, and passed when run again, alone:")
    assert run.lines[start + 1:start + 4] == [f"  {run.flaky[0]}", "2 skipped", "failed:"]
    assert run.lines[-1] == "2 passed, 5 failed"
    end = run.lines[start + 4:-1]
    assert sorted(line[2:] for line in end if not line.startswith("    |")) == run.failed()
    assert any(line.startswith("    | E ") and "assert 2 > 9" in line for line in end)
    assert run.status == 1
    runs = {path.name: path.stat().st_size for path in (tree / "tests" / "docs").glob("test_*") if path.suffix != ".py"}
    assert runs == {"test_good": 1, "test_flaky[2]": 2, "test_bad": 2, "test_strict": 1, "test_strict_twice": 1}


def test_a_run_forgets_the_flaky_of_the_last(tree):
    small = tree / "tests" / "docs" / "test_small.py"
    small.write_text(MANY.replace("21", "2"))
    first = Run(tree, "docs")
    assert (first.status, len(first.flaky), first.lines[-1]) == (0, 2, "2 passed, 0 failed")
    second = Run(tree, "docs")
    assert (second.status, second.flaky, second.lines[-1]) == (0, [], "2 passed, 0 failed")


def test_many_failures_are_not_flaky(tree):
    (tree / "tests" / "docs" / "test_small.py").write_text(MANY)
    run = Run(tree, "docs")
    assert (run.status, run.flaky, run.lines[-1]) == (1, [], "0 passed, 21 failed")


@pytest.mark.parametrize("text", ["import nothing_of_that_name", "def test_nothing(:", "", "import os; os._exit(0)",
                                  "import os\n\n\ndef test_end():\n    os._exit(1)"])
def test_what_did_not_run_has_failed(tree, text):
    (tree / "tests" / "docs" / "test_small.py").write_text(text)
    run = Run(tree, "docs")
    assert (run.status, run.flaky, run.lines[-1]) == (1, [], "0 passed, 1 failed"), run.output
    assert "failed:" in run.lines and run.lines[-2].startswith("  ")


def test_c_programs_have_a_second_chance(tree):
    run = Run(tree, "unit")
    assert run.failed() == ["common/bad::second"]
    assert sorted(run.flaky) == ["unit common/flaky::second", "unit common/killed"]
    assert (run.status, run.lines[-1]) == (1, "7 passed, 1 failed")
    assert run.lines[run.lines.index("failed:") + 1] == "  common/bad::second"
    assert "    | not ok 2 - second" in run.lines
