"""Tokens: made, shown once, listed, ended."""

import concurrent.futures
import datetime
import json

import pytest

from support import token as tokens
from support.deadline import until
from support.http import TIME, field_errors

EMPTY_AT_FIRST = {"lastUsedAt", "lastUsedIp", "lastUsedClient", "endedAt", "endedReason", "endedBy", "endedNote", "predecessorId",
                  "successorId", "purpose", "link"}
FIELDS = EMPTY_AT_FIRST | {"id", "name", "tokenPreview", "createdAt", "expiresAt", "expiresInDays", "rotateAt", "status",
                           "createdBy", "rotation"}


def moment(text):
    assert TIME.fullmatch(text), text
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def create(api, name="CI", days=30):
    return api.post("/api-keys", {"name": name, "expiresInDays": days}, 201).json()


@pytest.fixture
def member(service, organization):
    """A signed-in member."""
    return service.sign_in(organization.member)


# --- creation ---

@pytest.mark.parametrize("days", tokens.PERIODS)
def test_a_token_lives_exactly_its_period(member, days):
    made = create(member, "GitHub Actions — Production Pipeline", days)
    created = moment(made["createdAt"])
    assert moment(made["expiresAt"]) - created == datetime.timedelta(seconds=days * 86400)
    assert moment(made["rotateAt"]) - created == datetime.timedelta(seconds=tokens.PERIODS[days] * 86400)
    assert made["expiresInDays"] == days
    now = datetime.datetime.now(datetime.timezone.utc)
    assert abs((now - created).total_seconds()) < 30


def test_the_answer_to_creation_has_the_token_once(member):
    response = member.post("/api-keys", {"name": "GitLab CI", "expiresInDays": 90}, 201)
    made = response.json()
    assert response.headers["Cache-Control"] == "no-store"
    assert set(made) == FIELDS | {"token"}
    assert made["name"] == "GitLab CI" and made["status"] == "active"
    assert isinstance(made["id"], int)
    assert {field for field in made if made[field] is None} == EMPTY_AT_FIRST
    assert response.text.count(tokens.secret(made["token"])) == 1


def test_a_token_has_the_documented_format(member):
    made = create(member)
    match = tokens.TOKEN.fullmatch(made["token"])
    assert match, "tk_pat_ and 54 characters of base62"
    assert tokens.checksum(made["token"][:-6]) == match[3]
    assert made["tokenPreview"] == tokens.preview(made["token"])


def test_tokens_share_nothing_but_the_prefix(member):
    made = [create(member)["token"] for _ in range(40)]
    for part in (tokens.lookup, tokens.secret):
        assert len({part(token) for token in made}) == 40
    assert len({character for token in made for character in tokens.secret(token)}) == 62


def test_the_token_is_stored_as_argon2id_hash(service, member):
    made = create(member)
    stored = service.database.value("select secret_hash from testkase.api_tokens where id = %s", (made["id"],))
    assert stored.startswith("$argon2id$v=19$m=8192,t=1,p=1$")
    assert tokens.argon2id_matches(stored, made["token"])


def test_a_new_token_works_at_once(service, member):
    made = create(member)
    assert service.server.bearer(made["token"]).get("/session", 200).json()["apiKey"]["id"] == made["id"]


def test_a_token_can_make_a_token(service, organization):
    api = service.bearer(organization.member)
    made = create(api)
    assert service.server.bearer(made["token"]).get("/api-keys/current", 200).json()["id"] == made["id"]


def test_an_organization_can_forbid_tokens_to_make_tokens(service, organization):
    api = service.bearer(organization.member)
    service.database.query("update testkase.organizations set tokens_may_create_tokens = false where id = %s", (organization.id,))
    assert api.post("/api-keys", {"name": "CI", "expiresInDays": 7}, 403).json()["code"] == "forbidden"
    create(service.sign_in(organization.member))


def test_an_organization_can_hide_longer_periods(service, organization):
    service.database.query("update testkase.organizations set max_expiry_days = 60 where id = %s", (organization.id,))
    api = service.sign_in(organization.member)
    create(api, days=60)
    assert field_errors(api.post("/api-keys", {"name": "CI", "expiresInDays": 90})) == {"expiresInDays"}


@pytest.mark.parametrize("days", [0, -7, 1, 6, 8, 29, 31, 364, 366, 730, 2147483648, 9223372036854775807, 30.5, "30", True, None,
                                  [30], {"days": 30}])
def test_any_other_period_is_refused(member, days):
    assert field_errors(member.post("/api-keys", {"name": "CI", "expiresInDays": days})) == {"expiresInDays"}


GOOD_NAMES = ["x", "é" * 100, "名前", "👩‍💻 local", "GitHub Actions — Production Pipeline", "<script>alert(1)</script>",
              "'; drop table api_tokens; --", "a\\b\"c", "مرحبا", "100%s"]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_name_comes_back_as_it_was_given(member, name):
    made = create(member, name)
    assert made["name"] == name
    assert member.get(f"/api-keys/{made['id']}", 200).json()["name"] == name


def test_a_name_is_trimmed(member):
    assert create(member, " \u00a0CI \t")["name"] == "CI"


def test_names_may_repeat(member):
    assert create(member)["id"] != create(member)["id"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "é" * 101, "a\nb", "a\x1bb", "a\x7fb", "a\u0085b", "a\u202eb", "a\u2066b",
                                  "a\u200bb", "a\u2028b", None, 7, True, [], {}])
def test_a_bad_name_is_refused(member, name):
    assert field_errors(member.post("/api-keys", {"name": name, "expiresInDays": 30})) == {"name"}


def test_both_wrong_fields_are_named(member):
    assert field_errors(member.post("/api-keys", {"name": "", "expiresInDays": 8})) == {"name", "expiresInDays"}


@pytest.mark.parametrize("missing", ["name", "expiresInDays"])
def test_a_missing_field_is_named(member, missing):
    body = {"name": "CI", "expiresInDays": 30}
    del body[missing]
    assert field_errors(member.post("/api-keys", body)) == {missing}


@pytest.mark.parametrize("extra", ["expiresAt", "scopes", "token", "userId", "id", "createdAt", "Name", "__proto__"])
def test_an_unknown_property_is_named(member, extra):
    assert field_errors(member.post("/api-keys", {"name": "CI", "expiresInDays": 30, extra: 1})) == {extra}


def test_there_is_no_cap(service, organization):
    api = service.bearer(organization.member)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda n: create(api, f"CI {n}"), range(120)))
    listed = api.pages("/api-keys", 50)
    assert {token["id"] for token in made} <= {token["id"] for token in listed}


# --- reading ---

def test_the_list_shows_active_tokens_newest_first(service, organization):
    api = service.sign_in(organization.member)
    ids = [create(api, f"CI {n}")["id"] for n in range(3)]
    listed = api.get("/api-keys", 200).json()
    assert set(listed) == {"data", "nextCursor"} and listed["nextCursor"] is None
    assert [token["id"] for token in listed["data"]] == sorted(ids, reverse=True)
    for token in listed["data"]:
        assert set(token) == FIELDS
        assert token["status"] == "active"


def test_the_token_itself_is_in_no_later_answer(service, organization):
    api = service.sign_in(organization.member)
    made = create(api)
    bearer = service.server.bearer(made["token"])
    for path in ("/api-keys", f"/api-keys/{made['id']}", "/api-keys/current", "/session", "/api-keys?status=all"):
        text = bearer.get(path, 200).text
        assert made["token"] not in text and tokens.secret(made["token"]) not in text


def test_each_status_has_its_list(service, organization):
    api = service.sign_in(organization.member)
    active, revoked, expired = (service.mint(organization.member, name, 7)[0] for name in ("active", "revoked", "expired"))
    api.delete(f"/api-keys/{revoked}", 204)
    service.database.age_token(expired, days=8)
    for query, ids in {"": {active}, "?status=active": {active}, "?status=revoked": {revoked}, "?status=expired": {expired},
                       "?status=all": {active, revoked, expired}}.items():
        assert {token["id"] for token in api.get(f"/api-keys{query}", 200).json()["data"]} == ids, query
    ended = {token["id"]: token for token in api.get("/api-keys?status=all", 200).json()["data"]}
    assert ended[revoked]["status"] == "revoked" and ended[revoked]["endedReason"] == "revoked"
    assert moment(ended[revoked]["endedAt"]) >= moment(ended[revoked]["createdAt"])
    assert ended[expired]["status"] == "expired" and ended[expired]["endedReason"] == "expired"
    assert ended[expired]["endedAt"] == ended[expired]["expiresAt"]


def test_the_list_comes_in_pages(service, organization):
    ids = [service.mint(organization.member, f"CI {n}")[0] for n in range(23)]
    api = service.sign_in(organization.member)
    for limit in (1, 7, 23, 200):
        assert [token["id"] for token in api.pages("/api-keys", limit)] == sorted(ids, reverse=True)


@pytest.mark.parametrize("query,field", [
    ("limit=0", "limit"), ("limit=201", "limit"), ("limit=-1", "limit"), ("limit=x", "limit"), ("limit=", "limit"),
    ("limit=1.5", "limit"), ("limit=99999999999999999999", "limit"), ("cursor=!!", "cursor"), ("cursor=%FF", "cursor"),
    ("status=gone", "status"), ("status=", "status"), ("status=ACTIVE", "status")])
def test_a_wrong_query_parameter_is_named(member, query, field):
    assert field_errors(member.get(f"/api-keys?{query}")) == {field}


def test_a_repeated_query_parameter_is_refused(member):
    assert member.get("/api-keys?limit=1&limit=2").status_code in (400, 422)


def test_current_is_the_token_presented(service, organization):
    token_id, token = service.mint(organization.member)
    assert service.server.bearer(token).get("/api-keys/current", 200).json()["id"] == token_id
    service.sign_in(organization.member).get("/api-keys/current", 404)


@pytest.mark.parametrize("key", ["0", "-1", "+1", "1.5", "abc", "9223372036854775808", "99999999999999999999999999", "1e3", "%00",
                                 "1%20", "0x1", "01", "..%2f1"])
def test_what_is_no_id_is_not_found(member, key):
    for method in ("GET", "DELETE"):
        assert member.request(method, f"/api-keys/{key}").status_code in (400, 404), f"{method} {key}"


def test_anothers_token_looks_exactly_like_a_missing_one(service, organization):
    other = service.organization()
    theirs, its_colleagues = service.mint(other.member)[0], service.mint(organization.owner)[0]
    api = service.sign_in(organization.member)
    for method in ("GET", "DELETE"):
        missing = api.request(method, "/api-keys/987654321", 404).json()
        for key in (theirs, its_colleagues):
            assert api.request(method, f"/api-keys/{key}", 404).json() == missing
    assert service.database.value("select count(*) from testkase.api_tokens where id = any(%s) and ended_at is null",
                                  ([theirs, its_colleagues],)) == 2


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_token_cannot_be_changed(service, organization, method):
    token_id, _ = service.mint(organization.member)
    api = service.sign_in(organization.member)
    response = api.request(method, f"/api-keys/{token_id}", 405, json={"expiresInDays": 365})
    assert {method.strip() for method in response.headers["Allow"].split(",")} == {"GET", "HEAD", "DELETE"}
    assert api.get(f"/api-keys/{token_id}", 200).json()["expiresInDays"] == 30


# --- the end ---

def test_deletion_is_immediate_and_final(service, organization):
    token_id, token = service.mint(organization.member)
    bearer, person = service.server.bearer(token), service.sign_in(organization.member)
    bearer.get("/session", 200)
    response = person.delete(f"/api-keys/{token_id}", 204)
    assert response.content == b""
    assert bearer.get("/session", 401).json()["code"] == "invalid_token"
    person.delete(f"/api-keys/{token_id}", 404)
    assert service.database.query("select secret_hash, ended_reason, ended_by from testkase.api_tokens where id = %s", (token_id,)
                                  ) == [(None, "revoked", organization.member.id)]


def test_a_token_can_delete_itself(service, organization):
    bearer = service.bearer(organization.member)
    bearer.delete("/api-keys/current", 204)
    bearer.get("/session", 401)


def test_a_token_can_delete_its_sibling(service, organization):
    victim_id, victim = service.mint(organization.member)
    service.bearer(organization.member).delete(f"/api-keys/{victim_id}", 204)
    service.server.bearer(victim).get("/session", 401)


def test_deletion_leaves_the_others_alone(service, organization):
    gone, kept = service.mint(organization.member), service.mint(organization.member)
    service.server.bearer(gone[1]).delete("/api-keys/current", 204)
    service.server.bearer(kept[1]).get("/session", 200)


def test_deletion_twice_at_once_succeeds_once(service, organization):
    api = service.sign_in(organization.member)
    for _ in range(10):
        token_id, _ = service.mint(organization.member)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            statuses = list(pool.map(lambda _, key=token_id: api.delete(f"/api-keys/{key}").status_code, range(4)))
        assert sorted(statuses) == [204, 404, 404, 404]
        assert service.database.value("""select count(*) from testkase.audit_events
                                         where action = 'api_key.revoked' and target_id = %s""", (token_id,)) == 1


def test_an_expired_token_cannot_be_deleted(service, organization):
    token_id, _ = service.mint(organization.member, days=7)
    service.database.age_token(token_id, days=7)
    service.sign_in(organization.member).delete(f"/api-keys/{token_id}", 404)


def test_after_deletion_no_server_accepts_the_token(service, organization):
    """Two servers, both with the token warm, and others busy meanwhile."""
    other = service.start_server()
    busy_token = service.mint(organization.admin)[1]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        stop = []
        def keep_busy(server):
            api = server.bearer(busy_token)
            while not stop:
                api.get("/session", 200)
        busy = [pool.submit(keep_busy, server) for server in (service.server, other)]
        try:
            for turn in range(60):
                token_id, token = service.mint(organization.member)
                first, second = service.server.bearer(token), other.bearer(token)
                first.get("/session", 200)
                second.get("/session", 200)
                (first if turn % 2 else second).delete(f"/api-keys/{token_id}", 204)
                first.get("/session", 401)
                second.get("/session", 401)
        finally:
            stop.append(True)
        for future in busy:
            future.result(30)
    other.terminate()
    service.servers.remove(other)


def test_expiry_comes_without_a_worker(service, organization):
    token_id, token = service.mint(organization.member, days=7)
    service.database.age_token(token_id, days=7, seconds=-3)
    bearer = service.server.bearer(token)
    expires = service.database.value("select expires_at from testkase.api_tokens where id = %s", (token_id,))
    def asked():
        before = service.database.value("select clock_timestamp()")
        status = bearer.get("/session").status_code
        after = service.database.value("select clock_timestamp()")
        if after < expires:
            assert status == 200
        if before >= expires:
            assert status == 401
        return before >= expires
    until(asked, 10, "the token has expired")
    assert service.database.value("select ended_at is null from testkase.api_tokens where id = %s", (token_id,))


def test_an_expired_token_says_so_to_whoever_has_it(service, organization):
    token_id, token = service.mint(organization.member, days=7)
    service.database.age_token(token_id, days=10)
    response = service.server.bearer(token).get("/session", 401)
    problem = response.json()
    assert problem["code"] == "token_expired"
    expires = service.database.value("""select to_char(expires_at at time zone 'UTC', 'YYYY-MM-DD')
                                        from testkase.api_tokens where id = %s""", (token_id,))
    assert expires in problem["detail"], "the detail says when"
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_the_written_expiry_says_the_same(service, organization):
    token_id, token = service.mint(organization.member, days=7)
    service.database.age_token(token_id, days=10)
    service.database.query("update testkase.api_tokens set ended_at = expires_at, ended_reason = 'expired' where id = %s",
                           (token_id,))
    assert service.server.bearer(token).get("/session", 401).json()["code"] == "token_expired"
    service.database.query("update testkase.api_tokens set secret_hash = null where id = %s", (token_id,))
    fresh = service.start_server()
    assert fresh.bearer(token).get("/session", 401).json()["code"] == "invalid_token"
    fresh.terminate()
    service.servers.remove(fresh)


def test_no_clock_brings_an_expired_token_back(service, organization):
    """Once it is written down that it expired, as PostgreSQL's clock might be set back."""
    token_id, token = service.mint(organization.member, days=7)
    caller = service.server.bearer(token)
    caller.get("/session", 200)
    service.database.query("update testkase.api_tokens set ended_at = expires_at, ended_reason = 'expired' where id = %s",
                           (token_id,))
    assert caller.get("/session", 401).json()["code"] == "token_expired"
    assert service.start_server().bearer(token).get("/session", 401).json()["code"] == "token_expired"


def test_expiry_is_told_only_to_whoever_proves_the_secret(service, organization):
    token_id, token = service.mint(organization.member, days=7)
    service.database.age_token(token_id, days=10)
    guess = tokens.make(tokens.lookup(token))
    problem = service.server.bearer(guess).get("/session", 401).json()
    assert problem["code"] == "invalid_token"
    assert problem == service.server.bearer(tokens.make()).get("/session", 401).json()


@pytest.mark.parametrize("status", ["deactivated", "deleted"])
def test_tokens_die_with_their_owner_for_good(service, organization, status):
    bearers = [service.bearer(organization.member) for _ in range(3)]
    bearers[0].get("/session", 200)
    service.database.query("update testkase.users set status = %s where id = %s", (status, organization.member.id))
    for bearer in bearers:
        assert bearer.get("/session", 401).json()["code"] == "invalid_token"
    if status == "deactivated":
        service.database.query("update testkase.users set status = 'active' where id = %s", (organization.member.id,))
        for bearer in bearers:
            bearer.get("/session", 401)
        service.bearer(organization.member).get("/session", 200)


def test_a_role_counts_from_the_next_request(service, organization):
    bearer = service.bearer(organization.member)
    bearer.get("/users", 403)
    service.database.query("update testkase.users set org_role = 'admin' where id = %s", (organization.member.id,))
    bearer.get("/users", 200)
    service.database.query("update testkase.users set org_role = 'member' where id = %s", (organization.member.id,))
    bearer.get("/users", 403)


# --- what is noted ---

def test_creation_and_deletion_are_audited(service, organization):
    api = service.sign_in(organization.member)
    made = create(api, "Audited")
    response = api.delete(f"/api-keys/{made['id']}", 204)
    rows = service.database.query(
        """select action, actor_kind, actor_user_id, actor_token_id, host(address), request_id from testkase.audit_events
           where target_kind = 'api_key' and target_id = %s order by id""", (made["id"],))
    assert [row[:5] for row in rows] == [
        ("api_key.created", "user", organization.member.id, None, api.source),
        ("api_key.revoked", "user", organization.member.id, None, api.source)]
    assert rows[1][5] == response.headers["X-Request-Id"]


def test_what_a_token_does_is_audited_as_its(service, organization):
    token_id, token = service.mint(organization.member)
    made = create(service.server.bearer(token))
    assert service.database.value("""select actor_token_id from testkase.audit_events
                                     where target_id = %s and action = 'api_key.created'""", (made["id"],)) == token_id


def test_creation_leaves_a_reminder_and_a_notice(service, member):
    made = create(member, days=90)
    assert service.database.query("""select r.state, r.due_at = t.rotate_at from testkase.rotation_reminders r
                                     join testkase.api_tokens t on t.id = r.token_id where t.id = %s""", (made["id"],)
                                  ) == [("scheduled", True)]
    payloads = service.database.query("""select payload from testkase.outbox
                                         where topic = 'api_key.created' and payload->>'apiKeyId' = %s""", (str(made["id"]),))
    assert len(payloads) == 1 and tokens.secret(made["token"]) not in json.dumps(payloads[0][0])
