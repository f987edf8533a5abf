"""The documents agree with the tree."""

import pathlib
import re
import subprocess

import pytest

from support import runbook
from support.postgres import ROOT

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), ROOT / "deploy" / "RUNBOOK.md"]
# Made by builds and runs, or by tools.
NOT_OURS = {"build", "var", "__pycache__", "corpus"}
# Files whose lines have a limit.
WRITTEN = ("*.[ch]", "*.sql", "*.py", "*.md", "*.sh", "*.cmake", "CMakeLists.txt", "*.lua", "*.mjs", "*.pml")


def folders_of_tree():
    """Folders down to the second level that hold files, in the README's notation."""
    found = set()
    for path in ROOT.glob("*/**/*"):
        parts = path.relative_to(ROOT).parts[:-1]
        if path.is_file() and not any(part in NOT_OURS or part.startswith(".") for part in parts):
            found.add("/".join(parts[:1]) + "/")
            found.add("/".join(parts[:2]) + "/")
    # Below these every folder is named after the thing that its files are about.
    return {name for name in found if not re.match(r"(sql/queries|tests/unit)/.+", name)}


def folders_of_readme():
    block = re.search(r"## Folders\n.*?```\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return [line.split()[0] for line in block.group(1).splitlines()]


def test_folder_map_lists_every_folder_once():
    listed = folders_of_readme()
    assert sorted(listed) == listed
    assert set(listed) == folders_of_tree()
    assert len(set(listed)) == len(listed)


def name_of(document):
    return str(document.relative_to(ROOT))


def anchors_of(document):
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    return {runbook.anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)[^)]*\)", document.read_text()):
        if not re.match(r"[a-z]+:", target):
            path = document.parent / target if target else document
            assert path.exists(), f"{document.name} links to {target}"
            assert not anchor or anchor in anchors_of(path), f"{document.name} links to {target}#{anchor}"


def test_every_document_is_in_the_folders_list():
    listed = set(re.findall(r"^\| \[?`?([\w.-]+)", (ROOT / "docs" / "README.md").read_text(), re.MULTILINE)) - {"file"}
    assert listed == {path.name for path in (ROOT / "docs").iterdir()} - {"README.md"}


def test_the_readme_is_for_a_first_reading():
    """What is needed later is in docs."""
    assert len((ROOT / "README.md").read_text().splitlines()) < 300


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_named_paths_exist(document):
    """What stands in backticks and looks like a path from the root of the tree is there."""
    tops = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in NOT_OURS}
    for name in re.findall(r"`(?:\./)?([\w.-]+/[\w./-]*)`", document.read_text()):
        if name.split("/")[0] in tops:
            assert (ROOT / name).exists(), f"{document.name} speaks of {name}"


@pytest.mark.parametrize("script", ["deploy/local.sh", "tests/run.sh"])
def test_scripts_explain_themselves(script):
    done = subprocess.run([ROOT / script, "--help"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: ")


def limits_of_lines():
    """The line limits of .editorconfig: patterns of paths, and the limit or None."""
    limits, patterns = [], []
    for line in (ROOT / ".editorconfig").read_text().splitlines():
        if section := re.fullmatch(r"\[(.*)\]", line):
            braces = re.fullmatch(r"(.*)\{(.*)\}", section[1])
            patterns = [braces[1] + ending for ending in braces[2].split(",")] if braces else [section[1]]
        elif limit := re.fullmatch(r"max_line_length = (\d+|off)", line):
            limits.append((patterns, None if limit[1] == "off" else int(limit[1])))
    return limits


def limit_of(path):
    return [limit for patterns, limit in limits_of_lines() if any(path.match(pattern) for pattern in patterns)][-1]


def lines_too_long(path):
    limit, is_table = limit_of(path), False
    for number, line in enumerate(path.read_text().splitlines() if limit else (), 1):
        # A table may be wider: rows of Markdown, and what clang-format leaves alone.
        is_table = "clang-format off" in line or is_table and "clang-format on" not in line
        allowed = max(limit, 130) if is_table else limit
        if len(line) > allowed and not (path.suffix == ".md" and line.startswith("|")):
            yield f"{path.relative_to(ROOT)}:{number}: {len(line)} of {allowed} columns"


def test_lines_are_short_enough():
    written = [path for pattern in WRITTEN for path in ROOT.rglob(pattern)
               if not NOT_OURS & set(path.relative_to(ROOT).parts)]
    assert len(written) > 300
    assert [line for path in sorted(written) for line in lines_too_long(path)] == []


def test_run_explains_every_suite():
    script = (ROOT / "tests" / "run.sh").read_text()
    suites = " ".join(re.findall(r"^readonly (?:suites|extra)=\((.*?)\)", script, re.MULTILINE)).split()
    assert "unit" in suites and "tools" in suites
    text = subprocess.run([ROOT / "tests" / "run.sh", "--help"], capture_output=True, text=True, timeout=30,
                          check=True).stdout
    for suite in suites:
        assert re.search(rf"^  {suite} ", text, re.MULTILINE), suite


def test_every_folder_of_python_tests_is_a_suite():
    script = (ROOT / "tests" / "run.sh").read_text()
    for path in pathlib.Path(ROOT, "tests").glob("*/test_*.py"):
        assert re.search(rf"\brun_pytest(_both)? {path.parent.name} ", script), path
