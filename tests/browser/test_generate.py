"""A token's life on the page: generated, used, deleted; and creations that go wrong on the way."""

import pytest
from playwright.sync_api import expect

from support.browser import generate, row, shown_once
from support.deadline import until

NAME = "GitHub Actions — Production Pipeline"


@pytest.fixture
def visitor(visit, member):
    return visit(member)


def tokens_of(service, person):
    """(name, whether it lives) of each, the oldest first."""
    return service.database.query("select name, ended_at is null from testkase.api_tokens where user_id = %s order by id",
                                  (person.id,))


def take(page):
    """The token that is shown; the dialog is closed after copying."""
    dialog = shown_once(page)
    token = dialog.get_by_label("The new token").inner_text().strip()
    dialog.get_by_role("button", name="Copy token").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    dialog.get_by_role("button", name="Done").click()
    expect(dialog).to_be_hidden()
    return token


def test_a_token_from_its_generation_to_its_end(visit, member, service):
    visitor = visit(member).has_clock()
    page = visitor.open()
    expect(page.get_by_role("heading", name="Your first token")).to_be_visible()
    generate(page, NAME, days=30)
    token = take(page)
    client = service.server.bearer(token)
    client.session.headers["User-Agent"] = "GitHub-Actions/2.1"
    line = row(page, NAME)
    expect(line).to_contain_text("Never used")

    api = service.sign_in(member)
    client.get("/session", 200)
    until(lambda: api.get("/api-keys", 200).json()["data"][0]["lastUsedAt"], 20, "the use is recorded")
    page.clock.fast_forward(61_000)
    expect(line).to_contain_text("GitHub-Actions")
    expect(line).not_to_contain_text("Never used")

    line.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete this token?").get_by_role("button", name="Delete anyway").click()
    expect(page.locator("#toast")).to_contain_text("Deleted")
    client.get("/session", 401)
    expect(line).to_be_hidden()
    page.get_by_role("button", name="Revoked").click()
    expect(row(page, NAME)).to_contain_text("Deleted by you")


def test_the_period_and_the_place_are_kept(visitor, service):
    page = visitor.open()
    page.get_by_role("button", name="Generate New Token").click()
    dialog = page.get_by_role("dialog", name="Generate New Token")
    dialog.get_by_label("Name", exact=True).fill(f"  {NAME} ")
    dialog.get_by_role("radio", name="180 days").click()
    expect(dialog.locator(".outcome")).to_contain_text("after 180 days")
    dialog.get_by_text("Where will it be used?").click()
    dialog.get_by_label("Purpose").fill("Nightly regression")
    dialog.get_by_label("Link").fill("javascript:alert(1)")
    dialog.get_by_role("button", name="Generate", exact=True).click()
    expect(dialog.get_by_label("Link")).to_be_focused()
    dialog.get_by_label("Link").fill("https://ci.example/job/7")
    dialog.get_by_role("button", name="Generate", exact=True).click()
    take(page)
    [made] = service.sign_in(visitor.person).get("/api-keys", 200).json()["data"]
    assert (made["name"], made["expiresInDays"], made["purpose"], made["link"]) == (
        NAME, 180, "Nightly regression", "https://ci.example/job/7")
    expect(row(page, NAME).get_by_role("link", name="ci.example")).to_have_attribute("href", "https://ci.example/job/7")


def test_a_name_is_needed(visitor, service):
    page = visitor.open()
    generate(page, "   ")
    dialog = page.get_by_role("dialog", name="Generate New Token")
    expect(dialog).to_contain_text("Give the token a name.")
    expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    assert tokens_of(service, visitor.person) == []


def test_two_clicks_make_one_token(visitor, service):
    page = visitor.open()
    page.get_by_role("button", name="Generate New Token").dblclick()
    dialog = page.get_by_role("dialog", name="Generate New Token")
    dialog.get_by_label("Name", exact=True).fill(NAME)
    dialog.get_by_role("button", name="Generate", exact=True).dblclick()
    take(page)
    expect(row(page, NAME)).to_be_visible()
    assert tokens_of(service, visitor.person) == [(NAME, True)]


def test_a_lost_answer_is_found_out(visitor, service):
    """The server has made the token, but the page never sees the answer, so nobody can have seen the secret."""
    page = visitor.open()
    visitor.watch.allow(0, "/api-keys", "POST")
    visitor.watch.allow(409, "/api-keys", "POST")

    def lose(route):
        assert route.fetch().status == 201
        route.abort("connectionreset")

    page.route("**/api/v1/api-keys", lose, times=1)
    generate(page, NAME)
    dialog = page.get_by_role("dialog", name="Generate New Token")
    expect(dialog.get_by_role("alert")).to_contain_text("Nothing you typed is lost")
    expect(dialog.get_by_label("Name", exact=True)).to_have_value(NAME)
    dialog.get_by_role("button", name="Generate", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("The token was made by the earlier try.")
    dialog.get_by_role("button", name="Delete it and generate another").click()
    token = take(page)
    service.server.bearer(token).get("/session", 200)
    assert tokens_of(service, visitor.person) == [(NAME, False), (NAME, True)]


def test_a_lost_request_makes_one_token(visitor, service):
    page = visitor.open()
    visitor.watch.allow(0, "/api-keys", "POST")
    page.route("**/api/v1/api-keys", lambda route: route.abort("connectionrefused"), times=1)
    generate(page, NAME)
    dialog = page.get_by_role("dialog", name="Generate New Token")
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_role("button", name="Generate", exact=True).click()
    take(page)
    assert tokens_of(service, visitor.person) == [(NAME, True)]


def test_a_pasted_token_does_not_enter_the_address(visitor):
    page = visitor.open()
    token = "tk_pat_" + "aB3" * 13
    generate(page, NAME)
    take(page)
    page.get_by_label("Search tokens").fill(token)
    expect(page.get_by_text("No token matches")).to_be_visible()
    assert "tk_pat_" not in page.url
    page.get_by_label("Search tokens").fill("GitHub")
    expect(page).to_have_url(f"{visitor.base}/settings/api-keys?q=GitHub")
