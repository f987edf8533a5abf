"""Signing in and out."""

import pytest
from playwright.sync_api import expect

from support.browser import HOME


@pytest.fixture
def guest(visit, member):
    """Somebody who is not signed in yet."""
    return visit(member, signed_in=False)


def test_sign_in_leads_to_the_list(guest):
    page = guest.open("/sign-in")
    expect(page.get_by_label("Email")).to_be_focused()
    guest.sign_in()
    expect(page.get_by_role("heading", name="API Keys")).to_be_visible()
    expect(page).to_have_url(guest.base + HOME)
    expect(page).to_have_title("API Keys · TestKase")


def test_a_wrong_password_says_so(guest):
    guest.watch.allow(401, "/session", "POST")
    page = guest.open("/sign-in")
    page.get_by_label("Email").fill(guest.person.email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not match")
    expect(page.get_by_label("Email")).to_have_value(guest.person.email)
    guest.sign_in()
    expect(page.get_by_role("heading", name="API Keys")).to_be_visible()


def test_sign_in_comes_back_to_where_a_link_led(guest, service):
    token = service.mint(guest.person, "Jenkins")[0]
    guest.watch.allow(401, "/session")
    page = guest.page
    page.goto(f"{HOME}/{token}?x=1&y=ä")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    guest.sign_in()
    expect(page.get_by_role("heading", name="Jenkins")).to_be_visible()
    assert page.url == f"{guest.base}{HOME}/{token}?x=1&y=%C3%A4"
    page.go_back()
    assert "/sign-in" not in page.url


def test_sign_in_comes_back_to_a_filtered_list(guest):
    guest.watch.allow(401, "/session")
    guest.page.goto(f"{HOME}?status=all&q=jenkins")
    guest.sign_in()
    expect(guest.page).to_have_url(f"{guest.base}{HOME}?status=all&q=jenkins")


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test/x", "/\\evil.test", "javascript:alert(1)", "/sign-in",
                                    "\t//evil.test", "/%09/evil.test", "http:evil.test"])
def test_sign_in_never_leads_to_another_origin(guest, target):
    page = guest.page
    page.goto("/sign-in")
    page.evaluate("(next) => history.replaceState({}, '', '/sign-in?' + new URLSearchParams({ next }))", target)
    page.reload()
    if target.startswith("/%"):
        guest.watch.allow(404, target)  # a path here, of which nobody knows
    guest.sign_in()
    page.wait_for_url(lambda url: "/sign-in" not in url)
    assert page.url.startswith(guest.base + "/")


def test_sign_out_leaves_nothing_to_go_back_to(visit, member, service):
    visitor = visit(member)
    service.mint(member, "Jenkins Nightly")
    page = visitor.open()
    expect(page.get_by_text("Jenkins Nightly").first).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Account").click()
    expect(page.get_by_role("heading", name="Account")).to_be_visible()
    page.locator("#user-button").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert member.email not in page.content()
    visitor.watch.allow(401, "/session")
    with page.expect_response("**/api/v1/session"):
        page.go_back()
    visitor.settle()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    for text in ("Jenkins Nightly", member.email):
        assert text not in page.content()


def test_a_signed_out_session_is_over(visit, member):
    visitor = visit(member, signed_in=False)
    api = visitor.enter()
    page = visitor.open()
    page.locator("#user-button").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    api.get("/session", 401)
