"""Every view and dialog of the pages, for what is checked of all of them. A scene is a function that brings a page there."""

from support.browser import HOME, generate, row, shown_once

SCENES = {}
DUE = "GitHub Actions — Production Pipeline"


def scene(person="mara", dialog=False, widths=(390, 1280)):
    """Registers a scene under its function's name. `person`: mara, newcomer, or None for nobody; `dialog`: it is drawn over a
    view, of which only a part is seen; `widths`: those at which it exists."""
    def register(function):
        function.person, function.dialog, function.widths = person, dialog, widths
        SCENES[function.__name__.replace("_", "-")] = function
        return function
    return register


def show(name, visit, demo):
    """Somebody at the scene of that name."""
    function = SCENES[name]
    person = demo.newcomer() if function.person == "newcomer" else demo.mara
    visitor = visit(person, signed_in=function.person is not None, viewport={"width": function.widths[-1], "height": 900})
    function(visitor, demo)
    return visitor


def _opened(visitor, title):
    """Waits for the dialog of that title."""
    visitor.page.get_by_role("dialog", name=title).wait_for()


# --- views ---

@scene()
def people(visitor, _):
    visitor.open("/settings/people?status=all")


@scene(person="newcomer")
def people_forbidden(visitor, _):
    visitor.watch.allow(403, "/users")
    visitor.open("/settings/people").get_by_text("Not for this account").wait_for()


@scene()
def person(visitor, demo):
    for name in ("GitHub Actions", "Nightly report"):
        demo.service.use(demo.service.mint(demo.tomas, name, 90)[0])
    visitor.open(f"/settings/people/{demo.tomas.id}").get_by_role("button", name="Revoke Nightly").wait_for()


@scene()
def service_account(visitor, demo):
    robot = demo.service.person(demo.id, kind="service", name="Nightly")
    demo.service.database.query("insert into testkase.custodians (organization_id, service_id, user_id) values (%s, %s, %s)",
                                (demo.id, robot.id, demo.tomas.id))
    visitor.open(f"/settings/people/{robot.id}")


@scene(dialog=True)
def add_account(visitor, _):
    page = visitor.open("/settings/people")
    page.get_by_role("button", name="Add an account").click()
    page.get_by_role("dialog").get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("Give the name.").wait_for()


@scene(dialog=True)
def password_link(visitor, demo):
    person = demo.service.person(demo.id, name="Invited")
    demo.service.database.query("update testkase.users set password_hash = null where id = %s", (person.id,))
    page = visitor.open(f"/settings/people/{person.id}")
    page.get_by_role("button", name="Show a link").click()
    page.get_by_label("The link", exact=True).wait_for()


@scene()
def projects(visitor, _):
    visitor.open("/settings/projects").get_by_role("link", name="Web Checkout").wait_for()


@scene(person="newcomer")
def projects_forbidden(visitor, _):
    visitor.open("/settings/projects").get_by_text("You manage no project.").wait_for()


def _no_members(demo):
    demo.service.database.query("delete from testkase.project_members where organization_id = %s", (demo.id,))


def _at_members(visitor, demo):
    """At the members of a project: some of each role."""
    _no_members(demo)
    for name, kind, role in (("Jonas Weber", "person", "project_admin"), ("Ines Duarte", "person", "user"),
                             ("Contractor", "person", "guest"), ("Nightly", "service", "user")):
        demo.service.join(demo.id, 1, demo.service.person(demo.id, kind=kind, name=name), role)
    page = visitor.open("/settings/projects/PRJ-1")
    page.get_by_label("Role of Contractor").wait_for()
    return page


@scene()
def project_members(visitor, demo):
    _at_members(visitor, demo)


@scene()
def project_without_members(visitor, demo):
    _no_members(demo)
    visitor.open("/settings/projects/PRJ-2").get_by_role("heading", name="No member yet").wait_for()


@scene(dialog=True)
def adding_a_member(visitor, demo):
    demo.service.person(demo.id, name="Newcomer")
    visitor.open("/settings/projects/PRJ-2").get_by_role("button", name="Add a member").click()
    _opened(visitor, "Add a member")


@scene(dialog=True)
def removing_a_member(visitor, demo):
    _at_members(visitor, demo).get_by_role("button", name="Remove Contractor").click()
    visitor.page.get_by_role("dialog").wait_for()


@scene()
def webhooks(visitor, demo):
    demo.webhooks()
    visitor.open("/settings/webhooks").get_by_role("link", name="Security").wait_for()


@scene()
def webhooks_empty(visitor, demo):
    demo.no_webhooks()
    visitor.open("/settings/webhooks").get_by_role("heading", name="No webhook yet").wait_for()


@scene()
def webhook(visitor, demo):
    visitor.open(f"/settings/webhooks/{demo.webhooks()['Security']}").get_by_role("button", name="Redeliver").first.wait_for()


@scene()
def webhook_disabled(visitor, demo):
    visitor.open(f"/settings/webhooks/{demo.webhooks()['Pipelines']}").get_by_text("answered 410").first.wait_for()


@scene(dialog=True)
def adding_a_webhook(visitor, _):
    page = visitor.open("/settings/webhooks")
    page.get_by_role("button", name="Add a webhook").click()
    for name in ("A token is due for rotation", "A token expires soon", "A token has leaked"):
        page.get_by_label(name).uncheck()
    page.get_by_role("dialog").get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("Give the address.").wait_for()


@scene(dialog=True)
def changing_a_webhook(visitor, demo):
    page = visitor.open(f"/settings/webhooks/{demo.webhooks()['Security']}")
    page.get_by_role("button", name="Change").click()
    _opened(visitor, "Change the webhook")


@scene(dialog=True)
def rotating_a_secret(visitor, demo):
    page = visitor.open(f"/settings/webhooks/{demo.webhooks()['Security']}")
    page.get_by_role("button", name="Rotate the secret").click()
    _opened(visitor, "Rotate the secret?")


@scene(dialog=True)
def webhook_secret(visitor, demo):
    rotating_a_secret(visitor, demo)
    visitor.page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    _opened(visitor, "Copy the secret")


@scene()
def audit_log(visitor, demo):
    demo.history()
    page = visitor.open("/settings/audit-log")
    page.get_by_role("row").filter(has_text="Tomás Ferreira revoked the token").locator("summary").click()
    page.get_by_role("link", name="What was done to this token").wait_for()


@scene()
def audit_log_of_a_token(visitor, demo):
    demo.history()
    token = demo.ids["Local Development"]
    page = visitor.open(f"/settings/audit-log?targetKind=api_key&targetId={token}&from=2026-01-01&to=2099-01-01")
    page.get_by_role("button", name="Show everything").wait_for()


@scene()
def audit_log_nothing_found(visitor, demo):
    page = visitor.open(f"/settings/audit-log?action=project.created&actorUserId={demo.tomas.id}&days=7")
    page.get_by_role("heading", name="Nothing found").wait_for()


@scene(person="newcomer")
def audit_log_forbidden(visitor, _):
    visitor.watch.allow(403, "/(audit-events|users)")
    visitor.open("/settings/audit-log").get_by_text("Not for this account").wait_for()


@scene(person=None)
def sign_in(visitor, _):
    visitor.open("/sign-in")


@scene(person=None)
def sign_in_wrong(visitor, _):
    page = visitor.open("/sign-in")
    visitor.watch.allow(401, "/session", "POST")
    page.get_by_label("Email").fill("somebody@nordlicht.example")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("do not match").wait_for()


@scene(person=None)
def password_link_wanted(visitor, _):
    page = visitor.open("/set-password")
    page.get_by_role("button", name="Send a link").click()
    page.get_by_text("Enter your email address.").wait_for()


@scene(person=None)
def set_password(visitor, _):
    page = visitor.open(f"/set-password#{'x' * 43}")
    page.get_by_label("New password").fill("short")
    page.get_by_role("button", name="Set the password").click()
    page.get_by_text("Use at least 8 characters.").wait_for()


@scene()
def api_keys(visitor, _):
    visitor.open().get_by_role("region", name="Token hygiene").wait_for()


@scene()
def api_keys_all(visitor, _):
    visitor.open(f"{HOME}?status=all&sort=name").get_by_role("region", name="Token hygiene").wait_for()


@scene()
def reminders(visitor, demo):
    demo.remind()
    visitor.open("/settings/reminders").get_by_role("region", name="Due").wait_for()


@scene(person="newcomer")
def no_reminders(visitor, _):
    visitor.open("/settings/reminders").get_by_role("heading", name="Nothing is due").wait_for()


@scene()
def api_keys_nothing_found(visitor, _):
    visitor.open(f"{HOME}?q=selenium").get_by_role("region", name="Token hygiene").wait_for()


@scene(person="newcomer")
def api_keys_empty(visitor, _):
    visitor.open().get_by_role("tablist").wait_for()


@scene()
def token_in_use(visitor, demo):
    visitor.open(f"{HOME}/{demo.ids[DUE]}")


@scene()
def token_never_used(visitor, demo):
    visitor.open(f"{HOME}/{demo.ids['CircleCI — Web checkout smoke']}")


@scene()
def token_revoked(visitor, demo):
    visitor.open(f"{HOME}/{demo.ids['Contractor script']}")


@scene()
def token_in_overlap(visitor, demo):
    visitor.open(f"{HOME}/{demo.ids['GitLab CI — Staging Tests']}")


@scene()
def rotation_start(visitor, demo):
    visitor.open(f"{HOME}/{demo.ids[DUE]}/rotate")


@scene()
def rotation_overlap(visitor, demo):
    visitor.open(f"{HOME}/{demo.ids['GitLab CI — Staging Tests']}/rotate")


@scene()
def rotation_safe(visitor, demo):
    visitor.open(f"{HOME}/{demo.ids['Jenkins — Nightly']}/rotate")


@scene()
def rotation_finished(visitor, demo):
    visitor.open(f"{HOME}/{demo.ids['Playwright — Visual tests']}/rotate")


@scene()
def rotation_too_late(visitor, demo):
    visitor.open(f"{HOME}/{demo.ids['GitHub Actions — Release']}/rotate")


def _at_account(visitor, demo):
    """At the account, with a second session."""
    demo.service.database.query("delete from testkase.sessions where user_id = %s", (visitor.person.id,))
    visitor.enter("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Version/18.6 Mobile Safari/604.1")
    visitor.enter()
    return visitor.open("/account")


@scene()
def account(visitor, demo):
    _at_account(visitor, demo)


@scene()
def test_cases(visitor, _):
    visitor.open("/test-cases?project=PRJ-1")


@scene()
def test_cases_empty(visitor, _):
    visitor.open("/test-cases?project=PRJ-2").get_by_role("tablist").wait_for()


@scene(person="newcomer")
def test_cases_no_project(visitor, _):
    visitor.open("/test-cases")


@scene()
def test_case(visitor, _):
    visitor.open("/test-cases/TC-3?project=PRJ-1").locator("summary").first.click()


@scene()
def test_case_not_executed(visitor, _):
    visitor.open("/test-cases/TC-18?project=PRJ-1")


@scene()
def test_cycles(visitor, _):
    visitor.open("/test-cycles?project=PRJ-1")


@scene()
def test_cycle(visitor, _):
    visitor.open("/test-cycles/TCYCLE-1?project=PRJ-1")


@scene()
def test_cycle_failed(visitor, _):
    visitor.open("/test-cycles/TCYCLE-1?project=PRJ-1&status=fail").locator("summary").first.click()


@scene()
def test_cycle_empty(visitor, _):
    visitor.open("/test-cycles/TCYCLE-6?project=PRJ-1").get_by_role("tablist").wait_for()


@scene()
def test_cycle_archived(visitor, _):
    visitor.open("/test-cycles/TCYCLE-2?project=PRJ-1")


@scene()
def not_found(visitor, _):
    visitor.open("/settings/nothing")


@scene()
def unreachable(visitor, _):
    visitor.watch.outage(True)
    visitor.page.route("**/api/v1/api-keys?**", lambda route: route.fulfill(status=503, headers={"Retry-After": "600"}))
    visitor.page.goto(HOME)
    visitor.page.get_by_text("Tries again in").wait_for()


# --- dialogs ---

@scene(dialog=True)
def generating(visitor, _):
    page = visitor.open()
    page.get_by_role("button", name="Generate New Token").click()
    dialog = page.get_by_role("dialog", name="Generate New Token")
    dialog.get_by_label("Name", exact=True).fill("GitLab CI — Nightly")
    dialog.get_by_text("Where will it be used?").click()


@scene(dialog=True)
def generating_without_a_name(visitor, _):
    generate(visitor.open(), " ")
    visitor.page.get_by_text("Give the token a name.").wait_for()


@scene(person="newcomer", dialog=True)
def token_shown_once(visitor, _):
    generate(visitor.open(), "GitHub Actions — Nightly")
    shown_once(visitor.page).wait_for()


@scene(person="newcomer", dialog=True)
def closing_without_a_copy(visitor, demo):
    token_shown_once(visitor, demo)
    shown_once(visitor.page).get_by_role("button", name="Done").click()
    _opened(visitor, "Close without copying?")


@scene(dialog=True)
def deleting_in_use(visitor, _):
    row(visitor.open(), DUE).get_by_role("button", name="Delete").click()
    _opened(visitor, "Delete this token?")


@scene(dialog=True)
def deleting_unused(visitor, _):
    row(visitor.open(), "CircleCI — Web checkout smoke").get_by_role("button", name="Delete").click()
    _opened(visitor, "Delete this token?")


@scene(dialog=True)
def deleting_all(visitor, demo):
    _at_account(visitor, demo).get_by_role("button", name="Delete all tokens").click()
    visitor.page.get_by_role("dialog").wait_for()


@scene(dialog=True)
def signing_out_elsewhere(visitor, demo):
    _at_account(visitor, demo).get_by_role("button", name="Sign out everywhere else").click()
    _opened(visitor, "Sign out everywhere else?")


@scene(dialog=True)
def making_a_test_case(visitor, _):
    visitor.open("/test-cases?project=PRJ-1").get_by_role("button", name="New test case").click()
    _opened(visitor, "New test case")


@scene(dialog=True)
def naming_the_test(visitor, _):
    visitor.open("/test-cases/TC-1?project=PRJ-1").get_by_role("button", name="How to name the test").click()
    _opened(visitor, "How to name the test")


@scene(dialog=True)
def archiving_a_cycle(visitor, _):
    visitor.open("/test-cycles/TCYCLE-5?project=PRJ-1").get_by_role("button", name="Archive").click()
    _opened(visitor, "Archive TCYCLE-5?")


@scene(dialog=True)
def finding(visitor, _):
    page = visitor.open("/account")
    page.keyboard.press("Control+K")
    page.get_by_role("combobox").fill("e")
    page.get_by_role("option", name=DUE).wait_for()


@scene(person="newcomer", dialog=True)
def signed_out_meanwhile(visitor, demo):
    page = visitor.open()
    demo.service.database.query("delete from testkase.sessions where user_id = %s", (visitor.person.id,))
    visitor.watch.allow(401, "/.*")
    page.get_by_role("button", name="Generate New Token").click()
    _opened(visitor, "You have been signed out")


@scene(person="newcomer", dialog=True)
def confirming_the_password(visitor, demo):
    page = visitor.open()
    demo.service.database.without_triggers(
        "update testkase.sessions set confirmed_at = now() - interval '16 minutes' where user_id = %s", (visitor.person.id,))
    visitor.watch.allow(403, "/api-keys", "POST")
    generate(page, "GitHub Actions — Nightly")
    _opened(visitor, "Confirm that it is you")


@scene(dialog=True, widths=(1280,))
def account_menu(visitor, _):
    visitor.open().locator("#user-button").click()
    visitor.page.locator("#user-menu").wait_for()


@scene(dialog=True, widths=(390,))
def navigation(visitor, _):
    visitor.open().get_by_role("button", name="Menu").click()
    visitor.page.get_by_role("navigation", name="Main").wait_for()
