"""Several tabs of one browser, and its Back, Forward and Reload."""

import pytest
from playwright.sync_api import expect

from support.browser import HOME, generate, row, shown_once
from support.deadline import until


@pytest.fixture
def visitor(visit, member):
    return visit(member)


@pytest.fixture
def tabs(visitor, service):
    """Two pages that show the list."""
    service.mint(visitor.person, "Jenkins")
    first = visitor.open()
    second = visitor.context.new_page()
    second.goto(HOME)
    visitor.settle(second)
    expect(row(second, "Jenkins")).to_be_visible()
    return first, second


def test_a_deletion_is_seen_in_the_other_tab(tabs):
    first, second = tabs
    row(first, "Jenkins").get_by_role("button", name="Delete").click()
    first.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row(first, "Jenkins")).to_be_hidden()
    expect(row(second, "Jenkins")).to_be_hidden()


def test_a_creation_is_seen_in_the_other_tab(tabs):
    first, second = tabs
    generate(first, "GitHub")
    expect(shown_once(first)).to_be_visible()
    token = shown_once(first).get_by_label("The new token").inner_text().strip()
    expect(row(second, "GitHub")).to_be_visible()
    assert token not in second.content()


def test_a_sign_out_is_seen_in_the_other_tab(tabs, visitor):
    first, second = tabs
    first.locator("#user-button").click()
    first.get_by_role("button", name="Sign out", exact=True).click()
    expect(second.get_by_role("button", name="Sign in")).to_be_visible()
    assert "Jenkins" not in second.content() and visitor.person.email not in second.content()
    visitor.sign_in(first)
    expect(row(first, "Jenkins")).to_be_visible()
    expect(row(second, "Jenkins")).to_be_visible()


def test_another_tab_does_not_close_a_dialog(tabs):
    """What is typed in one tab stays while the list under it changes in another."""
    first, second = tabs
    second.get_by_role("button", name="Generate New Token").click()
    dialog = second.get_by_role("dialog", name="Generate New Token")
    dialog.get_by_label("Name", exact=True).fill("Half a na")
    row(first, "Jenkins").get_by_role("button", name="Delete").click()
    first.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row(first, "Jenkins")).to_be_hidden()
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("Half a na")
    dialog.get_by_role("button", name="Cancel").click()
    expect(row(second, "Jenkins")).to_be_hidden()


def test_back_and_forward(visitor, service):
    token = service.mint(visitor.person, "Jenkins")[0]
    page = visitor.open()
    heading = page.get_by_role("heading", level=1)
    row(page, "Jenkins").get_by_role("link", name="Jenkins", exact=True).click()
    expect(heading).to_have_text("Jenkins")
    expect(heading).to_be_focused()
    page.get_by_role("link", name="Rotate").click()
    expect(heading).to_have_text("Rotate a token")
    page.go_back()
    expect(heading).to_have_text("Jenkins")
    page.go_back()
    expect(heading).to_have_text("API Keys")
    page.go_forward()
    expect(heading).to_have_text("Jenkins")
    page.go_forward()
    expect(heading).to_have_text("Rotate a token")
    assert page.url == f"{visitor.base}{HOME}/{token}/rotate"
    page.reload()
    visitor.settle()
    expect(heading).to_have_text("Rotate a token")


def test_back_closes_a_dialog(visitor, service):
    service.mint(visitor.person, "Jenkins")
    page = visitor.open("/account")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="API Keys").click()
    page.get_by_role("button", name="Generate New Token").click()
    page.get_by_role("dialog").wait_for()
    page.go_back()
    expect(page.get_by_role("heading", name="Account")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_place_of_the_list_is_kept(visitor, service):
    for number in range(40):
        service.mint(visitor.person, f"Pipeline {number:02}")
    page = visitor.open()
    page.mouse.move(700, 500)
    page.mouse.wheel(0, 1500)
    until(lambda: page.evaluate("history.state?.y > 0 && history.state.y === scrollY"), 20, "the page has noted its place")
    y = page.evaluate("scrollY")
    page.get_by_role("link", name="Pipeline 35", exact=True).evaluate("(link) => link.click()")  # which does not scroll
    expect(page.get_by_role("heading", name="Pipeline 35")).to_be_visible()
    assert page.evaluate("scrollY") == 0
    page.go_back()
    expect(page.get_by_role("link", name="Pipeline 35", exact=True)).to_be_visible()
    until(lambda: abs(page.evaluate("scrollY") - y) < 5, 20, "the page is where it was")


@pytest.mark.parametrize("path", ["/settings", "/settings/nothing", f"{HOME}/x", f"{HOME}/17/rotate/more", "/nowhere",
                                  "/sign-in/x", f"{HOME}/0"])
def test_an_unknown_address(visitor, path):
    """The server says 404, or knows that only the page can tell; the page says that nothing is here."""
    if not path.startswith("/settings/"):
        visitor.watch.allow(404, path)
    page = visitor.page
    page.goto(path)
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
    page.get_by_role("link", name="Go to API Keys").click()
    expect(page.get_by_role("heading", name="API Keys", level=1)).to_be_visible()


def test_the_token_of_another(visitor, service, organization):
    token = service.mint(organization.admin, "Not yours")[0]
    visitor.watch.allow(404, f"/api-keys/{token}.*")
    page = visitor.page
    page.goto(f"{HOME}/{token}")
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
    assert "Not yours" not in page.content()


def test_the_root_leads_to_the_list(visitor):
    page = visitor.open("/")
    expect(page).to_have_url(visitor.base + HOME)
