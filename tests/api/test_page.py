"""The page at /docs works under the policy that it is served with: nothing inline, nothing from elsewhere."""

import html.parser
import re

import pytest

from support.postgres import ROOT

WEB = ROOT / "server" / "web"
HTML = (WEB / "docs.html").read_text()


class Elements(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


@pytest.fixture(scope="module")
def elements():
    parser = Elements()
    parser.feed(HTML)
    return parser.found


def test_nothing_is_inline(elements):
    assert not re.search(r"<script[^>]*>[^<\s]|<style", HTML)
    for tag, attributes in elements:
        assert not [name for name in attributes if name == "style" or name.startswith("on")], (tag, attributes)


def test_everything_is_the_servers_own(elements):
    targets = [attributes[name] for _, attributes in elements for name in ("href", "src") if name in attributes]
    assert set(targets) == {
        "/assets/@HASH@/favicon.svg", "/assets/@HASH@/docs.css", "/assets/@HASH@/docs.js",
        "/assets/@HASH@/first.js", "/assets/@HASH@/icons.svg#mark", "/openapi.json", "/", "#content"}
    for file in ("docs.css", "docs.js"):
        assert not re.search(r"https?:|@import|\burl\(|data:", (WEB / file).read_text())


def test_texts_of_the_document_never_become_markup():
    script = (WEB / "docs.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", script)


def test_without_scripts_there_is_a_way_to_the_document(elements):
    assert ("noscript", {}) in elements
    assert '<a href="/openapi.json">' in HTML.partition("<noscript>")[2].partition("</noscript>")[0]
