"""PostgreSQL takes everything and answers nothing: 503 in time, and the loop lives."""

import concurrent.futures
import time

import pytest

from support.deadline import until
from support.http import Api
from support.relay import Relay

# The answer must have begun 30 s after the request did, whatever happens.
DEADLINE = 31


def healthz(server, path="/healthz"):
    start = time.monotonic()
    status = Api(server.base, checked=False).session.get(server.base + path, timeout=DEADLINE).status_code
    return status, time.monotonic() - start


def assert_all_refused_in_time(service, calls):
    """Runs the calls at once; meanwhile /healthz answers without delay."""
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        answers = [pool.submit(call) for call in calls]
        slowest = 0
        while not all(answer.done() for answer in answers):
            status, seconds = healthz(service.server)
            assert status == 200
            slowest = max(slowest, seconds)
        responses = [answer.result() for answer in answers]
    assert time.monotonic() - start < DEADLINE
    assert slowest < 3, f"/healthz took {slowest:.2f} s"  # a loop that waits for PostgreSQL does so for 5 s at least
    for response in responses:
        assert response.status_code == 503 and response.json()["code"] == "unavailable"


def calls_of(service, organization):
    """One of each kind: by token, by cookie, sign-in, a change."""
    bearer, person = service.bearer(organization.member), service.sign_in(organization.admin)
    bearer.get("/session", 200)
    cold = service.bearer(organization.owner)
    return [
        lambda: bearer.get("/session", timeout=40), lambda: cold.get("/session", timeout=40),
        lambda: person.get("/users", timeout=40),
        lambda: bearer.post("/api-keys", {"name": "CI", "expiresInDays": 7}, timeout=40),
        lambda: service.server.api().post("/session",
                                          {"email": organization.guest.email, "password": organization.guest.password},
                                          timeout=40)]


@pytest.fixture
def service(own_cluster, start_service):
    return start_service(own_cluster.create_database())


def test_postgresql_stands_still(own_cluster, service):
    organization = service.organization()
    calls = calls_of(service, organization)
    own_cluster.freeze()
    try:
        assert_all_refused_in_time(service, calls)
        assert healthz(service.server, "/readyz")[0] == 503
        assert_all_refused_in_time(service, calls[:1])
    finally:
        own_cluster.thaw()
    until(lambda: calls[0]().status_code == 200, 5, "serves again")
    assert healthz(service.server, "/readyz")[0] == 200
    assert calls[4]().status_code == 201


def test_answers_vanish_on_the_way(own_cluster, start_service):
    """PostgreSQL is well; what it says does not arrive."""
    relay = Relay(own_cluster)
    try:
        database = own_cluster.create_database()
        service = start_service(database, TESTKASE_DATABASE_URL=relay.url("testkase_server", database.name))
        organization = service.organization()
        calls = calls_of(service, organization)
        relay.swallow = True
        assert_all_refused_in_time(service, calls)
        relay.cut()
        until(lambda: calls[0]().status_code == 200, 5, "serves again")
    finally:
        relay.close()


def test_a_token_revoked_meanwhile_is_dead_afterwards(own_cluster, start_service):
    relay = Relay(own_cluster)
    try:
        database = own_cluster.create_database()
        service = start_service(database, TESTKASE_DATABASE_URL=relay.url("testkase_server", database.name))
        token_id, token = service.mint(service.organization().member)
        bearer = service.server.bearer(token)
        bearer.get("/session", 200)
        relay.swallow = True
        database.query("""update testkase.api_tokens set ended_at = now(), ended_reason = 'revoked', secret_hash = null
                          where id = %s""", (token_id,))
        assert bearer.get("/session", timeout=40).status_code == 503
        relay.cut()
        status = until(lambda: (status := bearer.get("/session").status_code) != 503 and status, 5, "an answer")
        assert status == 401
    finally:
        relay.close()


def test_shutdown_during_the_silence(own_cluster, service):
    organization = service.organization()
    bearer = service.bearer(organization.member)
    bearer.get("/session", 200)
    own_cluster.freeze()
    try:
        service.server.terminate(seconds=12)
    finally:
        own_cluster.thaw()
    service.servers.clear()
