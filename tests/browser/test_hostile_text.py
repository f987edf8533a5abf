"""Texts that people choose are shown as text, wherever they stand, and never break the page."""

import pytest
from playwright.sync_api import expect

from support.browser import HOME, generate, overhang, row, shown_once

TEXTS = [
    "<img src=x onerror=alert(1)>",
    "\"><script>alert(1)</script>",
    "${alert(1)} {{alert(1)}} §0§ <!--§0§-->",
    "تكامل Jenkins — الاختبارات الليلية",
    "\u202egnol ton si siht",
    "W" * 100,
    "👩‍👩‍👧‍👦🏳️‍🌈👨🏽‍💻" * 4,
    "e\u0301\u0327" * 30,
]
LINK = "https://evil.example/\"><script>alert(1)</script>/" + "W" * 120
VIEWS = [HOME, f"{HOME}?status=all", f"{HOME}/{{}}", f"{HOME}/{{}}/rotate"]


@pytest.fixture
def hostile(service, organization):
    """A person, all of whose texts are hostile: gives (person, ids of tokens by name)."""
    person = service.person(organization.id, name=TEXTS[0], email="hostile-%d@example.test" % organization.id)
    service.database.query("update testkase.organizations set name = %s where id = %s", (TEXTS[1], organization.id))
    made = {}
    for text in TEXTS:
        made[text] = token = service.mint(person, text)[0]
        service.database.without_triggers("update testkase.api_tokens set purpose = %s, link = %s where id = %s",
                                          (text, LINK, token))
        service.use(token, text[:64], ago="1 hour")
        service.use(token, text[:64], ago="2 hours", route=f"/api/v1/{text}"[:64], status=403)
    return person, made


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_every_view_shows_it_as_text(visit, hostile, width):
    person, made = hostile
    visitor = visit(person, viewport={"width": width, "height": 800})
    page = visitor.open()
    for text in TEXTS:
        line = row(page, text)
        expect(line).to_have_count(1)
        assert line.locator("bdi.name").text_content() == text
        assert line.locator(".use bdi").text_content() == text
        expect(line.get_by_role("link", name="evil.example")).to_have_attribute("rel", "noreferrer noopener")
    for text, token in made.items():
        for view in VIEWS:
            visitor.open(view.format(token))
            assert overhang(page) == [], (view, text)
            assert page.locator("#main img, #main script").count() == 0
        visitor.open(f"{HOME}/{token}")
        assert page.locator("h1 bdi").text_content() == text
        assert page.locator("dd bdi").text_content() == text
        assert page.title() == f"{text} · TestKase" or text != text.strip() or "  " in text
    for path in ("/account", HOME):
        visitor.open(path)
        assert page.locator("#user-button b").text_content() == TEXTS[0]
        assert page.locator("#org-name").text_content() == TEXTS[1]
        assert overhang(page) == []


@pytest.mark.parametrize("width", [1280, 320])
def test_every_dialog_shows_it_as_text(visit, service, hostile, width):
    person, made = hostile
    visitor = visit(person, viewport={"width": width, "height": 800})
    page = visitor.open()
    for text in TEXTS:
        row(page, text).get_by_role("button", name="Delete").click()
        dialog = page.get_by_role("dialog", name="Delete this token?")
        assert dialog.locator("bdi").first.text_content() == text
        expect(dialog.get_by_role("listitem")).to_have_count(1)
        assert not dialog.evaluate("(node) => node.scrollWidth > node.clientWidth"), text
        dialog.get_by_role("button", name="Cancel").click()
    page.keyboard.press("Control+K")
    for text in TEXTS:
        expect(page.get_by_role("listbox").get_by_text(text, exact=True)).to_have_count(1)
    page.keyboard.press("Escape")
    service.sign_in(person).delete(f"/api-keys/{made[TEXTS[0]]}", 204, json={"note": TEXTS[1]})
    visitor.open(f"{HOME}/{made[TEXTS[0]]}")
    assert page.locator("q bdi").all_text_contents() == [TEXTS[1]] * 2


def test_a_long_name_stays_in_the_dialog_of_the_new_token(visit, member):
    page = visit(member, viewport={"width": 390, "height": 800}).open()
    generate(page, "W" * 80)
    dialog = shown_once(page)
    expect(dialog.get_by_text("expires")).to_be_visible()
    assert dialog.locator(".dialog-head").evaluate("(head) => head.scrollWidth <= head.clientWidth")
    dialog.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Close anyway").click()
    page.locator("#toast").evaluate("(box) => { box.textContent = 'W'.repeat(80); box.showPopover(); }")
    assert page.locator("#toast").evaluate("(box) => box.scrollWidth <= box.clientWidth")


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_it_can_be_typed(visit, member, service, text):
    visitor = visit(member)
    page = visitor.open()
    page.get_by_role("button", name="Generate New Token").click()
    dialog = page.get_by_role("dialog", name="Generate New Token")
    dialog.get_by_label("Name", exact=True).fill(text)
    with page.expect_response("**/api/v1/api-keys") as response:
        if "\u202e" in text:
            visitor.watch.allow(422, "/api-keys", "POST")
        dialog.get_by_role("button", name="Generate", exact=True).click()
    if response.value.status == 422:
        expect(dialog.locator("#token-name-hint")).to_contain_text("The name must not")
        return
    shown = page.get_by_role("dialog", name="Copy your new token")
    assert shown.locator("bdi").text_content() == text
    shown.get_by_role("button", name="Copy token").click()
    shown.get_by_role("button", name="Done").click()
    assert row(page, text).locator("bdi.name").text_content() == text
    [made] = service.sign_in(member).get("/api-keys", 200).json()["data"]
    assert made["name"] == text


@pytest.mark.parametrize("width", [1280, 320])
def test_the_audit_log_shows_it_as_text(visit, service, organization, hostile, width):
    person, made = hostile
    for text, token in made.items():
        service.sign_in(person).delete(f"/api-keys/{token}", 204, json={"note": TEXTS[1]})
    page = visit(organization.admin, viewport={"width": width, "height": 800}).open("/settings/audit-log")
    lines = page.locator("tbody tr").filter(has_text="revoked the token")
    expect(lines).to_have_count(len(TEXTS))
    for line, text in zip(lines.all(), reversed(made)):
        line.locator("summary").click()
        expect(line.locator("pre")).to_be_visible()
        assert line.locator(".sentence bdi").all_text_contents() == [TEXTS[0], text]
        assert line.locator("q bdi").all_text_contents() == [TEXTS[1]]
    assert page.locator("#main img, #main script").count() == 0
    assert overhang(page) == []
    page.goto(f"/settings/audit-log?targetKind=api_key&targetId={made[TEXTS[5]]}&actorUserId={person.id}")
    assert page.locator(".only-target bdi").text_content() == TEXTS[5]
    expect(page.get_by_label("Who", exact=True)).to_have_value(str(person.id))
    assert overhang(page) == []
