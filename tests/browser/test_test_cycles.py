"""Test cycles in the pages: their counts, latest results and last builds."""

import re

import pytest
from playwright.sync_api import expect

from support.browser import overhang

HOSTILE = "<img src=x onerror=alert(1)>"
CYCLES = "/test-cycles?project=PRJ-1"
MASTER = "/test-cycles/TCYCLE-1?project=PRJ-1"


@pytest.fixture
def visitor(visit, member):
    return visit(member)


@pytest.fixture
def reported(service, organization):
    """Six cases, five of them with a result."""
    service.add_cases(organization.id, 6)
    service.report(organization.member, 1, {1: "pass", 2: "pass", 3: "fail", 4: "blocked", 5: "skipped"},
                   build={"number": "17", "branch": "main", "commit": "abc", "url": "https://ci.example.test/17"})


def rows(page, table="cases"):
    return page.locator(f"table.{table} tbody tr")


def chip(page, title):
    return page.get_by_role("group", name="Show").get_by_role("button", name=title)


def type_name(page, dialog, name, action):
    dialog = page.get_by_role("dialog", name=dialog)
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name=action).click()


@pytest.mark.usefixtures("reported")
def test_the_list_has_bars_and_numbers(visitor):
    page = visitor.open("/test-cycles")
    expect(page).to_have_url(f"{visitor.base}{CYCLES}")
    row = rows(page, "cycles")
    expect(row).to_have_count(1)
    expect(row.get_by_role("img")).to_have_attribute(
        "aria-label", "2 passed, 1 failed, 1 blocked, 1 skipped, 1 not executed")
    widths = row.locator(".bar i").evaluate_all("(parts) => parts.map((part) => part.getBoundingClientRect().width)")
    assert len(widths) == 5 and widths[0] == pytest.approx(2 * widths[1], abs=1)
    expect(row.locator("[data-label=Passed]")).to_have_text(re.compile(r"\s*50 %\s*of 4 executed\s*"))
    row.get_by_role("link", name="Master cycle").click()
    expect(page).to_have_url(f"{visitor.base}{MASTER}")
    expect(page.get_by_text("50 % of 4 executed test cases passed.")).to_be_visible()


@pytest.mark.usefixtures("reported")
def test_results_are_filtered_by_the_address(visitor):
    page = visitor.open(MASTER)
    expect(rows(page)).to_have_count(6)
    for title, count, case in (("Failed", 1, "Case 3"), ("Not executed", 1, "Case 6"), ("Passed", 2, "Case 2")):
        expect(chip(page, title)).to_contain_text(str(count))
        chip(page, title).click()
        expect(rows(page)).to_have_count(count)
        expect(rows(page).first).to_contain_text(case)
    expect(page).to_have_url(f"{visitor.base}{MASTER}&status=pass")
    page.get_by_role("link", name="Case 2").click()
    page.get_by_role("heading", name="Case 2").wait_for()
    page.go_back()
    expect(chip(page, "Passed")).to_have_attribute("aria-pressed", "true")
    expect(rows(page)).to_have_count(2)
    page.reload()
    visitor.settle()
    expect(rows(page)).to_have_count(2)
    chip(page, "All").click()
    expect(page).to_have_url(f"{visitor.base}{MASTER}")
    expect(rows(page)).to_have_count(6)


@pytest.mark.usefixtures("reported")
def test_a_message_is_shown_in_full_on_demand(visitor, service):
    message = "expected 200, got 502\n" + "\n".join(f"    at line {number}" for number in range(60))
    service.database.query("update testkase.test_latest_results set message = %s where status = 'fail'", (message,))
    page = visitor.open(f"{MASTER}&status=fail")
    expect(page.get_by_text("expected 200, got 502").first).to_be_visible()
    expect(page.get_by_text("at line 59")).to_be_hidden()
    page.locator("summary").click()
    expect(page.locator("pre")).to_have_text(message)
    assert rows(page).get_by_text("Told").count() == 0


@pytest.mark.usefixtures("reported")
def test_a_message_stays_open_when_results_come_in(visit, member, service, organization):
    service.database.query("update testkase.test_latest_results set message = %s where status = 'fail'", ("a\nb",))
    visitor = visit(member).has_clock()
    page = visitor.open(MASTER)
    page.locator("summary").click()
    expect(page.locator("pre")).to_be_visible()
    service.report(organization.member, 1, {6: "pass"})
    page.clock.fast_forward(66_000)
    expect(page.get_by_text("60 % of 5 executed test cases passed.")).to_be_visible()
    expect(page.locator("pre")).to_have_text("a\nb")
    expect(page.locator("pre")).to_be_visible()


def test_long_lists_come_in_pages(visitor, service, organization):
    service.add_cases(organization.id, 130)
    for number in range(5):
        service.report(organization.member, 1, {case: "pass" for case in range(1, 121)}, build={"number": str(number)})
    page = visitor.open(f"{MASTER}&status=pass")
    results = page.get_by_role("region", name="Latest results")
    expect(results.locator("[data-count]")).to_have_text("50 of 120 test cases")
    for count in (100, 120):
        results.get_by_role("button", name="Show more").click()
        expect(rows(page)).to_have_count(count)
    expect(results.get_by_role("button", name="Show more")).to_be_hidden()
    assert len(set(results.locator("tbody td:first-child").all_inner_texts())) == 120
    builds = page.get_by_role("region", name="Last builds")
    assert [text.strip() for text in builds.locator("tbody th").all_inner_texts()] == ["Build #4", "Build #3", "Build #2"]
    builds.get_by_role("button", name="Show more").click()
    expect(rows(page, "builds")).to_have_count(5)
    page.reload()
    visitor.settle()
    assert (rows(page).count(), rows(page, "builds").count()) == (120, 5)


# --- builds ---

def test_a_build_is_a_link_only_when_it_is_one_of_the_web(visitor, service, organization):
    service.add_cases(organization.id, 3)
    hostile = {"number": HOSTILE, "branch": HOSTILE, "commit": HOSTILE, "url": "javascript:alert(1)"}
    fine = {"provider": "GitLab", "number": "7", "branch": "main", "url": "https://ci.example.test/7",
            "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8"}
    for build in (hostile, {}, fine):
        service.report(organization.member, 1, {1: "fail"}, build=build)
    service.database.query("update testkase.test_latest_results set message = %s", (HOSTILE,))
    service.database.query("update testkase.test_cases set title = %s", (HOSTILE,))
    page = visitor.open(MASTER)
    first, second, third = rows(page, "builds").all()
    expect(first.get_by_role("link", name="GitLab #7")).to_have_attribute("href", "https://ci.example.test/7")
    expect(first.get_by_role("link", name="GitLab #7")).to_have_attribute("target", "_blank")
    expect(first).to_contain_text("main · 9fceb02d")
    expect(second).to_contain_text("No build")
    expect(third).to_contain_text(f"Build #{HOSTILE}")
    for row in (second, third):
        expect(row.get_by_role("link")).to_have_count(0)
    assert page.locator("#main img, #main script").count() == 0
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert overhang(page) == []


def test_who_reported_is_for_those_who_may_know(visit, service, organization):
    api = service.bearer(organization.member)
    token = api.get("/session", 200).json()["apiKey"]
    body = {"orgId": organization.id, "projectId": "PRJ-1",
            "results": [{"automationId": 99999, "status": "pass", "name": "x"}]}
    api.post("/automation/results", body, 200)
    pages = {who: visit(who).open(MASTER) for who in (organization.member, organization.owner, organization.guest)}
    mine, owners, guests = (rows(page, "builds") for page in pages.values())
    expect(mine).to_contain_text("1 id without a case")
    expect(mine.get_by_role("link", name=token["name"])).to_have_attribute("href", f"/settings/api-keys/{token['id']}")
    expect(owners).to_contain_text(organization.member.name)
    expect(owners).to_contain_text(token["name"])
    expect(owners.get_by_role("link")).to_have_count(0)
    expect(guests).to_contain_text("Not shown to guests")


# --- writing ---

def test_a_cycle_is_made_renamed_and_archived(visitor):
    page = visitor.open(CYCLES)
    page.get_by_role("button", name="New test cycle").click()
    type_name(page, "New test cycle", "Nightly", "Create test cycle")
    expect(page).to_have_url(f"{visitor.base}/test-cycles/TCYCLE-2?project=PRJ-1")
    expect(page.get_by_role("heading", name="Nightly")).to_be_visible()
    page.get_by_role("button", name="Rename").click()
    type_name(page, "Rename the cycle", "Weekly", "Save name")
    expect(page.get_by_role("heading", name="Weekly")).to_be_visible()
    page.get_by_role("button", name="Archive").click()
    page.get_by_role("dialog", name="Archive TCYCLE-2?").get_by_role("button", name="Archive test cycle").click()
    expect(page.get_by_text("Archived", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Rename")).to_have_count(0)
    page.go_back()
    expect(rows(page, "cycles")).to_have_count(1)
    chip(page, "Archived").click()
    expect(page).to_have_url(f"{visitor.base}{CYCLES}&status=archived")
    expect(rows(page, "cycles")).to_contain_text(["Weekly"])
    page.reload()
    visitor.settle()
    expect(rows(page, "cycles")).to_contain_text(["Weekly"])


def test_the_master_cycle_stays(visitor):
    page = visitor.open(MASTER)
    expect(page.get_by_role("button", name="Rename")).to_be_visible()
    expect(page.get_by_role("button", name="Archive")).to_have_count(0)


@pytest.mark.usefixtures("reported")
def test_a_guest_reads(visit, organization):
    visitor = visit(organization.guest)
    page = visitor.open(CYCLES)
    expect(rows(page, "cycles")).to_have_count(1)
    visitor.open(MASTER)
    expect(rows(page)).to_have_count(6)
    for name in ("New test cycle", "Rename", "Archive"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)


def test_an_empty_cycle_teaches_and_then_fills(visitor, service, organization):
    service.add_cases(organization.id, 1)
    service.sign_in(visitor.person).post("/test-cycles?projectId=PRJ-1", {"name": "Nightly"}, 201)
    visitor.has_clock()
    page = visitor.open("/test-cycles/TCYCLE-2?project=PRJ-1")
    expect(page.get_by_role("heading", name="The first results")).to_be_visible()
    snippet = page.get_by_role("tabpanel").locator("code")
    expect(snippet).to_contain_text(f"--project-id PRJ-1 --org-id {organization.id}")
    expect(snippet).to_contain_text("--cycle-id TCYCLE-2")
    service.report(organization.member, 1, {1: "pass"}, cycle_number=2)
    page.clock.fast_forward(66_000)
    expect(rows(page, "builds")).to_have_count(1)
    expect(page.get_by_text("100 % of 1 executed test cases passed.")).to_be_visible()
