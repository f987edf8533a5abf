"""What changes elsewhere is seen here within seconds, without a reload and without losing what is typed."""

import re

import pytest
from playwright.sync_api import expect

from support.browser import HOME, row
from support.deadline import until
from support.metrics import metrics, value

SOON = 5000  # ms; by itself, the page would load again after a minute
HIDE = """(hidden) => {
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event('visibilitychange'));
}"""


@pytest.fixture
def elsewhere(service, member):
    """The same person at another browser."""
    return service.sign_in(member)


@pytest.fixture
def work(service, start, worker_path):
    """Has the worker do what is due."""
    def begin():
        worker = start(worker_path, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker")})
        worker.wait_ready()
        worker.terminate(10)
    return begin


def streams(service):
    return value(metrics(service.server.base), "event_streams")


def is_live(service, number=1):
    until(lambda: streams(service) == number, 10, f"{number} streams are open")


def test_a_token_that_ends_elsewhere_leaves_the_list(visit, service, member, elsewhere):
    kept, gone = service.mint(member, "Nightly")[0], service.mint(member, "Jenkins")[0]
    page = visit(member).open()
    is_live(service)
    elsewhere.delete(f"/api-keys/{gone}", 204)
    expect(row(page, "Jenkins")).to_be_hidden(timeout=SOON)
    page.get_by_role("link", name="Nightly", exact=True).click()
    expect(page.get_by_role("heading", name="Nightly")).to_be_visible()
    elsewhere.delete(f"/api-keys/{kept}", 204)
    expect(page.locator(".page-head .badge")).to_have_text(re.compile("Revoked"), timeout=SOON)


def test_what_is_typed_stays(visit, service, member, elsewhere):
    service.mint(member, "Nightly")
    page = visit(member).open()
    is_live(service)
    page.get_by_role("button", name="Generate New Token").click()
    dialog = page.get_by_role("dialog", name="Generate New Token")
    dialog.get_by_label("Name", exact=True).fill("Half a na")
    with page.expect_response(re.compile("/api/v1/reminders")):
        elsewhere.post("/api-keys", {"name": "From elsewhere", "expiresInDays": 30}, 201)
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("Half a na")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(row(page, "From elsewhere")).to_be_visible(timeout=2 * SOON)


def test_what_becomes_due_is_told_at_once_and_can_be_acknowledged(visit, service, member, work):
    token = service.mint(member, "GitHub Actions", 90)[0]
    page = visit(member).open()
    is_live(service)
    expect(page.locator("#reminder-count")).to_be_hidden()
    service.database.age_token(token, 80)
    work()
    expect(page.locator("#reminder-count")).to_have_text("1 open", timeout=SOON)
    expect(page.get_by_text("A token is due for rotation:")).to_be_visible(timeout=SOON)

    page.get_by_role("link", name="Reminders").click()
    due = page.get_by_role("region", name="Due")
    expect(due).to_contain_text("Its day of rotation has come")
    expect(due.get_by_role("link", name="Rotate: GitHub Actions")).to_have_attribute("href", f"{HOME}/{token}/rotate")
    due.get_by_role("button", name="Acknowledge GitHub Actions").click()
    quiet = page.get_by_role("region", name="Acknowledged")
    expect(quiet).to_contain_text("Acknowledged: quiet until")
    expect(page.get_by_role("button", name=re.compile("^Acknowledge"))).to_be_hidden()
    expect(page.locator("#reminder-count")).to_be_hidden()

    service.database.age_token(token, 5)
    work()
    expect(page.get_by_role("region", name="Due")).to_contain_text("A week or less is left", timeout=SOON)
    expect(page.locator("#reminder-count")).to_have_text("1 open")


def test_a_session_that_ends_elsewhere_is_asked_for_again(visit, service, member, elsewhere):
    visitor = visit(member)
    page = visitor.open()
    is_live(service)
    visitor.watch.allow(401, "/.*")
    elsewhere.delete("/account/sessions", 204)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Password")).to_be_visible(timeout=SOON)
    dialog.get_by_label("Password").fill(member.password)
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_be_hidden()
    is_live(service)
    token = elsewhere.post("/api-keys", {"name": "After it", "expiresInDays": 30}, 201).json()["id"]
    expect(row(page, "After it")).to_be_visible(timeout=SOON)
    assert token


def test_a_hidden_tab_has_no_stream_and_catches_up(visit, service, member, elsewhere):
    page = visit(member).open()
    is_live(service)
    page.evaluate(HIDE, True)
    is_live(service, 0)
    elsewhere.post("/api-keys", {"name": "In the meantime", "expiresInDays": 30}, 201)
    page.evaluate(HIDE, False)
    expect(row(page, "In the meantime")).to_be_visible(timeout=SOON)
    is_live(service)


def test_a_sign_out_closes_the_stream(visit, service, member):
    page = visit(member).open()
    is_live(service)
    page.get_by_role("button", name=member.name).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    is_live(service, 0)


def test_another_role_shows_in_the_navigation(visit, service, organization):
    visitor = visit(organization.admin).has_clock()
    page = visitor.open("/settings/people")
    navigation = page.get_by_role("navigation", name="Main")
    expect(navigation.get_by_role("link", name="Webhooks")).to_be_visible()
    expect(page.locator("#user-button")).to_contain_text("Admin of")
    service.sign_in(organization.owner).patch(f"/users/{organization.admin.id}", {"orgRole": "member"}, 200)
    page.clock.fast_forward(61_000)
    expect(page.locator("#user-button")).to_contain_text("Member of")
    expect(navigation.get_by_role("link", name="Webhooks")).to_be_hidden()
    expect(navigation.get_by_role("link", name="Projects")).to_be_hidden()
