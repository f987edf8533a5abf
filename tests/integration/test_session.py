"""People sign in, are known by a cookie, and sign out."""

import concurrent.futures
import re
import time

import pytest

from support import token as tokens
from support.http import Api, field_errors
from support.metrics import metrics, value
from support.postgres import ROOT
from support.service import PASSWORD

COOKIE = "testkase_session"

# find_credentials as psycopg2 takes it.
QUERY = re.sub(r"(?<!:):email\b", "%(email)s",
               re.sub(r"(?m)^--.*$", "", (ROOT / "sql/queries/sessions/find_credentials.sql").read_text()).replace("%", "%%"))


def credentials(person, password=PASSWORD):
    return {"email": person.email, "password": password}


def cookie_line(response):
    """(name, value, attributes in lower case) of the one Set-Cookie field."""
    lines = response.raw.headers.getlist("Set-Cookie")
    assert len(lines) == 1, lines
    pair, *attributes = [part.strip() for part in lines[0].split(";")]
    name, _, value = pair.partition("=")
    return name, value, {attribute.lower() for attribute in attributes}


def test_sign_in_gives_a_cookie_and_the_caller(service, organization):
    api = service.server.api()
    response = api.post("/session", credentials(organization.admin), 201)
    assert response.json() == {
        "user": {"id": organization.admin.id, "email": organization.admin.email, "name": organization.admin.name,
                 "kind": "person", "orgRole": "admin"},
        "organization": {"id": organization.id, "name": organization.name}}
    name, value, attributes = cookie_line(response)
    assert name == COOKIE
    assert re.fullmatch(r"[!#-+\--:<-\[\]-~]{32,}", value), "256 random bits"
    assert {"httponly", "path=/"} <= attributes
    assert attributes & {"samesite=lax", "samesite=strict"}
    assert "secure" not in attributes, "the public URL is http"
    assert not [attribute for attribute in attributes if attribute.startswith("domain")]
    body = api.get("/session", 200).json()
    assert body["user"] == response.json()["user"] and body["organization"] == response.json()["organization"]
    assert body["apiKey"] is None


def test_under_https_the_cookie_is_bound_to_the_host(database, start_service):
    service = start_service(database, TESTKASE_PUBLIC_URL="https://pat.example.test")
    organization = service.organization()
    response = service.server.api().post("/session", credentials(organization.member), 201)
    name, value, attributes = cookie_line(response)
    assert name == "__Host-" + COOKIE
    assert {"secure", "httponly", "path=/"} <= attributes and attributes & {"samesite=lax", "samesite=strict"}
    assert "max-age=" in response.headers["Strict-Transport-Security"]
    cookie = {"Cookie": f"{name}={value}"}
    service.server.api().get("/session", 200, headers=cookie)
    service.server.api().get("/session", 401, headers={"Cookie": f"{COOKIE}={value}"})
    service.server.api().delete("/session", 204, headers={**cookie, "Origin": "https://pat.example.test"})
    service.server.api().get("/session", 401, headers=cookie)


def test_without_https_there_is_no_hsts(service):
    assert "Strict-Transport-Security" not in service.server.api().get("/session").headers


def test_who_a_token_is(service, organization):
    token_id, token = service.mint(organization.member, "Nightly report")
    body = service.server.bearer(token).get("/session", 200).json()
    assert set(body) == {"user", "organization", "apiKey"}
    assert body["user"] == {"id": organization.member.id, "email": organization.member.email, "name": organization.member.name,
                            "kind": "person", "orgRole": "member"}
    assert body["apiKey"]["id"] == token_id and body["apiKey"]["name"] == "Nightly report"
    assert body["apiKey"]["tokenPreview"] == tokens.preview(token)


def test_the_address_ignores_case(service, organization):
    service.server.api().post("/session", {"email": organization.member.email.upper(), "password": PASSWORD}, 201)


def test_sign_out_ends_the_session_on_the_server(service, organization):
    api = service.sign_in(organization.member)
    cookie = api.session.cookies.get(COOKIE)
    response = api.delete("/session", 204)
    assert response.content == b""
    service.server.api().get("/session", 401, headers={"Cookie": f"{COOKIE}={cookie}"})
    assert not api.session.cookies.get(COOKIE), "the browser is told to forget it"


def test_sign_out_ends_one_session(service, organization):
    here, there = service.sign_in(organization.member), service.sign_in(organization.member)
    here.delete("/session", 204)
    there.get("/session", 200)


def test_each_sign_in_has_a_new_cookie(service, organization):
    api = service.server.api()
    api.session.headers["Sec-Fetch-Site"] = "same-origin"
    seen = set()
    for _ in range(3):
        api.post("/session", credentials(organization.member), 201)
        seen.add(api.session.cookies.get(COOKIE))
    assert len(seen) == 3


def test_a_session_is_good_at_every_server(service, organization):
    api = service.sign_in(organization.member)
    other = service.start_server()
    api.at(other.base).get("/session", 200)
    api.at(other.base).delete("/session", 204)
    api.get("/session", 401)
    other.terminate()
    service.servers.remove(other)


def test_the_cookie_is_not_in_the_database(service, organization):
    cookie = service.sign_in(organization.member).session.cookies.get(COOKIE)
    dump = service.database.dump("--data-only", "--table=testkase.sessions").decode()
    assert cookie not in dump and cookie.encode().hex() not in dump


# --- refusals ---

def refusal(service, body):
    response = service.server.api().post("/session", body, 401)
    assert "Set-Cookie" not in response.headers
    fields = {name: value for name, value in response.headers.items() if name not in ("Date", "X-Request-Id")}
    return response.text, fields


def test_whatever_is_wrong_the_answer_is_the_same(service, organization):
    bot = service.person(organization.id, kind="service")
    leaver, gone, silent = (service.person(organization.id) for _ in range(3))
    service.database.query("update testkase.users set status = 'deactivated' where id = %s", (leaver.id,))
    service.database.query("update testkase.users set status = 'deleted' where id = %s", (gone.id,))
    service.database.query("update testkase.users set password_hash = null where id = %s", (silent.id,))
    answers = [refusal(service, body) for body in (
        credentials(organization.member, "not-the-password-1"), credentials(organization.member, PASSWORD + "x"),
        credentials(organization.member, PASSWORD[:-1]), credentials(organization.member, PASSWORD.upper()),
        credentials(organization.member, f" {PASSWORD}"), credentials(bot), credentials(leaver), credentials(gone),
        credentials(silent), {"email": "nobody@example.test", "password": PASSWORD})]
    assert all(answer == answers[0] for answer in answers)
    assert '"invalid_credentials"' in answers[0][0]


@pytest.mark.alone
def test_an_unknown_address_takes_as_long_as_a_known_one(database, start_service):
    service = start_service(database, TESTKASE_ARGON2_MEMORY_KIB="32768", TESTKASE_ARGON2_TIME="2")
    organization = service.organization()
    people = [service.person(organization.id) for _ in range(9)]
    cost = tokens.argon2id(PASSWORD, 32768, 2)
    service.database.query("update testkase.users set password_hash = %s where organization_id = %s", (cost, organization.id))

    def seconds(body):
        api = service.server.api()
        api.get("/session", 401)
        start = time.perf_counter()
        api.post("/session", body, 401)
        return time.perf_counter() - start

    def proofs():
        return value(metrics(service.server.base), "argon2_duration_seconds_count")

    # In turn, so that whatever else the machine does meets both alike; it only ever adds, so the least of each is compared.
    before = proofs()
    pairs = [(seconds(credentials(person, "wrong-password-1")),
              seconds({"email": f"nobody-{number}@example.test", "password": "wrong-password-1"}))
             for number, person in enumerate(people)]
    assert proofs() == before + 2 * len(people)
    known, unknown = (min(times) for times in zip(*pairs))
    assert 0.6 < known / unknown < 1.6, f"known {known:.4f} s, unknown {unknown:.4f} s"


def cost_of(encoded):
    return encoded.split("$")[3]


def test_an_unknown_address_imitates_the_cost_of_one_account(database):
    """After the cost was raised there are hashes of both costs, among addresses of accounts and among others alike."""
    organization = database.value("insert into testkase.organizations (name) values ('Acme') returning id")
    hashes = [tokens.argon2id(PASSWORD, 64), tokens.argon2id(PASSWORD, 128)]
    connection = database.connect("testkase_server")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("set search_path = testkase, pg_temp")

    def found(email):
        cursor.execute(QUERY, {"email": email})
        rows = cursor.fetchall()
        assert len(rows) <= 1
        return rows[0] if rows else None

    def imitated():
        return [found(f"nobody-{number}@example.test") for number in range(200)]

    assert found("nobody@example.test") is None
    for number in range(60):
        database.query("""insert into testkase.users (organization_id, email, name, password_hash)
                          values (%s, %s, 'N', %s)""", (organization, f"{number}@example.test", hashes[number % 3 == 0]))
    first = imitated()
    assert all(row[:3] == (None, None, None) for row in first)
    dearer = [row[3] for row in first].count(cost_of(hashes[1]))
    assert 20 < dearer < 120, "a third of the accounts has the dearer hash"
    assert imitated() == first
    assert imitated() == [found(f"NOBODY-{number}@Example.test") for number in range(200)]
    known = found("3@example.test")
    assert known[1] == hashes[1] and known[2] == 1
    # Of accounts that cannot sign in, nothing is told either.
    database.query("update testkase.users set status = 'deactivated' where email like '%%3@example.test'")
    assert found("3@example.test")[:3] == (None, None, None)
    # When everybody's hash is renewed, so is what the others imitate.
    database.query("update testkase.users set password_hash = %s where status = 'active'", (hashes[1],))
    assert {row[3] for row in imitated()} == {cost_of(hashes[1])}
    connection.close()


@pytest.mark.alone
def test_after_the_cost_was_raised_an_unknown_address_takes_as_long_as_a_known_one(database, start_service):
    service = start_service(database, TESTKASE_ARGON2_MEMORY_KIB="65536", TESTKASE_ARGON2_TIME="3")
    organization = service.organization()
    people = [service.person(organization.id) for _ in range(9)]

    def seconds(email):
        api = service.server.api()
        api.get("/session", 401)
        start = time.perf_counter()
        api.post("/session", {"email": email, "password": "wrong-password-1"}, 401)
        return time.perf_counter() - start

    pairs = [(seconds(person.email), seconds(f"nobody-{number}@example.test")) for number, person in enumerate(people)]
    known, unknown = (min(times) for times in zip(*pairs))
    assert 0.6 < known / unknown < 1.6, f"known {known:.4f} s, unknown {unknown:.4f} s"


def test_an_account_has_at_most_50_sessions_however_they_begin(service, organization):
    """The ones seen least recently end; signing in is never refused."""
    first = service.sign_in(organization.member)

    def sign_in(_):
        return service.server.api().post("/session", credentials(organization.member), 201)

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        list(pool.map(sign_in, range(70)))
    assert service.database.value("select count(*) from testkase.sessions where user_id = %s", (organization.member.id,)) == 50
    first.get("/session", 401)
    service.sign_in(organization.member).get("/session", 200)


def test_a_refused_sign_in_has_a_challenge(service):
    """RFC 9110, 15.5.2: every 401 has one."""
    response = service.server.api().post("/session", {"email": "nobody@example.test", "password": PASSWORD}, 401)
    assert response.headers.get("WWW-Authenticate") == 'Bearer realm="testkase"'


@pytest.mark.parametrize("body,fields", [
    ({}, {"email", "password"}), ({"email": "a@example.test"}, {"password"}), ({"password": PASSWORD}, {"email"}),
    ({"email": 1, "password": PASSWORD}, {"email"}), ({"email": "a@example.test", "password": 1}, {"password"}),
    ({"email": None, "password": None}, {"email", "password"}),
    ({"email": "a@example.test", "password": PASSWORD, "remember": True}, {"remember"})])
def test_a_wrong_field_is_named(service, body, fields):
    assert field_errors(service.server.api().post("/session", body)) == fields


def test_a_refusal_never_repeats_the_password(service, organization):
    response = service.server.api().post("/session", credentials(organization.member, "swordfish-that-is-wrong"))
    assert "swordfish" not in response.text


@pytest.mark.parametrize("value", ["", "x", "a" * 43, "A" * 5000, "\"quoted\"", "..", "%00", "=" * 43])
def test_a_wrong_cookie_is_nobody(service, value):
    response = service.server.api().get("/session", 401, headers={"Cookie": f"{COOKIE}={value}"})
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="testkase"'


def test_the_cookie_is_found_among_others(service, organization):
    cookie = service.sign_in(organization.member).session.cookies.get(COOKIE)
    for line in (f"a=b; {COOKIE}={cookie}; c=d", f"a=b;{COOKIE}={cookie}", f"x{COOKIE}=no; {COOKIE}={cookie}"):
        service.server.api().get("/session", 200, headers={"Cookie": line})
    service.server.api().get("/session", 401, headers={"Cookie": f"x{COOKIE}={cookie}"})


# --- how a session ends ---

END = {
    "deactivated": "update testkase.users set status = 'deactivated' where id = %s",
    "deleted": "update testkase.users set status = 'deleted' where id = %s",
    "a new password": "update testkase.users set password_hash = '" + tokens.argon2id("another-pass-77", 64) + "' where id = %s",
    "idle for 12 hours": "update testkase.sessions set last_seen_at = now() - interval '12 hours 1 second' where user_id = %s",
    "past its end": "update testkase.sessions set expires_at = now() - interval '1 second' where user_id = %s",
    "removed": "delete from testkase.sessions where user_id = %s",
}


@pytest.mark.parametrize("how", END)
def test_a_session_ends_at_once(service, organization, how):
    api = service.sign_in(organization.member)
    api.get("/session", 200)
    service.database.query(END[how], (organization.member.id,))
    api.get("/session", 401)


def test_a_return_does_not_revive_a_session(service, organization):
    api = service.sign_in(organization.member)
    for status in ("deactivated", "active"):
        service.database.query("update testkase.users set status = %s where id = %s", (status, organization.member.id))
    api.get("/session", 401)
    service.sign_in(organization.member)


def test_a_role_counts_from_the_next_request(service, organization):
    api = service.sign_in(organization.member)
    api.get("/users", 403)
    service.database.query("update testkase.users set org_role = 'admin' where id = %s", (organization.member.id,))
    api.get("/users", 200)


def test_sign_in_and_out_are_audited(service, organization):
    api = service.sign_in(organization.member)
    api.delete("/session", 204)
    assert service.database.query("""select action, host(address) from testkase.audit_events
                                     where actor_user_id = %s order by id""", (organization.member.id,)
                                  ) == [("session.created", api.source), ("session.deleted", api.source)]


# --- guessing ---

def guess_until_slowed(service, person, source=None, most=300):
    api = service.server.api(source=source) if source else None
    for count in range(most):
        response = (api or service.server.api()).post("/session", credentials(person, f"wrong-guess-{count}"))
        if response.status_code == 429:
            assert int(response.headers["Retry-After"]) >= 1
            return count
        assert response.status_code == 401
    raise AssertionError(f"{most} guesses and not slowed")


def test_guessing_is_slowed_per_address(service, organization):
    api = service.server.api()
    for count in range(300):
        response = api.post("/session", {"email": f"nobody-{count}@example.test", "password": "wrong-guess-1"})
        if response.status_code == 429:
            break
        assert response.status_code == 401
    assert response.status_code == 429, "300 guesses from one address and not slowed"
    service.sign_in(organization.member)


def test_guessing_one_account_does_not_lock_its_owner_out(service, organization):
    """The one who guesses is slowed; the person comes in from elsewhere meanwhile."""
    guess_until_slowed(service, organization.member, source="127.200.0.1")
    service.sign_in(organization.member)
    service.sign_in(organization.admin)


def test_guessing_one_account_is_slowed_sooner(service, organization):
    """One address, one account: five guesses, whatever case the address is written in."""
    api = service.server.api()
    statuses = []
    for count in range(8):
        email = organization.owner.email.upper() if count % 2 else organization.owner.email
        statuses.append(api.post("/session", {"email": email, "password": "wrong-guess-1"}).status_code)
    assert statuses == [401] * 5 + [429] * 3
    api.post("/session", credentials(organization.owner), 429)


def test_many_addresses_cannot_lock_an_account(service, organization):
    for _ in range(60):
        service.server.api().post("/session", credentials(organization.owner, "wrong-guess-1"), 401)
    service.sign_in(organization.owner)


def test_success_is_not_held_against_anybody(service, organization):
    api = service.server.api()
    for _ in range(40):
        api.post("/session", credentials(organization.member), 201, headers={"Sec-Fetch-Site": "same-origin"})


@pytest.mark.alone
def test_tokens_work_while_sign_in_is_flooded(service, organization):
    bearer = service.bearer(organization.member)
    bearer.get("/session", 200)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        flood = [pool.submit(lambda n=n: Api(service.server.base).post(
            "/session", {"email": f"flood-{n}@example.test", "password": "wrong-guess-1"}).status_code) for n in range(200)]
        waits = []
        while not all(future.done() for future in flood):
            start = time.perf_counter()
            bearer.get("/session", 200)
            waits.append(time.perf_counter() - start)
        statuses = {future.result() for future in flood}
    assert statuses <= {401, 429, 503}
    assert max(waits) < 2, f"a call took {max(waits):.3f} s"
