"""The documents agree with the tree."""

import pathlib
import re
import subprocess

import pytest

from support.postgres import ROOT

DOCUMENTS = sorted(ROOT.glob("*.md"))
# Made by builds and runs, or by tools.
NOT_OURS = {"build", "var", "__pycache__", "corpus"}


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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
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


def test_run_explains_every_suite():
    script = (ROOT / "tests" / "run.sh").read_text()
    suites = re.search(r"^readonly suites=\((.*)\)$", script, re.MULTILINE).group(1).split()
    text = subprocess.run([ROOT / "tests" / "run.sh", "--help"], capture_output=True, text=True, timeout=30,
                          check=True).stdout
    for suite in suites:
        assert re.search(rf"^  {suite} ", text, re.MULTILINE), suite


def test_every_folder_of_python_tests_is_a_suite():
    script = (ROOT / "tests" / "run.sh").read_text()
    for path in pathlib.Path(ROOT, "tests").glob("*/test_*.py"):
        assert f"run_pytest {path.parent.name} " in script, path
