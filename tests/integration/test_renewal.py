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


def test_a_hash_of_the_same_cost_cannot_be_put_in(database, start_service):
    """The schema holds: only another cost, only while the token lives."""
    service = start_service(database)
    token_id, token = service.mint(service.organization().member)
    connection = database.connect("testkase_server")
    for new in (tokens.argon2id(tokens.make()), "$argon2id$v=19$m=8192,t=1,p=1$c2FsdA$dGFn"):
        with connection.cursor() as cursor:
            try:
                cursor.execute("update testkase.api_tokens set secret_hash = %s where id = %s", (new, token_id))
                raise SystemExit("the schema let it pass")
            except Exception as error:  # the class is psycopg2's for the SQLSTATE
                assert "renewed at another cost" in str(error)
        connection.rollback()
    connection.close()
    service.server.bearer(token).get("/session", 200)
