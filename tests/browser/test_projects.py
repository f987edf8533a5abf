"""Settings, Projects: projects are made and named, and people put into them and taken out."""

import pytest
from playwright.sync_api import expect

from support.browser import overhang

PROJECTS = "/settings/projects"
MEMBERS = f"{PROJECTS}/PRJ-1"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def admin(visit, organization):
    return visit(organization.admin)


def row(page, person):
    return page.locator("table.members tbody tr").filter(has_text=person.email)


def role_of(page, person):
    return row(page, person).get_by_label(f"Role of {person.name}")


def add(page, person, role):
    page.get_by_role("button", name="Add a member").click()
    dialog = page.get_by_role("dialog", name="Add a member")
    dialog.get_by_label("Account").select_option(str(person.id))
    dialog.get_by_label("Role").select_option(label=role)
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(row(page, person)).to_be_visible()


def remove(page, person):
    row(page, person).get_by_role("button", name=f"Remove {person.name}").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(row(page, person)).to_have_count(0)


def navigation(page):
    return page.get_by_role("navigation", name="Main").get_by_role("link", name="Projects")


def test_an_admin_makes_a_project_and_decides_who_does_what_in_it(admin, visit, service, organization):
    newcomer = service.person(organization.id, name="Newcomer")
    other = visit(newcomer)
    expect(other.open("/test-cycles").get_by_text("You are in no project.")).to_be_visible()
    client = service.bearer(newcomer)

    page = admin.open(PROJECTS)
    page.get_by_role("button", name="New project").click()
    dialog = page.get_by_role("dialog", name="New project")
    dialog.get_by_role("button", name="Create project").click()
    expect(dialog.get_by_text("Give the name.")).to_be_visible()
    dialog.get_by_label("Name").fill("Mobile app")
    dialog.get_by_role("button", name="Create project").click()
    expect(page).to_have_url(f"{admin.base}{PROJECTS}/PRJ-2")
    expect(page.get_by_role("heading", name="No member yet")).to_be_visible()

    add(page, newcomer, "Guest")
    other.page.reload()
    other.settle()
    expect(other.page.get_by_text("Mobile app (PRJ-2)")).to_be_visible()
    expect(other.page.get_by_role("button", name="New test cycle")).to_have_count(0)
    client.post("/test-cycles?projectId=PRJ-2", {"name": "Nightly"}, 403)

    role_of(page, newcomer).select_option(label="User")
    expect(page.locator("#toast")).to_have_text("Changed. It counts from the next request on.")
    client.post("/test-cycles?projectId=PRJ-2", {"name": "Nightly"}, 201)
    page.reload()
    admin.settle()
    expect(role_of(page, newcomer)).to_have_value("user")

    remove(page, newcomer)
    client.get("/test-cycles?projectId=PRJ-2", 404)
    expect(other.open("/test-cycles").get_by_text("You are in no project.")).to_be_visible()


def test_whoever_is_there_or_manages_all_is_no_choice(admin, service, organization):
    robot = service.person(organization.id, kind="service", name="Nightly")
    page = admin.open(MEMBERS)
    page.get_by_role("button", name="Add a member").click()
    accounts = page.get_by_role("dialog").get_by_label("Account").get_by_role("option")
    expect(accounts).to_have_text([f"Nightly ({robot.email}), service account"])
    page.keyboard.press("Escape")
    add(page, robot, "User")
    page.get_by_role("button", name="Add a member").click()
    expect(page.get_by_role("dialog", name="Nobody to add")).to_be_visible()


def test_a_change_that_is_refused_is_not_shown_as_done(admin, service, organization):
    """An account that was made an admin meanwhile keeps the role that it had."""
    page = admin.open(MEMBERS)
    member = organization.member
    service.database.query("update testkase.users set org_role = 'admin' where id = %s", (member.id,))
    admin.watch.allow(409, f"/projects/PRJ-1/members/{member.id}", "PUT")
    role_of(page, member).select_option(label="Guest")
    expect(page.get_by_role("alert")).to_contain_text("so an admin of every project")
    expect(role_of(page, member)).to_have_value("user")


def test_an_admin_of_one_project_manages_its_members_only(visit, service, organization):
    manager = service.person(organization.id, name="Manager")
    service.join(organization.id, 1, manager, "project_admin")
    service.join(organization.id, service.project(organization.id, "Another"), manager, "user")
    visitor = visit(manager)
    page = visitor.open()
    navigation(page).click()
    expect(page.locator("table.projects tbody tr")).to_have_count(1)
    expect(page.get_by_role("button", name="New project")).to_have_count(0)
    page.get_by_role("link", name="Web shop").click()
    expect(page.get_by_text("and add people to it: ask one of them.")).to_be_visible()
    expect(page.get_by_role("button", name="Add a member")).to_have_count(0)
    expect(row(page, manager).get_by_text("You", exact=True)).to_be_visible()
    expect(row(page, manager).get_by_role("combobox")).to_have_count(0)
    guest = service.bearer(organization.guest)
    role_of(page, organization.guest).select_option(label="User")
    expect(page.locator("#toast")).to_have_text("Changed. It counts from the next request on.")
    guest.post("/test-cycles?projectId=PRJ-1", {"name": "Nightly"}, 201)
    remove(page, organization.guest)
    guest.get("/test-cycles?projectId=PRJ-1", 404)
    page.keyboard.press("Control+K")
    page.get_by_role("combobox", name="Find a page or a token").fill("projects")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{visitor.base}{PROJECTS}")
    expect(visitor.open(f"{PROJECTS}/PRJ-2").get_by_text("Not for this account")).to_be_visible()
    expect(visitor.open(f"{PROJECTS}/PRJ-9").get_by_text("It does not exist, or you may not see it.")).to_be_visible()


def test_a_member_who_manages_nothing_is_told_so(visit, organization):
    visitor = visit(organization.member)
    with visitor.page.expect_response("**/projects/user-projects*"):
        page = visitor.open()
    expect(navigation(page)).to_have_count(0)
    expect(visitor.open(PROJECTS).get_by_text("You manage no project.")).to_be_visible()
    expect(visitor.open(MEMBERS).get_by_text("Not for this account")).to_be_visible()


def test_names_are_text_and_fit(admin, service, organization):
    service.project(organization.id, HOSTILE)
    service.project(organization.id, "Ω" * 100)
    person = service.person(organization.id, name=HOSTILE, email="hostile@example.test")
    service.join(organization.id, 2, person, "guest")
    admin.page.set_viewport_size({"width": 320, "height": 700})
    page = admin.open(PROJECTS)
    expect(page.get_by_role("link", name="Ω" * 100)).to_be_visible()
    assert not overhang(page)
    page.get_by_role("link", name=HOSTILE).click()
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    expect(row(page, person).get_by_role("link", name=HOSTILE)).to_be_visible()
    assert not overhang(page)
    row(page, person).get_by_role("button", name="Remove").click()
    expect(page.get_by_role("dialog", name=f"Remove {HOSTILE} from {HOSTILE}?")).to_be_visible()
    assert page.locator("img").count() == 0


def test_an_organization_without_a_project_leads_its_admin_here(visit, service, organization):
    service.database.query("delete from testkase.project_members where organization_id = %s", (organization.id,))
    service.database.without_triggers("delete from testkase.test_cycles where project_id in "
                                      "(select id from testkase.projects where organization_id = %s)", (organization.id,))
    service.database.without_triggers("delete from testkase.projects where organization_id = %s", (organization.id,))
    visitor = visit(organization.admin)
    page = visitor.open("/test-cases")
    page.get_by_role("main").get_by_role("link", name="Projects").click()
    expect(page.get_by_role("heading", name="No project yet")).to_be_visible()
    page.get_by_role("button", name="New project").click()
    page.get_by_role("dialog").get_by_label("Name").fill("First")
    page.get_by_role("dialog").get_by_role("button", name="Create project").click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("dialog", name="Rename the project").get_by_label("Name").fill("The first")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="The first")).to_be_visible()
