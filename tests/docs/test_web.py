"""The pages in server/web: what index.html and icons.txt list is what the modules use."""

import gzip
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
FIRST_VIEW = ("js/app.js", "js/views/api-keys.js")
ROOM_FOR_ICONS = 20 * 1024


def imports(name):
    """The modules that a module imports at once, as paths below server/web."""
    found = re.findall(r"^import (?:[^;']*?from )?'(\.[^']+)'", (WEB / name).read_text(), re.MULTILINE)
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


def test_index_preloads_the_first_view():
    preloads = set(re.findall(r'rel="modulepreload" href="/assets/@HASH@/([\w./-]+)"', INDEX))
    assert preloads == closure(FIRST_VIEW) - {"js/app.js"}


def test_first_view_is_small():
    names = closure(FIRST_VIEW) | assets_of_index() - {"icons.svg"} | {"index.html"}
    assert sum(len(gzip.compress((WEB / name).read_bytes())) for name in names) + ROOM_FOR_ICONS <= 100 * 1024


def test_index_names_files_that_exist():
    assert all((WEB / name).is_file() for name in assets_of_index() - {"icons.svg"})


def test_every_module_can_be_reached():
    dynamic = {os.path.normpath(os.path.join(os.path.dirname(path.relative_to(WEB)), target))
               for path in MODULES for target in re.findall(r"import\('(\.[^']+)'\)", path.read_text())}
    assert closure(["js/app.js", *dynamic]) == {str(path.relative_to(WEB)) for path in MODULES}


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
