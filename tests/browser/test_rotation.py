"""A rotation to its end, by the calls of two pipelines."""

import pytest
from playwright.sync_api import expect

from support.browser import HOME, row, shown_once
from support.deadline import until

NAME = "GitLab CI — Staging Tests"


@pytest.fixture
def visitor(visit, member):
    return visit(member).has_clock()


def pipeline(service, token, client, source=None):
    api = service.server.bearer(token, source=source)
    api.session.headers["User-Agent"] = client
    return api


def call(service, api, person, token_id):
    """One call, and waits until the service has noted it."""
    reader = service.sign_in(person)
    seen = reader.get(f"/api-keys/{token_id}/impact", 200).json()["calls"]
    api.get("/session", 200)
    until(lambda: reader.get(f"/api-keys/{token_id}/impact", 200).json()["calls"] > seen, 20, "the call is noted")


def start(page):
    """Generates the new token; returns it."""
    page.get_by_role("button", name="Generate the new token").click()
    dialog = shown_once(page)
    token = dialog.get_by_label("The new token").inner_text().strip()
    dialog.get_by_role("button", name="Copy token").click()
    dialog.get_by_role("button", name="Copied").wait_for()
    dialog.get_by_role("button", name="Done").click()
    expect(dialog).to_be_hidden()
    return token


def step(page):
    """The heading of the current step."""
    return page.locator("[aria-current=step] h2")


def test_a_rotation_from_start_to_end(visitor, service):
    person = visitor.person
    old_id, old = service.mint(person, NAME, 30)
    service.database.age_token(old_id, 25)
    runner, jenkins = (pipeline(service, old, client) for client in ("GitLab-Runner/17.2", "Jenkins/2.479"))
    call(service, runner, person, old_id)
    call(service, jenkins, person, old_id)

    page = visitor.open()
    row(page, NAME).get_by_role("link", name="rotation of").click()
    expect(page.get_by_role("heading", name="Rotate a token")).to_be_visible()
    expect(step(page)).to_contain_text("Generate the new token")
    new = start(page)
    expect(page.get_by_role("heading", name=f"{NAME} v2")).to_be_visible()
    expect(step(page)).to_contain_text("Update the secret")
    new_id = service.database.value("select id from testkase.api_tokens where predecessor_id = %s", (old_id,))

    # Left in the middle, and taken up again from the list.
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="API Keys").click()
    expect(row(page, NAME)).to_contain_text("In overlap")
    row(page, NAME).get_by_role("link", name="rotation of").click()
    expect(step(page)).to_contain_text("Update the secret")

    # The first pipeline has the new token.
    new_runner = pipeline(service, new, "GitLab-Runner/17.2", runner.source)
    call(service, new_runner, person, new_id)
    page.clock.fast_forward(6000)
    expect(step(page)).to_contain_text("See it in use")
    places = page.locator("[aria-current=step] tbody tr")
    expect(places).to_have_count(2)
    expect(places.filter(has_text="Jenkins")).to_contain_text("Not seen yet")
    expect(places.filter(has_text="GitLab-Runner")).not_to_contain_text("Not seen yet")
    expect(page.get_by_text("1 place of 2 still on the old token.")).to_be_visible()

    # The second one too, while the page is open.
    new_jenkins = pipeline(service, new, "Jenkins/2.479", jenkins.source)
    call(service, new_jenkins, person, new_id)
    page.clock.fast_forward(6000)
    expect(page.get_by_text("The new token has been seen everywhere.")).to_be_visible()
    expect(page.locator("#main")).to_contain_text("it must be quiet for 24 hours")

    # A day later.
    service.database.query("update testkase.api_token_last_used set used_at = now() - interval '25 hours' where token_id = %s",
                           (old_id,))
    page.clock.fast_forward(6000)
    expect(step(page)).to_contain_text("Delete the old token")
    expect(page.get_by_text("Safe to delete").first).to_be_visible()
    page.get_by_role("button", name="Delete the old token").click()
    page.get_by_role("dialog", name="Delete this token?").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The rotation is complete.").first).to_be_visible()
    runner.get("/session", 401)
    new_runner.get("/session", 200)
    page.get_by_role("link", name="Back to API Keys").click()
    expect(row(page, f"{NAME} v2")).to_be_visible()
    expect(row(page, NAME)).to_be_hidden()


def test_a_rotation_that_began_elsewhere_is_taken_up(visitor, service):
    """The page offers to start; another tab has started meanwhile."""
    old_id = service.mint(visitor.person, NAME)[0]
    page = visitor.open(f"{HOME}/{old_id}/rotate")
    new = service.sign_in(visitor.person).post(f"/api-keys/{old_id}/rotate", None, 201).json()
    visitor.watch.allow(409, f"/api-keys/{old_id}/rotate", "POST")
    page.get_by_role("button", name="Generate the new token").click()
    expect(step(page)).to_contain_text("Update the secret")
    expect(page.get_by_role("heading", name=f"{NAME} v2")).to_be_visible()
    call(service, pipeline(service, new["token"], "curl/8"), visitor.person, new["id"])
    page.reload()
    expect(page.get_by_text("the new token is in use, and the old one has not been used yet.")).to_be_visible()


def test_a_token_that_ended_elsewhere_cannot_be_rotated(visitor, service):
    old_id = service.mint(visitor.person, NAME)[0]
    page = visitor.open(f"{HOME}/{old_id}/rotate")
    service.sign_in(visitor.person).delete(f"/api-keys/{old_id}", 204)
    visitor.watch.allow(409, f"/api-keys/{old_id}/rotate", "POST")
    page.get_by_role("button", name="Generate the new token").click()
    expect(page.get_by_text("A token that has ended cannot be rotated.")).to_be_visible()
    assert service.database.value("select count(*) from testkase.api_tokens where predecessor_id = %s", (old_id,)) == 0


def test_a_lost_answer_is_found_out(visitor, service):
    old_id = service.mint(visitor.person, NAME)[0]
    service.use(old_id)
    page = visitor.open(f"{HOME}/{old_id}/rotate")
    visitor.watch.allow(0, ".*/rotate", "POST")
    visitor.watch.allow(409, ".*/rotate", "POST")

    def lose(route):
        assert route.fetch().status == 201
        route.abort("connectionreset")

    page.route("**/rotate", lose, times=1)
    button = page.get_by_role("button", name="Generate the new token")
    button.click()
    expect(page.get_by_role("alert")).to_be_visible()
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("The token was made by the earlier try.")
    page.get_by_role("button", name="Delete it and generate another").click()
    token = shown_once(page).get_by_label("The new token").inner_text().strip()
    service.server.bearer(token).get("/session", 200)
    shown_once(page).get_by_role("button", name="Copy token").click()
    shown_once(page).get_by_role("button", name="Done").click()
    expect(step(page)).to_contain_text("Update the secret")
    assert service.database.query("select ended_at is null from testkase.api_tokens where predecessor_id = %s order by id",
                                  (old_id,)) == [(False,), (True,)]
