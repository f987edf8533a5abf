"""Deleting tokens."""

import threading

import pytest
from playwright.sync_api import expect

from support.browser import HOME, row
from support.deadline import until


@pytest.fixture
def visitor(visit, member):
    return visit(member)


def open_dialog(page, name):
    row(page, name).get_by_role("button", name="Delete").click()
    return page.get_by_role("dialog", name="Delete this token?")


class Pipeline(threading.Thread):
    """A client that calls with a token until it is refused, as pipelines do."""

    def __init__(self, api):
        super().__init__(daemon=True)
        self.api = api
        self.calls = 0
        self.refusal = None
        self.start()

    def run(self):
        while self.refusal is None:
            answer = self.api.get("/session")
            if answer.status_code == 200:
                self.calls += 1
            else:
                self.refusal = answer.status_code


def test_a_running_pipeline_is_refused_at_once(visitor, service):
    token = service.mint(visitor.person, "Jenkins — Nightly")[1]
    pipeline = Pipeline(service.server.bearer(token))
    until(lambda: pipeline.calls > 3, 20, "the pipeline calls")
    page = visitor.open()
    dialog = open_dialog(page, "Jenkins — Nightly")
    with page.expect_response(lambda response: response.request.method == "DELETE") as answer:
        dialog.get_by_role("button", name="Delete").click()
    assert answer.value.status == 204
    service.server.bearer(token).get("/session", 401)
    pipeline.join(20)
    assert pipeline.refusal == 401
    expect(page.locator("#toast")).to_contain_text("Calls with it are refused.")
    expect(row(page, "Jenkins — Nightly")).to_be_hidden()


def test_what_will_break_is_said_first(visitor, service):
    token = service.mint(visitor.person, "Jenkins — Nightly")[0]
    service.use(token, "Jenkins/2", "10.0.0.8", "1 day", calls=20)
    service.use(token, "curl/8", "10.0.0.7", "5 minutes", calls=10)
    page = visitor.open()
    dialog = open_dialog(page, "Jenkins — Nightly")
    expect(dialog).to_contain_text("In use: 30 calls in the last 7 days from 2 places")
    places = dialog.get_by_role("list", name="Places").get_by_role("listitem")
    expect(places).to_have_count(2)
    expect(places.nth(0)).to_contain_text("Jenkins")
    expect(places.nth(0)).to_contain_text("10.0.0.8")
    expect(places.nth(0)).to_contain_text("20 calls")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    expect(dialog).to_contain_text("the old token stays valid until you delete it.")
    dialog.get_by_role("link", name="Rotate instead").click()
    expect(page.get_by_role("heading", name="Rotate a token")).to_be_visible()
    assert page.url == f"{visitor.base}{HOME}/{token}/rotate"
    assert service.database.value("select ended_at is null from testkase.api_tokens where id = %s", (token,))


def test_a_note_stays_with_the_token(visitor, service):
    token = service.mint(visitor.person, "Jenkins — Nightly")[0]
    page = visitor.open()
    dialog = open_dialog(page, "Jenkins — Nightly")
    dialog.get_by_label("Note (optional)").fill("Moved to GitHub <b>Actions</b>")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    visitor.open(f"{HOME}/{token}")
    expect(page.get_by_text("Moved to GitHub <b>Actions</b>").first).to_be_visible()
    expect(page.locator("#main")).to_contain_text("Deleted by you")


@pytest.mark.parametrize("too", [True, False])
def test_what_the_token_made(visitor, service, too):
    text = service.mint(visitor.person, "Bootstrap")[1]
    child = service.server.bearer(text).post("/api-keys", {"name": "Child", "expiresInDays": 30}, 201).json()
    page = visitor.open()
    dialog = open_dialog(page, "Bootstrap")
    box = dialog.get_by_label("Also delete the 1 token that was made with it")
    expect(box).not_to_be_checked()
    expect(dialog).to_contain_text("Child")
    if too:
        box.check()
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog).to_be_hidden()
    service.server.bearer(child["token"]).get("/session", 401 if too else 200)
    expect(row(page, "Child")).to_have_count(0 if too else 1)


def test_a_token_that_ended_meanwhile(visitor, service):
    token = service.mint(visitor.person, "Jenkins — Nightly")[0]
    page = visitor.open()
    dialog = open_dialog(page, "Jenkins — Nightly")
    service.sign_in(visitor.person).delete(f"/api-keys/{token}", 204)
    visitor.watch.allow(404, f"/api-keys/{token}", "DELETE")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator("#toast")).to_contain_text("It had already ended.")
    expect(row(page, "Jenkins — Nightly")).to_be_hidden()


@pytest.mark.parametrize("way", ["Esc", "Cancel"])
def test_changing_ones_mind_deletes_nothing(visitor, service, way):
    token = service.mint(visitor.person, "Jenkins — Nightly")[0]
    page = visitor.open()
    dialog = open_dialog(page, "Jenkins — Nightly")
    if way == "Esc":
        dialog.get_by_label("Note (optional)").fill("so far")
        page.keyboard.press("Escape")
    else:
        dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    expect(row(page, "Jenkins — Nightly").get_by_role("button", name="Delete")).to_be_focused()
    assert service.database.value("select ended_at is null from testkase.api_tokens where id = %s", (token,))
