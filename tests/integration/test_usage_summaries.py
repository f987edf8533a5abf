"""sum_up_usage(): the usage of each hour, summed up for the dashboards."""

import contextlib

import pytest

from support.process import run


@pytest.fixture
def used(database, start_service):
    """A Service of its own database, so that nothing else is used there."""
    return start_service(database)


def sum_up(database, role="testkase_worker"):
    """As the worker's job does; returns how many of the hours were over."""
    with contextlib.closing(database.connect(role)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("select testkase.sum_up_usage()")
        return cursor.fetchone()[0]


def sum_up_all(database):
    while sum_up(database) > 0:
        pass


def make_due(database):
    database.query("update testkase.usage_hours set due_at = now()")


def test_the_summaries_are_the_usage(used):
    database, people = used.database, used.organization()
    first, second = used.mint(people.member)[0], used.mint(people.admin)[0]
    used.use(first, calls=5)
    used.use(first, client="curl/8.2", address="10.0.0.8", calls=7)
    used.use(second, client="Jenkins", method="POST", route="/api/v1/automation/results", status=403, calls=2)
    used.use(second, ago="3 hours", status=429, calls=11)
    sum_up_all(database)
    same = """select count(*), (select sum(calls)::bigint from testkase.api_token_usage) from (
                  select hour, method, route, status, sum(calls)::bigint from testkase.api_token_usage group by 1, 2, 3, 4
                  except select hour, method, route, status, calls from ops.calls) d"""
    assert database.query(same) == [(0, 25)]
    assert database.value("select sum(calls)::bigint from ops.calls") == 25
    # The two versions of curl are one client.
    assert database.query("""select client, sum(calls)::bigint, sum(refused)::bigint
                             from ops.top_clients group by 1 order by 1""") == [("Jenkins", 2, 2), ("curl", 23, 11)]
    assert database.query("""select token_id, sum(calls)::bigint, sum(refused)::bigint, sum(rate_limited)::bigint
                             from ops.top_tokens group by 1 order by 1""") == [(first, 12, 0, 0), (second, 13, 13, 11)]
    assert database.query("select reason, tokens, calls from ops.refusals order by 1") == [
        ("not_allowed", 1, 2), ("rate_limited", 1, 11)]


def test_a_refused_token_had_expired_or_ended(used):
    database, member = used.database, used.organization().member
    expired, recorded, revoked = (used.mint(member)[0] for _ in range(3))
    database.age_token(expired, 31)
    database.age_token(recorded, 31)
    database.query("update testkase.api_tokens set ended_at = expires_at, ended_reason = 'expired' where id = %s", (recorded,))
    database.query("update testkase.api_tokens set ended_at = now(), ended_reason = 'revoked' where id = %s", (revoked,))
    for token, calls in ((expired, 1), (recorded, 2), (revoked, 4)):
        used.use(token, status=401, calls=calls, route="none")
    sum_up_all(database)
    assert database.query("select reason, tokens, calls from ops.refusals order by 1") == [("ended", 1, 4), ("expired", 2, 3)]


def test_an_hour_is_summed_up_until_it_is_over_and_once_a_day_later(database):
    sum_up_all(database)
    open_hours = database.query("""select due_at > now() and due_at <= now() + interval '1 minute'
                                   from testkase.usage_hours where hour > now() - interval '70 minutes'""")
    assert open_hours and all(due for (due,) in open_hours)
    over = database.query("""select distinct due_at - hour from testkase.usage_hours
                             where hour <= now() - interval '70 minutes' and due_at is not null""")
    assert [str(wait) for (wait,) in over] == ["1 day, 1:00:00"]
    database.query("update testkase.usage_hours set hour = hour - interval '2 days', due_at = now() where hour = ("
                   "select min(hour) from testkase.usage_hours)")
    sum_up_all(database)
    assert database.value("select due_at from testkase.usage_hours order by hour limit 1") is None


def test_what_servers_write_late_is_summed_up_when_the_hour_is_due_again(used):
    database, token = used.database, used.mint(used.organization().member)[0]
    sum_up_all(database)
    used.use(token, ago="5 hours", calls=9)
    sum_up_all(database)
    assert database.value("select count(*) from ops.calls") == 0
    make_due(database)
    sum_up_all(database)
    assert database.value("select calls from ops.calls") == 9


def test_the_hours_without_a_worker_are_made_up_for(used):
    database, token = used.database, used.mint(used.organization().member)[0]
    sum_up_all(database)
    for hours in range(1, 8):
        used.use(token, ago=f"{hours} hours", calls=hours)
    database.query("delete from testkase.usage_hours where hour > now() - interval '9 hours'")
    sum_up_all(database)
    assert database.value("select sum(calls)::bigint from ops.calls") == sum(range(1, 8))


def test_two_workers_share_the_hours(database):
    sum_up_all(database)
    make_due(database)
    with contextlib.closing(database.connect("testkase_worker")) as other, other.cursor() as cursor:
        cursor.execute("select testkase.sum_up_usage()")
        sum_up_all(database)
        assert database.value("select count(*) from testkase.usage_hours where due_at <= now()") == 3
    sum_up_all(database)
    assert database.value("select count(*) from testkase.usage_hours where due_at <= now()") == 0


def test_the_summaries_of_an_hour_have_a_bound(used):
    database, member = used.database, used.organization().member
    database.query(
        """with made as (
               insert into testkase.api_tokens
                   (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days)
               select %s, 1, lpad(n::text, 8, '0'), '$argon2id$made-up', 'tk_pat_' || lpad(n::text, 8, '0') || '...abcdef',
                      'Many', 30
               from generate_series(1, 300) n
               returning id)
           insert into testkase.api_token_usage (token_id, hour, last_at, client, method, route, status, calls)
           select id, date_trunc('hour', now(), 'UTC'), now(), 'client-' || id, 'GET', '/api/v1/session', 200, id
           from made""", (member.id,))
    sum_up_all(database)
    highest = database.value("select max(id) from testkase.api_tokens")
    assert database.query("select count(*), min(calls) from ops.top_tokens") == [(200, highest - 199)]
    assert database.query("select count(*), min(calls) from ops.top_clients") == [(100, highest - 99)]
    assert database.value("select count(*) from ops.calls") == 1


def test_old_summaries_go(database):
    for hour in ("now() - interval '14 months'", "now() - interval '12 months'"):
        database.query(f"insert into testkase.usage_hours (hour, due_at) values ({hour}, null)")
        database.query(f"insert into testkase.usage_by_route values ({hour}, 'GET', '/', 200, 1)")
        database.query(f"insert into testkase.usage_by_client values ({hour}, 'curl', 1, 1, 0)")
        database.query(f"insert into testkase.usage_by_token values ({hour}, 1, 1, 0, 0)")
        database.query(f"insert into testkase.usage_refusals values ({hour}, 'expired', 1, 1)")
    sum_up(database)
    for table in ("usage_by_route", "usage_by_client", "usage_by_token", "usage_refusals"):
        assert database.value(f"select count(*) from testkase.{table}") == 1, table
    assert database.value("select count(*) from testkase.usage_hours where hour < now() - interval '40 days'") == 1


@pytest.mark.no_second_chance
def test_a_breach_is_seen_and_ended_as_the_runbook_says(used, admin_path):
    """An account that was deactivated past the triggers keeps valid tokens."""
    database, member = used.database, used.organization().member
    token_id, token = used.mint(member)
    database.without_triggers("alter table testkase.users disable trigger users_guard")
    database.without_triggers("update testkase.users set status = 'deactivated' where id = %s", (member.id,))
    database.without_triggers("alter table testkase.users enable always trigger users_guard")
    valid = "select token_id from ops.leavers_tokens where is_valid"
    with contextlib.closing(database.connect("testkase_ops")) as connection, connection, connection.cursor() as cursor:
        cursor.execute(valid)
        assert cursor.fetchall() == [(token_id,)]
    environment = {"TESTKASE_ADMIN_DATABASE_URL": database.url("testkase_owner")}
    for arguments in (["user", "reactivate", member.email], ["user", "deactivate", member.email]):
        done = run(admin_path, arguments, environment)
        assert done.returncode == 0, done.stderr
    assert database.query(valid) == []
    used.server.bearer(token).get("/session", 401)
