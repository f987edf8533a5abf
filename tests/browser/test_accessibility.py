"""The pages by keyboard, by assistive technology, and on a small screen."""

import pytest
from playwright.sync_api import expect

from support.axe import violations
from support.browser import overhang
from support.scenes import SCENES, show

# Controls that are visible and reach beyond the page, outside of boxes that scroll by themselves.
CUT_OFF = """() => {
  const width = document.documentElement.clientWidth;
  const scrolls = (element) => element && element !== document.documentElement &&
    (['auto', 'scroll'].includes(getComputedStyle(element).overflowX) && element.scrollWidth > element.clientWidth ||
     scrolls(element.parentElement));
  return [...document.querySelectorAll('a, button, input, select, textarea, summary, [tabindex="0"]')].filter((control) => {
    const box = control.getBoundingClientRect();
    const hidden = !control.checkVisibility({ visibilityProperty: true }) || box.width <= 1 || control.matches('.skip');
    return !hidden && !scrolls(control.parentElement) && (box.left < -1 || box.right > width + 1);
  }).map((control) => control.outerHTML.slice(0, 160));
}"""


@pytest.mark.parametrize("name", SCENES)
def test_every_scene_is_accessible(visit, demo, name):
    """axe finds nothing, and nothing is cut off on the smallest screen."""
    page = show(name, visit, demo).page
    found = []
    for width in SCENES[name].widths:
        for theme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found += [f"{width} {theme}: {one}" for one in violations(page)]
    assert found == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert overhang(page) == []
    assert page.evaluate(CUT_OFF) == []


# --- the keyboard ---

FOCUSED = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  return { name: element.ariaLabel ?? element.getAttribute('aria-label') ?? element.innerText,
           seen: style.outlineStyle !== 'none' || style.boxShadow !== 'none' };
}"""


def tab_to(page, name, most=60, key="Tab"):
    """Presses Tab (or Shift+Tab) until the control of that name has the focus, which must be visible on the way."""
    for _ in range(most):
        page.keyboard.press(key)
        at = page.evaluate(FOCUSED)
        assert at["seen"], f"the focus is not seen at {at['name']}"
        if name in (at["name"] or ""):
            return
    raise AssertionError(f"Tab does not reach {name}")


def test_the_keyboard_alone_does_everything(visit, member, service):
    visitor = visit(member, signed_in=False)
    page = visitor.open("/sign-in")
    page.keyboard.type(member.email)
    page.keyboard.press("Tab")
    page.keyboard.type(member.password)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Your first token").wait_for()

    tab_to(page, "Generate New Token")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("Jenkins — Nightly")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Copy your new token")
    token = dialog.get_by_label("The new token").inner_text().strip()
    tab_to(page, "Copy token")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    tab_to(page, "Done")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    service.server.bearer(token).get("/session", 200)

    page.get_by_role("button", name="Delete “Jenkins — Nightly”").wait_for()
    tab_to(page, "Delete “Jenkins — Nightly”")
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Delete this token?").wait_for()
    tab_to(page, "Delete")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    service.server.bearer(token).get("/session", 401)


def test_the_keyboard_alone_makes_a_test_case(visit, member, service, organization):
    service.add_cases(organization.id, 1)
    page = visit(member).open("/test-cases?project=PRJ-1")
    tab_to(page, "New test case")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Title", exact=True)).to_be_focused()
    page.keyboard.type("Guest checks out")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="TC-2 is there. Now name the test")
    dialog.wait_for()
    tab_to(page, "Code", key="Shift+Tab")  # the focus was at the last control
    page.keyboard.press("Shift+Tab")
    expect(dialog.get_by_role("tab", selected=True)).to_be_focused()
    page.keyboard.press("End")
    expect(dialog.get_by_role("tab", name="NUnit")).to_be_focused()
    expect(dialog.get_by_role("tabpanel")).to_contain_text("[Test(Description")
    tab_to(page, "Done")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name="Guest checks out").wait_for()
    tab_to(page, "Guest checks out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Guest checks out")).to_be_focused()
