"""People change their password, and see and end their sessions."""

import concurrent.futures

import pytest

from support import token as tokens
from support.deadline import until
from support.http import Api, TIME, field_errors, fresh_address
from support.service import PASSWORD

COOKIE = "testkase_session"
NEW = "amber-quarry-81-thimble"


def cookie_of(api):
    return api.session.cookies.get(COOKIE)


def sign_in(service, person, password, status=201, **options):
    return Api(service.server.base, {"Sec-Fetch-Site": "same-origin"}, **options).post(
        "/session", {"email": person.email, "password": password}, status)


def change(api, status, current=PASSWORD, new=NEW):
    return api.post("/account/password", {"currentPassword": current, "newPassword": new}, status)


def events(service, person):
    """What the account did, without the sign-ins and what the service does behind them."""
    return service.database.query("""select action, target_kind, target_id from testkase.audit_events
                                     where actor_user_id = %s and action <> 'session.created' order by id""", (person.id,))


def session_ids(service, person):
    return [row[0] for row in service.database.query(
        "select id from testkase.sessions where user_id = %s order by id", (person.id,))]


def age(service, person, minutes):
    """The sessions of the person were confirmed so long ago."""
    service.database.without_triggers(
        "update testkase.sessions set confirmed_at = now() - %s * interval '1 minute' where user_id = %s", (minutes, person.id))


def is_recent(service, person):
    return service.database.value(
        "select bool_and(testkase.signed_in_recently(id)) from testkase.sessions where user_id = %s", (person.id,))


# --- the password once more ---

def test_a_sign_in_is_recent_for_fifteen_minutes(service, organization):
    service.sign_in(organization.member)
    assert is_recent(service, organization.member) is True
    age(service, organization.member, 14.9)
    assert is_recent(service, organization.member) is True
    age(service, organization.member, 15.1)
    assert is_recent(service, organization.member) is False


def test_a_session_is_confirmed(service, organization):
    api, other = service.sign_in(organization.member), service.sign_in(organization.member)
    age(service, organization.member, 60)
    answer = api.post("/session/confirm", {"password": PASSWORD}, 204)
    assert answer.content == b"" and "Set-Cookie" not in answer.headers
    mine, others = session_ids(service, organization.member)
    recent = "select testkase.signed_in_recently(%s)"
    assert service.database.value(recent, (mine,)) is True
    assert service.database.value(recent, (others,)) is False
    assert events(service, organization.member) == [("session.confirmed", "session", mine)]
    api.get("/session", 200)
    other.get("/session", 200)


def test_a_wrong_password_confirms_nothing_and_ends_nothing(service, organization):
    api = service.sign_in(organization.member)
    age(service, organization.member, 60)
    for password in ("wrong-guess-1", "x", "x" * 1600):
        answer = api.post("/session/confirm", {"password": password}, 401)
        assert answer.json()["code"] == "invalid_credentials"
    api.get("/session", 200)
    assert is_recent(service, organization.member) is False
    assert events(service, organization.member) == []


def test_a_session_makes_tokens_only_soon_after_the_password_was_proven(service, organization):
    """Otherwise a stolen cookie would be a year's access. Deletion needs no password: it takes access away."""
    api = service.sign_in(organization.member)
    draft = {"name": "CI", "expiresInDays": 7}
    made = api.post("/api-keys", draft, 201).json()
    age(service, organization.member, 14.9)
    api.post("/api-keys", draft, 201)
    age(service, organization.member, 15.1)
    for path, body in (("/api-keys", draft), (f"/api-keys/{made['id']}/rotate", None)):
        assert api.post(path, body, 403).json()["code"] == "recent_sign_in_required"
    assert len(api.get("/api-keys", 200).json()["data"]) == 2
    service.bearer(organization.member).post("/api-keys", draft, 201)  # a token is no session
    api.post("/session/confirm", {"password": PASSWORD}, 204)
    api.post(f"/api-keys/{made['id']}/rotate", expect=201)
    age(service, organization.member, 15.1)
    api.delete(f"/api-keys/{made['id']}", 204)


def test_a_token_confirms_no_session(service, organization):
    bearer = service.bearer(organization.member)
    assert bearer.post("/session/confirm", {"password": PASSWORD}, 404).json()["code"] == "not_found"


@pytest.mark.parametrize("body,fields", [({}, {"password"}), ({"password": None}, {"password"}), ({"password": 1}, {"password"}),
                                         ({"password": PASSWORD, "email": "a@example.test"}, {"email"})])
def test_a_confirmation_has_a_password_alone(service, organization, body, fields):
    assert field_errors(service.sign_in(organization.member).post("/session/confirm", body)) == fields


def test_an_old_form_of_the_password_confirms(service, organization):
    """The hash of an older password may be that of what was typed."""
    typed = "Blåbærsyltetøy".replace("å", "a\u030a")
    service.database.query("update testkase.users set password_hash = %s where id = %s",
                           (tokens.argon2id(typed), organization.member.id))
    api = Api(service.server.base, {"Sec-Fetch-Site": "same-origin"})
    api.post("/session", {"email": organization.member.email, "password": typed}, 201)
    api.post("/session/confirm", {"password": typed}, 204)


# --- guessing with a stolen session ---

def guess_confirm(api, number):
    return api.post("/session/confirm", {"password": f"wrong-guess-{number}"}).status_code


def guess_change(api, number):
    return change(api, None, current=f"wrong-guess-{number}").status_code


@pytest.mark.parametrize("guess,wrong", [(guess_confirm, 401), (guess_change, 422)])
def test_guesses_are_slowed_and_leave_a_trace(service, organization, guess, wrong):
    api = service.sign_in(organization.member)
    assert [guess(api, number) for number in range(8)] == [wrong] * 5 + [429] * 3
    # The guesses are those of sign-in, and have its trace.
    body = {"email": organization.member.email, "password": PASSWORD}
    assert 1 <= int(api.post("/session", body, 429).headers["Retry-After"]) <= 60
    until(lambda: service.database.value("""select count(*) from testkase.audit_events
                                            where action = 'session.refused' and target_id = %s""",
                                         (organization.member.id,)) == 5, 10, "the events are written")
    sign_in(service, organization.member, PASSWORD)  # from elsewhere


@pytest.mark.parametrize("guess,wrong", [(guess_confirm, 401), (guess_change, 422)])
def test_guesses_from_many_addresses_end_the_session(service, organization, guess, wrong):
    """The session, and not the account: its owner signs in elsewhere as before. A right password begins the count anew."""
    api, other = service.sign_in(organization.member), service.sign_in(organization.member)

    def guesses(count):
        for number in range(count):
            thief = Api(service.server.base, {"Sec-Fetch-Site": "same-origin"}, source=fresh_address())
            thief.session.cookies = api.session.cookies
            assert guess(thief, number) == wrong
    guesses(9)
    api.post("/session/confirm", {"password": PASSWORD}, 204)
    guesses(9)
    api.get("/session", 200)
    guesses(1)
    api.get("/session", 401)
    other.get("/session", 200)
    sign_in(service, organization.member, PASSWORD)


# --- a new password ---

def test_the_password_is_changed(service, organization):
    person = organization.member
    api, other = service.sign_in(person), service.sign_in(person)
    bearer = service.bearer(person)
    old = cookie_of(api)
    answer = change(api, 204)
    assert answer.content == b"" and cookie_of(api) != old
    assert f"{COOKIE}={cookie_of(api)}; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800" == answer.headers["Set-Cookie"]
    api.get("/session", 200)
    other.get("/session", 401)
    service.server.api().get("/session", 401, headers={"Cookie": f"{COOKIE}={old}"})
    bearer.get("/session", 200)
    assert is_recent(service, person) is True
    assert len(session_ids(service, person)) == 1
    sign_in(service, person, PASSWORD, 401)
    sign_in(service, person, NEW)


def test_a_new_password_is_audited_and_noticed(service, organization):
    person = organization.member
    api = service.sign_in(person)
    answer = change(api, 204)
    assert events(service, person) == [("user.password_changed", "user", person.id)]
    event = service.database.query("""select request_id, host(address), detail from testkase.audit_events
                                      where action = 'user.password_changed' and target_id = %s""", (person.id,))
    session, = session_ids(service, person)
    assert event == [(answer.headers["X-Request-Id"], api.source, {"email": person.email, "sessionId": session})]
    notice = service.database.query("""select organization_id, payload from testkase.outbox
                                       where topic = 'user.password_changed' and user_id = %s""", (person.id,))
    assert notice == [(organization.id, {"userId": person.id, "email": person.email})]


def test_a_new_password_ends_fifty_sessions(service, organization):
    """As many as an account may have: the trigger that ends those beyond ends none twice."""
    person = organization.member
    api = service.sign_in(person)
    service.database.query("""insert into testkase.sessions (digest, user_id)
                              select sha256(('of ' || %s || n)::bytea), %s from generate_series(1, 49) n""",
                           (person.email, person.id))
    assert len(session_ids(service, person)) == 50
    change(api, 204)
    api.get("/session", 200)
    assert len(session_ids(service, person)) == 1


def test_every_server_knows_the_new_password(service, organization):
    api, other = service.sign_in(organization.member), service.sign_in(organization.member)
    second = service.start_server()
    there = other.at(second.base)
    there.get("/session", 200)
    change(api, 204)
    there.get("/session", 401)
    api.at(second.base).get("/session", 200)
    second.terminate()
    service.servers.remove(second)


@pytest.mark.parametrize("body,field,detail", [
    ({"currentPassword": "wrong-guess-1"}, "currentPassword", "is wrong"),
    ({"currentPassword": "x" * 1600}, "currentPassword", "is wrong"),
    ({"newPassword": PASSWORD}, "newPassword", "is the current password"),
    ({"newPassword": "a-short"}, "newPassword", "must have 8 to 128 characters"),
    ({"newPassword": "x" * 129}, "newPassword", "must have 8 to 128 characters"),
    ({"newPassword": "password123"}, "newPassword", "is one of the commonest passwords; choose another"),
    ({"newPassword": "EMAIL"}, "newPassword", "must not be the e-mail address or the name")])
def test_a_password_that_is_refused(service, organization, body, field, detail):
    person = organization.member
    api = service.sign_in(person, checked=False)
    body = {"currentPassword": PASSWORD, "newPassword": NEW, **body}
    if body["newPassword"] == "EMAIL":
        body["newPassword"] = person.email
    before = session_ids(service, person)
    answer = api.post("/account/password", body, 422)
    assert answer.json()["errors"] == [{"field": field, "detail": detail}]
    api.get("/session", 200)
    assert session_ids(service, person) == before and events(service, person) == []
    sign_in(service, person, PASSWORD)


@pytest.mark.parametrize("body,fields", [
    ({}, {"currentPassword", "newPassword"}), ({"currentPassword": PASSWORD}, {"newPassword"}),
    ({"newPassword": NEW}, {"currentPassword"}),
    ({"currentPassword": 1, "newPassword": None}, {"currentPassword", "newPassword"}),
    ({"currentPassword": PASSWORD, "newPassword": NEW, "userId": 1}, {"userId"})])
def test_a_wrong_field_is_named(service, organization, body, fields):
    assert field_errors(service.sign_in(organization.member).post("/account/password", body)) == fields


def test_a_token_does_not_take_over_the_account(service, organization):
    answer = change(service.bearer(organization.member), 403)
    assert answer.json()["code"] == "forbidden" and "token cannot change" in answer.json()["detail"]
    bot = service.person(organization.id, kind="service")
    change(service.bearer(bot), 403)
    sign_in(service, organization.member, PASSWORD)


@pytest.mark.parametrize("by_two", [False, True], ids=["one session", "two sessions"])
def test_of_two_changes_at_once_one_is_made(service, organization, by_two):
    person = organization.member
    first = service.sign_in(person)
    second = service.sign_in(person) if by_two else first
    clients = [Api(service.server.base, {"Sec-Fetch-Site": "same-origin", "Cookie": f"{COOKIE}={cookie_of(api)}"})
               .without_cookies() for api in (first, second)]
    words = [f"{NEW}-{number}" for number in range(2)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda pair: change(pair[0], None, new=pair[1]), zip(clients, words)))
    # The second is refused in the statement, or sooner: by then the session is over, or the password another.
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(204) == 1 and set(statuses) <= {204, 401, 422}, statuses
    made = statuses.index(204)
    sign_in(service, person, words[made])
    sign_in(service, person, words[1 - made], 401)
    assert [event[0] for event in events(service, person)] == ["user.password_changed"]


def test_a_renewal_of_the_hash_meanwhile_does_not_matter(database, start_service):
    """The proof of an old hash starts its renewal at the new cost."""
    service = start_service(database, TESTKASE_ARGON2_MEMORY_KIB="9216")
    person = service.organization().member
    api = service.sign_in(person)
    change(api, 204)
    sign_in(service, person, NEW)
    until(lambda: service.database.value("select password_hash like '%%m=9216,%%' from testkase.users where id = %s",
                                         (person.id,)), 10, "the hash has the new cost")


# --- sessions ---

def test_sessions_are_listed_newest_first(service, organization):
    person = organization.member
    first = service.sign_in(person)
    second = Api(service.server.base, {"Sec-Fetch-Site": "same-origin", "User-Agent": "Browser/7 (Tests)"})
    second.post("/session", {"email": person.email, "password": PASSWORD}, 201)
    service.sign_in(organization.admin)
    ids = session_ids(service, person)
    for api in (first, second):
        page = api.get("/account/sessions", 200).json()
        assert page["nextCursor"] is None
        assert [session["id"] for session in page["data"]] == ids[::-1]
        assert [session["current"] for session in page["data"]] == [api is second, api is first]
    newest, oldest = page["data"]
    assert set(newest) == {"id", "createdAt", "lastSeenAt", "expiresAt", "address", "client", "current"}
    assert all(TIME.fullmatch(newest[name]) for name in ("createdAt", "lastSeenAt", "expiresAt"))
    assert (newest["address"], newest["client"]) == (second.source, "Browser/7 (Tests)")
    assert oldest["address"] == first.source and oldest["client"].startswith("python-requests/")
    assert [session["id"] for session in first.pages("/account/sessions", 1)] == ids[::-1]
    bearer = service.bearer(person)
    assert [session["current"] for session in bearer.get("/account/sessions", 200).json()["data"]] == [False, False]


@pytest.mark.parametrize("end", [
    "expires_at = now() - interval '1 second'", "last_seen_at = now() - interval '12 hours 1 second'",
    "user_generation = user_generation - 1"])
def test_a_session_that_is_over_is_not_listed(service, organization, end):
    person = organization.member
    api, _ = service.sign_in(person), service.sign_in(person)
    mine, other = session_ids(service, person)
    service.database.without_triggers(f"update testkase.sessions set {end} where id = %s", (other,))
    assert [session["id"] for session in api.get("/account/sessions", 200).json()["data"]] == [mine]


def test_one_session_is_ended_on_every_server(service, organization):
    person = organization.member
    api, other = service.sign_in(person), service.sign_in(person)
    second = service.start_server()
    there = other.at(second.base)
    there.get("/session", 200)
    mine, others = session_ids(service, person)
    assert api.delete(f"/account/sessions/{others}", 204).content == b""
    there.get("/session", 401)
    other.get("/session", 401)
    api.get("/session", 200)
    api.delete(f"/account/sessions/{others}", 404)
    assert events(service, person) == [("session.deleted", "session", others)]
    api.delete(f"/account/sessions/{mine}", 204)
    api.get("/session", 401)
    second.terminate()
    service.servers.remove(second)


def test_nobody_ends_the_session_of_another(service, organization):
    owner, member = service.sign_in(organization.owner), service.sign_in(organization.member)
    session, = session_ids(service, organization.member)
    for caller in (owner, service.bearer(organization.owner)):
        for number in (session, 2**40):
            caller.delete(f"/account/sessions/{number}", 404)
        caller.delete("/account/sessions", 204)
    member.get("/session", 200)


def test_all_other_sessions_are_ended(service, organization):
    person = organization.member
    api, *others = [service.sign_in(person) for _ in range(3)]
    mine, *ended = session_ids(service, person)
    bearer = service.bearer(person)
    api.delete("/account/sessions", 204)
    api.get("/session", 200)
    assert [other.get("/session").status_code for other in others] == [401, 401]
    assert sorted(events(service, person)) == [("session.deleted", "session", number) for number in ended]
    api.delete("/account/sessions", 204)  # none is left
    assert session_ids(service, person) == [mine]
    bearer.delete("/account/sessions", 204)
    api.get("/session", 401)
    bearer.get("/session", 200)


# --- a sign-in in the place of another ---

def test_a_sign_in_ends_the_session_that_the_browser_had(service, organization):
    api, other = service.sign_in(organization.member), service.sign_in(organization.member)
    replaced, kept = session_ids(service, organization.member)
    old = cookie_of(api)
    api.post("/session", {"email": organization.member.email, "password": PASSWORD}, 201)
    service.server.api().get("/session", 401, headers={"Cookie": f"{COOKIE}={old}"})
    api.get("/session", 200)
    other.get("/session", 200)
    before, now = session_ids(service, organization.member)
    assert before == kept and now > kept
    assert service.database.value("""select detail from testkase.audit_events
                                     where action = 'session.created' and target_id = %s""", (now,)
                                  ) == {"replacedSessionId": replaced}


def test_at_the_bound_it_ends_too(service, organization):
    """The trigger that ends the sessions beyond the bound ends none twice."""
    person = organization.member
    api = service.sign_in(person)
    service.database.query("""insert into testkase.sessions (digest, user_id)
                              select sha256(('at ' || %s || n)::bytea), %s from generate_series(1, 49) n""",
                           (person.email, person.id))
    service.database.query("update testkase.sessions set last_seen_at = now() - interval '1 hour' where id = %s",
                           (session_ids(service, person)[0],))
    api.post("/session", {"email": person.email, "password": PASSWORD}, 201)
    assert len(session_ids(service, person)) == 50


def test_the_session_of_another_account_stays(service, organization):
    api = service.sign_in(organization.member)
    cookie = {"Cookie": f"{COOKIE}={cookie_of(api)}"}
    api.post("/session", {"email": organization.admin.email, "password": PASSWORD}, 201)
    service.server.api().get("/session", 200, headers=cookie)


def test_a_sign_in_that_fails_ends_nothing(service, organization):
    api = service.sign_in(organization.member)
    api.post("/session", {"email": organization.member.email, "password": "wrong-guess-1"}, 401)
    api.get("/session", 200)
