"""What the first view costs: bytes over the wire, and time until the list is there."""

import time

import pytest
from playwright.sync_api import expect

from support.browser import HOME, row
from support.quiet import is_quiet

KIB = 100
MILLISECONDS = 600  # without a GPU and beside the tests' own work; the goal on a quiet desktop is 300
TRIES = 5
PATIENCE = 20  # seconds for the machine to become quiet
# Notes when the list is drawn: the moment at which somebody can use it.
NOTE = """
new MutationObserver((_, observer) => {
  if (!document.querySelector('table.keys tbody tr')) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.usable = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""


def first_view(visitor):
    """Bytes of all answers as they came, and milliseconds until the list was drawn, with an empty cache."""
    sizes = []
    protocol = visitor.context.new_cdp_session(visitor.page)
    protocol.send("Network.enable")
    protocol.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    visitor.context.add_init_script(NOTE)
    page = visitor.open(HOME)
    expect(row(page, "Jenkins — Nightly")).to_be_visible()
    page.wait_for_load_state("networkidle")
    return sum(sizes), page.evaluate("usable"), len(sizes)


def quiet_views(look):
    """What look() gives, TRIES times, without those tries at which the machine had other work; empty when it always had."""
    found, end = [], time.monotonic() + PATIENCE
    while len(found) < TRIES and time.monotonic() < end:
        if is_quiet():
            view = look()
            if is_quiet():
                found.append(view)
    return found


@pytest.mark.alone
def test_the_first_view_is_light_and_quick(visit, service, organization):
    for number in range(14):
        service.mint(organization.member, f"Jenkins — Nightly{f' {number}' if number else ''}")

    def look():
        visitor = visit(organization.member)
        size, taken, requests = first_view(visitor)
        visitor.close()
        print(f"{size / 1024:.1f} KiB in {requests} answers, list after {taken:.0f} ms")
        return size, taken

    sizes, times = zip(*(look() for _ in range(TRIES)))
    assert max(sizes) <= KIB * 1024
    if min(times) > MILLISECONDS:
        views = quiet_views(look)
        if not views:
            pytest.skip("this machine is busy with other work: its times say nothing")
        assert min(taken for _, taken in views) <= MILLISECONDS
