"""PostgreSQL is killed or restarted under load: 503 meanwhile, and afterwards everything acknowledged is true."""

import concurrent.futures
import threading

import pytest

from support.deadline import until
from support.http import Api
from support.ledger import Ledger, check_whole
from support.metrics import metrics, value
from support.relay import Relay

pytestmark = pytest.mark.no_second_chance

CONNECTIONS = 12  # of a server of two threads to PostgreSQL


def healthz(server):
    return Api(server.base, checked=False).session.get(server.base + "/healthz", timeout=5).status_code


def assert_unavailable(api):
    """503 as a problem that says when to come again; the client's conventions check its form."""
    until(lambda: api.get("/session").status_code != 200, 10, "refused")
    response = api.get("/session")
    assert response.status_code == 503 and response.json()["code"] == "unavailable"
    assert 1 <= int(response.headers["Retry-After"]) <= 60


@pytest.mark.parametrize("how", ["kill9", "stop"])
def test_nothing_acknowledged_is_lost(own_cluster, start_service, how):
    service = start_service(own_cluster.create_database())
    organization = service.organization()
    probe = service.bearer(organization.owner)
    probe.get("/session", 200)
    pid = service.server.pid
    with Ledger(service.server.base, service.mint(organization.member)[1]) as ledger:
        for _ in range(3):
            ledger.wait_for_more(40)
            getattr(own_cluster, how)()
            assert_unavailable(probe)
            assert healthz(service.server) == 200
            service.database.close()
            own_cluster.start()
            until(lambda: probe.get("/session").status_code == 200, 5, "serves again after PostgreSQL came back")
        ledger.wait_for_more(40)
    assert ledger.refusals > 0, "the load did not notice"
    assert service.server.is_running() and service.server.pid == pid
    ledger.check(service)


def test_every_request_is_answered_while_postgresql_dies(own_cluster, start_service):
    """None hangs, none gets half an answer."""
    service = start_service(own_cluster.create_database())
    organization = service.organization()
    token = service.mint(organization.member)[1]
    service.server.bearer(token).get("/session", 200)
    over = threading.Event()

    def ask():
        statuses = []
        while not over.is_set():
            statuses.append(service.server.bearer(token).get("/session").status_code)
        return statuses

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        askers = [pool.submit(ask) for _ in range(16)]
        try:
            own_cluster.kill9()
            until(lambda: service.server.bearer(token).get("/session").status_code == 503, 10, "PostgreSQL is missed")
        finally:
            over.set()
        statuses = {status for asker in askers for status in asker.result(60)}
    assert statuses <= {200, 503} and 503 in statuses
    service.database.close()
    own_cluster.start()
    until(lambda: service.server.bearer(token).get("/session").status_code == 200, 5, "serves again")


def test_an_outage_is_told_once_not_with_every_request(own_cluster, start_service):
    service = start_service(own_cluster.create_database())
    organization = service.organization()
    bearer, person = service.bearer(organization.member), service.sign_in(organization.member)
    bearer.get("/session", 200)
    own_cluster.kill9()
    assert_unavailable(bearer)
    for _ in range(100):
        bearer.get("/session", 503)
        person.get("/session", 503)
    warnings = [line for line in service.server.lines() if "level=warning" in line or "level=error" in line]
    assert any("PostgreSQL does not answer" in line for line in warnings)
    assert len(warnings) <= 4, warnings
    service.database.close()
    own_cluster.start()


def test_a_token_revoked_during_the_outage_is_dead_after_it(own_cluster, start_service):
    """The server has it warm; the revocation comes from elsewhere right after the start."""
    service = start_service(own_cluster.create_database())
    organization = service.organization()
    token_id, token = service.mint(organization.member)
    bearer = service.server.bearer(token)
    bearer.get("/session", 200)
    own_cluster.kill9()
    assert_unavailable(bearer)
    service.database.close()
    own_cluster.start()
    service.database.query("""update testkase.api_tokens set ended_at = now(), ended_reason = 'revoked', secret_hash = null
                              where id = %s""", (token_id,))
    status = until(lambda: (status := bearer.get("/session").status_code) != 503 and status, 5, "an answer")
    assert status == 401


def test_backends_terminated_under_load(own_cluster, start_service):
    service = start_service(own_cluster.create_database())
    organization = service.organization()
    with Ledger(service.server.base, service.mint(organization.member)[1]) as ledger:
        for _ in range(6):
            ledger.wait_for_more(15)
            service.database.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'testkase_server'")
        ledger.wait_for_more(15)
    ledger.check(service)


def test_a_cut_before_the_answer_leaves_a_change_whole_or_absent(own_cluster, start_service):
    """PostgreSQL carries the statement out, and its answer never arrives: the client hears 503 and cannot know."""
    relay = Relay(own_cluster)
    try:
        database = own_cluster.create_database()
        service = start_service(database, TESTKASE_DATABASE_URL=relay.url("testkase_server", database.name))
        organization = service.organization()
        api = service.bearer(organization.member)
        lock = database.connect()
        for turn in range(5):
            # One that is not back yet would answer 503 before the statement is sent.
            until(lambda: value(metrics(service.server.base), "database_reconnects_total") >= turn * CONNECTIONS, 10,
                  "every connection is back")
            until(lambda: api.get("/session").status_code == 200, 5, "serves")
            with lock.cursor() as cursor, concurrent.futures.ThreadPoolExecutor(1) as pool:
                cursor.execute("select id from testkase.users where id = %s for update", (organization.member.id,))
                answer = pool.submit(api.post, "/api-keys", {"name": f"Cut {turn}", "expiresInDays": 7})
                until(lambda: database.value("""select count(*) from pg_stat_activity
                                                where wait_event_type = 'Lock' and datname = %s""", (database.name,)) == 1,
                      10, "the statement waits for the lock")
                relay.swallow = True
                relay.swallowed.clear()
                lock.commit()
                assert relay.swallowed.wait(10)
                relay.cut()
                assert answer.result(20).status_code == 503
        lock.close()
        check_whole(database)
        assert database.value("select max(n) from (select count(*) as n from testkase.api_tokens group by name) counted") == 1, (
            "a statement whose outcome is unknown is never sent again")
    finally:
        relay.close()
