"""deploy/RUNBOOK.md: its index leads to every section, each section has the same parts, and tests run its commands."""

import ast
import re

import pytest
import yaml

from support import runbook
from support.postgres import ROOT

RULES = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
ALERTS = [rule["alert"] for group in RULES for rule in group["rules"]]
SECTIONS = runbook.sections()
# What is no instruction for a symptom.
WITHOUT_PARTS = {"Index", "Before you begin on Debian packages", "Before you begin with Compose"}
LINK = re.compile(r"\[([^\]]+)\]\(#([^)]+)\)")


def sections_that_tests_run():
    """The headings in calls of runbook.section() in the tests, with the tests that hold them."""
    found = {}
    for path in sorted((ROOT / "tests").glob("*/*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                for call in ast.walk(function):
                    if isinstance(call, ast.Call) and ast.unparse(call.func) in ("section", "runbook.section"):
                        assert isinstance(call.args[0], ast.Constant), f"{path}: a section is named by a literal"
                        found.setdefault(call.args[0].value, []).append(f"{path.parent.name}/{path.name}::{function.name}")
    return found


def test_a_test_runs_the_commands_of_each_section():
    wanted = {heading for heading, text in SECTIONS.items() if runbook.blocks_of(text, "sh")}
    assert set(sections_that_tests_run()) == wanted


def test_no_block_is_hidden():
    """Every block is one that tests run: sh or sql, and none is written by indentation."""
    for heading, text in SECTIONS.items():
        assert {block.language for block in runbook.blocks_of(text)} <= {"sh", "sql"}, heading
        assert text.count("```") == 2 * len(runbook.blocks_of(text)), heading
        assert not re.search(r"^(    |\t)", runbook.FENCE.sub("", text), re.MULTILINE), heading


def test_links_lead_to_sections():
    anchors = {runbook.anchor(heading) for heading in SECTIONS}
    links = LINK.findall(runbook.PATH.read_text())
    assert links and {anchor for _, anchor in links} <= anchors
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    other = re.findall(r"RUNBOOK\.md#([\w-]+)", "".join(path.read_text() for path in documents))
    assert other and set(other) <= anchors


def test_the_index_leads_to_every_section():
    led_to = {anchor for _, anchor in LINK.findall(SECTIONS["Index"])}
    assert led_to == {runbook.anchor(heading) for heading in SECTIONS if heading not in WITHOUT_PARTS}


def test_alerts_come_last_and_in_their_order():
    assert list(SECTIONS)[-len(ALERTS):] == ALERTS


@pytest.mark.parametrize("heading", [heading for heading in SECTIONS if heading not in WITHOUT_PARTS])
def test_each_section_has_the_same_parts(heading):
    parts = re.findall(r"(?m)^\*\*(\w+)\.\*\*", SECTIONS[heading])
    if heading in ALERTS:
        assert parts == ["Symptom", "Look", "Do"]
    else:
        assert parts in (["Symptom", "Look", "Do", "Check"], ["When", "Look", "Do", "Check"])
    assert SECTIONS[heading].lstrip().startswith("**")
