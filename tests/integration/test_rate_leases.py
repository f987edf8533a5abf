"""A token's rate over several servers on one database, by leases (sql/migrations/0018_rate_leases.sql, server/auth/lease.h)."""

import contextlib
import threading
import time

import psycopg2
import psycopg2.errors
import pytest

from support.deadline import until
from support.http import Api
from support.metrics import metrics, value


def servers_known(server):
    """Among how many servers this one shares the rates of tokens."""
    return value(metrics(server.base), "rate_servers")


def several(start_service, database, count=2, **variables):
    """A service of servers that know of each other."""
    service = start_service(database, **variables)
    for _ in range(count - 1):
        service.start_server()
    for server in service.servers:
        until(lambda server=server: servers_known(server) == count, 5, "every server knows of the others")
    return service


def spend(servers, token, calls):
    """Calls each server in turn; returns how many were allowed."""
    clients = [server.bearer(token) for server in servers]
    statuses = [client.get("/session").status_code for _ in range(calls) for client in clients]
    assert set(statuses) <= {200, 429}
    return statuses.count(200)


class Load:
    """Threads that call servers with one token, without a pause, until it is left or the server ends; counts the answers by
    status."""

    def __init__(self, token, *servers, threads=2):
        self.counts = {}
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(server, token)) for server in servers for _ in range(threads)]

    def _run(self, server, token):
        api = Api(server.base, {"Authorization": f"Bearer {token}"}, checked=False)
        while not self._over.is_set():
            try:
                status = api.get("/session").status_code
            except OSError:
                return
            with self._lock:
                self.counts[status] = self.counts.get(status, 0) + 1

    def allowed(self):
        with self._lock:
            return self.counts.get(200, 0)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(30)


def settled(load, seconds=2.5):
    """How many were allowed once no more have been for that long."""
    last, since = load.allowed(), time.monotonic()

    def is_settled():
        nonlocal last, since
        if load.allowed() != last:
            last, since = load.allowed(), time.monotonic()
        return time.monotonic() - since > seconds
    until(is_settled, 30, "the quota is used up")
    return last


def test_a_lone_server_leases_nothing(database, start_service):
    service = start_service(database, TESTKASE_RATE_LIMIT="30", TESTKASE_RATE_BURST="30")
    token = service.mint(service.organization().member)[1]
    assert spend([service.server], token, 60) == 30
    text = metrics(service.server.base)
    assert value(text, "rate_servers") == 1
    for name in ("statements", "calls_taken", "calls_returned", "waits", "failures"):
        assert value(text, f"rate_lease_{name}_total") == 0
    assert database.value("select count(*) from testkase.rate_budgets") == 0


@pytest.mark.parametrize("count", [2, 3])
def test_servers_share_the_quota(database, start_service, count):
    service = several(start_service, database, count, TESTKASE_RATE_LIMIT="30", TESTKASE_RATE_BURST="30")
    token = service.mint(service.organization().member)[1]
    assert spend(service.servers, token, 60) == 30


@pytest.mark.parametrize("shape", ["even", "one-sided", "moves"])
def test_the_quota_is_reached_and_not_exceeded(database, start_service, shape):
    service = several(start_service, database, TESTKASE_RATE_LIMIT="600", TESTKASE_RATE_BURST="600")
    token = service.mint(service.organization().member)[1]
    first, second = service.servers
    start = time.monotonic()
    if shape == "moves":
        with Load(token, first) as before:
            until(lambda: before.allowed() >= 250, 20, "a part was used")
        with Load(token, second) as load:
            settled(load)
        allowed = before.allowed() + load.allowed()
    else:
        with Load(token, *(service.servers if shape == "even" else [first])) as load:
            settled(load)
        allowed = load.allowed()
    assert time.monotonic() - start < 55, "all in one window"
    assert 570 <= allowed <= 600


def test_the_burst_holds_over_all(database, start_service):
    """60 a minute, 20 at once: what is allowed beyond the burst came back meanwhile."""
    service = several(start_service, database, TESTKASE_RATE_LIMIT="60", TESTKASE_RATE_BURST="20")
    token = service.mint(service.organization().member)[1]
    start = time.monotonic()
    with Load(token, *service.servers) as load:
        until(lambda: load.counts.get(429, 0) >= 50, 20, "refused")
        time_left = 20 + 3 - load.allowed()
        until(lambda: load.allowed() >= 23, 10 + time_left, "more comes back")
        allowed, elapsed = load.allowed(), time.monotonic() - start
    assert 20 <= allowed <= 21 + elapsed


def test_the_answer_says_when_postgresqls_window_ends(database, start_service):
    service = several(start_service, database, TESTKASE_RATE_LIMIT="20", TESTKASE_RATE_BURST="20")
    token = service.mint(service.organization().member)[1]
    assert spend(service.servers, token, 30) == 20
    left = float(database.value("select window_us / 1e6 + 60 - extract(epoch from clock_timestamp()) from testkase.rate_budgets"))
    for server in service.servers:
        refusal = server.bearer(token).get("/session", 429)
        wait = int(refusal.headers["Retry-After"])
        assert left - 2 <= wait <= left + 1.1
        assert refusal.headers["RateLimit"] == f'"default";r=0;t={wait}'
        assert refusal.headers["RateLimit-Policy"] == '"default";q=20;w=60, "burst";q=20;w=60'


def test_what_is_left_is_told(database, start_service):
    """Of the own lease and of what nobody has leased; the other server's lease may be missing."""
    service = several(start_service, database, TESTKASE_RATE_LIMIT="600", TESTKASE_RATE_BURST="600")
    token = service.mint(service.organization().member)[1]
    last = 600
    for number in range(20):
        for server in service.servers:
            answer = server.bearer(token).get("/session", 200)
            left = int(answer.headers["RateLimit"].split(";")[1].removeprefix("r="))
            assert 0 <= left <= 599 - number, "at least the calls at this server are gone"
            last = min(last, left)
    assert last >= 600 - 40 - 60


def test_a_token_can_have_a_quota_of_its_own(database, start_service):
    service = several(start_service, database, TESTKASE_RATE_LIMIT="600", TESTKASE_RATE_BURST="600")
    token_id, token = service.mint(service.organization().member)
    database.query("update testkase.api_tokens set rate_limit = 40 where id = %s", (token_id,))
    assert spend(service.servers, token, 50) == 40


def test_later_calls_take_from_memory(database, start_service):
    """Of a token's calls at a steady rate, few wait for a lease."""
    service = several(start_service, database, TESTKASE_RATE_LIMIT="6000", TESTKASE_RATE_BURST="6000")
    token = service.mint(service.organization().member)[1]
    with Load(token, *service.servers) as load:
        until(lambda: load.allowed() >= 1000, 20, "a thousand calls")
    waits = sum(value(metrics(server.base), "rate_lease_waits_total") for server in service.servers)
    statements = sum(value(metrics(server.base), "rate_lease_statements_total") for server in service.servers)
    assert waits <= 0.03 * load.allowed() and statements <= 0.1 * load.allowed()


def test_unused_leases_are_given_back(database, start_service):
    """A minute's quota that one server leased and does not use is the other's."""
    service = several(start_service, database, TESTKASE_RATE_LIMIT="150", TESTKASE_RATE_BURST="150")
    token = service.mint(service.organization().member)[1]
    first, second = service.servers
    assert spend([first], token, 40) == 40
    until(lambda: database.value("select granted from testkase.rate_budgets") == 40, 10, "what is unused is given back")
    assert value(metrics(first.base), "rate_lease_calls_taken_total") == \
        40 + value(metrics(first.base), "rate_lease_calls_returned_total")
    assert spend([second], token, 130) == 110


def test_a_server_that_joins_under_load_finds_the_sum_right(database, start_service):
    """It takes clients when the first has told what it counted, so that not even the moment of the join lets more pass."""
    service = start_service(database, TESTKASE_RATE_LIMIT="300", TESTKASE_RATE_BURST="300")
    token = service.mint(service.organization().member)[1]
    first = service.server
    with Load(token, first, threads=1) as load:
        until(lambda: load.allowed() >= 100, 20, "a part was used")
        second = service.start_server()
        with Load(token, second) as more:
            settled(load)
    assert 285 <= load.allowed() + more.allowed() <= 300


def test_a_server_that_leaves_under_load_gives_its_leases_back(database, start_service):
    service = several(start_service, database, TESTKASE_RATE_LIMIT="300", TESTKASE_RATE_BURST="300")
    token = service.mint(service.organization().member)[1]
    first, second = service.servers
    with Load(token, second) as moved:
        with Load(token, first) as load:
            until(lambda: load.allowed() + moved.allowed() >= 100, 20, "a part was used")
        first.terminate()
        service.servers.remove(first)
        settled(moved)
    assert 285 <= load.allowed() + moved.allowed() <= 300
    assert servers_known(second) == 2, "for a minute, the window that both have spent may be open"
    assert database.value("select count(*) from testkase.server_heartbeats") == 1


def test_a_server_that_is_killed_loses_its_leases_only(database, start_service):
    service = several(start_service, database, TESTKASE_RATE_LIMIT="600", TESTKASE_RATE_BURST="600")
    token = service.mint(service.organization().member)[1]
    first, second = service.servers
    with Load(token, first) as load, Load(token, second) as other:
        until(lambda: load.allowed() + other.allowed() >= 200, 20, "a part was used")
        first.kill()
        service.servers.remove(first)
        settled(other)
    assert 400 <= load.allowed() + other.allowed() <= 600


def test_a_server_that_starts_after_a_crash_does_not_wait_long(database, start_service):
    service = start_service(database)
    service.server.kill()
    service.servers.remove(service.server)
    start = time.monotonic()
    service.start_server()
    assert time.monotonic() - start < 8
    assert database.value("select count(*) from ops.servers where is_alive") >= 1


def test_without_postgresql_leases_run_out(own_cluster, start_service):
    """503 until it is back; the tables are empty then, and the servers share the rate again."""
    database = own_cluster.create_database()
    service = several(start_service, database, TESTKASE_RATE_LIMIT="60", TESTKASE_RATE_BURST="60")
    token = service.mint(service.organization().member)[1]
    clients = [server.bearer(token) for server in service.servers]
    for client in clients:
        client.get("/session", 200)
    own_cluster.kill9()
    for client in clients:
        until(lambda client=client: client.get("/session").status_code == 503, 10, "unavailable")
    service.database.close()
    own_cluster.start()
    for client in clients:
        until(lambda client=client: client.get("/session").status_code == 200, 20, "serves again")
    until(lambda: database.value("select count(*) from ops.servers where is_alive") == 2, 10, "both beat again")
    used = 2
    assert [servers_known(server) for server in service.servers] == [2, 2]
    used += spend(service.servers, token, 60)
    assert 57 <= used <= 66, "of a window that began anew; leases of before the crash may be spent once more"


def test_a_lease_that_postgresql_does_not_answer_is_503(own_cluster, start_service):
    """The gate has its answer, but the lease does not come: a transaction holds the token's row."""
    database = own_cluster.create_database()
    service = several(start_service, database, TESTKASE_RATE_LIMIT="40", TESTKASE_RATE_BURST="40")
    token = service.mint(service.organization().member)[1]
    assert spend(service.servers[:1], token, 3) == 3
    with contextlib.closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("begin; select from testkase.rate_budgets for update")
        answer = service.servers[1].bearer(token).get("/session", 503)
        assert answer.json()["code"] == "unavailable" and answer.headers["Retry-After"] == "1"
    assert value(metrics(service.servers[1].base), "rate_lease_failures_total") >= 1
    service.servers[1].bearer(token).get("/session", 200)


# --- the arithmetic of lease_rates() ---

W = 60_000_000


class Budgets:
    """lease_rates() as the role of the servers calls it, for a few tokens."""

    def __init__(self, service):
        self.database = service.database
        self.connection = self.database.connect("testkase_server")
        self.connection.autocommit = True
        self.tokens = [service.mint(service.organization().member)[0] for _ in range(2)]

    def lease(self, wanted=0, returned=0, window=0, used=0, age=0, debt=0, servers=2, quota=600, burst=600, token=0):
        """(taken, pool, window, µs until it ends, µs to wait)"""
        with self.connection.cursor() as cursor:
            cursor.execute("set search_path = testkase, pg_temp")
            cursor.execute("""select token, taken, pool, window_us, window_left_us, wait_us
                              from lease_rates(array[%s]::bigint[], array[%s]::bigint[], array[%s]::bigint[], array[%s]::bigint[],
                                               array[%s]::bigint[], array[%s]::bigint[], array[%s]::bigint[], %s, %s, %s)""",
                           (self.tokens[token], wanted, returned, window, used, age, debt, quota, burst, servers))
            rows = cursor.fetchall()
        assert [row[0] for row in rows] == [self.tokens[token]]
        return rows[0][1:]

    def age(self, microseconds):
        self.database.query("""update testkase.rate_budgets set window_us = window_us - %s, whole_at_us = whole_at_us - %s""",
                            (microseconds, microseconds))


@pytest.fixture
def budgets(service):
    made = Budgets(service)
    yield made
    made.connection.close()


def test_a_lease_is_a_fair_part_of_what_is_left(budgets):
    assert budgets.lease(wanted=10)[:2] == (10, 590)
    assert budgets.lease(wanted=1000)[:2] == (295, 295)
    assert budgets.lease(wanted=1000, servers=3)[:2] == (98, 197)
    assert budgets.lease(wanted=1000, servers=1)[:2] == (197, 0)
    taken, pool, _, left, wait = budgets.lease(wanted=5)
    assert (taken, pool) == (0, 0) and 0 < wait == left <= W
    assert budgets.lease(wanted=5, token=1)[:2] == (5, 595), "another token has its own"


def test_the_last_call_is_somebodys(budgets):
    assert budgets.lease(wanted=599, servers=1)[0] == 599
    assert budgets.lease(wanted=1, servers=10)[:2] == (1, 0)


def test_a_lease_is_given_back_in_its_own_window_only(budgets):
    _, _, window, _, _ = budgets.lease(wanted=100)
    assert budgets.lease(returned=60, window=window)[:2] == (0, 560)
    assert budgets.lease(returned=40, window=window - 1)[:2] == (0, 560)
    budgets.age(W)
    later = budgets.lease(wanted=10, returned=40, window=window)
    assert later[:2] == (10, 590) and later[2] > window
    assert budgets.lease(returned=1000, window=later[2])[:2] == (0, 600), "never more than the quota"


def test_what_a_server_counted_by_itself_counts_here(budgets):
    taken, pool, _, left, _ = budgets.lease(wanted=1, used=400, age=20_000_000)
    assert (taken, pool) == (1, 199) and 39_000_000 < left <= 40_000_000
    taken, pool, _, left, wait = budgets.lease(wanted=1, used=300, age=50_000_000)
    assert (taken, pool) == (0, 0) and left == wait > 38_000_000, "the window that is known goes on"


def test_the_burst_is_everybodys(budgets):
    assert budgets.lease(wanted=1000, servers=1, burst=120)[:2] == (120, 480)
    taken, pool, _, _, wait = budgets.lease(wanted=1, burst=120)
    assert (taken, pool) in ((0, 480), (1, 479)) and wait <= 100_000
    budgets.age(5_000_000)
    assert 50 <= budgets.lease(wanted=1000, servers=1, burst=120)[0] <= 60
    budgets.age(W)
    taken, _, _, _, wait = budgets.lease(wanted=1, used=100, debt=12_000_000, burst=120)
    assert taken == 0 and 0 < wait <= 100_000, "the burst was used up where the server counted by itself"


def test_a_clock_that_was_set_back_locks_nobody_out(budgets):
    assert budgets.lease(wanted=600, servers=1)[0] == 600
    budgets.age(-3600 * 1_000_000)
    taken, _, _, left, _ = budgets.lease(wanted=1)
    assert taken == 0 and left <= W
    budgets.age(W)
    assert budgets.lease(wanted=1)[0] == 1


def test_a_token_that_does_not_exist_has_no_lease(budgets):
    with budgets.connection.cursor() as cursor:
        cursor.execute("""select from testkase.lease_rates('{999999}', '{1}', '{0}', '{0}', '{0}', '{0}', '{0}', 600, 600, 1)""")
        assert cursor.fetchall() == []
    assert budgets.database.value("select count(*) from testkase.rate_budgets where token_id = 999999") == 0


@pytest.mark.parametrize("sql", ["select from testkase.rate_budgets", "delete from testkase.rate_budgets",
                                 "insert into testkase.rate_budgets values (1, 0, 0, 0)",
                                 "update testkase.rate_budgets set granted = 0",
                                 "select testkase.forget_rate_budgets(1)"])
def test_a_server_reaches_the_budgets_by_leases_only(service, sql):
    with contextlib.closing(service.database.connect("testkase_server")) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(sql)


def test_leases_move_no_epoch(budgets):
    before = budgets.database.value("select epoch from testkase.auth_epoch")
    budgets.lease(wanted=10)
    assert budgets.database.value("select epoch from testkase.auth_epoch") == before


def test_servers_that_ask_in_another_order_do_not_deadlock(budgets):
    """Each asks for all tokens at once, in an order of its own, as fast as it can."""
    orders = [budgets.tokens, budgets.tokens[::-1]]
    failures = []

    def ask(order):
        with contextlib.closing(budgets.database.connect("testkase_server")) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            try:
                for _ in range(300):
                    cursor.execute("""select from testkase.lease_rates(%s, '{1,1}', '{0,0}', '{0,0}', '{0,0}', '{0,0}', '{0,0}',
                                                                       600, 600, 2)""", (order,))
            except psycopg2.Error as failure:
                failures.append(failure)
    threads = [threading.Thread(target=ask, args=(order,)) for order in orders for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


def test_budgets_that_nobody_asks_about_are_forgotten(budgets):
    budgets.lease(wanted=1)
    budgets.lease(wanted=1, token=1)
    budgets.database.query("""update testkase.rate_budgets set window_us = window_us - 200000000, whole_at_us = 0
                              where token_id = %s""", (budgets.tokens[0],))
    with contextlib.closing(budgets.database.connect("testkase_worker")) as connection, connection.cursor() as cursor:
        cursor.execute("select testkase.forget_rate_budgets(1000)")
        assert cursor.fetchone()[0] >= 1
        connection.commit()
    assert budgets.database.value("select array_agg(token_id) from testkase.rate_budgets where token_id = any (%s)",
                                  (budgets.tokens,)) == [budgets.tokens[1]]
