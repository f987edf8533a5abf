"""The worker: what time and departures end, reminders, upkeep, and that no interruption loses or doubles any of it."""

import concurrent.futures
import itertools
import json
import os
import re
import signal
import socket
import threading
import time

import pytest

from support.deadline import until
from support.process import run

numbers = itertools.count(1)

FAILED = re.compile(r'msg="failed, will try again"')
CUT = re.compile(r'msg="failed, will try again" what="connection to PostgreSQL"')  # not the one for deliveries
WORKS = re.compile(r'msg="works again"')

# --- what is in the database ---


@pytest.fixture
def organization(database):
    return database.value("insert into testkase.organizations (name) values ('Fjord') returning id")


@pytest.fixture
def user(database, organization):
    return make_user(database, organization)


def make_user(database, organization):
    return database.value(
        "insert into testkase.users (organization_id, email, name) values (%s, %s, 'Ines') returning id",
        (organization, f"ines-{next(numbers)}@example.test"))


def make_tokens(database, user, count=1, expires_in="-1 hour", due_in=None, ended=None, reminder="scheduled"):
    """Ids of tokens of 30 days that expire in this interval from now; a reminder each, due in `due_in` from now (default: on
    day 23), or past its last stage. With `ended`, they have ended for that reason when they expired. Nothing notifies of them."""
    first = next(numbers) * 100000
    database.without_triggers(
        """with made as (
               insert into testkase.api_tokens
                   (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days,
                    created_at, expires_at, rotate_at, ended_at, ended_reason)
               select u.id, u.credential_generation, to_char(%(first)s + g, 'FM00000000'), '$argon2id$made-up',
                      'tk_pat_' || to_char(%(first)s + g, 'FM00000000') || '...abcdef', 'Pipeline ' || g, 30,
                      e.at - interval '2592000 seconds', e.at, e.at - interval '604800 seconds',
                      case when %(ended)s::text is not null then e.at end, %(ended)s
               from testkase.users u, generate_series(1, %(count)s) g, (select now() + %(expires_in)s::interval as at) e
               where u.id = %(user)s
               returning id, user_id, rotate_at)
           insert into testkase.rotation_reminders (token_id, user_id, due_at, state, stage)
           select id, user_id,
                  case when %(reminder)s = 'scheduled' then coalesce(now() + %(due_in)s::interval, rotate_at) end, %(reminder)s,
                  case when %(reminder)s <> 'scheduled' then 'day' end
           from made""",
        {"first": first, "count": count, "user": user, "expires_in": expires_in, "due_in": due_in, "ended": ended,
         "reminder": reminder})
    return [row[0] for row in database.query(
        "select id from testkase.api_tokens where lookup_id between %s and %s order by id",
        (f"{first + 1:08}", f"{first + count:08}"))]


def make_session(database, user, expires_in="1 day"):
    database.query(
        """insert into testkase.sessions (digest, user_id, user_generation, expires_at)
           select decode(lpad(to_hex(%s), 64, '0'), 'hex'), id, session_generation, now() + %s::interval
           from testkase.users where id = %s""", (next(numbers), expires_in, user))


def token(database, token_id):
    """(ended reason, whether it still has a hash, state of its reminder)"""
    return database.query(
        """select t.ended_reason, t.secret_hash is not null, r.state
           from testkase.api_tokens t join testkase.rotation_reminders r on r.token_id = t.id where t.id = %s""",
        (token_id,))[0]


def live(database):
    return database.value("select count(*) from testkase.api_tokens where ended_at is null")


def audited(database):
    """(action, detail) of the system's audit events, by token."""
    found = {}
    for target, action, detail in database.query(
            """select target_id, action, detail from testkase.audit_events
               where actor_kind = 'system' and target_kind = 'api_key' order by id"""):
        found.setdefault(target, []).append((action, detail))
    return found


def outbox(database):
    return database.query("select topic, user_id, payload from testkase.outbox order by sequence")


def check_done_once(database, tokens):
    """Each of these has expired, was audited once and told once, and its reminder is closed."""
    ids = sorted(tokens)
    assert live(database) == 0
    events = audited(database)
    assert sorted(events) == ids
    assert all([action for action, _ in events[one]] == ["api_key.expired"] for one in ids)
    assert sorted(payload["apiKeyId"] for _, _, payload in outbox(database)) == ids
    assert database.value("select count(*) from testkase.rotation_reminders where state <> 'closed'") == 0


# --- the worker ---


def environment(database):
    return {"TESTKASE_DATABASE_URL": database.url("testkase_worker")}


@pytest.fixture
def worker(database, start, worker_path):
    """worker() starts one and waits until it is ready."""
    def begin():
        program = start(worker_path, environment(database))
        program.wait_ready()
        return program
    return begin


def backends(database, condition="true"):
    return [row[0] for row in database.query(
        f"""select pid from pg_stat_activity
            where datname = %s and usename = 'testkase_worker' and backend_type = 'client backend' and {condition}""",
        (database.name,))]


def statements(database, seconds, meanwhile=lambda: None):
    """How many statements the worker was seen to begin in that time, in which `meanwhile` happens again and again."""
    seen = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        meanwhile()
        seen.update(row[0] for row in database.query(
            "select query_start from pg_stat_activity where datname = %s and usename = 'testkase_worker'",
            (database.name,)))
    return len(seen)


# --- life ---


def test_ready_heartbeat_and_clean_exit(database, worker):
    program = worker()
    name, version, fresh = database.query(
        "select worker, version, now() - beat_at < interval '20 seconds' from testkase.worker_heartbeats")[0]
    assert name == f"{socket.gethostname()}:{program.pid}"
    assert re.fullmatch(r"\d+\.\d+\.\d+", version) and fresh
    program.terminate(10)
    assert database.value("select count(*) from testkase.worker_heartbeats") == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_in_good_order(worker, number):
    program = worker()
    program.signal(number)
    assert program.wait(10) == 0


def test_options(worker_path, database):
    done = run(worker_path, ["--help"])
    assert done.returncode == 0 and "TESTKASE_DATABASE_URL" in done.stdout
    done = run(worker_path, ["--version"])
    assert done.returncode == 0 and re.fullmatch(r"testkase-worker \d+\.\d+\.\d+\n", done.stdout)
    for arguments in (["--nonsense"], ["--version", "--help"], ["start"], [""]):
        done = run(worker_path, arguments)
        assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1


def test_check_config(worker_path):
    done = run(worker_path, ["--check-config"], {"TESTKASE_DATABASE_URL": "postgresql://nobody@/nowhere"})
    assert done.returncode == 0 and (done.stdout + done.stderr).count("\n") == 1
    done = run(worker_path, ["--check-config"], {"TESTKASE_COLOUR": "blue"})
    assert done.returncode != 0 and (done.stdout + done.stderr).count("\n") == 1
    assert "TESTKASE_COLOUR" in done.stdout + done.stderr


@pytest.mark.parametrize("arrange, says", [
    ("insert into testkase.schema_migrations (version, name, checksum) values (9999, 'later', '')", "newer"),
    ("delete from testkase.schema_migrations where version > 1", "older"),
])
def test_refuses_a_foreign_schema(database, worker_path, arrange, says):
    database.query(arrange)
    done = run(worker_path, environment=environment(database))
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if "level=error" in line]
    assert len(errors) == 1 and says in errors[0], done.stderr


def test_refuses_an_empty_database(empty_database, worker_path):
    done = run(worker_path, environment=environment(empty_database))
    assert done.returncode == 1 and "testkase-admin migrate" in done.stderr


def test_ends_when_the_schema_moves_on(database, start, worker_path):
    """An operator upgrades under a running worker: the old one steps aside."""
    program = start(worker_path, environment(database))
    program.wait_ready()
    database.query("insert into testkase.schema_migrations (version, name, checksum) values (9999, 'later', '')")
    database.query("notify testkase_tokens, '{}'")
    assert program.wait(10) == 1
    assert "newer" in program.log()
    program.kill()


# --- expiry ---


def test_token_expires_at_its_instant(database, user, worker):
    worker()
    one, = make_tokens(database, user, expires_in="1500 milliseconds", reminder="due")
    database.query("notify testkase_tokens, '{}'")
    until(lambda: token(database, one)[0], 10, "the token has ended")
    assert token(database, one) == ("expired", True, "closed")
    at_expiry, late = database.query(
        """select t.ended_at = t.expires_at, extract(epoch from e.occurred_at - t.expires_at)
           from testkase.api_tokens t join testkase.audit_events e on e.target_id = t.id where t.id = %s""", (one,))[0]
    assert at_expiry
    assert 0 <= late < 5, "else it would be after the next heartbeat or round"
    (action, detail), = audited(database)[one]
    assert action == "api_key.expired" and detail["name"] == "Pipeline 1" and detail["ownerId"] == user
    (topic, to, payload), = outbox(database)
    assert (topic, to) == ("api_key.expired", user)
    assert set(payload) == {"apiKeyId", "name", "expiresAt"} and payload["apiKeyId"] == one


def test_backlog_is_done_before_ready(database, user, worker):
    tokens = make_tokens(database, user, 450)
    kept, = make_tokens(database, user, expires_in="1 hour", due_in="30 minutes")
    worker()
    assert live(database) == 1
    assert token(database, kept) == (None, True, "scheduled")
    assert sorted(audited(database)) == tokens


def test_new_token_moves_the_deadline(database, user, worker):
    """A token made by the service, with its triggers, whose reminder comes due before anything else."""
    program = worker()
    one, = make_tokens(database, user, expires_in="20 days", due_in="1 second")
    database.query("notify testkase_tokens, '{}'")
    until(lambda: token(database, one)[2] == "due", 5, "the reminder is due")
    assert program.is_running()


# --- leavers ---


def test_leaver_loses_tokens_and_sessions(database, organization, user, worker):
    other = make_user(database, organization)
    tokens = make_tokens(database, user, 3, expires_in="10 days", reminder="due")
    kept, = make_tokens(database, other, expires_in="10 days", reminder="due")
    for person in (user, other):
        make_session(database, person)
    worker()
    database.query("update testkase.users set status = 'deactivated' where id = %s", (user,))
    until(lambda: live(database) == 1, 5, "the leaver's tokens have ended")
    assert {token(database, one) for one in tokens} == {("owner_deactivated", False, "closed")}
    assert token(database, kept) == (None, True, "due")
    assert database.value(
        """select bool_and(t.ended_at = u.status_changed_at) from testkase.api_tokens t
           join testkase.users u on u.id = t.user_id where u.id = %s""", (user,))
    events = audited(database)
    assert sorted(events) == tokens
    assert all(event == [("api_key.revoked", {"name": event[0][1]["name"], "ownerId": user, "reason": "owner_deactivated"})]
               for event in events.values())
    until(lambda: database.query("select user_id from testkase.sessions") == [(other,)], 5, "the session is gone")
    assert outbox(database) == []


def test_reactivated_and_deleted_owners(database, organization, worker):
    back, gone = make_user(database, organization), make_user(database, organization)
    of_back, = make_tokens(database, back, expires_in="10 days")
    of_gone, = make_tokens(database, gone, expires_in="10 days")
    database.query("update testkase.users set status = 'deactivated' where id = %s", (back,))
    database.query("update testkase.users set status = 'active' where id = %s", (back,))
    database.query("update testkase.users set status = 'deleted' where id = %s", (gone,))
    new, = make_tokens(database, back, expires_in="10 days", due_in="1 day")
    worker()
    assert token(database, of_back) == ("owner_deactivated", False, "closed")
    assert token(database, of_gone) == ("owner_deleted", False, "closed")
    assert token(database, new) == (None, True, "scheduled")


def test_leavers_token_past_its_expiry_is_a_leavers_token(database, user, worker):
    one, = make_tokens(database, user)
    database.query("update testkase.users set status = 'deactivated' where id = %s", (user,))
    worker()
    assert token(database, one) == ("owner_deactivated", False, "closed")
    assert len(audited(database)[one]) == 1
    assert outbox(database) == []


def test_many_tokens_of_many_leavers(database, organization, worker):
    people = [make_user(database, organization) for _ in range(5)]
    tokens = sorted(one for person in people for one in make_tokens(database, person, 90, expires_in="10 days"))
    database.query("update testkase.users set status = 'deactivated' where organization_id = %s", (organization,))
    worker()
    assert live(database) == 0
    assert sorted(audited(database)) == tokens


# --- reminders ---


def test_reminder_becomes_due_and_is_told_once(database, user, worker):
    due = make_tokens(database, user, 250, expires_in="5 days", due_in="-1 day")
    later, = make_tokens(database, user, expires_in="10 days", due_in="3 days")
    program = worker()
    assert {token(database, one) for one in due} == {(None, True, "due")}
    assert token(database, later) == (None, True, "scheduled")
    program.terminate(10)
    worker()
    told = outbox(database)
    assert {(topic, to) for topic, to, _ in told} == {("api_key.rotation_due", user)}
    assert sorted(payload["apiKeyId"] for _, _, payload in told) == due
    assert set(told[0][2]) == {"reminderId", "apiKeyId", "name", "expiresInDays", "stage", "dueAt", "expiresAt"}
    assert "argon2" not in json.dumps([payload for _, _, payload in told])


def test_reminder_of_a_dead_token_is_closed_silently(database, user, worker):
    one, = make_tokens(database, user, expires_in="-5 days", due_in="-12 days", ended="expired")
    worker()
    assert token(database, one) == ("expired", True, "closed")
    assert outbox(database) == []
    assert audited(database) == {}


def test_rescheduled_reminder_is_noticed(database, user, worker):
    worker()
    one, = make_tokens(database, user, expires_in="10 days", due_in="3 days")
    database.query("update testkase.rotation_reminders set due_at = now() where token_id = %s", (one,))
    until(lambda: token(database, one)[2] == "due", 5, "the reminder is due")


# --- upkeep ---


def test_hash_of_an_expired_token_is_erased_after_30_days(database, user, worker):
    old = make_tokens(database, user, 210, expires_in="-30 days", ended="expired", reminder="closed")
    soon, = make_tokens(database, user, expires_in="-29 days -23:59:57", ended="expired", reminder="closed")
    kept, = make_tokens(database, user, expires_in="-29 days", ended="expired", reminder="closed")
    worker()
    assert {token(database, one)[1] for one in old} == {False}
    until(lambda: not token(database, soon)[1], 10, "the hash of a token that expired 30 days ago is gone")
    assert token(database, kept)[1]
    assert audited(database) == {}


def test_upkeep_at_start(database, user, worker):
    make_session(database, user, "-1 minute")
    make_session(database, user, "1 minute")
    database.query(
        """insert into testkase.worker_heartbeats (worker, version, beat_at)
           values ('old:1', '0', now() - interval '8 days'), ('recent:1', '0', now() - interval '6 days')""")
    last = database.value("select max(inhrelid::regclass::text) from pg_inherits "
                          "where inhparent = 'testkase.audit_events'::regclass and inhrelid::regclass::text ~ '[0-9]$'")
    database.query(f"drop table {last}")
    program = worker()
    assert database.value("select to_regclass(%s)", (last,)) is not None
    assert database.value("select count(*) from testkase.sessions") == 1
    assert [row[0] for row in database.query("select worker from testkase.worker_heartbeats order by 1")] == sorted(
        ["recent:1", f"{socket.gethostname()}:{program.pid}"])


def make_runs(database, organization, times):
    """A project with one case, and a run of it at each of these times, the last of them the latest; returns the project's id."""
    user = make_user(database, organization)
    project = database.value("""insert into testkase.projects (organization_id, number, name)
                                select %s, 1, 'Web shop' returning id""", (organization,))
    database.query("""insert into testkase.test_cases (project_id, number, title, automation_id)
                      values (%s, 1, 'A visitor pays', 12345)""", (project,))
    for at in times:
        database.query(
            """with run as (
                   insert into testkase.test_runs (project_id, cycle_id, user_id, reported_at, received, matched)
                   select project_id, id, %s, %s::timestamptz, 1, 1 from testkase.test_cycles where project_id = %s
                   returning id, project_id, cycle_id, reported_at), executed as (
                   insert into testkase.test_executions (executed_at, case_id, cycle_id, run_id, status)
                   select r.reported_at, c.id, r.cycle_id, r.id, 'fail'
                   from run r join testkase.test_cases c on c.project_id = r.project_id
                   returning case_id, cycle_id, run_id, executed_at, status)
               insert into testkase.test_latest_results (case_id, cycle_id, run_id, executed_at, status)
               select case_id, cycle_id, run_id, executed_at, status from executed
               on conflict (cycle_id, case_id) do update set run_id = excluded.run_id, executed_at = excluded.executed_at""",
            (user, at, project))
    return project


def kept(database, project):
    """How many executions of the project there are, of how many runs that are not pruned, and how many cases failed."""
    return database.query(
        """select (select count(*) from testkase.test_executions e join testkase.test_cycles y on y.id = e.cycle_id
                   where y.project_id = %(project)s),
                  (select count(*) from testkase.test_runs where project_id = %(project)s and pruned_at is null),
                  (select fail from testkase.test_cycles where project_id = %(project)s)""", {"project": project})[0]


def test_results_are_deleted_when_the_organization_does_not_keep_them(database, organization, worker):
    """But for the latest ones, and the counts of them; a partition that has become empty goes, too."""
    other, old = (database.value("insert into testkase.organizations (name) values ('Glen') returning id") for _ in range(2))
    database.query("""create table testkase.test_executions_2020_01 partition of testkase.test_executions
                      for values from ('2020-01-01T00:00Z') to ('2020-02-01T00:00Z');
                      alter table testkase.test_executions_2020_01 owner to testkase_owner""")
    ago = [database.value("select (now() - %s::interval)::text", (interval,)) for interval in ("70 days", "40 days", "20 days")]
    some = make_runs(database, organization, ["2020-01-15T00:00Z", *ago])
    every = make_runs(database, other, ago)
    last = make_runs(database, old, ["2020-01-15T00:00Z"])
    database.query("update testkase.organizations set execution_months = 1 where id = %s", (organization,))
    database.query("update testkase.organizations set execution_months = 24 where id = %s", (old,))
    worker()
    assert kept(database, some) == (1, 1, 1)
    assert kept(database, every) == (3, 3, 1)
    assert kept(database, last) == (0, 0, 1)
    until(lambda: not database.value("select to_regclass('testkase.test_executions_2020_01')"), 10, "the empty partition is gone")


def test_many_results_are_deleted_in_batches(database, organization):
    project = make_runs(database, organization, [f"2020-01-01T00:{minute:02}Z" for minute in range(10)])
    database.query("update testkase.organizations set execution_months = 120")
    assert database.value("select testkase.prune_executions(3)") == 0
    database.query("update testkase.organizations set execution_months = 12")
    assert [database.value("select testkase.prune_executions(3)") for _ in range(5)] == [3, 3, 3, 1, 0]
    assert kept(database, project) == (0, 0, 1)


# --- quiet ---


def test_its_own_changes_do_not_keep_it_busy(database, user, worker):
    worker()
    one, = make_tokens(database, user)
    database.query("notify testkase_tokens, '{}'")
    until(lambda: token(database, one)[0], 5, "the token has ended")
    assert statements(database, 2) < 20


def test_storm_of_notifications_is_coalesced(database, user, worker):
    worker()
    one, = make_tokens(database, user, expires_in="1 second")
    storm = "select pg_notify('testkase_tokens', 'x' || g) from generate_series(1, 20) g"
    assert statements(database, 3, lambda: database.query(storm)) < 200
    until(lambda: token(database, one)[0] == "expired", 10, "the token has ended")


def fill_queue(database, usage):
    """As PostgreSQL would say once its queue of notifications, of 8 GB, is so full."""
    database.query(f"""create or replace function testkase.notification_queue_usage() returns double precision
                       language sql return {usage}""")


def test_half_full_queue_of_notifications_is_told(database, user, worker):
    fill_queue(database, 0.57)
    program = worker()
    assert "57 % full" in program.wait_for_line(r'msg="failed.*what="?notifications\b').string
    fill_queue(database, 0.1)
    make_due = "update testkase.rotation_reminders set state = state"
    make_tokens(database, user)
    database.query(make_due)  # wakes it
    program.wait_for_line(r'msg="works again".*what="?notifications\b')


def test_row_locked_by_somebody_is_no_reason_to_spin(database, user, worker):
    one, = make_tokens(database, user)
    with database.connect() as holder, holder.cursor() as cursor:
        cursor.execute("select from testkase.api_tokens where id = %s for update", (one,))
        worker()
        seen = statements(database, 3)
        holder.rollback()
    holder.close()
    until(lambda: token(database, one)[0], 5, "the token has ended")
    assert seen < 60
    check_done_once(database, [one])


# --- several at once, and interruptions ---


def test_two_workers_share_the_work(database, user, start, worker_path):
    tokens = make_tokens(database, user, 2000)
    programs = [start(worker_path, environment(database)) for _ in range(2)]
    for program in programs:
        program.wait_ready()
    until(lambda: live(database) == 0, 30, "all tokens have ended")
    check_done_once(database, tokens)
    assert not any(FAILED.search(program.log()) for program in programs)
    assert database.value("select count(*) from testkase.worker_heartbeats") == 2


@pytest.mark.parametrize("backend", ["finishes its statement", "dies with it"])
def test_killed_within_a_batch(database, user, start, worker, worker_path, backend):
    tokens = make_tokens(database, user, 500)
    with database.connect() as holder, holder.cursor() as cursor:
        cursor.execute("select from testkase.auth_epoch for update")
        victim = start(worker_path, environment(database))
        within = until(lambda: backends(database, "wait_event_type = 'Lock'"), 20, "a batch is under way")
        victim.kill()
        if backend == "dies with it":
            database.query("select pg_terminate_backend(%s)", (within[0],))
        holder.rollback()
    holder.close()
    worker()
    # The killed one's backend may hold its rows for a moment yet; they are passed over and done soon after.
    until(lambda: live(database) == 0, 20, "all tokens have ended")
    check_done_once(database, tokens)


def test_cut_connection_is_made_again(database, user, worker):
    program = worker()
    one, = make_tokens(database, user)
    for pid in backends(database):
        database.query("select pg_terminate_backend(%s)", (pid,))
    until(lambda: token(database, one)[0], 5, "what came in between is done")
    program.wait_for_line(WORKS, 5)
    assert len(CUT.findall(program.log())) == 1
    make_tokens(database, user, expires_in="10 days")
    database.query("update testkase.users set status = 'deactivated' where id = %s", (user,))
    until(lambda: live(database) == 0, 5, "it listens again")


def test_postgres_absent_at_start(database, cluster, user, start, worker_path, tmp_path):
    tokens = make_tokens(database, user, 3)
    url = f"host={tmp_path} port={cluster.port} dbname={database.name} user=testkase_worker"
    program = start(worker_path, {"TESTKASE_DATABASE_URL": url})
    program.wait_for_line(CUT)
    os.symlink(cluster.folder / f".s.PGSQL.{cluster.port}", tmp_path / f".s.PGSQL.{cluster.port}")
    program.wait_ready()
    assert len(CUT.findall(program.log())) == 1
    check_done_once(database, tokens)


def test_postgres_killed_and_back(own_cluster, start, worker_path):
    database = own_cluster.create_database()
    organization = database.value("insert into testkase.organizations (name) values ('Fjord') returning id")
    user = make_user(database, organization)
    program = start(worker_path, environment(database))
    program.wait_ready()
    tokens = make_tokens(database, user, 3, expires_in="1 second", reminder="due")
    database.close()
    own_cluster.kill9()
    program.wait_for_line(FAILED, 5)
    own_cluster.start()
    program.wait_for_line(WORKS, 20)
    until(lambda: live(database) == 0, 10, "the tokens have ended")
    check_done_once(database, tokens)
    program.terminate(10)
    database.close()


@pytest.mark.alone
def test_stops_within_10_seconds_of_a_frozen_postgres(own_cluster, start, worker_path):
    database = own_cluster.create_database()
    program = start(worker_path, environment(database))
    program.wait_ready()
    own_cluster.freeze()
    late = start(worker_path, environment(database))
    late.wait_for_line('msg="?started')
    late.terminate(10)
    program.terminate(10)
    own_cluster.thaw()


def test_a_failing_job_keeps_nobody_from_being_ready(database, user, start, worker_path):
    """Else systemd would end the worker, and start it again and again."""
    database.query("revoke execute on function testkase.sum_up_usage() from testkase_worker")
    one, = make_tokens(database, user)
    program = start(worker_path, environment(database))
    program.wait_ready()
    assert FAILED.search(program.log()) and token(database, one)[0] == "expired"
    program.check_sane()


def test_failing_job_is_logged_once_and_holds_up_nobody(database, organization, user, worker):
    leaver = make_user(database, organization)
    worker_program = worker()
    with database.connect() as holder, holder.cursor() as cursor:
        cursor.execute("lock table testkase.outbox in share mode")
        expiring, = make_tokens(database, user)
        leaving, = make_tokens(database, leaver, expires_in="10 days", reminder="closed")
        database.query("update testkase.users set status = 'deactivated' where id = %s", (leaver,))
        until(lambda: token(database, leaving)[0], 10, "the leaver's token has ended")
        worker_program.wait_for_line(r'msg="failed.*what="?expire\b.*sqlstate="?55P03')
        holder.rollback()
    holder.close()
    worker_program.wait_for_line(r'msg="works again".*what="?expire\b')
    assert token(database, expiring)[0] == "expired"
    assert len(re.findall(FAILED.pattern + r'.*what="?expire\b', worker_program.log())) == 1
    assert len(audited(database)[expiring]) == 1


@pytest.mark.alone
@pytest.mark.parametrize("lock", [
    "select from testkase.auth_epoch for update",
    "lock table testkase.users, testkase.api_tokens, testkase.rotation_reminders, testkase.sessions in access exclusive mode",
])
def test_stops_while_batches_wait_for_locks(database, user, start, worker_path, lock):
    tokens = make_tokens(database, user, 10)
    with database.connect() as holder, holder.cursor() as cursor:
        cursor.execute(lock)
        program = start(worker_path, environment(database))
        until(lambda: backends(database, "wait_event_type = 'Lock'"), 20, "a batch is under way")
        program.terminate(10)
        holder.rollback()
    holder.close()
    assert database.value("select count(*) from testkase.worker_heartbeats") == 0
    assert live(database) in (0, len(tokens))


def test_no_deadlock_with_changes_of_the_owner(database, organization, worker):
    """An admin's change locks the account first and the epoch last."""
    people = [make_user(database, organization) for _ in range(4)]
    for person in people:
        make_tokens(database, person, 1500)
    done = threading.Event()

    def change(person):
        connection = database.connect()
        connection.autocommit = True
        with connection.cursor() as cursor:
            while not done.is_set():
                cursor.execute(
                    """with locked as (select id from testkase.users where id = %s for update)
                       update testkase.users u set name = 'N' || random() from locked where u.id = locked.id""",
                    (person,))
        connection.close()

    with concurrent.futures.ThreadPoolExecutor() as threads:
        changes = [threads.submit(change, person) for person in people]
        try:
            program = worker()
            until(lambda: live(database) == 0, 60, "all tokens have ended")
        finally:
            done.set()
        for one in changes:
            one.result()
    assert not FAILED.search(program.log())


def test_log_holds_no_secret(database, user, worker):
    make_tokens(database, user, 5)
    program = worker()
    program.terminate(10)
    assert "argon2" not in program.log() and "tk_pat_" not in program.log() and "Pipeline" not in program.log()
