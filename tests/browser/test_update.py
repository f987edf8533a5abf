"""An update of the server under an open page."""

import re

import pytest
from playwright.sync_api import expect

from support.browser import HOME, row
from support.deadline import until
from support.metrics import metrics, value

SCRIPT = "document.querySelector('script[type=module]').src"
# To be told apart from any other build, this changes the hash in the program. The pages' compressed form still has the old one.
UNCOMPRESSED = {"Accept-Encoding": "identity"}


@pytest.fixture
def newer_server(server_path, tmp_path):
    """The program with another hash of its files."""
    program = server_path.read_bytes()
    [build] = set(re.findall(rb"/assets/([0-9a-f]{16})/js/app\.js\0", program))
    newer = tmp_path / server_path.name
    newer.write_bytes(program.replace(build, build[::-1]))
    newer.chmod(0o755)
    return newer


def test_an_open_page_goes_on_and_the_next_link_brings_the_new_one(visit, database, start_service, newer_server):
    service = start_service(database)
    person = service.organization().member
    service.mint(person, "Jenkins")
    visitor = visit(person, server=service.server, extra_http_headers=UNCOMPRESSED)
    page = visitor.open()
    old = page.evaluate(SCRIPT)
    page.evaluate("window.isSamePage = true")
    until(lambda: value(metrics(service.server.base), "event_streams") == 1, 10, "the page has its stream")

    visitor.watch.outage(True)
    visitor.watch.allow(404, r"/assets/.*/js/app\.js", "HEAD")
    service.path = newer_server
    service.server.terminate(10)
    with page.expect_response(old, timeout=30_000) as looked:
        service.restart()
    assert looked.value.status == 404
    visitor.watch.outage(False)

    # Parts that were not shown before.
    page.get_by_role("button", name="Generate New Token").click()
    dialog = page.get_by_role("dialog", name="Generate New Token")
    dialog.get_by_label("Name", exact=True).fill("Nightly")
    dialog.get_by_role("button", name="Cancel").click()
    assert page.evaluate("window.isSamePage")

    page.get_by_role("link", name="Jenkins", exact=True).click()
    expect(page.get_by_role("heading", name="Jenkins")).to_be_visible()
    assert not page.evaluate("window.isSamePage")
    assert page.evaluate(SCRIPT) != old
    page.evaluate("window.isSamePage = true")
    page.get_by_role("link", name="API Keys").first.click()
    expect(row(page, "Jenkins")).to_be_visible()
    assert page.url.endswith(HOME) and page.evaluate("window.isSamePage")
