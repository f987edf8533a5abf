"""Hashes at another cost than the configured one are renewed when their secret has been proven."""

import concurrent.futures

from support import token as tokens
from support.deadline import until
from support.metrics import metrics, value
from support.service import PASSWORD

COST = "m=16384,t=2,p=1"


def dear(start_service, database):
    return start_service(database, TESTKASE_ARGON2_MEMORY_KIB="16384", TESTKASE_ARGON2_TIME="2")


def hash_of(database, table, column, row):
    return database.value(f"select {column} from testkase.{table} where id = %s", (row,))


def test_a_proven_token_is_hashed_again(database, start_service):
    service = dear(start_service, database)
    token_id, token = service.mint(service.organization().member)
    old = hash_of(database, "api_tokens", "secret_hash", token_id)
    assert COST not in old
    epoch = database.value("select epoch from testkase.auth_epoch")
    service.server.bearer(token).get("/session", 200)
    new = until(lambda: (lambda h: h if h != old else None)(hash_of(database, "api_tokens", "secret_hash", token_id)), 15,
                "the hash is renewed")
    assert COST in new and tokens.argon2id_matches(new, token)
    assert database.value("select epoch from testkase.auth_epoch") == epoch
    service.start_server().bearer(token).get("/session", 200)
    service.server.bearer(tokens.make(tokens.lookup(token))).get("/session", 401)


def test_a_token_that_is_asked_about_is_hashed_again(database, start_service):
    service = dear(start_service, database)
    organization = service.organization()
    token_id, token = service.mint(organization.member)
    old = hash_of(database, "api_tokens", "secret_hash", token_id)
    asker = service.bearer(organization.admin)
    assert asker.request("POST", "/auth/introspect", 200, data={"token": token}).json()["active"]
    until(lambda: hash_of(database, "api_tokens", "secret_hash", token_id) != old, 15, "the hash is renewed")


def test_a_herd_renews_once(database, start_service):
    """A hundred at once cost one argon2 to prove the token, and one to hash it again."""
    service = dear(start_service, database)
    token_id, token = service.mint(service.organization().member)
    old = hash_of(database, "api_tokens", "secret_hash", token_id)

    def count():
        return value(metrics(service.server.base), "argon2_duration_seconds_count")
    before = count()
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        for answer in [pool.submit(service.server.bearer(token).get, "/session", 200) for _ in range(100)]:
            answer.result(30)
    until(lambda: hash_of(database, "api_tokens", "secret_hash", token_id) != old, 15, "the hash is renewed")
    assert 2 <= count() - before <= 5, "but for those that come as the first is over"


def test_a_wrong_secret_renews_nothing(database, start_service):
    service = dear(start_service, database)
    token_id, token = service.mint(service.organization().member)
    old = hash_of(database, "api_tokens", "secret_hash", token_id)
    service.server.bearer(tokens.make(tokens.lookup(token))).get("/session", 401)
    _, other = service.mint(service.organization().member)
    service.server.bearer(other).get("/session", 200)
    assert hash_of(database, "api_tokens", "secret_hash", token_id) == old


def test_a_password_is_hashed_again_and_its_sessions_live_on(database, start_service):
    service = dear(start_service, database)
    person = service.organization().member
    first = service.sign_in(person)
    old = hash_of(database, "users", "password_hash", person.id)
    new = until(lambda: (lambda h: h if COST in h else None)(hash_of(database, "users", "password_hash", person.id)), 15,
                "the hash is renewed")
    assert new != old or COST in old
    assert tokens.argon2id_matches(new, PASSWORD)
    first.get("/session", 200)
    service.sign_in(person).get("/session", 200)


def renewals(database, action, target):
    return database.query("""select actor_kind, detail->'cost' from testkase.audit_events
                             where action = %s and target_id = %s order by id""", (action, target))


def test_each_renewal_is_in_the_audit_log(database, start_service):
    service = dear(start_service, database)
    person = service.organization().member
    token_id, token = service.mint(person)
    service.sign_in(person)
    service.server.bearer(token).get("/session", 200)
    costs = [("system", ["m=8192,t=1,p=1", COST])]
    for action, target in (("user.hash_renewed", person.id), ("api_key.hash_renewed", token_id)):
        assert until(lambda what=(action, target): renewals(database, *what), 15, f"{action} is audited") == costs


# --- what a renewal must not make false ---

def waits_for_a_lock(database):
    return database.value("""select count(*) from pg_stat_activity where datname = current_database()
                             and usename = 'testkase_server' and wait_event_type = 'Lock'""") > 0


def sign_in_during(service, database, person, change, parameters):
    """The status of a sign-in whose account another transaction changes between the proof of the password and the session."""
    other = database.connect()
    with other.cursor() as cursor, concurrent.futures.ThreadPoolExecutor(1) as pool:
        cursor.execute("set search_path = testkase, pg_temp")
        cursor.execute(change, parameters)
        answer = pool.submit(service.server.api().post, "/session", {"email": person.email, "password": PASSWORD})
        until(lambda: waits_for_a_lock(database), 15, "the sign-in waits for the account")
        other.commit()
        status = answer.result(30).status_code
    other.close()
    return status


def test_a_password_that_was_right_stays_right_when_its_hash_is_renewed(database, start_service):
    service = start_service(database)
    person = service.organization().member
    old = hash_of(database, "users", "password_hash", person.id)
    assert sign_in_during(service, database, person, "select renew_password_hash(%s, %s, %s)",
                          (person.id, old, tokens.argon2id(PASSWORD, 64))) == 201


def test_a_password_that_was_replaced_meanwhile_is_wrong(database, start_service):
    service = start_service(database)
    person = service.organization().member
    for new in (tokens.argon2id("another-pass-77"), tokens.argon2id("another-pass-78", 64), tokens.argon2id(PASSWORD)):
        service.database.query("update testkase.users set password_hash = %s where id = %s",
                               (tokens.argon2id(PASSWORD), person.id))
        assert sign_in_during(service, database, person, "update users set password_hash = %s where id = %s",
                              (new, person.id)) == 401
    service.database.query("update testkase.users set password_hash = %s where id = %s", (tokens.argon2id(PASSWORD), person.id))
    assert sign_in_during(service, database, person, "update users set status = 'deactivated' where id = %s", (person.id,)) == 401


def test_right_passwords_from_many_tabs_while_the_cost_changes(database, start_service):
    """Two servers of different costs renew against each other, as during a rolling restart."""
    service = dear(start_service, database)
    other = service.start_server(TESTKASE_ARGON2_MEMORY_KIB="8192", TESTKASE_ARGON2_TIME="1")
    organization = service.organization()
    people = [organization.owner, organization.admin, organization.member, organization.guest]

    def status(server, person):
        return server.api().post("/session", {"email": person.email, "password": PASSWORD}).status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(status, server, person) for _ in range(10) for person in people
                   for server in (service.server, other)]
        statuses = [answer.result(60) for answer in answers]
    assert set(statuses) == {201}
