"""The rooms of the server and the reporter: each lists its files; in the server, includes go in one direction."""

import re

import pytest

from support.postgres import ROOT

SERVER = ROOT / "server"
PAGES = sorted(SERVER.glob("*/README.md")) + [
    ROOT / "reporter" / "README.md", ROOT / "reporter" / "formats" / "README.md"]


def rows(page):
    """The cells of a page's table, without its head."""
    lines = [line for line in page.read_text().splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def room(path):
    """The room that a file of the server belongs to: its folder, or its own name at the top."""
    return path.parent.name if path.parent != SERVER else path.stem


def table():
    """Of each row: its rooms, and those that they may include."""
    return [(["".join(name) for name in re.findall(r"`(\w+)`|\[(\w+)/\]", names)], set(re.findall(r"\w+", allowed)))
            for names, _, allowed in rows(SERVER / "README.md")]


def rules():
    """Room → rooms that it may include, those of its own row among them."""
    return {name: allowed | set(names) for names, allowed in table() for name in names}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.parent.relative_to(ROOT)))
def test_a_folder_lists_its_files_once(page):
    listed = [re.fullmatch(r"`(\w+)`", row[0]).group(1) for row in rows(page)]
    assert sorted(listed) == sorted({path.stem for path in page.parent.glob("*.[ch]")})
    assert all(row[1] for row in rows(page))


def test_every_folder_of_code_has_a_page():
    code = [*SERVER.glob("*/*.[ch]"), *(ROOT / "reporter").rglob("*.[ch]")]
    assert {page.parent for page in PAGES} == {path.parent for path in code}


def test_every_room_has_its_rule():
    assert set(rules()) == {room(path) for path in SERVER.rglob("*.[ch]")}


def test_rules_go_in_one_direction():
    above = set()
    for names, allowed in table():
        assert allowed <= above, f"{names} may include what is not above: {allowed - above}"
        above |= set(names)


@pytest.mark.parametrize("path", sorted(SERVER.rglob("*.[ch]")), ids=lambda path: str(path.relative_to(SERVER)))
def test_includes_obey_the_rules(path):
    here = room(path)
    for included in re.findall(r'#include "server/([\w/]+)\.h"', path.read_text()):
        there = included.split("/")[0]
        assert there in rules()[here], f"{here} must not include {there}"
    assert not re.search(r'#include "(worker|admin|reporter)/', path.read_text())


def test_the_reporter_knows_no_other_program():
    for path in (ROOT / "reporter").rglob("*.[ch]"):
        assert not re.search(r'#include "(server|worker|admin)/', path.read_text()), path
        if path.parent.name == "formats":
            assert not re.search(r'#include "reporter/(merge|collect|report|deliver|http|spool|console)\.h"', path.read_text())
