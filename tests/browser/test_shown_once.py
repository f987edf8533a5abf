"""The one moment in which a token is shown: copied for sure, closed only on purpose, and then nowhere."""

import json
import re

import pytest
from playwright.sync_api import expect

from support.browser import PLAIN_HOST, free_port, generate, row, shown_once
from support.deadline import until

NAME = "Jenkins — Nightly"
ASKS = "Close without copying?"
REFUSE = """
document.execCommand = () => false;
if (navigator.clipboard) navigator.clipboard.writeText = () => Promise.reject(new DOMException('', 'NotAllowedError'));
"""
# Everything in which a page could keep a text.
EVERYWHERE = """() => JSON.stringify([
  document.documentElement.outerHTML, document.documentElement.textContent, document.title, location.href, history.state,
  { ...localStorage }, { ...sessionStorage }, document.cookie, name,
  [...document.querySelectorAll('input, textarea')].map((field) => field.value)])"""


@pytest.fixture
def visitor(visit, member):
    return visit(member)


def make(visitor):
    """Generates a token on the page; returns it and its dialog."""
    visitor.open()
    generate(visitor.page, NAME)
    dialog = shown_once(visitor.page)
    token = dialog.get_by_label("The new token").inner_text().strip()
    assert re.fullmatch(r"tk_pat_[0-9A-Za-z]{30,}", token)
    return token, dialog


def clipboard(visitor):
    """What a paste into an empty page of the same browser gives; our own pages may not read the clipboard."""
    page = visitor.context.new_page()
    page.set_content("<textarea autofocus></textarea>")
    page.locator("textarea").focus()
    page.keyboard.press("Control+V")
    text = page.locator("textarea").input_value()
    page.close()
    return text


def assert_nowhere(visitor, token):
    """Neither the page nor the console has the token, nor the part of it that is secret."""
    everything = visitor.page.evaluate(EVERYWHERE) + json.dumps(visitor.watch.console)
    for text in (token, token[15:]):
        assert text not in everything
    for request in visitor.watch.requests:
        assert token not in request.url


def test_copying(visitor):
    token, dialog = make(visitor)
    assert visitor.page.evaluate("isSecureContext")
    expect(dialog.get_by_text("Copied")).to_have_count(0)
    dialog.get_by_role("button", name="Copy token").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    assert clipboard(visitor) == token


def test_copying_where_the_address_is_no_secure_context(visit, member, service):
    port = free_port()
    base = f"http://{PLAIN_HOST}:{port}"
    server = service.start_server(TESTKASE_LISTEN=f"127.0.0.1:{port}", TESTKASE_PUBLIC_URL=base)
    visitor = visit(member, signed_in=False, server=server, base=base)
    visitor.watch.allow_words("Cross-Origin-Opener-Policy header has been ignored")  # as at every address without https
    visitor.open("/sign-in")
    visitor.sign_in()
    visitor.page.get_by_role("heading", name="API Keys").wait_for()
    token, dialog = make(visitor)
    assert not visitor.page.evaluate("isSecureContext")
    dialog.get_by_role("button", name="Copy token").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    assert clipboard(visitor) == token
    dialog.get_by_role("button", name="Done").click()
    expect(dialog).to_be_hidden()
    assert_nowhere(visitor, token)


def test_copying_by_hand_counts(visitor):
    token, dialog = make(visitor)
    dialog.get_by_label("The new token").evaluate("(output) => getSelection().selectAllChildren(output)")
    visitor.page.keyboard.press("Control+C")
    dialog.get_by_role("button", name="Done").click()
    expect(dialog).to_be_hidden()
    assert clipboard(visitor) == token


def test_a_refused_copy_says_so(visitor):
    visitor.context.add_init_script(REFUSE)
    token, dialog = make(visitor)
    dialog.get_by_role("button", name="Copy token").click()
    expect(dialog.get_by_role("button", name="Not copied")).to_be_visible()
    expect(dialog.get_by_role("alert")).to_contain_text("The browser did not let us copy.")
    expect(dialog.get_by_role("button", name="Copied")).to_have_count(0)
    assert visitor.page.evaluate("getSelection().toString()").strip() == token
    dialog.get_by_role("button", name="Done").click()
    expect(visitor.page.get_by_role("dialog", name=ASKS)).to_be_visible()


WAYS = {
    "Esc": lambda page: page.keyboard.press("Escape"),
    "Done": lambda page: shown_once(page).get_by_role("button", name="Done").click(),
    "Back": lambda page: page.evaluate("history.back()"),
}


@pytest.mark.parametrize("way", WAYS)
def test_leaving_asks_while_nothing_is_copied(visitor, way):
    token, dialog = make(visitor)
    question = visitor.page.get_by_role("dialog", name=ASKS)
    for _ in range(2):
        WAYS[way](visitor.page)
        expect(question).to_be_visible()
        question.get_by_role("button", name="Go back and copy").click()
        expect(question).to_be_hidden()
        expect(dialog.get_by_label("The new token")).to_have_text(token)
    WAYS[way](visitor.page)
    question.get_by_role("button", name="Close anyway").click()
    expect(dialog).to_be_hidden()
    expect(row(visitor.page, NAME)).to_be_visible()
    assert_nowhere(visitor, token)


def test_pressing_esc_again_and_again_does_not_close(visitor):
    token, dialog = make(visitor)
    for _ in range(6):
        visitor.page.keyboard.press("Escape")
    expect(dialog.get_by_label("The new token")).to_have_text(token)


def test_a_click_outside_does_not_close(visitor):
    token, dialog = make(visitor)
    visitor.page.mouse.click(4, 4)
    visitor.page.mouse.click(1270, 890)
    question = visitor.page.get_by_role("dialog", name=ASKS)
    if question.is_visible():
        question.get_by_role("button", name="Go back and copy").click()
    expect(dialog.get_by_label("The new token")).to_have_text(token)


def test_a_reload_asks(visitor):
    token, dialog = make(visitor)
    asked = []

    def stay(box):
        asked.append(box.type)
        box.dismiss()

    visitor.watch.answer_dialogs(stay)
    visitor.page.evaluate("void setTimeout(() => location.reload())")
    until(lambda: visitor.page.evaluate("true") and asked, 20, "the browser asks")
    expect(dialog.get_by_label("The new token")).to_have_text(token)
    assert asked == ["beforeunload"]


def test_after_copying_nothing_asks_and_nothing_is_left(visitor):
    page = visitor.page
    token, dialog = make(visitor)
    before = page.url
    dialog.get_by_role("button", name="Copy token").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(row(page, NAME)).to_be_visible()
    assert page.url == before
    assert_nowhere(visitor, token)
    page.reload()
    visitor.settle()
    expect(row(page, NAME)).to_be_visible()
    assert_nowhere(visitor, token)
    page.go_forward()
    visitor.settle()
    assert_nowhere(visitor, token)


def test_after_a_reload_the_token_is_nowhere(visitor):
    token, _ = make(visitor)
    visitor.watch.answer_dialogs(lambda box: box.accept())
    visitor.page.reload()
    visitor.settle()
    expect(row(visitor.page, NAME)).to_be_visible()
    expect(shown_once(visitor.page)).to_be_hidden()
    assert_nowhere(visitor, token)
    visitor.page.go_back()
    visitor.settle()
    expect(shown_once(visitor.page)).to_be_hidden()
    assert_nowhere(visitor, token)
