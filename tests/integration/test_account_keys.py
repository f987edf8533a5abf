"""The tokens of an account, as the organization's owner and admins see and end them; and those of service accounts, which they
make."""

import re

import pytest

from support.deadline import until
from support.http import field_errors
from support.mail_server import MailServer, parts


@pytest.fixture
def admin(service, organization):
    return service.sign_in(organization.admin)


def keys_of(person, key=None):
    return f"/users/{person.id}/api-keys" + (f"/{key}" if key else "")


def test_an_admin_sees_what_the_owner_of_the_tokens_sees(service, organization, admin):
    """By session and by token, the same list with the same filters; never a secret."""
    member = service.sign_in(organization.member)
    made = [member.post("/api-keys", {"name": name, "expiresInDays": days, "purpose": "Nightly"}, 201).json()
            for name, days in (("b", 7), ("a", 90), ("C", 30))]
    member.delete(f"/api-keys/{made[0]['id']}", 204)
    by_token = service.bearer(organization.admin)
    for query in ("", "?status=all", "?status=revoked", "?search=NIGHT", "?sort=name&status=all", "?sort=-expires&search=a"):
        own = member.get(f"/api-keys{query}", 200).json()
        for api in (admin, by_token):
            answer = api.get(keys_of(organization.member) + query, 200)
            assert answer.json() == own, query
            assert not re.search(r"argon2|tk_pat_\w{9}", answer.text)
    for key in made:
        assert admin.get(keys_of(organization.member, key["id"]), 200).json() == member.get(f"/api-keys/{key['id']}", 200).json()
    everything = [key["id"] for key in member.get("/api-keys?status=all&sort=name", 200).json()["data"]]
    assert [key["id"] for key in admin.pages(f"{keys_of(organization.member)}?status=all&sort=name", 1)] == everything
    assert len(everything) == 3


def test_an_account_without_tokens_has_an_empty_list(service, organization, admin):
    robot = service.person(organization.id, name="Robot", kind="service")
    empty = {"data": [], "nextCursor": None}
    assert admin.get(keys_of(robot), 200).json() == empty
    assert admin.get(f"{keys_of(robot)}?search=nothing", 200).json() == empty
    service.mint(robot, "Robot's")
    assert [key["name"] for key in admin.get(keys_of(robot), 200).json()["data"]] == ["Robot's"]


@pytest.mark.parametrize("query,field", [("status=gone", "status"), ("sort=size", "sort"), ("limit=0", "limit"),
                                         ("limit=201", "limit"), ("cursor=7", "cursor"), ("cursor=a.b", "cursor")])
def test_a_wrong_filter_is_named(organization, admin, query, field):
    assert field_errors(admin.get(f"{keys_of(organization.member)}?{query}")) == {field}


def test_other_organizations_look_like_missing_ones(service, organization, admin):
    """An account or a token of theirs, a token of another account, and what does not exist: one answer, and nothing ends."""
    others = service.organization()
    theirs, token = service.mint(others.member)
    own, _ = service.mint(organization.guest)
    for path in (keys_of(others.member), "/users/99999999/api-keys"):
        assert admin.get(path, 404).json()["code"] == "not_found"
    answers = set()
    for person, key in ((others.member, theirs), (organization.member, theirs), (organization.member, own),
                        (organization.member, 99999999)):
        for method in ("GET", "DELETE"):
            problem = admin.request(method, keys_of(person, key), 404).json()
            answers.add((problem["code"], problem["title"], problem["detail"]))
    assert len(answers) == 1
    service.server.bearer(token).get("/session", 200)
    service.sign_in(organization.guest).get(f"/api-keys/{own}", 200)


def test_members_may_neither_see_nor_end_tokens_here(service, organization):
    token_id, token = service.mint(organization.member)
    for api in (service.sign_in(organization.member), service.bearer(organization.member), service.bearer(organization.guest)):
        api.get(keys_of(organization.member), 403)
        api.get(keys_of(organization.member, token_id), 403)
        api.delete(keys_of(organization.member, token_id), 403)
    service.server.api().get(keys_of(organization.member), 401)
    service.server.bearer(token).get("/session", 200)


@pytest.mark.no_second_chance
def test_a_token_that_an_admin_ends_is_dead_everywhere(service, organization):
    """By session and by token of an admin; even the tokens of the organization's owner, and the one in use itself."""
    other = service.start_server()
    try:
        for api, person in ((service.sign_in(organization.admin), organization.member),
                            (service.bearer(organization.admin), organization.owner)):
            for _ in range(5):
                token_id, token = service.mint(person)
                first, second = service.server.bearer(token), other.bearer(token)
                for client in (first, second):
                    client.get("/session", 200)
                api.delete(keys_of(person, token_id), 204)
                for client in (second, first):
                    assert client.get("/session", 401).json()["code"] == "invalid_token"
                api.delete(keys_of(person, token_id), 404)
        own_id, own = service.mint(organization.admin)
        service.server.bearer(own).delete(keys_of(organization.admin, own_id), 204)
        other.bearer(own).get("/session", 401)
    finally:
        other.terminate()
        service.servers.remove(other)


def test_the_end_names_the_admin_and_its_reason(service, organization, admin):
    token_id, token = service.mint(organization.member, "Lost")
    expired, _ = service.mint(organization.member)
    service.database.age_token(expired, days=31)
    admin.delete(keys_of(organization.member, expired), 404)
    admin.delete(keys_of(organization.member, token_id), 204, json={"note": "found in a log"})
    shown = service.sign_in(organization.member).get(f"/api-keys/{token_id}", 200).json()
    assert shown == admin.get(keys_of(organization.member, token_id), 200).json()
    assert (shown["status"], shown["endedReason"], shown["endedNote"]) == ("revoked", "revoked", "found in a log")
    assert shown["endedBy"] == {"userId": organization.admin.id, "name": organization.admin.name}
    assert service.database.value("select secret_hash from testkase.api_tokens where id = %s", (token_id,)) is None
    event, = admin.get(f"/audit-events?targetKind=api_key&targetId={token_id}", 200).json()["data"]
    assert (event["action"], event["address"]) == ("api_key.revoked", admin.source)
    assert event["actor"] == {"kind": "user", "userId": organization.admin.id, "apiKeyId": None, "apiKeyName": None}
    assert event["detail"] == {"name": "Lost", "ownerId": organization.member.id, "reason": "revoked", "note": "found in a log"}
    assert token[15:] not in str(event)


def test_tokens_that_a_token_made_end_with_it_on_request(service, organization, admin):
    root_id, root = service.mint(organization.member)
    child = service.server.bearer(root).post("/api-keys", {"name": "Child", "expiresInDays": 7}, 201).json()
    assert field_errors(admin.delete(keys_of(organization.member, root_id), json={"withDescendants": 1})) == {"withDescendants"}
    assert field_errors(admin.delete(keys_of(organization.member, root_id), json={"other": 1})) == {"other"}
    admin.delete(keys_of(organization.member, root_id), 204, json={"withDescendants": True})
    service.server.bearer(child["token"]).get("/session", 401)


def test_the_owner_of_the_token_is_told_by_mail(service, organization, admin, start, worker_path):
    service.database.query("delete from testkase.notices")
    service.database.query("update testkase.outbox set routed_at = now() where routed_at is null")
    service.database.query("update testkase.mails set state = 'parked', ended_at = now() where state = 'queued'")
    server = MailServer()
    try:
        start(worker_path, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker"), "TESTKASE_SMTP_URL": server.url,
                            "TESTKASE_MAIL_FROM": "testkase@example.test",
                            "TESTKASE_PUBLIC_URL": "https://testkase.example.test"}).wait_ready()
        own, _ = service.mint(organization.admin, "Own")
        admin.delete(keys_of(organization.admin, own), 204)
        token_id, _ = service.mint(organization.member, "Lost")
        admin.delete(keys_of(organization.member, token_id), 204, json={"note": "found in a log"})

        def told():
            return [mail for mail in list(server.accepted) if mail["Subject"].endswith(" was revoked")]
        until(told, 20, "a mail")
        mail, = told()
        assert mail["Subject"] == "Lost was revoked", "nobody is told of what they did themselves"
        assert mail["To"].addresses[0].addr_spec == organization.member.email
        text = parts(mail)[0]
        assert f"{organization.admin.name} ended it on" in text and "The reason given: found in a log." in text
    finally:
        server.close()


# --- tokens of service accounts ---

DRAFT = {"name": "Nightly", "expiresInDays": 30, "purpose": "Nightly run", "link": "https://ci.example.com/nightly"}


@pytest.fixture
def robot(service, organization):
    made = service.person(organization.id, name="Robot", kind="service")
    service.join(organization.id, 1, made, "user")
    return made


def tokens_of(service, person):
    return service.database.value("select count(*) from testkase.api_tokens where user_id = %s", (person.id,))


@pytest.mark.parametrize("how", ["session", "token"])
def test_an_admin_makes_a_token_of_a_service_account(service, organization, robot, how):
    """It is the account's, has the account's rights and no more, and says who made it."""
    key, text = service.mint(organization.admin)
    api = service.sign_in(organization.admin) if how == "session" else service.server.bearer(text)
    answer = api.post(keys_of(robot), DRAFT, 201)
    assert answer.headers["Cache-Control"] == "no-store"
    made = answer.json()
    token = made.pop("token")
    name = None if how == "session" else "Test"
    by = {"userId": organization.admin.id, "apiKeyId": None if how == "session" else key}
    assert made == {**made, **DRAFT, "createdBy": by, "predecessorId": None, "status": "active"}
    client = service.server.bearer(token)
    user = client.get("/session", 200).json()["user"]
    assert (user["id"], user["kind"], user["orgRole"]) == (robot.id, "service", "member")
    client.get("/test-cases?projectId=PRJ-1", 200)
    client.get("/users", 403)
    assert [one["id"] for one in client.get("/api-keys", 200).json()["data"]] == [made["id"]]
    assert made["id"] not in [one["id"] for one in api.get("/api-keys?status=all", 200).json()["data"]]
    event, = api.get(f"/audit-events?targetKind=api_key&targetId={made['id']}", 200).json()["data"]
    assert event["action"] == "api_key.created" and event["actor"] == {"kind": "user", **by, "apiKeyName": name}
    assert event["detail"] == {"name": "Nightly", "expiresInDays": 30, "ownerId": robot.id}
    api.delete(keys_of(robot, made["id"]), 204)
    client.get("/session", 401)


def test_only_active_service_accounts_of_the_organization_are_given_tokens(service, organization, admin, robot):
    others = service.organization()
    theirs = service.person(others.id, name="Theirs", kind="service")
    answers = {admin.post(path, DRAFT, 404).json()["detail"]
               for path in (keys_of(theirs), keys_of(others.member), "/users/99999999/api-keys")}
    assert len(answers) == 1, "another organization's account looks like a missing one"
    for person in (organization.member, organization.owner, organization.admin):
        problem = admin.post(keys_of(person), DRAFT, 409).json()
        assert problem["code"] == "conflict" and "A person generates their own tokens" in problem["detail"]
        assert tokens_of(service, person) == 0
    for api in (service.sign_in(organization.member), service.bearer(organization.guest)):
        api.post(keys_of(robot), DRAFT, 403)
    service.server.api().post(keys_of(robot), DRAFT, 401)
    assert field_errors(admin.post(keys_of(robot), {**DRAFT, "ownerId": robot.id})) == {"ownerId"}
    admin.patch(f"/users/{robot.id}", {"status": "deactivated"}, 200)
    problem = admin.post(keys_of(robot), DRAFT, 409).json()
    assert problem["code"] == "conflict" and "reactivate it first" in problem["detail"]
    admin.delete(f"/users/{robot.id}", 204)
    admin.post(keys_of(robot), DRAFT, 404)
    assert tokens_of(service, robot) == tokens_of(service, theirs) == 0


def test_the_rules_for_new_tokens_hold_for_those_of_service_accounts(service, organization, admin, robot):
    by_token = service.bearer(organization.admin)
    admin.patch("/organization", {"maxExpiryDays": 7, "tokensMayCreateTokens": False}, 200)
    assert field_errors(admin.post(keys_of(robot), DRAFT)) == {"expiresInDays"}
    assert "tokens to create tokens" in by_token.post(keys_of(robot), {**DRAFT, "expiresInDays": 7}, 403).json()["detail"]
    service.database.without_triggers(
        "update testkase.sessions set confirmed_at = now() - interval '16 minutes' where user_id = %s", (organization.admin.id,))
    problem = admin.post(keys_of(robot), {**DRAFT, "expiresInDays": 7}, 403).json()
    assert problem["code"] == "recent_sign_in_required"
    assert tokens_of(service, robot) == 0
    service.sign_in(organization.admin).post(keys_of(robot), {**DRAFT, "expiresInDays": 7}, 201)


def test_a_repeated_request_makes_no_second_token_of_a_service_account(service, organization, admin, robot):
    """The key counts for the account that gets the token: the admin's own tokens are not in its way."""
    fields = {"Idempotency-Key": "9f0c3d6e-nightly"}
    own = admin.post("/api-keys", DRAFT, 201, headers=fields).json()
    made = admin.post(keys_of(robot), DRAFT, 201, headers=fields).json()
    for api in (admin, service.bearer(organization.owner)):
        problem = api.post(keys_of(robot), DRAFT, 409, headers=fields).json()
        assert (problem["code"], problem["apiKeyId"]) == ("idempotency_key_used", made["id"])
    assert made["id"] != own["id"] and tokens_of(service, robot) == 1


def test_what_an_admins_token_made_for_service_accounts_ends_with_it_on_request(service, organization, admin, robot):
    """As the token's impact counts it; not what others made for the account."""
    stranger = admin.post(keys_of(robot), DRAFT, 201).json()
    for delete in (lambda key: admin.delete(f"/api-keys/{key}", 204, json={"withDescendants": True}),
                   lambda key: admin.delete(keys_of(organization.admin, key), 204, json={"withDescendants": True})):
        root, text = service.mint(organization.admin)
        made = service.server.bearer(text).post(keys_of(robot), DRAFT, 201).json()
        child = service.server.bearer(made["token"]).post("/api-keys", DRAFT, 201).json()
        assert admin.get(f"/api-keys/{root}/impact", 200).json()["descendants"]["live"] == 2
        delete(root)
        for token in (made, child):
            service.server.bearer(token["token"]).get("/session", 401)
    service.server.bearer(stranger["token"]).get("/session", 200)
    other, text = service.mint(organization.member)
    admin.delete(f"/api-keys/{other}", 404, json={"withDescendants": True})
    service.server.bearer(text).get("/session", 200)


def test_custodians_are_told_who_made_a_token(service, organization, admin, robot, start, worker_path):
    service.database.query("delete from testkase.notices")
    service.database.query("update testkase.outbox set routed_at = now() where routed_at is null")
    service.database.query("update testkase.mails set state = 'parked', ended_at = now() where state = 'queued'")
    server = MailServer()
    try:
        start(worker_path, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker"), "TESTKASE_SMTP_URL": server.url,
                            "TESTKASE_MAIL_FROM": "testkase@example.test",
                            "TESTKASE_PUBLIC_URL": "https://testkase.example.test"}).wait_ready()
        admin.put(f"/users/{robot.id}/custodians/{organization.member.id}", None, 200)
        made = admin.post(keys_of(robot), DRAFT, 201).json()

        def told():
            return [mail for mail in list(server.accepted) if mail["Subject"] == "Nightly was generated"]
        until(told, 20, "a mail")
        mail, = told()
        assert mail["To"].addresses[0].addr_spec == organization.member.email
        text = parts(mail)[0]
        assert f"Token {made['tokenPreview']} of Robot." in text and f"It was generated by {organization.admin.name}." in text
        assert "https://testkase.example.test/settings/reminders" in text and "change your password" not in text
        links = {reader: service.database.value("""select path from testkase.notice_item('api_key.created',
                     jsonb_build_object('apiKeyId', %s::bigint), %s)""", (made["id"], reader))
                 for reader in (organization.admin.id, robot.id)}
        assert links == {organization.admin.id: f"/settings/people/{robot.id}", robot.id: f"/settings/api-keys/{made['id']}"}
    finally:
        server.close()
