"""What was done in an organization, as its owner and admins read it."""

import json
import re

import pytest

from support.http import TIME, field_errors
from support.postgres import ROOT

FIELDS = {"id", "occurredAt", "action", "actor", "target", "address", "requestId", "detail", "users"}


@pytest.fixture
def admin(service, organization):
    return service.sign_in(organization.admin)


def events(api, **filters):
    return api.get("/audit-events", 200, params=filters).json()["data"]


def record(service, organization_id, count, action="user.updated", target=7, ago="interval '0'"):
    """Events as the service would have recorded them."""
    connection = service.database.connect()
    with connection, connection.cursor() as cursor:
        cursor.execute(f"""insert into testkase.audit_events (organization_id, occurred_at, actor_kind, actor_user_id, action,
                                                              target_kind, target_id)
                           select %s, now() - {ago}, 'user', 1 + n %% 2, %s, 'user', %s from generate_series(1, %s) n""",
                       (organization_id, action, target, count))
    connection.close()


def test_an_event_says_who_did_what_to_what(service, organization):
    admin_token = "Of the admin"
    token_id, token = service.mint(organization.admin, admin_token)
    by_token = service.server.bearer(token)
    made = by_token.post("/api-keys", {"name": "CI", "expiresInDays": 7}, 201)
    by_token.patch(f"/users/{organization.member.id}", {"name": "Other"}, 200)
    updated, created = [event for event in events(by_token) if not event["action"].endswith("hash_renewed")]
    assert set(created) == FIELDS and TIME.fullmatch(created["occurredAt"]) and updated["id"] > created["id"]
    assert created["action"] == "api_key.created"
    assert created["target"] == {"kind": "api_key", "id": made.json()["id"], "name": "CI"}
    assert created["actor"] == {"kind": "user", "userId": organization.admin.id, "apiKeyId": token_id,
                                "apiKeyName": admin_token}
    assert (created["address"], created["requestId"]) == (by_token.source, made.headers["X-Request-Id"])
    assert created["detail"] == {"name": "CI", "expiresInDays": 7, "ownerId": organization.admin.id}
    assert updated["action"] == "user.updated"
    assert updated["target"] == {"kind": "user", "id": organization.member.id, "name": "Other"}
    service.database.query("""insert into testkase.audit_events (organization_id, actor_kind, action, target_kind, target_id)
                              values (%s, 'operator', 'user.created', 'user', 7)""", (organization.id,))
    latest = events(by_token)[0]
    assert latest["actor"] == {"kind": "operator", "userId": None, "apiKeyId": None, "apiKeyName": None}
    assert latest["address"] is None and latest["requestId"] is None and latest["detail"] == {}


def test_an_event_has_the_names_of_those_it_is_about_and_no_others(service, organization):
    """As they are now; an id of another organization, or one that is no id, has no name."""
    admin, member, owner = organization.admin, organization.member, organization.owner
    others = service.organization()
    robot = service.person(organization.id, kind="service", name="Nightly")
    foreign = service.mint(others.admin)[0]
    for kind, target, detail in (("user", robot.id, {"userId": member.id, "ownerId": owner.id}),
                                 ("user", others.admin.id, {"userId": others.member.id, "ownerId": "7"}),
                                 ("api_key", foreign, {"ownerId": others.admin.id, "userId": None})):
        service.database.query("""insert into testkase.audit_events (organization_id, actor_kind, actor_user_id, action,
                                                                     target_kind, target_id, detail)
                                  values (%s, 'user', %s, 'no.such', %s, %s, %s)""",
                               (organization.id, admin.id, kind, target, json.dumps(detail)))
    api = service.sign_in(admin)
    api.delete(f"/users/{member.id}", 204)
    key, user, known = events(api, action="no.such")
    assert known["target"]["name"] == "Nightly"
    assert {(one["id"], one["name"], one["kind"], one["status"]) for one in known["users"]} == {
        (admin.id, admin.name, "person", "active"), (member.id, member.name, "person", "deleted"),
        (owner.id, owner.name, "person", "active"), (robot.id, "Nightly", "service", "active")}
    for event in (key, user):
        assert event["target"]["name"] is None and [one["id"] for one in event["users"]] == [admin.id]


def test_only_admins_read_them_and_only_those_of_their_organization(service, organization):
    others = service.organization()
    record(service, others.id, 3, target=others.member.id)
    record(service, organization.id, 2, target=organization.member.id)
    for api in (service.sign_in(organization.owner), service.bearer(organization.admin)):
        assert {event["target"]["id"] for event in events(api, action="user.updated")} == {organization.member.id}
        assert events(api, targetKind="user", targetId=others.member.id) == []
        assert events(api, actorUserId=others.admin.id) == []
    for api in (service.sign_in(organization.member), service.bearer(organization.guest)):
        api.get("/audit-events", 403)
    service.server.api().get("/audit-events", 401)


def test_the_list_comes_in_pages_newest_first(service, organization, admin):
    record(service, organization.id, 11)
    everything = events(admin, limit=200)
    assert [event["id"] for event in everything] == sorted((event["id"] for event in everything), reverse=True)
    assert len(everything) == 12, "and the sign-in"
    for limit in (1, 4, 12):
        assert admin.pages("/audit-events", limit) == everything
        assert len(admin.pages("/audit-events?action=user.updated", limit)) == 11
        assert len(admin.pages("/audit-events?targetKind=user&targetId=7", limit)) == 11


def test_filters_are_combined(service, organization, admin):
    record(service, organization.id, 4, target=7)
    record(service, organization.id, 2, action="user.deleted", target=8)
    for filters, count in (({"action": "user.updated"}, 4), ({"action": "user.updated", "actorUserId": 2}, 2),
                           ({"actorUserId": 1}, 3), ({"targetKind": "user"}, 6), ({"targetId": 8}, 2),
                           ({"targetKind": "user", "targetId": 8}, 2), ({"targetKind": "api_key", "targetId": 8}, 0),
                           ({"targetKind": "user", "targetId": 7, "actorUserId": 1, "action": "user.updated"}, 2),
                           ({"targetKind": "user", "targetId": 7, "action": "user.deleted"}, 0), ({"action": "no.such"}, 0)):
        assert len(events(admin, **filters)) == count, filters


def test_a_span_has_its_begin_and_not_its_end(service, organization, admin):
    for days in (400, 40, 3, 2, 1):
        record(service, organization.id, 1, target=days, ago=f"interval '{days} days'")
    times = {event["target"]["id"]: event["occurredAt"] for event in events(admin, action="user.updated")}
    moments = dict(service.database.query(
        """select target_id, to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
           from testkase.audit_events where organization_id = %s and action = 'user.updated'""", (organization.id,)))
    assert set(times) == set(moments) == {400, 40, 3, 2, 1}

    def found(**span):
        return [event["target"]["id"] for event in events(admin, action="user.updated", **span)]
    assert found(since=moments[3]) == [1, 2, 3]
    assert found(until=moments[3]) == [40, 400]
    assert found(since=moments[40], until=moments[1]) == [2, 3, 40]
    assert found(since=moments[1], until=moments[40]) == []
    assert found(until=moments[400]) == [] and found(since="2100-01-01T00:00:00Z") == []


def test_a_filter_that_few_events_fit_ends_all_the_same(service, organization, admin):
    """A page looks at 10 000 events at most, and says where the next one begins."""
    record(service, organization.id, 3, action="user.deleted")
    record(service, organization.id, 25_000)
    cursor, found, pages = None, [], 0
    while pages == 0 or cursor:
        page = admin.get("/audit-events", 200, params={"action": "user.deleted", "cursor": cursor}).json()
        cursor, pages = page["nextCursor"], pages + 1
        found += page["data"]
    assert len(found) == 3 and pages == 3
    assert len(events(admin, targetKind="user", targetId=8)) == 0


@pytest.mark.parametrize("query,field", [
    ("action=gone", "action"), ("action=api_key.", "action"), ("action=A.b", "action"), ("action=a.b.c", "action"),
    ("actorUserId=x", "actorUserId"), ("targetKind=password", "targetKind"), ("targetId=-1", "targetId"),
    ("targetId=0", "targetId"), ("targetId=99999999999999999999", "targetId"), ("since=yesterday", "since"),
    ("until=2030-02-30T00:00:00Z", "until"), ("since=2030-01-01T00:00:00%2B01:00", "since"), ("limit=0", "limit"),
    ("limit=201", "limit"), ("cursor=a", "cursor")])
def test_a_wrong_filter_is_named(admin, query, field):
    assert field_errors(admin.get(f"/audit-events?{query}")) == {field}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_events_cannot_be_written(admin, method):
    answer = admin.request(method, "/audit-events", 405, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.headers["Allow"] == "GET, HEAD"


def test_every_kind_of_target_can_be_asked_for():
    """The choices of ?targetKind= are those that the statements record."""
    written = set()
    for path in [*(ROOT / "sql").rglob("*.sql")]:
        if path.name not in ("schema.sql", "structure.sql"):
            written |= set(re.findall(r"'[a-z_]+\.[a-z_]+',\s*'([a-z_]+)',\s*[a-z_]+[.(]", path.read_text()))
    choices = re.search(r'"targetKind".*?choices = "([a-z_|]+)"',
                        (ROOT / "server" / "resources" / "audit_events.c").read_text(), re.DOTALL)[1]
    assert written and written <= set(choices.split("|"))


def recorded_actions():
    """The actions that the statements and functions record, as their texts have them."""
    found = set()
    for path in [*(ROOT / "sql" / "queries").rglob("*.sql"), ROOT / "sql" / "schema.sql"]:
        if path.name == "structure.sql":
            continue
        for text in re.findall(r"(?is)insert into (?:testkase\.)?audit_events\b(.*?)(?:\n\), |;|\Z)", path.read_text()):
            actions = set(re.findall(r"'([a-z_]+\.[a-z_]+)'", text))
            if path.match("users/update.sql"):
                written = {*re.findall(r"then '([a-z]+)'", text), "deactivated", "deleted"}
                actions |= {f"user.{word}" for word in written}
            assert actions, f"{path} records an action that its text does not have; add a case here"
            found |= actions
    return found


def test_every_action_is_listed_and_has_words_on_the_page():
    """A new action comes with its place in openapi.json, and with the words of the audit log's page."""
    recorded = recorded_actions()
    assert len(recorded) > 40
    listed = json.loads((ROOT / "server" / "openapi.json").read_text())["components"]["schemas"]["AuditAction"]["examples"]
    assert listed == sorted(recorded)
    words = (ROOT / "server" / "web" / "js" / "views" / "audit" / "words.js").read_text()
    table = words[words.index("const ACTIONS = {"):words.index("const AREAS")]
    assert sorted(re.findall(r"(?m)^  '([a-z_.]+)': \[", table)) == sorted(recorded)
