"""Links that set a password: forgotten, invited, used up. And the people page, where admins make them."""

import re

import pytest
from playwright.sync_api import expect

from support.browser import generate, shown_once
from support.deadline import until
from support.mail_server import MailServer, parts

NEW = "copper-meadow-58-violin"


@pytest.fixture
def guest(visit, member):
    return visit(member, signed_in=False)


@pytest.fixture
def mail_server():
    made = MailServer()
    yield made
    made.close()


@pytest.fixture
def sending(service, start, worker_path, mail_server):
    """A worker that sends mail."""
    program = start(worker_path, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker"),
                                  "TESTKASE_SMTP_URL": mail_server.url, "TESTKASE_MAIL_FROM": "testkase@example.test",
                                  "TESTKASE_PUBLIC_URL": service.server.base})
    program.wait_ready()
    return mail_server


@pytest.fixture
def without_mail(service):
    service.database.query("delete from testkase.worker_heartbeats")


def link_in(mail_server):
    def found():
        for mail in list(mail_server.accepted):
            if match := re.search(r"\S+/set-password#\w{43}", parts(mail)[0]):
                return match.group(0)
        return None
    until(found, 20, "a mail with a link")
    return found()


def reset_link(service, organization, person):
    admin = service.sign_in(organization.admin)
    return admin.post(f"/users/{person.id}/password-link", {"deliver": "link"}, 201).json()["link"]


def test_a_forgotten_password(guest, sending):
    page = guest.open("/sign-in")
    page.get_by_role("link", name="Forgot your password?").click()
    expect(page.get_by_role("heading", name="Get a new password")).to_be_visible()
    page.get_by_label("Email").fill(guest.person.email)
    page.get_by_role("button", name="Send a link").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_focused()
    page.goto(link_in(sending))
    password = page.get_by_label("New password")
    expect(password).to_be_focused()
    expect(page.get_by_text("Where you are signed in, you are signed out when it is set.")).to_be_visible()
    assert page.url == f"{guest.base}/set-password", "the secret is not in the address any more"
    assert page.evaluate("location.hash") == ""
    password.fill("short")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("Use at least 8 characters.")).to_be_visible()
    expect(password).to_have_attribute("aria-invalid", "true")
    password.fill(NEW)
    page.get_by_label("Show the password").check()
    expect(password).to_have_attribute("type", "text")
    page.keyboard.press("Tab")
    password.press("Enter")
    expect(page.get_by_role("heading", name="Sign in to TestKase")).to_be_visible()
    expect(page.locator("#toast")).to_contain_text("Your password is set. Sign in with it.")
    page.get_by_label("Email").fill(guest.person.email)
    page.get_by_label("Password").fill(NEW)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="API Keys")).to_be_visible()
    assert not page.locator("#toast").is_visible(), "it is done"


def test_a_refused_password_says_so_and_the_link_stays(guest, service, organization):
    page = guest.page
    page.goto(reset_link(service, organization, guest.person))
    guest.watch.allow(422, "/password-resets/confirm", "POST")
    page.get_by_label("New password").fill("password123")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text(re.compile("^The new password "))).to_be_visible()
    page.get_by_label("New password").fill(NEW)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="Sign in to TestKase")).to_be_visible()


def test_a_link_that_was_used_offers_another(guest, service, organization):
    link = reset_link(service, organization, guest.person)
    service.server.api().post("/password-resets/confirm", {"secret": link.split("#")[1], "newPassword": NEW}, 204)
    guest.watch.allow(404, "/password-resets/confirm", "POST")
    page = guest.page
    page.goto(link)
    page.get_by_label("New password").fill(NEW)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="This link is not valid any more")).to_be_focused()
    expect(page.get_by_role("button", name="Send a link")).to_be_visible()


def test_another_link_in_the_same_tab(guest, service, organization):
    page = guest.page
    page.goto(f"/set-password#{'x' * 43}")
    page.get_by_label("New password").wait_for()
    link = reset_link(service, organization, guest.person)
    page.evaluate("link => { location.hash = link.split('#')[1]; }", link)
    page.wait_for_function("location.hash === ''")
    page.get_by_label("New password").fill(NEW)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="Sign in to TestKase")).to_be_visible()


def test_without_mail_an_admin_is_named(guest, without_mail):
    page = guest.open("/set-password")
    page.get_by_role("button", name="Send a link").click()
    expect(page.get_by_text("Enter your email address.")).to_be_visible()
    page.get_by_label("Email").fill("nobody@example.test")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Ask an admin")).to_be_focused()
    expect(page.locator("#main").get_by_role("status")).to_contain_text("sends no mail at present")
    page.get_by_role("link", name="Back to sign in").click()
    expect(page.get_by_role("heading", name="Sign in to TestKase")).to_be_visible()


# --- the people page ---


@pytest.fixture
def admin(visit, organization):
    return visit(organization.admin)


def test_a_member_does_not_see_the_people_page(visit, member):
    visitor = visit(member)
    page = visitor.open()
    expect(page.locator("#nav").get_by_role("link", name="People")).to_have_count(0)
    visitor.watch.allow(403, "/users")
    page.goto("/settings/people")
    expect(page.get_by_role("heading", name="Not for this account")).to_be_visible()


def test_an_admin_adds_a_person_and_passes_on_the_link(admin, visit, service, organization, without_mail):
    page = admin.open()
    page.locator("#nav").get_by_role("link", name="People").click()
    page.get_by_role("button", name="Add an account").click()
    dialog = page.get_by_role("dialog", name="Add an account")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_text("Give the name.")).to_be_visible()
    dialog.get_by_label("Name").fill("Grace Hopper")
    dialog.get_by_label("Email").fill(organization.member.email)
    admin.watch.allow(409, "/users$", "POST")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_text("Another account has this address.")).to_be_visible()
    email = f"grace-{organization.id}@example.test"
    dialog.get_by_label("Email").fill(email)
    admin.watch.allow(409, r"/users/\d+/password-link", "POST")  # there is no mail, so the link is shown
    page.keyboard.press("Enter")
    shown = page.get_by_role("dialog", name="Pass on the invitation")
    link = shown.get_by_label("The link", exact=True).input_value()
    shown.get_by_role("button", name="Done").click()
    expect(page.get_by_role("heading", name="Grace Hopper")).to_be_visible()
    expect(page.get_by_text("Invited")).to_be_visible()
    assert link not in page.content()

    guest = visit(organization.guest, signed_in=False)
    guest.page.goto(link)
    guest.page.get_by_label("New password").fill(NEW)
    guest.page.get_by_role("button", name="Set the password").click()
    guest.page.get_by_label("Email").fill(email)
    guest.page.get_by_label("Password").fill(NEW)
    guest.page.get_by_role("button", name="Sign in").click()
    expect(guest.page.get_by_role("heading", name="API Keys")).to_be_visible()


def test_an_admin_revokes_a_token_of_an_account(admin, service, organization):
    """The page shows the tokens that can be used, by their previews, and ends the chosen one alone."""
    member = organization.member
    lost, _ = service.mint(member, "<b>Lost</b>")
    _, kept = service.mint(member, "Kept")
    service.use(lost, ago="2 days")
    page = admin.open(f"/settings/people/{member.id}")
    tokens = page.get_by_role("region", name="Tokens")
    expect(tokens.get_by_role("listitem")).to_have_count(2)
    expect(tokens.get_by_role("listitem").filter(has_text="Kept")).to_contain_text("never used")
    expect(tokens.get_by_role("listitem").filter(has_text="<b>Lost</b>")).to_contain_text("used 2 days ago")
    tokens.get_by_role("button", name="Revoke <b>Lost</b>").click()
    dialog = page.get_by_role("dialog", name="Revoke “<b>Lost</b>”?")
    expect(dialog).to_contain_text(f"{member.name} gets a mail that names you.")
    dialog.get_by_role("button", name="Cancel").click()
    expect(tokens.get_by_role("listitem")).to_have_count(2)
    tokens.get_by_role("button", name="Revoke <b>Lost</b>").click()
    dialog.get_by_role("button", name="Revoke", exact=True).click()
    expect(tokens.get_by_role("listitem")).to_have_count(1)
    ended = service.sign_in(member).get(f"/api-keys/{lost}", 200).json()
    assert (ended["status"], ended["endedBy"]["userId"]) == ("revoked", organization.admin.id)
    service.server.bearer(kept).get("/session", 200)


def test_a_token_that_has_just_ended_says_so(admin, service, organization):
    token_id, _ = service.mint(organization.member, "Gone")
    page = admin.open(f"/settings/people/{organization.member.id}")
    tokens = page.get_by_role("region", name="Tokens")
    button = tokens.get_by_role("button", name="Revoke Gone")
    button.wait_for()
    service.sign_in(organization.member).delete(f"/api-keys/{token_id}", 204)
    button.click()
    admin.watch.allow(404, r"/users/\d+/api-keys/\d+", "DELETE")
    page.get_by_role("dialog").get_by_role("button", name="Revoke", exact=True).click()
    expect(tokens.get_by_role("alert")).to_be_visible()


def test_an_admin_changes_a_role_and_ends_an_account(admin, service, organization):
    member = organization.member
    bearer = service.bearer(member)
    page = admin.open("/settings/people")
    page.get_by_label("Name or email").fill(member.email[:12].upper())
    page.get_by_role("link", name=member.name, exact=True).click()
    page.get_by_label("Role", exact=True).select_option("admin")
    expect(page.locator("#toast")).to_contain_text("An admin from now on.")
    bearer.get("/users", 200)
    page.get_by_role("button", name="Deactivate…").click()
    dialog = page.get_by_role("dialog", name=f"Deactivate {member.name}?")
    expect(dialog).to_contain_text("All its tokens end at once and for good")
    dialog.get_by_role("button", name="Cancel").click()
    bearer.get("/session", 200)
    page.get_by_role("button", name="Deactivate…").click()
    dialog.get_by_role("button", name="Deactivate", exact=True).click()
    expect(page.get_by_role("button", name="Reactivate")).to_be_visible()
    bearer.get("/session", 401)
    expect(page.get_by_text("It can sign in again with its password.")).to_be_visible()
    page.get_by_role("button", name="Reactivate").click()
    expect(page.get_by_role("button", name="Deactivate…")).to_be_visible()
    bearer.get("/session", 401)


def test_an_account_without_token_and_password_ends_and_comes_back(admin, service, organization):
    """What is said of it fits what it has."""
    invited = service.person(organization.id, name="Invited")
    service.database.query("update testkase.users set password_hash = null where id = %s", (invited.id,))
    page = admin.open(f"/settings/people/{invited.id}")
    page.get_by_role("button", name="Deactivate…").click()
    dialog = page.get_by_role("dialog", name="Deactivate Invited?")
    expect(dialog).to_contain_text("It has no token that can be used.")
    expect(dialog).not_to_contain_text("pipelines")
    dialog.get_by_role("button", name="Deactivate", exact=True).click()
    access = page.get_by_role("region", name="Access")
    expect(access).to_contain_text("It has no password: when it is active again, send a link to set one.")
    access.get_by_role("button", name="Reactivate").click()
    expect(page.get_by_role("button", name="Mail a link")).to_be_visible()


def test_an_admin_sends_a_new_link(admin, service, organization, sending):
    page = admin.open(f"/settings/people/{organization.member.id}")
    page.get_by_role("button", name="Mail a link").click()
    expect(page.locator("#toast")).to_contain_text(organization.member.email)
    assert link_in(sending)
    admin.watch.allow(403, r"/users/\d+/password-link", "POST")
    service.database.query("""set local session_replication_role = replica;
                              update testkase.sessions set confirmed_at = now() - interval '16 minutes'""")
    page.get_by_role("button", name="Show a link").click()
    page.get_by_role("dialog", name="Confirm that it is you").get_by_label("Password").fill(organization.admin.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Pass on the link")).to_be_visible()


def test_no_link_is_offered_that_would_be_refused(visit, service, organization):
    """It is mailed all the same; the owner is shown the one of a person who was an admin until now, too."""
    other = service.person(organization.id, "admin", "Other admin")
    page = visit(organization.admin).open(f"/settings/people/{other.id}")
    expect(page.get_by_text("A link of an admin is shown to the owner only.")).to_be_visible()
    page.get_by_label("Role", exact=True).select_option("member")
    expect(page.get_by_text("was an admin within the last 7 days")).to_be_visible()
    expect(page.get_by_role("button", name="Mail a link")).to_be_visible()
    expect(page.get_by_role("button", name="Show a link")).to_have_count(0)
    page.goto(f"/settings/people/{organization.owner.id}")
    expect(page.get_by_text("A link of the owner is shown to nobody.")).to_be_visible()
    expect(page.get_by_role("button", name="Show a link")).to_have_count(0)
    page = visit(organization.owner).open(f"/settings/people/{other.id}")
    page.get_by_role("button", name="Show a link").click()
    expect(page.get_by_role("dialog", name="Pass on the link")).to_be_visible()


def test_custodians_of_a_service_account(admin, service, organization):
    robot = service.person(organization.id, kind="service", name="Nightly")
    page = admin.open(f"/settings/people/{robot.id}")
    page.get_by_label("Person to add").select_option(str(organization.member.id))
    page.get_by_role("button", name="Add", exact=True).click()
    remove = page.get_by_role("button", name=f"Remove {organization.member.name}")
    expect(remove).to_be_visible()
    api = service.sign_in(organization.admin)
    assert [one["userId"] for one in api.get(f"/users/{robot.id}/custodians", 200).json()["data"]] == [organization.member.id]
    remove.click()
    expect(remove).to_have_count(0)
    assert api.get(f"/users/{robot.id}/custodians", 200).json()["data"] == []


def test_an_admin_generates_a_token_of_a_service_account(admin, service, organization):
    robot = service.person(organization.id, kind="service", name="Nightly")
    page = admin.open(f"/settings/people/{robot.id}")
    expect(page.get_by_text("The account has no token that can be used.")).to_be_visible()
    page.get_by_role("button", name="Generate New Token").click()
    dialog = page.get_by_role("dialog", name="Generate New Token")
    expect(dialog.get_by_text("For the service account Nightly")).to_be_visible()
    expect(dialog.get_by_text("It can do what the service account can")).to_be_visible()
    dialog.get_by_label("Name", exact=True).fill("GitHub Actions — Nightly")
    dialog.get_by_role("button", name="Generate", exact=True).click()
    shown = shown_once(page)
    token = shown.get_by_label("The new token").inner_text().strip()
    expect(shown.get_by_role("region", name="Where the token goes")).to_be_visible()
    shown.get_by_role("button", name="Copy token").click()
    shown.get_by_role("button", name="Done").click()
    expect(shown).to_be_hidden()
    expect(page.get_by_role("listitem").filter(has_text="GitHub Actions — Nightly")).to_contain_text("never used")
    assert service.server.bearer(token).get("/session", 200).json()["user"]["id"] == robot.id
    page.goto(f"/settings/people/{organization.member.id}")
    expect(page.get_by_text("The account has no token that can be used.")).to_be_visible()
    expect(page.get_by_role("button", name="Generate New Token")).to_have_count(0)


def test_a_lost_answer_about_a_service_accounts_token_is_found_out(admin, service, organization):
    robot = service.person(organization.id, kind="service", name="Nightly")
    page = admin.open(f"/settings/people/{robot.id}")
    path = f"/users/{robot.id}/api-keys"
    admin.watch.allow(0, path, "POST")
    admin.watch.allow(409, path, "POST")

    def lose(route):
        assert route.fetch().status == 201
        route.abort("connectionreset")

    page.route(f"**/api/v1{path}", lose, times=1)
    generate(page, "Nightly")
    dialog = page.get_by_role("dialog", name="Generate New Token")
    expect(dialog.get_by_role("alert")).to_contain_text("Nothing you typed is lost")
    dialog.get_by_role("button", name="Generate", exact=True).click()
    dialog.get_by_role("button", name="Delete it and generate another").click()
    token = shown_once(page).get_by_label("The new token").inner_text().strip()
    service.server.bearer(token).get("/session", 200)
    lives = service.database.query("select ended_at is null from testkase.api_tokens where user_id = %s order by id", (robot.id,))
    assert lives == [(False,), (True,)]
