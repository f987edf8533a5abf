"""Browsers for the tests of this folder. Playwright is in a virtual environment of its own, from which it is imported."""

import re
import sys

import pytest

from support.environment import Environment
from support.postgres import ROOT
from support.service import Service

sys.path.append(str(Environment("browser").modules))

from playwright.sync_api import expect, sync_playwright  # noqa: E402 # pylint: disable=wrong-import-position

from support import browser as browsers  # noqa: E402 # pylint: disable=wrong-import-position
from support.demo import Demo  # noqa: E402 # pylint: disable=wrong-import-position

expect.set_options(timeout=browsers.SECONDS * 1000)
SHOTS = ROOT / "build" / "test-logs" / "browser"


@pytest.fixture(scope="session")
def browser():
    """One process for all tests of a worker; each test has contexts of its own in it."""
    with sync_playwright() as playwright:
        started = browsers.launch(playwright)
        yield started
        started.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed test leaves a picture of each page."""
    report = (yield).get_result()
    if report.failed:
        SHOTS.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"\W+", "-", item.name, flags=re.ASCII)[:80].strip("-")
        pages = [page for visitor in item.stash.get(VISITORS, []) for page in visitor.context.pages]
        for number, page in enumerate(pages):
            page.screenshot(path=SHOTS / f"{name}-{number}.png")


VISITORS = pytest.StashKey()


@pytest.fixture
def visit(request, browser, service):
    """visit(person, signed_in=True, server=…, **options of the context) gives a Visitor. When the test ends, nothing may have
    gone wrong in any of them."""
    visitors = request.node.stash.setdefault(VISITORS, [])

    def begin(person, signed_in=True, server=None, **options):
        visitor = browsers.Visitor(browser, server or service.server, person, **options)
        visitors.append(visitor)
        if signed_in:
            visitor.enter()
        return visitor

    yield begin
    for visitor in visitors:
        visitor.close()
    for visitor in visitors:
        visitor.watch.check()


@pytest.fixture(scope="module")
def module_service(cluster, server_path):
    """As for all tests, but the server knows its address, which it wants to see where browsers don't say more."""
    database = cluster.create_database()
    address = f"127.0.0.1:{browsers.free_port()}"
    service = Service(server_path, database, TESTKASE_LISTEN=address, TESTKASE_PUBLIC_URL=f"http://{address}")
    yield service
    try:
        service.close()
    finally:
        database.drop()


@pytest.fixture
def member(organization):
    return organization.member


@pytest.fixture(scope="module")
def module_demo(module_service):
    return Demo(module_service)


@pytest.fixture
def demo(service, module_demo):  # pylint: disable=unused-argument # the server must be well
    """The organization of the pictures, in the file's Service."""
    return module_demo
