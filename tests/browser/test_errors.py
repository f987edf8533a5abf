"""What a person meets when something fails under an open page: nothing that was typed is lost, and it goes on by itself."""

import pytest
from playwright.sync_api import expect

from support.browser import HOME, generate, row, shown_once
from support.deadline import until

NAME = "GitHub Actions — Nightly"


@pytest.fixture
def visitor(visit, member):
    return visit(member).has_clock()


def end_sessions(service, person):
    service.database.query("delete from testkase.sessions where user_id = %s", (person.id,))


def age_sign_in(service, person):
    """The last sign-in is too long ago to make a token."""
    service.database.without_triggers(
        "update testkase.sessions set confirmed_at = now() - interval '16 minutes' where user_id = %s", (person.id,))


def answer(page, title, password, button):
    """Types the password into a dialog that asks for it."""
    dialog = page.get_by_role("dialog", name=title)
    dialog.get_by_label("Password").fill(password)
    dialog.get_by_role("button", name=button).click()
    return dialog


def copy_and_close(page):
    dialog = shown_once(page)
    dialog.get_by_role("button", name="Copy token").click()
    dialog.get_by_role("button", name="Done").click()
    expect(dialog).to_be_hidden()


# --- the session ---

def test_a_session_that_ended_is_begun_again_in_place(visitor, service):
    person = visitor.person
    page = visitor.open()
    page.get_by_role("button", name="Generate New Token").click()
    dialog = page.get_by_role("dialog", name="Generate New Token")
    dialog.get_by_label("Name", exact=True).fill(NAME)
    end_sessions(service, person)
    visitor.watch.allow(401, "/api-keys", "POST")
    visitor.watch.allow(401, "/session", "POST")
    dialog.get_by_role("button", name="Generate", exact=True).click()
    again = answer(page, "You have been signed out", "not the password", "Sign in")
    expect(again.get_by_role("alert")).to_contain_text("The password is wrong.")
    page.keyboard.press("Escape")
    expect(again).to_be_visible()
    expect(dialog.get_by_label("Name", exact=True)).to_have_value(NAME)
    answer(page, "You have been signed out", person.password, "Sign in")
    expect(shown_once(page)).to_contain_text(NAME)
    copy_and_close(page)
    expect(row(page, NAME)).to_be_visible()


def test_a_signed_out_person_may_be_another(visitor, service):
    service.mint(visitor.person, "Jenkins")
    page = visitor.open()
    end_sessions(service, visitor.person)
    visitor.watch.allow(401, ".*")
    page.clock.fast_forward(61_000)
    page.get_by_role("dialog", name="You have been signed out").get_by_role("link", name="Another account").click()
    expect(page.get_by_role("heading", name="Sign in to TestKase")).to_be_visible()
    assert "Jenkins" not in page.content()


def test_a_deactivated_person_is_out(visitor, service, organization):
    service.mint(visitor.person, "Jenkins")
    page = visitor.open()
    service.sign_in(organization.admin).patch(f"/users/{visitor.person.id}", {"status": "deactivated"}, 200)
    visitor.watch.allow(401, "/api-keys.*")
    visitor.watch.allow(401, "/session", "POST")
    page.clock.fast_forward(61_000)
    dialog = answer(page, "You have been signed out", visitor.person.password, "Sign in")
    expect(dialog.get_by_role("alert")).to_contain_text("The password is wrong.")


# --- a recent sign-in ---

def test_an_old_sign_in_asks_for_the_password(visitor, service):
    page = visitor.open()
    age_sign_in(service, visitor.person)
    visitor.watch.allow(403, "/api-keys", "POST")
    visitor.watch.allow(401, "/session/confirm", "POST")
    generate(page, NAME)
    dialog = answer(page, "Confirm that it is you", "not the password", "Confirm")
    expect(dialog.get_by_role("alert")).to_contain_text("The password is wrong.")
    answer(page, "Confirm that it is you", visitor.person.password, "Confirm")
    expect(shown_once(page)).to_contain_text(NAME)
    copy_and_close(page)
    assert service.database.value("select count(*) from testkase.api_tokens where user_id = %s", (visitor.person.id,)) == 1


def test_the_password_may_be_refused(visitor, service):
    page = visitor.open()
    age_sign_in(service, visitor.person)
    visitor.watch.allow(403, "/api-keys", "POST")
    generate(page, NAME)
    page.get_by_role("dialog", name="Confirm that it is you").get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog", name="Generate New Token")
    expect(dialog.get_by_role("alert")).to_contain_text("Nothing was made")
    expect(dialog.get_by_label("Name", exact=True)).to_have_value(NAME)


# --- too many requests ---

def test_too_many_guesses_count_down(visitor, service):
    page = visitor.open()
    age_sign_in(service, visitor.person)
    for status in (401, 429):
        visitor.watch.allow(status, "/session/confirm", "POST")
    visitor.watch.allow(403, "/api-keys", "POST")
    generate(page, NAME)
    dialog = page.get_by_role("dialog", name="Confirm that it is you")
    button = dialog.get_by_role("button", name="Confirm")
    for number in range(6):
        with page.expect_response("**/session/confirm") as response:
            answer(page, "Confirm that it is you", f"wrong-guess-{number}", "Confirm")
        if response.value.status == 429:
            break
    expect(dialog.get_by_role("alert")).to_contain_text("Too many requests.")
    expect(dialog.get_by_role("alert")).to_contain_text("s left.")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(dialog.get_by_label("Password")).to_have_value(f"wrong-guess-{number}")
    page.clock.fast_forward(61_000)
    expect(button).not_to_have_attribute("aria-disabled", "true")
    expect(dialog.get_by_role("alert")).to_have_count(0)


def test_too_many_sign_ins_say_so(visit, member):
    visitor = visit(member, signed_in=False)
    visitor.open("/sign-in")
    for status in (401, 429):
        visitor.watch.allow(status, "/session", "POST")
    page = visitor.page
    for number in range(6):
        page.get_by_label("Email").fill(member.email)
        page.get_by_label("Password").fill(f"wrong-guess-{number}")
        with page.expect_response("**/api/v1/session"):
            page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).not_to_be_empty()
    expect(page.get_by_role("alert")).to_contain_text("Too many tries.")


# --- the server, its database ---

@pytest.fixture
def own(own_cluster, start_service):
    """A service of the test's own, with a cluster of its own, and a member of it."""
    service = start_service(own_cluster.create_database())
    return service, service.organization().member


def test_the_database_goes_and_comes_back(visit, own, own_cluster):
    service, person = own
    service.mint(person, "Jenkins")
    visitor = visit(person, server=service.server).has_clock()
    page = visitor.open()
    expect(row(page, "Jenkins")).to_be_visible()
    own_cluster.stop()
    visitor.watch.outage(True)
    page.clock.fast_forward(61_000)
    expect(page.locator("#stale")).to_contain_text("cannot be reached since")
    expect(row(page, "Jenkins")).to_be_visible()

    # A dialog that was begun meanwhile keeps what is typed.
    row(page, "Jenkins").get_by_role("link", name="Jenkins", exact=True).click()
    expect(page.get_by_role("heading", name="TestKase cannot reach its database")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="TestKase cannot reach its database")).to_be_visible()
    own_cluster.start()
    service.server.api().get("/session", 401)
    page.clock.fast_forward(61_000)
    page.clock.run_for(61_000)
    expect(row(page, "Jenkins")).to_be_visible()
    expect(page.locator("#stale")).to_be_hidden()


def test_typing_survives_the_loss_of_the_database(visit, own, own_cluster):
    service, person = own
    visitor = visit(person, server=service.server)
    page = visitor.open()
    page.get_by_role("button", name="Generate New Token").click()
    dialog = page.get_by_role("dialog", name="Generate New Token")
    dialog.get_by_label("Name", exact=True).fill(NAME)
    own_cluster.stop()
    visitor.watch.outage(True)
    dialog.get_by_role("button", name="Generate", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("Nothing you typed is lost")
    expect(dialog.get_by_label("Name", exact=True)).to_have_value(NAME)
    own_cluster.start()
    credentials = {"email": person.email, "password": person.password}
    until(lambda: service.server.api().post("/session", credentials).status_code == 201, 30, "the server has its database")

    def try_again():
        with page.expect_response("**/api/v1/api-keys") as response:
            dialog.get_by_role("button", name="Generate", exact=True).click()
        return response.value.status == 201

    until(try_again, 30, "every connection of the server is back")
    copy_and_close(page)
    expect(row(page, NAME)).to_be_visible()
    assert len(service.sign_in(person).get("/api-keys", 200).json()["data"]) == 1


def test_the_server_goes_and_comes_back(visit, database, start_service):
    service = start_service(database)
    person = service.organization().member
    service.mint(person, "Jenkins")
    visitor = visit(person, server=service.server).has_clock()
    page = visitor.open()
    page.get_by_label("Search tokens").fill("jen")
    service.server.kill()
    visitor.watch.outage(True)
    page.clock.fast_forward(61_000)
    expect(page.locator("#stale")).to_contain_text("cannot be reached since")
    expect(row(page, "Jenkins")).to_be_visible()
    service.mint(person, "Jenkins of meanwhile")
    service.restart()
    page.clock.fast_forward(16_000)
    expect(page.locator("#stale")).to_be_hidden()
    expect(row(page, "Jenkins of meanwhile")).to_be_visible()
    expect(page.get_by_label("Search tokens")).to_have_value("jen")
    visitor.watch.outage(False)
    visitor.open(HOME)
