"""The pages for webhooks: a real server and worker, and a real receiver."""

import functools
import re
import sys

import pytest
from playwright.sync_api import expect

from support.deadline import until
from support.environment import Environment
from support.service import Service
from support.webhook_server import WebhookServer

sys.path.append(str(Environment("integration").modules))

from standardwebhooks.webhooks import Webhook  # noqa: E402

NETWORKS = {"TESTKASE_WEBHOOK_NETWORKS": "127.0.0.1/32"}
GOOD = "https://hooks.example.com/services/kept-to-itself"


@pytest.fixture(scope="module")
def module_service(cluster, server_path):
    """The server accepts receivers of this machine."""
    database = cluster.create_database()
    service = Service(server_path, database, **NETWORKS)
    yield service
    try:
        service.close()
    finally:
        database.drop()


@pytest.fixture
def receiver():
    made = WebhookServer()
    yield made
    made.close()


@pytest.fixture
def worker(service, start, worker_path):
    program = start(worker_path, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker"),
                                  "TESTKASE_PUBLIC_URL": service.server.base, **NETWORKS})
    program.wait_ready()
    return program


@pytest.fixture
def admin(visit, organization):
    return visit(organization.admin)


@pytest.fixture
def add(service, organization):
    """add(…) gives the id of a webhook, made by the API."""
    api = service.sign_in(organization.admin)

    def made(**fields):
        draft = {"name": "Alerts", "platform": "slack", "url": GOOD, "events": ["api_key.leaked"]}
        return api.post("/webhooks", {**draft, **fields}, 201).json()["id"]
    return made


def add_by_form(page, name, platform, url):
    page.get_by_role("button", name="Add a webhook").click()
    dialog = page.get_by_role("dialog", name="Add a webhook")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Platform").select_option(label=platform)
    dialog.get_by_label("Address").fill(url)
    dialog.get_by_role("button", name="Add", exact=True).click()
    return dialog


def deliveries(page):
    return page.get_by_role("region", name="Deliveries").locator("tbody tr")


def test_a_member_does_not_see_the_page(visit, member):
    visitor = visit(member)
    page = visitor.open()
    expect(page.locator("#nav").get_by_role("link", name="Webhooks")).to_have_count(0)
    visitor.watch.allow(403, "/webhooks")
    page.goto("/settings/webhooks")
    expect(page.get_by_role("heading", name="Not for this account")).to_be_visible()


def test_a_custom_webhook_its_secret_and_a_test_that_arrives(admin, receiver, worker):
    page = admin.open()
    page.locator("#nav").get_by_role("link", name="Webhooks").click()
    expect(page.get_by_role("heading", name="No webhook yet")).to_be_visible()
    add_by_form(page, "Security", "Custom", receiver.url)
    shown = page.get_by_role("dialog", name="Copy the secret")
    secret = shown.get_by_label("The secret").inner_text().strip()
    shown.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Go back and copy").click()
    shown.get_by_role("button", name="Copy secret").click()
    expect(shown.get_by_role("button", name="Copied")).to_be_visible()
    shown.get_by_role("button", name="Done").click()
    expect(page.get_by_role("heading", name="Security")).to_be_visible()
    assert secret not in page.content() and "kept-to-itself" not in page.content()
    expect(page.get_by_role("heading", name="No deliveries")).to_be_visible()

    test = page.get_by_role("button", name="Send a test")
    test.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#main").get_by_text("The test arrived: the address answered 204.")).to_be_visible()
    expect(deliveries(page)).to_have_count(1)
    expect(test).to_be_focused()
    expect(deliveries(page)).to_contain_text(re.compile("Test.*Sent.*1.*204", re.DOTALL))
    call, = receiver.wait_for(1)
    assert Webhook(secret).verify(call.body, call.fields)["type"] == "webhook.test"

    page.get_by_role("link", name="Webhooks").first.click()
    page.get_by_role("button", name="Send a test to Security").click()
    expect(page.locator("#main").get_by_text("The test arrived: the address answered 204.")).to_be_visible()
    assert len(receiver.wait_for(2)) == 2


def test_the_secret_is_rotated_with_an_overlap(admin, add, receiver, worker):
    add(platform="custom", url=receiver.url)
    page = admin.open("/settings/webhooks")
    page.get_by_role("link", name="Alerts").click()
    page.get_by_role("button", name="Rotate the secret").click()
    asking = page.get_by_role("dialog", name="Rotate the secret?")
    expect(asking).to_contain_text("two signatures, one with each secret")
    asking.get_by_label("Overlap").select_option(label="1 hour")
    asking.get_by_role("button", name="Rotate").click()
    shown = page.get_by_role("dialog", name="Copy the secret")
    secret = shown.get_by_label("The secret").inner_text().strip()
    expect(shown).to_contain_text("each delivery is also signed with the old secret")
    shown.get_by_role("button", name="Copy secret").click()
    shown.get_by_role("button", name="Done").click()
    expect(page.get_by_text("The secret before it also signs")).to_be_visible()
    page.get_by_role("button", name="Send a test").click()
    call, = receiver.wait_for(1)
    Webhook(secret).verify(call.body, call.fields)
    assert len(call.fields["webhook-signature"].split()) == 2
    expect(page.locator("#main").get_by_text("The test arrived")).to_be_visible()


def test_mistakes_stand_at_their_fields(admin):
    page = admin.open("/settings/webhooks")
    page.get_by_role("button", name="Add a webhook").click()
    dialog = page.get_by_role("dialog", name="Add a webhook")
    for name in ("A token is due for rotation", "A token expires soon", "A token has leaked"):
        dialog.get_by_label(name).uncheck()
    dialog.get_by_role("button", name="Add", exact=True).click()
    for words in ("Give the name.", "Give the address.", "Choose one event at least."):
        expect(dialog.get_by_text(words)).to_be_visible()
    expect(dialog.get_by_label("Name")).to_be_focused()
    dialog.get_by_label("Name").fill("Chat")
    dialog.get_by_label("Address").fill("https://hooks.example.com:22/hook")
    dialog.get_by_label("A token has leaked").check()
    admin.watch.allow(422, "/webhooks", "POST")
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("The address must have the port 443")).to_be_visible()
    expect(dialog.get_by_label("Address")).to_be_focused()
    expect(dialog.get_by_label("Name")).to_have_value("Chat")
    dialog.get_by_label("Address").fill(GOOD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Chat")).to_be_visible()
    expect(page.get_by_role("heading", name="Secret")).to_have_count(0)

    page.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog", name="Change the webhook")
    dialog.get_by_label("Name").fill("Chat of the team")
    dialog.get_by_label("An account is deactivated").check()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Chat of the team")).to_be_visible()
    expect(page.get_by_role("region", name="About")).to_contain_text("An account is deactivated")
    expect(page.get_by_text("https://hooks.example.com/***")).to_be_visible()


def test_a_receiver_that_fails_until_it_is_mended(admin, add, service, receiver, worker):
    receiver.answers += [500] * 6
    due = """update testkase.webhook_deliveries set attempt_at = now()
             where attempts = %s and leased_until is null and webhook_id = %s returning id"""
    number = add(platform="custom", url=receiver.url)
    page = admin.open(f"/settings/webhooks/{number}")
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#main").get_by_text("The test failed: the endpoint answered 500.")).to_be_visible()
    expect(deliveries(page)).to_contain_text(re.compile("Next attempt.*Retrying", re.DOTALL))
    for attempt in range(1, 6):
        until(functools.partial(service.database.query, due, (attempt, number)), 20, f"the record of attempt {attempt}")
        receiver.wait_for(attempt + 1)
    state = "select state from testkase.webhook_deliveries where webhook_id = %s"
    until(lambda: service.database.value(state, (number,)) == "parked", 20, "the delivery is parked")
    page.get_by_role("link", name="Webhooks").first.click()
    page.get_by_role("link", name="Alerts").click()
    expect(page.locator("#main").get_by_text("failed, and is not tried again: the endpoint answered 500.")).to_be_visible()
    expect(page.get_by_text("Failing")).to_be_visible()
    page.get_by_role("button", name="Sent", exact=True).click()
    expect(page.get_by_role("heading", name="No deliveries")).to_be_visible()
    page.get_by_role("button", name="Parked", exact=True).click()
    expect(deliveries(page)).to_contain_text(re.compile("Parked.*6.*500", re.DOTALL))
    page.get_by_role("button", name="All", exact=True).click()
    deliveries(page).get_by_role("button", name="Redeliver").click()
    expect(page.locator("#main").get_by_text("The test arrived: the address answered 204.")).to_be_visible()
    expect(deliveries(page)).to_contain_text("Sent")
    expect(page.get_by_text("Failing")).to_have_count(0)


def test_why_it_is_disabled_and_its_end(admin, add, service, receiver, worker):
    receiver.answers += [410]
    number = add(platform="custom", url=receiver.url)
    page = admin.open(f"/settings/webhooks/{number}")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("Disabled. The address answered 410")).to_be_visible()
    expect(page.get_by_role("button", name="Send a test")).to_have_count(0)
    page.get_by_role("button", name="Enable", exact=True).click()
    expect(page.get_by_role("button", name="Send a test")).to_be_visible()
    page.get_by_role("button", name="Disable", exact=True).click()
    expect(page.get_by_text("Disabled. An admin disabled it.")).to_be_visible()
    service.database.query("update testkase.webhooks set disabled_reason = 'failing' where id = %s", (number,))
    page.reload()
    expect(page.get_by_text("Disabled. Every delivery of a week failed.")).to_be_visible()

    page.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog", name="Delete Alerts?")
    dialog.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Delete…").click()
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("heading", name="No webhook yet")).to_be_visible()
    assert page.url.endswith("/settings/webhooks")
    assert service.database.value("select url is null from testkase.webhooks where id = %s", (number,))
