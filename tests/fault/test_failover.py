"""The primary of PostgreSQL is lost, and its standby takes over: two servers and a worker know both hosts and go on by
themselves. What was acknowledged stays true, because commits wait for the standby."""

import random
import statistics
import threading
import time

import pytest

from support.deadline import until
from support.ledger import Ledger, check_whole
from support.runbook import section

pytestmark = pytest.mark.no_second_chance

ANSWER_SECONDS = 31  # an answer has begun 30 s after its request, whatever happens
WRITE_SECONDS = 10  # from the promotion until a server has written


@pytest.fixture
def failovers(request):
    return request.config.getoption("--failovers")


@pytest.fixture
def service(pair, start_service):
    """With a second server."""
    service = start_service(pair.create_database(), TESTKASE_THREADS="1")
    service.start_server()
    return service


class Watch:
    """Asks a server without pause, in turn with a token that lives and with those whose end was acknowledged."""

    def __init__(self, server, token, ledgers):
        self.asked = self.unavailable = 0
        self.slowest = 0
        self.violations = []
        self._live, self._token, self._ledgers = server.bearer(token), token, ledgers
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _run(self):
        chooser = random.Random(1)
        while not self._stop.is_set():
            dead = [token for ledger in self._ledgers for token in list(ledger.deleted)]
            try:
                self._ask(self._live, 200)
                if dead:
                    self._ask(self._server.bearer(chooser.choice(dead)), 401)
            except Exception as error:  # noqa: whatever it is, the test must hear of it
                self.violations.append(repr(error))

    def _ask(self, client, expected):
        begun = time.monotonic()
        response = client.get("/session", timeout=60)
        self.slowest = max(self.slowest, time.monotonic() - begun)
        self.asked += 1
        self.unavailable += response.status_code == 503
        assert response.status_code in (expected, 503), f"{response.status_code} instead of {expected}: {response.text}"


def wait_for_write(ledger, moment):
    """How many seconds after the moment the first acknowledgement came."""
    def first():
        return next((at for at in list(ledger.moments) if at > moment), None)
    return until(first, 60, "an acknowledgement") - moment


def answer_of(client):
    """The first status that is not 503."""
    return until(lambda: (now := client.get("/session").status_code) != 503 and now, 20, "an answer")


def assert_worker_listens(service, person):
    """It does what came due when it connects, and the rest when a notification comes; otherwise once a minute."""
    ended = "select ended_at is not null from testkase.api_tokens where id = %s"
    for what in ("connected again", "was notified"):
        token_id, _ = service.mint(person)
        service.database.age_token(token_id, days=40)
        service.database.query("notify testkase_tokens, '{}'")
        until(lambda: service.database.value(ended, (token_id,)), 20, f"the worker {what}")


@pytest.mark.alone
def test_the_primary_is_killed(pair, service, start, worker_path, failovers):
    organization = service.organization()
    worker = start(worker_path, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker")})
    worker.wait_ready()
    token = service.mint(organization.member)[1]
    ledgers = []
    watches = [Watch(server, service.mint(organization.owner)[1], ledgers) for server in service.servers]
    seconds = []
    with watches[0], watches[1]:
        for turn in range(failovers):
            now = [Ledger(server.base, token, threads=1) for server in service.servers]
            ledgers += now
            with now[0], now[1]:
                for ledger in now:
                    ledger.wait_for_more(20)
                pair.primary.kill9()
                service.database.close()
                begun = time.monotonic()
                pair.promote()
                seconds += [wait_for_write(ledger, begun) for ledger in now]
                assert_worker_listens(service, organization.member)
                for ledger in now:
                    ledger.wait_for_more(20)
            pair.rebuild(rewind=turn % 2 == 0)
    for number, ledger in enumerate(ledgers):
        ledger.check(service, service.servers[number % 2 - 1])  # not the one that was written through
    acknowledged = sum(ledger.acknowledged() for ledger in ledgers)
    print(f"{failovers} failovers: first write after {min(seconds):.2f} / {statistics.median(seconds):.2f} / "
          f"{max(seconds):.2f} s, {acknowledged} acknowledged, {sum(ledger.refusals for ledger in ledgers)} refused; "
          f"{sum(watch.asked for watch in watches)} asked, {sum(watch.unavailable for watch in watches)} of them unavailable, "
          f"the slowest answer after {max(watch.slowest for watch in watches):.2f} s")
    for watch in watches:
        assert watch.violations == []
        assert watch.unavailable > 0 and watch.asked > 2 * watch.unavailable > 0, "the failover was noticed, and ended"
        assert watch.slowest < ANSWER_SECONDS
    assert max(seconds) < WRITE_SECONDS
    assert worker.is_running() and all(server.is_running() for server in service.servers)


@pytest.mark.alone
def test_the_primary_stands_still_and_comes_back(pair, service):
    """Nothing of the old primary answers any more, as if its machine or network were gone. When it is back, there are two
    primaries; a server that has seen the new one does not go back to the old one, which knows nothing of a revocation."""
    organization = service.organization()
    token_id, token = service.mint(organization.member)
    bearers = [server.bearer(token) for server in service.servers]
    clients = [server.sign_in(organization.member) for server in service.servers]
    for bearer in bearers:
        bearer.get("/session", 200)
    pair.primary.freeze()
    service.database.close()
    begun = time.monotonic()
    pair.promote()
    for client in clients:
        until(lambda: client.post("/api-keys", {"name": "CI", "expiresInDays": 7}, timeout=60).status_code == 201, 30, "a write")
        seconds = time.monotonic() - begun
        print(f"written {seconds:.2f} s after the promotion")
        assert seconds < WRITE_SECONDS
    old = pair.standby
    old.thaw()
    until(lambda: old.execute("select pg_is_in_recovery()") == [(False,)], 10, "there are two primaries")
    until(lambda: clients[0].delete(f"/api-keys/{token_id}").status_code == 204, 10, "the token is deleted")
    for bearer in bearers:
        assert answer_of(bearer) == 401
    service.database.close()
    pair.primary.stop()
    for server, bearer in zip(service.servers, bearers):
        server.wait_for_line("an old timeline")
        for _ in range(20):
            assert bearer.get("/session").status_code == 503
    pair.primary.start()
    for bearer in bearers:
        assert answer_of(bearer) == 401
    check_whole(service.database)


def test_the_standby_is_lost(pair, service):
    """No change is acknowledged that only the primary has. Tokens work on, and the one to be deleted does, too."""
    organization = service.organization()
    token_id, token = service.mint(organization.member)
    bearer, client = service.server.bearer(token), service.sign_in(organization.member)
    bearer.get("/session", 200)
    pair.standby.kill9()
    begun = time.monotonic()
    assert client.delete(f"/api-keys/{token_id}", timeout=60).status_code == 503
    assert time.monotonic() - begun < ANSWER_SECONDS
    bearer.get("/session", 200)
    waiting = service.database.value("select count(*) from pg_stat_activity where wait_event = 'SyncRep'")
    assert waiting >= 1, "the commit still waits"
    pair.set_standby_names("")
    until(lambda: bearer.get("/session").status_code == 401, 10, "the deletion takes effect when commits no longer wait")
    client.post("/api-keys", {"name": "CI", "expiresInDays": 7}, 201)
    check_whole(service.database)


@pytest.mark.alone
def test_the_runbook_leads_through_a_failover(pair, service):
    old, new = pair.primary, pair.standby
    token_id, token = service.mint(service.organization().member)
    bearer = service.server.bearer(token)
    names = {"db2.example.test": new.folder, "/usr/lib/postgresql/15/bin": old.bin,
             "/etc/postgresql/15/main/postgresql.conf": old.data / "postgresql.conf", "/var/lib/postgresql/15/main": old.data}
    with section("Failover", names) as blocks:
        old.kill9()
        service.database.close()
        new.shell(blocks.next("pg_promote()"))
        pair.swap()
        until(lambda: bearer.delete(f"/api-keys/{token_id}").status_code == 204, WRITE_SECONDS, "a token is deleted")
        new.shell(blocks.next("synchronous_standby_names = ''"))
        old.shell(blocks.next("pg_rewind"))
        old.start()
        new.shell(blocks.next("synchronous_standby_names = '*'"))
        followers = blocks.sql("sync_state")
        until(lambda: [row[1:3] for row in pair.execute(followers)] == [("streaming", "sync")], 30, "commits wait again")
        assert pair.execute(blocks.sql("reached"))[0][0] is False and old.execute(blocks.sql("reached"))[0][0] is True
    for server in service.servers:
        assert answer_of(server.bearer(token)) == 401
