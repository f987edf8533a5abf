"""The account: password, sessions, theme, and the end of all tokens."""

import re

import pytest
from playwright.sync_api import expect

from support.browser import row

NEW = "amber-quarry-81-thimble"


@pytest.fixture
def visitor(visit, member):
    return visit(member)


def change_password(page, current, new):
    page.get_by_label("Current password").fill(current)
    page.get_by_label("New password").fill(new)
    page.get_by_role("button", name="Change password").click()


def test_a_new_password_ends_other_sessions(visitor, visit, member):
    other = visit(member)
    other_page = other.open()
    page = visitor.open("/account")
    change_password(page, member.password, NEW)
    expect(page.locator("#toast")).to_contain_text("Password changed.")
    expect(page.get_by_role("region", name="Sessions").get_by_role("listitem")).to_have_count(1)
    expect(page.get_by_label("Current password")).to_have_value("")

    other.watch.allow(401, "/session")
    other.watch.allow(401, "/api-keys(/hygiene)?")  # asked for before the answer about the session is here
    other.watch.allow(401, "/session", "POST")
    other_page.reload()
    other_page.get_by_label("Email").fill(member.email)
    other_page.get_by_label("Password").fill(member.password)
    other_page.get_by_role("button", name="Sign in").click()
    expect(other_page.get_by_role("alert")).to_contain_text("do not match")
    other_page.get_by_label("Password").fill(NEW)
    other_page.get_by_role("button", name="Sign in").click()
    expect(other_page.get_by_role("heading", name="API Keys")).to_be_visible()


def test_a_wrong_password_is_said_at_its_field(visitor):
    page = visitor.open("/account")
    change_password(page, visitor.person.password, "short")
    expect(page.get_by_text("Use at least 8 characters.")).to_be_visible()
    visitor.watch.allow(422, "/account/password", "POST")
    change_password(page, "not the password", NEW)
    expect(page.get_by_text("The current password is wrong.")).to_be_visible()
    expect(page.get_by_label("Current password")).to_be_focused()
    expect(page.get_by_label("New password")).to_have_value(NEW)
    change_password(page, visitor.person.password, "password123")
    expect(page.locator("#fresh-hint.field-error")).to_contain_text("The new password")


def test_a_session_is_ended(visitor, service):
    other = service.sign_in(visitor.person)
    other.session.headers["User-Agent"] = "Firefox/140"
    other.post("/session", {"email": visitor.person.email, "password": visitor.person.password}, 201)
    page = visitor.open("/account")
    rows = page.get_by_role("region", name="Sessions").get_by_role("listitem")
    count = rows.count()
    expect(rows.filter(has_text="This browser")).to_have_count(1)
    expect(rows.first).to_contain_text(re.compile(r"since [\w ]+, \d\d:\d\d"))
    rows.filter(has_text="Firefox").get_by_role("button", name="Sign out").click()
    expect(rows).to_have_count(count - 1)
    expect(page.locator("#toast")).to_contain_text("That session has ended.")
    other.get("/session", 401)


def test_all_other_sessions_are_ended(visitor, service):
    others = [service.sign_in(visitor.person) for _ in range(2)]
    page = visitor.open("/account")
    page.get_by_role("button", name="Sign out everywhere else").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere else").click()
    expect(page.get_by_role("region", name="Sessions").get_by_role("listitem")).to_have_count(1)
    for other in others:
        other.get("/session", 401)


def test_the_theme_stays(visitor):
    page = visitor.open("/account")
    scheme = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(scheme)
    page.locator("#main").get_by_role("radio", name="Dark").check()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    dark = page.evaluate(scheme)
    assert dark != light
    page.reload()
    visitor.settle()
    assert page.evaluate(scheme) == dark
    expect(page.locator("#main").get_by_role("radio", name="Dark")).to_be_checked()
    page.locator("#main").get_by_role("radio", name="System").check()
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(scheme) == dark
    page.emulate_media(color_scheme="light")
    assert page.evaluate(scheme) == light


def test_all_tokens_are_deleted_at_once(visitor, service):
    texts = [service.mint(visitor.person, name)[1] for name in ("Jenkins", "GitHub")]
    page = visitor.open("/account")
    page.get_by_role("button", name="Delete all tokens").click()
    dialog = page.get_by_role("dialog", name="Delete all 2 active tokens?")
    expect(dialog).to_contain_text("Jenkins")
    expect(dialog).to_contain_text("GitHub")
    dialog.get_by_role("button", name="Delete 2 tokens").click()
    expect(page.locator("#toast")).to_contain_text("2 tokens deleted.")
    for text in texts:
        service.server.bearer(text).get("/session", 401)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="API Keys").click()
    page.get_by_role("button", name="Revoked").click()
    expect(row(page, "Jenkins")).to_be_visible()


# --- reminders ---


def test_mails_about_what_is_due_can_be_stopped(visitor, service):
    page = visitor.open("/account")
    box = page.get_by_label("Mail me what is due")
    expect(box).to_be_checked()
    box.uncheck()
    expect(page.locator("#toast")).to_contain_text("You get no mails about what is due.")
    page.reload()
    expect(page.get_by_label("Mail me what is due")).not_to_be_checked()
    assert service.sign_in(visitor.person).get("/account/mail", 200).json()["reminders"] is False


def test_only_admins_can_have_the_weekly_digest(visit, service, organization):
    page = visit(organization.admin).open("/account")
    page.get_by_label("Mail me the weekly digest").check()
    expect(page.locator("#toast")).to_contain_text("You get the digest, from next Monday on.")
    page.reload()
    expect(page.get_by_label("Mail me the weekly digest")).to_be_checked()
    assert service.sign_in(organization.admin).get("/account/mail", 200).json() == {"reminders": True, "weeklyDigest": True}
    page.get_by_label("Mail me the weekly digest").uncheck()
    expect(page.locator("#toast")).to_contain_text("You get no digest any more.")
    page = visit(organization.member).open("/account")
    expect(page.get_by_label("Mail me what is due")).to_be_visible()
    expect(page.get_by_label("Mail me the weekly digest")).to_have_count(0)


def test_the_address_of_the_calendar(visitor, service):
    page = visitor.open("/account")
    reminders = page.get_by_role("region", name="Reminders")
    reminders.get_by_role("button", name="Make an address").click()
    address = reminders.get_by_role("textbox", name="Address of the calendar")
    expect(address).to_be_visible()
    first = address.input_value()
    assert first.endswith(".ics")
    feed = f"/calendar/{first.rsplit('/', 1)[1]}"
    anybody = service.server.api()
    assert anybody.get(feed, 200).text.startswith("BEGIN:VCALENDAR")

    reminders.get_by_role("button", name="Make another address").click()
    page.get_by_role("dialog").get_by_role("button", name="Make another address").click()
    expect(address).not_to_have_value(first)
    anybody.get(feed, 404)
    second = address.input_value()

    page.reload()
    expect(reminders.get_by_text("It has had an address since")).to_be_visible()
    expect(address).to_have_count(0)
    reminders.get_by_role("button", name="Remove the address").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove the address").click()
    expect(reminders.get_by_role("button", name="Make an address")).to_be_visible()
    anybody.get(f"/calendar/{second.rsplit('/', 1)[1]}", 404)
