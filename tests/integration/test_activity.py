"""What tokens are used for: last use, and activity per hour, address, client, call and status."""

import collections
import concurrent.futures
import datetime
import signal

import pytest

from support.deadline import until
from support.http import fresh_address, field_errors


def activity(api, token_id, **parameters):
    return api.get(f"/api-keys/{token_id}/activity", 200, params=parameters).json()["data"]


def when_told(api, token_id, calls):
    """The activity once it tells of that many calls, which are written behind."""
    def told():
        rows = activity(api, token_id)
        return rows if sum(row["calls"] for row in rows) >= calls else None
    return until(told, 15, f"{calls} calls are told")


@pytest.fixture
def used(service, organization):
    """(session of the owner, token id, client with the token, its address)"""
    token_id, token = service.mint(organization.member)
    source = fresh_address()
    return service.sign_in(organization.member), token_id, service.server.bearer(token, source=source), source


def test_calls_are_told_per_route_and_status(used):
    owner, token_id, api, source = used
    api.session.headers["User-Agent"] = "curl/8.1"
    for _ in range(3):
        api.get("/session", 200)
    api.get("/api-keys/999999", 404)
    api.get("/users", 403)
    api.post("/api-keys", {"name": ""}, 422)
    api.get("/who-knows", 404)
    api.patch("/users", {}, 405)
    rows = when_told(owner, token_id, 8)
    told = collections.Counter()  # over two hours, should one have ended meanwhile
    for row in rows:
        told[row["method"], row["route"], row["status"]] += row["calls"]
    assert told == {("GET", "/api/v1/session", 200): 3, ("GET", "/api/v1/api-keys/{id}", 404): 1,
                    ("GET", "/api/v1/users", 403): 1, ("POST", "/api/v1/api-keys", 422): 1,
                    ("GET", "none", 404): 1, ("PATCH", "none", 405): 1}
    assert {row["ip"] for row in rows} == {source} and {row["client"] for row in rows} == {"curl/8.1"}
    hour = datetime.datetime.fromisoformat(rows[0]["hour"].replace("Z", "+00:00"))
    assert hour.minute == hour.second == 0
    assert abs(datetime.datetime.now(datetime.timezone.utc) - hour) < datetime.timedelta(hours=1, minutes=1)


def test_the_list_tells_the_last_use(used):
    owner, token_id, api, source = used
    before = owner.get(f"/api-keys/{token_id}", 200).json()
    assert before["lastUsedAt"] is None and before["lastUsedIp"] is None
    api.get("/session", 200)
    key = until(lambda: (lambda k: k if k["lastUsedAt"] else None)(owner.get(f"/api-keys/{token_id}").json()), 15, "last use")
    assert key["lastUsedIp"] == source
    used_at = datetime.datetime.fromisoformat(key["lastUsedAt"].replace("Z", "+00:00"))
    assert abs(datetime.datetime.now(datetime.timezone.utc) - used_at) < datetime.timedelta(seconds=20)


def test_a_token_in_the_user_agent_is_not_kept(used, service):
    owner, token_id, api, _ = used
    api.session.headers["User-Agent"] = "tool " + api.session.headers["Authorization"].split()[1]
    api.get("/session", 200)
    assert when_told(owner, token_id, 1)[0]["client"] == "tool"
    assert service.database.value("select count(*) from testkase.api_token_usage where client like '%%tk_pat%%'") == 0


def test_activity_is_its_owners(service, organization):
    token_id, token = service.mint(organization.member)
    service.server.bearer(token).get("/session", 200)
    missing = service.bearer(organization.admin).get("/api-keys/999999/activity", 404).json()
    assert service.bearer(organization.admin).get(f"/api-keys/{token_id}/activity", 404).json() == missing


def test_since_and_pages(used, service):
    owner, token_id, _, _ = used
    hour = service.database.value("select date_trunc('hour', now())")
    service.database.query(
        """insert into testkase.api_token_usage (token_id, hour, last_at, client, method, route, status, calls)
           select %(id)s, h, h, 'c', 'GET', '/x', 200, n + 1
           from generate_series(199, 0, -1) n, lateral (select %(hour)s - n * interval '1 hour') as o (h)""",
        {"id": token_id, "hour": hour})
    assert len(list(owner.pages(f"/api-keys/{token_id}/activity", 50))) >= 1
    day = hour.astimezone(datetime.timezone.utc) - datetime.timedelta(hours=23)
    rows = activity(owner, token_id, since=day.strftime("%Y-%m-%dT%H:%M:%SZ"), limit=200)
    assert [row["calls"] for row in rows] == list(range(1, 25))
    told = len(activity(owner, token_id, limit=200))
    passed = service.database.value("select date_trunc('hour', now()) > %s", (hour,))
    assert told == (168 if passed else 169)  # seven days by itself, from the hour on


@pytest.mark.parametrize("since", ["yesterday", "2030-01-01", "2030-13-01T00:00:00Z", "2030-02-30T00:00:00Z", "",
                                   "2030-01-01T00:00:00", "2030-01-01T00:00:00.Z", "2030-01-01T99:00:00Z", "x" * 100])
def test_a_bad_since_is_named(used, since):
    owner, token_id, _, _ = used
    assert field_errors(owner.get(f"/api-keys/{token_id}/activity", 422, params={"since": since})) == {"since"}


def test_use_of_a_token_that_is_no_more_keeps_nothing_from_being_written(used, service, organization):
    """As after a restore: its row is gone when its use is to be written. One server, one loop, so both are in one statement."""
    owner, token_id, _, _ = used
    gone_id, gone = service.mint(organization.member)
    server = service.start_server(TESTKASE_THREADS="1")
    server.bearer(gone).get("/session", 200)
    service.database.without_triggers("delete from testkase.api_tokens where id = %s", (gone_id,))
    service.database.query("delete from testkase.rotation_reminders where token_id = %s", (gone_id,))
    service.database.query("delete from testkase.api_token_usage where token_id = %s", (gone_id,))  # written before it was gone
    kept_id, kept = service.mint(organization.member)
    server.bearer(kept).get("/session", 200)
    when_told(owner, kept_id, 1)
    assert service.database.value("select count(*) from testkase.api_token_usage where token_id = %s", (gone_id,)) == 0
    server.close()
    service.servers.remove(server)


def test_calls_over_the_limit_are_one_sum(database, start_service):
    """Otherwise a client over the limit could fill the table, with another User-Agent each time."""
    service = start_service(database, TESTKASE_RATE_LIMIT="60", TESTKASE_RATE_BURST="5")
    member = service.organization().member
    token_id, token = service.mint(member)
    api = service.server.bearer(token)
    statuses = []
    for number in range(60):
        api.session.headers["User-Agent"] = f"ci/{number}"
        statuses.append(api.get("/session").status_code)
    owner = service.start_server(TESTKASE_RATE_LIMIT="6000", TESTKASE_RATE_BURST="6000").sign_in(member)
    rows = when_told(owner, token_id, 60)
    refused = [row for row in rows if row["status"] == 429]
    assert len(refused) == len({row["hour"] for row in refused})
    assert sum(row["calls"] for row in refused) == statuses.count(429) > 0
    assert {(row["ip"], row["client"]) for row in refused} == {(None, "")}
    assert owner.get(f"/api-keys/{token_id}", 200).json()["lastUsedIp"] is not None


def test_a_client_is_its_product_and_version(used):
    """What else a User-Agent says may differ with each call."""
    owner, token_id, api, _ = used
    for number in range(5):
        api.session.headers["User-Agent"] = f"ci-runner/2.{number % 2} (build {number}; job {number}) lib/{number}"
        api.get("/session", 200)
    assert {row["client"] for row in when_told(owner, token_id, 5)} == {"ci-runner/2.0", "ci-runner/2.1"}


def pairs(database, token_id):
    """The rows of a token, and the numbers of pairs of address and client in each of its hours."""
    rows = database.query("select hour, address, client, calls from testkase.api_token_usage where token_id = %s", (token_id,))
    hours = collections.defaultdict(set)
    for hour, address, client, _ in rows:
        hours[hour].add((address, client))
    return rows, [len(told) for told in hours.values()]


def test_what_clients_call_themselves_does_not_fill_the_table(database, start_service):
    """100 pairs of address and client an hour are told apart, over all servers together; the others are counted as one."""
    service = start_service(database)
    member = service.organization().member
    token_id, token = service.mint(member)
    others_id, others = service.mint(member)
    servers = [service.server, service.start_server()]

    def call(number):
        api = servers[number % 2].bearer(token)
        api.session.headers["User-Agent"] = f"client-{number}/1"
        api.get("/session", 200)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(1000)))
    servers[0].bearer(others).get("/session", 200)
    owner = service.sign_in(member)
    until(lambda: sum(row[3] for row in pairs(database, token_id)[0]) == 1000, 30, "every call is counted")
    told, numbers = pairs(database, token_id)
    assert all(number <= 101 for number in numbers) and len(told) == sum(numbers)
    if len(numbers) == 1:  # else an hour has begun meanwhile
        assert numbers == [101] and [row[1] for row in told if row[2] == "other"] == [None]
    assert [row["client"] for row in when_told(owner, others_id, 1)] != ["other"], "another token is told as before"
    # A pair that is told apart stays so.
    known = next(row[2] for row in told if row[2] != "other")
    before = sum(row[3] for row in told if row[2] == known)
    address = next(row[1] for row in told if row[2] == known)
    api = servers[0].bearer(token, source=address)
    api.session.headers["User-Agent"] = known
    api.get("/session", 200)
    until(lambda: sum(row[3] for row in pairs(database, token_id)[0]) == 1001, 15, "it is counted")
    told, numbers = pairs(database, token_id)
    if len(numbers) == 1:
        assert sum(row[3] for row in told if row[2] == known) == before + 1


def test_usage_is_written_at_the_end(database, start_service):
    """What was counted in the last second is not lost when the server is stopped."""
    service = start_service(database)
    token_id, token = service.mint(service.organization().member)
    api = service.server.bearer(token)
    for _ in range(50):
        api.get("/session", 200)
    api.session.close()
    service.server.signal(signal.SIGTERM)
    assert service.server.wait() == 0
    assert database.value("select sum(calls) from testkase.api_token_usage where token_id = %s", (token_id,)) == 50


def test_usage_outlives_an_outage(cluster, start_service):
    """Nothing is lost while PostgreSQL is away for a moment."""
    database = cluster.create_database()
    service = start_service(database)
    token_id, token = service.mint(service.organization().member)
    api = service.server.bearer(token)
    for _ in range(20):
        api.get("/session", 200)
        database.query("""select pg_terminate_backend(pid) from pg_stat_activity
                          where datname = current_database() and usename = 'testkase_server'""")
        until(lambda: api.get("/session").status_code == 200, 20, "served again")

    def calls():
        return database.value("""select coalesce(sum(calls), 0) from testkase.api_token_usage
                                 where token_id = %s and status = 200""", (token_id,))
    until(lambda: calls() >= 40, 15, "every call was written")


def test_usage_moves_no_epoch(used, service):
    owner, token_id, api, _ = used
    before = service.database.value("select epoch from testkase.auth_epoch")
    api.get("/session", 200)
    when_told(owner, token_id, 1)
    assert service.database.value("select epoch from testkase.auth_epoch") == before
