"""The pages in server/web: what index.html and icons.txt list is what the modules use."""

import json
import os
import re
import subprocess
import urllib.parse

import pytest

from support.postgres import ROOT

WEB = ROOT / "server" / "web"
INDEX = (WEB / "index.html").read_text()
MODULES = sorted(WEB.glob("js/**/*.js"))
SHEETS = sorted(WEB.glob("css/*.css"))


def imports(name):
    """The modules and style sheets that one imports, as paths below server/web."""
    found = re.findall(r"^(?:import (?:[^;']*?from )?|@import )['\"](\.[^'\"]+)['\"]", (WEB / name).read_text(), re.MULTILINE)
    return [os.path.normpath(os.path.join(os.path.dirname(name), target)) for target in found]


def closure(names):
    seen, open_ones = set(), list(names)
    while open_ones:
        name = open_ones.pop()
        if name not in seen:
            seen.add(name)
            open_ones += imports(name)
    return seen


def assets_of_index():
    return set(re.findall(r'(?:href|src)="/assets/@HASH@/([\w./-]+)(?:#[\w-]+)?"', INDEX))


def test_index_names_files_that_exist():
    assert all((WEB / name).is_file() for name in assets_of_index() - {"icons.svg"})


def test_what_the_page_loads_has_every_module_and_style_sheet():
    for entry, files in (("js/app.js", MODULES), ("css/app.css", SHEETS)):
        assert entry in assets_of_index() and closure([entry]) == {str(path.relative_to(WEB)) for path in files}


def test_modules_do_not_import_each_other_in_rings():
    """What a module needs when it begins to run is there, in whatever order they stand in the bundle."""
    for path in MODULES:
        name = str(path.relative_to(WEB))
        assert name not in closure(imports(name)), name


def test_icons_are_those_that_are_used():
    lines = (WEB / "icons.txt").read_text().splitlines()
    listed = [line for line in lines if not line.startswith("#")]
    text = "".join(path.read_text() for path in MODULES)
    literal = re.findall(r"(?:\bicon\(|\bsymbol: |\bicon: )'([\w-]+)'", text) + re.findall(r"icons\.svg#([\w-]+)", INDEX)
    assert listed == sorted(set(listed))
    assert set(literal) - {"mark"} <= set(listed)
    assert [name for name in listed if f"'{name}'" not in text and f"icons.svg#{name}\"" not in INDEX] == []


def test_nothing_stands_inline_that_the_policy_forbids():
    for path in [WEB / "index.html", *MODULES]:
        assert not re.search(r'\sstyle="|<style|\son\w+="|data:[a-z]+/|javascript:', path.read_text()), path
    assert re.findall(r"<script(?![^>]* src=)", INDEX) == []


@pytest.mark.parametrize("given,leads_to", [
    ("/settings/api-keys/7?a=1", "/settings/api-keys/7?a=1"), ("/docs", "/docs"), ("//evil.test", None), ("/\\evil.test", None),
    ("/\t/evil.test", None), ("/.//evil.test", None), ("/x/..//evil.test", None), ("/%2e//evil.test", None),
    ("https://evil.test", None), ("javascript:alert(1)", None), ("/sign-in?next=/x", None)])
def test_sign_in_leads_to_this_origin_only(given, leads_to):
    script = """
        globalThis.location = { origin: 'https://pat.test', pathname: '/sign-in', search: '' };
        const { safeNext, HOME } = await import(process.argv[1]);
        const next = safeNext(process.argv[2]);
        console.log(JSON.stringify([next, new URL(next, location.origin).origin, HOME]));"""
    module = "data:text/javascript," + urllib.parse.quote((WEB / "js" / "address.js").read_text())
    done = subprocess.run(["node", "--input-type=module", "-e", script, module, given],
                          capture_output=True, text=True, timeout=30, check=True)
    path, origin, home = json.loads(done.stdout)
    assert (path, origin) == (leads_to or home, "https://pat.test")
