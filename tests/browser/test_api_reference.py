"""The page at /docs, which draws the document of the API."""

import json

from playwright.sync_api import expect

from support.axe import violations
from support.browser import overhang
from support.postgres import ROOT

DOCUMENT = json.loads((ROOT / "server" / "openapi.json").read_text())
OPERATIONS = {operation["operationId"]: (path, method, operation) for path, methods in DOCUMENT["paths"].items()
              for method, operation in methods.items() if "operationId" in operation}


def test_every_operation_is_drawn(visit, member):
    visitor = visit(member, signed_in=False)
    page = visitor.page
    page.goto(visitor.base + "/docs#introspectToken")
    expect(page.get_by_role("heading", name="Header fields", exact=True)).to_be_attached()
    assert page.get_by_role("status").text_content() == ""
    drawn = page.evaluate("""() => Object.fromEntries([...document.querySelectorAll('.operation:has(> .call)')].map((one) =>
        [one.id, [one.querySelector('h3').textContent, one.querySelector('.call').textContent, one.textContent]]))""")
    assert drawn.keys() == OPERATIONS.keys()
    for name, (path, _, operation) in OPERATIONS.items():
        title, call, text = drawn[name]
        assert title == operation["summary"] and path in call
        assert (", at most " in text.partition("Body")[2]) == ("requestBody" in operation), name
        assert "undefined" not in text and "[object" not in text, name
    assert "--data-urlencode" in drawn["introspectToken"][2] and "A form, at most 16 KiB." in drawn["introspectToken"][2]
    expect(page.locator("#introspectToken")).to_be_in_viewport()


def test_it_has_the_theme_of_the_pages_and_leads_back(visit, member):
    page = visit(member).open("/account")
    page.locator("#main").get_by_role("radio", name="Dark").check()
    page.locator("#user-button").click()
    page.get_by_role("link", name="API reference").click()
    expect(page.get_by_role("heading", name="Header fields", exact=True)).to_be_attached()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    expect(page.get_by_role("heading", name="API reference", exact=True)).to_be_visible()
    page.get_by_role("link", name="Back to TestKase").click()
    expect(page.get_by_role("heading", name="API Keys", exact=True)).to_be_visible()


def test_it_is_accessible(visit, member):
    visitor = visit(member, signed_in=False)
    page = visitor.page
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(visitor.base + "/docs")
    expect(page.get_by_role("heading", name="Header fields", exact=True)).to_be_attached()
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert overhang(page) == []
