"""The tokens of an account, as the organization's owner and admins see and end them."""

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
    assert event["actor"] == {"kind": "user", "userId": organization.admin.id, "apiKeyId": None}
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
