"""The audit log: what was done, in words, for admins."""

import json
import re

import pytest
from playwright.sync_api import expect

from support.browser import overhang
from support.demo import EVENTS

PATH = "/settings/audit-log"
HOSTILE = "<img src=x onerror=alert(1)>\u202e\"'"


@pytest.fixture
def admin(visit, organization):
    return visit(organization.admin)


def rows(page):
    return page.get_by_role("region", name="Events").locator("tbody tr")


def sentences(page):
    return [" ".join(text.split()) for text in page.locator(".sentence").all_inner_texts()]


def record(service, organization, count, action="user.updated", detail=None, **more):
    """Events of the admin about the member, as the service would have recorded them."""
    values = {"organization_id": organization.id, "actor_kind": "user", "actor_user_id": organization.admin.id, "action": action,
              "target_kind": "user", "target_id": organization.member.id, "detail": json.dumps(detail or {}), **more}
    service.database.query(f"insert into testkase.audit_events ({', '.join(values)}) "
                           f"select {', '.join(['%s'] * len(values))} from generate_series(1, {count})", tuple(values.values()))


def test_an_admin_reads_what_just_happened(admin, service, organization):
    owner = service.sign_in(organization.owner)
    token, secret = service.mint(organization.member, "GitHub Actions")
    owner.patch(f"/users/{organization.member.id}", {"orgRole": "admin"}, 200)
    service.server.bearer(secret).post("/api-keys", {"name": "Nightly", "expiresInDays": 30}, 201)
    owner.delete(f"/users/{organization.member.id}/api-keys/{token}", 204)
    page = admin.open()
    page.locator("#nav").get_by_role("link", name="Audit log").click()
    expect(page.get_by_role("heading", name="Audit log")).to_be_focused()
    expect(rows(page).first).to_contain_text("revoked the token GitHub Actions")
    member, owner = organization.member.name, organization.owner.name
    said = [line for line in sentences(page) if "hashed anew" not in line]
    assert said[:3] == [f"{owner} revoked the token GitHub Actions of {member}", f"{member} generated the token Nightly",
                        f"{owner} made {member} an admin"]
    made = rows(page).filter(has_text="generated the token Nightly")
    expect(made.get_by_text("Token GitHub Actions · 127.")).to_be_visible()
    assert made.locator("time").get_attribute("title")
    made.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(made.locator("pre")).to_contain_text('"expiresInDays": 30')
    expect(made.locator("dl")).to_contain_text("api_key.created")
    expect(made.get_by_text("Pairs are")).to_have_count(0)
    made.get_by_role("link", name=member, exact=True).click()
    expect(page.get_by_role("heading", name=member)).to_be_visible()
    page.get_by_role("link", name="what they did").click()
    expect(page).to_have_url(re.compile(f"actorUserId={organization.member.id}$"))
    expect(rows(page).first).to_contain_text("generated the token Nightly")
    page.go_back()
    page.get_by_role("link", name="what was done to this account").click()
    expect(page.get_by_text(f"Only what was done to the account {member}.")).to_be_visible()
    changed = rows(page).filter(has_text=f"made {member} an admin")
    changed.locator("summary").click()
    expect(changed.get_by_text("Pairs are before and after.")).to_be_visible()


def test_a_token_leads_to_what_was_done_to_it(visit, service, organization):
    token = service.mint(organization.admin, "Jenkins")[0]
    service.sign_in(organization.admin).delete(f"/api-keys/{token}", 204)
    service.sign_in(organization.admin).post("/api-keys", {"name": "Another", "expiresInDays": 7}, 201)
    page = visit(organization.admin).open(f"/settings/api-keys/{token}")
    page.get_by_role("link", name="What was done to it, in the audit log").click()
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("revoked the token Jenkins")
    page.go_back()
    expect(page.get_by_role("heading", name="Jenkins")).to_be_visible()
    token = service.mint(organization.member, "Of a member")[0]
    page = visit(organization.member).open(f"/settings/api-keys/{token}")
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    expect(page.get_by_role("link", name="in the audit log")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 390])
def test_the_mark_of_a_service_account_stands_beside_its_name(visit, service, organization, width):
    for name in ("bot", "Nightly builds of all branches", "W" * 80):
        robot = service.person(organization.id, kind="service", name=name)
        record(service, organization, 1, "user.created", {"kind": "service"}, target_id=robot.id)
    page = visit(organization.admin, viewport={"width": width, "height": 800}).open(PATH)
    links = rows(page).filter(has_text=", a service account").locator(".sentence a:has(.icon)")
    expect(links).to_have_count(3)
    for link in links.all():
        icon, name = link.locator(".icon").bounding_box(), link.locator("bdi").evaluate(
            "(name) => name.getClientRects()[0].toJSON()")
        assert 0 <= name["x"] - icon["x"] - icon["width"] < 8, "beside each other"
        assert name["y"] <= icon["y"] + icon["height"] / 2 <= name["bottom"], "in one line"


def test_every_action_has_its_sentence(visit, demo):
    demo.history()
    page = visit(demo.mara).open(f"{PATH}?from=2020-01-01")
    page.get_by_role("button", name="Show more").click()
    expect(rows(page)).not_to_have_count(50)
    said = sentences(page)
    newest = said.index("service account Nightly created the test cycle TCYCLE-6 Exploratory")
    said = said[newest:newest + len(EVENTS)]
    assert len(set(said)) == len(EVENTS), "no two actions read alike"
    names = "service account|Astrid Nygaard|Mara Lindqvist|Tomás Ferreira|An operator|The \\w+|Somebody|A sign-in|Mails"
    for line, (_, action, *_) in zip(said, reversed(EVENTS)):
        assert re.match(names, line) and action not in line, (action, line)
        assert not re.search("gone|undefined|null|NaN|object|\\?", line), (action, line)


def test_filters_stand_in_the_address_and_back_works(admin, service, organization):
    record(service, organization, 2, detail={"orgRole": ["admin", "member"]})
    record(service, organization, 1, "user.deactivated", actor_user_id=organization.owner.id)
    record(service, organization, 1, "user.reactivated", occurred_at="2020-02-03T10:00:00Z")
    page = admin.open(PATH)
    who, what, when = (page.get_by_label(label, exact=True) for label in ("Who", "What", "When"))
    expect(rows(page)).not_to_have_count(0)
    who.focus()
    who.select_option(label=organization.owner.name)
    expect(rows(page)).to_have_count(1)
    expect(who).to_be_focused()
    expect(rows(page)).to_contain_text("deactivated")
    what.select_option(label="Account changed")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"\?action=user.updated&actorUserId={organization.owner.id}$"))
    page.go_back()
    expect(rows(page)).to_have_count(1)
    expect(who).to_have_value(str(organization.owner.id))
    expect(what).to_have_value("")
    page.go_back()
    expect(who).to_have_value("")
    expect(rows(page)).not_to_have_count(1)

    when.select_option(label="Between two days…")
    expect(page.get_by_label("From")).to_be_focused()
    page.get_by_label("From").fill("2020-02-03")
    page.get_by_label("To").fill("2020-02-03")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("reactivated")
    page.reload()
    expect(rows(page)).to_have_count(1)
    expect(when).to_have_value("between")
    expect(page.get_by_label("To")).to_have_value("2020-02-03")
    page.get_by_label("To").fill("2020-02-01")
    expect(page.get_by_text("The first day is after the second.")).to_be_visible()
    page.get_by_label("To").fill("2020-02-03")
    expect(rows(page)).to_have_count(1)

    rows(page).locator("summary").click()
    page.get_by_role("link", name="What was done to this account").click()
    expect(rows(page)).to_have_count(4)
    expect(page.get_by_text(f"Only what was done to the account {organization.member.name}.")).to_be_visible()
    page.get_by_role("button", name="Show everything").click()
    expect(rows(page)).not_to_have_count(4)
    expect(page).to_have_url(re.compile(f"{PATH}$"))
    expect(who).to_be_focused()
    page.goto(f"{PATH}?action=%3Cscript%3E&actorUserId=x&days=8&from=2020-13-40")
    expect(rows(page)).not_to_have_count(0)


def test_more_is_loaded_and_the_list_says_how_far_it_looked(admin, service, organization):
    """Behind a filter, one answer of the server has looked at 10 000 events only."""
    record(service, organization, 3, "user.deleted", occurred_at="2020-03-03T10:00:00Z")
    record(service, organization, 33_000)
    record(service, organization, 70, "user.created", detail={"orgRole": "member"})
    page = admin.open(f"{PATH}?action=user.created")
    expect(rows(page)).to_have_count(50)
    expect(page.get_by_text("The newest 50 events")).to_be_visible()
    page.get_by_role("button", name="Show more").click()
    expect(rows(page)).to_have_count(70)
    expect(rows(page).nth(50).get_by_role("link").first).to_be_focused()
    expect(page.get_by_text(re.compile("70 events, looking back to .* 20"))).to_be_visible()

    page.get_by_label("What", exact=True).select_option(label="Account deleted")
    expect(page.get_by_role("heading", name="Nothing found yet")).to_be_visible()
    expect(page.get_by_text("there are older events")).to_be_visible()
    page.get_by_role("button", name="Look further back").click()
    expect(rows(page)).to_have_count(3)
    expect(page.get_by_text("3 events", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Look further back")).to_be_hidden()
    page.reload()
    expect(rows(page)).to_have_count(3)


def test_a_member_is_refused_calmly(visit, member):
    visitor = visit(member)
    page = visitor.open()
    expect(page.locator("#nav").get_by_role("link", name="Audit log")).to_have_count(0)
    visitor.watch.allow(403, "/(audit-events|users)")
    page.goto(PATH)
    expect(page.get_by_role("heading", name="Not for this account")).to_be_visible()


def test_what_nobody_foresaw_is_text(admin, service, organization):
    """An action that is not known yet, and details of another form than the page expects."""
    record(service, organization, 1, "no.such_action", detail={HOSTILE: {"x" * 200: [HOSTILE, None, 1]}})
    record(service, organization, 1, "project.updated", detail={"name": [HOSTILE, 7]})
    record(service, organization, 1, "user.updated", detail={"name": HOSTILE, "orgRole": [None, {}]})
    record(service, organization, 1, "organization.updated", detail={HOSTILE: [1, 2]})
    page = admin.open(PATH)
    lines = rows(page).filter(has_text=re.compile("no.such|renamed|settings"))
    expect(lines).to_have_count(4)
    for line in lines.all():
        line.locator("summary").click()
        expect(line.locator("pre")).to_contain_text(HOSTILE.replace('"', '\\"').split("\\")[0])
    assert lines.filter(has_text="no.such").locator("code").first.text_content() == "no.such_action"
    assert page.locator("#main img, #main script").count() == 0
    assert overhang(page) == []


def test_news_come_without_losing_what_is_open_or_typed(visit, service, organization):
    record(service, organization, 3, detail={"orgRole": ["admin", "member"]})
    page = visit(organization.admin).open(PATH)
    rows(page).filter(has_text="a member").first.locator("summary").click()
    expect(page.locator("pre")).to_be_visible()
    page.get_by_label("When").select_option(label="Between two days…")
    page.get_by_label("From").focus()
    page.keyboard.type("02")  # a month, and no day yet
    count = rows(page).count()
    service.sign_in(organization.admin).post("/api-keys", {"name": "Made elsewhere", "expiresInDays": 7}, 201)
    expect(rows(page).first).to_contain_text("generated the token Made elsewhere")
    assert rows(page).count() > count
    expect(page.get_by_label("From")).to_be_focused()
    expect(page.locator("pre")).to_be_visible()
    page.keyboard.type("032020")
    expect(page.get_by_label("From")).to_have_value("2020-02-03")
