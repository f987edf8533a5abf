"""The operator's CLI: migrations that nothing tears, and every subcommand with what it refuses."""

import json
import os
import pathlib
import pty
import random
import re
import select
import signal
import subprocess
import time

import psycopg2.errors
import pytest

from support import token as tokens
from support.admin import Admin
from support.deadline import until
from support.postgres import migrations
from support.schema import without_noise
from support.process import ENVIRONMENT, SANITIZER, run

PASSWORD = "violet-harbour-46-lantern"
LAST = max(version for version, *_ in migrations())
LABELS = [f"{version:04d}_{name}" for version, name, *_ in migrations()]
SUBCOMMANDS = [
    "migrate", "status", "org create", "org list", "user create", "user invite", "user list", "user deactivate",
    "user reactivate", "user delete", "user make-owner", "user set-password", "project create", "project add-member",
    "token list", "token create", "token revoke", "token set-rate-limit", "token identify", "backup check"]


def finish(process, seconds=60):
    """(exit status, standard output, standard error) of a process that begin() started."""
    output, error = process.communicate(timeout=seconds)
    assert not SANITIZER.search(error), error
    return process.returncode, output, error


@pytest.fixture
def admin(admin_path, database):
    return Admin(admin_path, database)


@pytest.fixture
def fresh(admin_path, empty_database):
    """On a database that was never migrated."""
    return Admin(admin_path, empty_database)


@pytest.fixture
def organization(admin):
    """The number of one, whose owner is ada@example.test."""
    return admin.done("org", "create", "Fjord", "--owner", "ada@example.test")["id"]


@pytest.fixture
def bot(admin, organization):
    """The address of a service account."""
    return admin.done("user", "create", "ci-bot@example.test", "--org", str(organization), "--service")["email"]


def mint(admin, email, name="Pipeline", days="30"):
    return admin.done("token", "create", email, "--name", name, "--expires-in-days", days)


def schema_of(database):
    return without_noise(database.dump("--schema-only"))


def applied(database):
    if database.value("select to_regclass('testkase.schema_migrations')") is None:
        return []
    return [row[0] for row in database.query("select version from testkase.schema_migrations order by version")]


# --- help and the command line ---

def test_help_of_the_program(admin_path):
    result = run(admin_path, ["--help"])
    assert result.returncode == 0 and result.stderr == ""
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "SUBCOMMANDS", "EXIT STATUS", "ENVIRONMENT", "EXAMPLES"):
        assert f"\n{section}\n" in "\n" + result.stdout
    for name in SUBCOMMANDS:
        assert f"\n    testkase-admin {name}" in result.stdout
    assert "TESTKASE_ADMIN_DATABASE_URL" in result.stdout


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_help_of_a_subcommand(admin_path, name):
    result = run(admin_path, [*name.split(), "--help"], {"TESTKASE_NONSENSE": "1"})
    assert result.returncode == 0 and result.stderr == ""
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "EXAMPLES"):
        assert f"\n{section}\n" in "\n" + result.stdout
    assert f"\n    testkase-admin {name}" in result.stdout
    assert "--json" in result.stdout


def test_version(admin_path):
    result = run(admin_path, ["--version"])
    assert re.fullmatch(rf"testkase-admin \d+\.\d+\.\d+ \(schema {LAST}\)\n", result.stdout)


def test_noun_alone_lists_its_verbs(admin_path):
    result = run(admin_path, ["user"])
    assert result.returncode == 2 and result.stdout == ""
    assert "user set-password" in result.stderr and "token create" not in result.stderr
    assert run(admin_path, ["user", "--help"]).returncode == 0


@pytest.mark.parametrize("arguments", [
    [], ["nonsense"], ["backup"], ["backup", "check", "--dry-run"], ["backup", "check", "now"],
    ["migrate", "now"], ["migrate", "--force"], ["org", "create", "Fjord"],
    ["user", "create", "a@example.test"], ["user", "create", "a@example.test", "--org"],
    ["user", "create", "a@example.test", "--org", "x"], ["user", "create", "a@example.test", "--org", "0"],
    ["user", "create", "no address", "--org", "1"], ["user", "create", "a@example.test", "--org", "1", "--role", "owner"],
    ["user", "create", "a@example.test", "--org", "1", "--service", "--password-stdin"],
    ["user", "create", "a@example.test", "--org", "1", "--name", "x\u202ey"], ["user", "list", "--status", "deleted"],
    ["user", "list", "--limit", "0"], ["user", "delete"], ["org", "create", "  ", "--owner", "a@example.test"],
    ["org", "create", "x" * 101, "--owner", "a@example.test"],
    ["project", "add-member", "1", "a@example.test", "--org", "1", "--role", "user"],
    ["project", "add-member", "PRJ-0", "a@example.test", "--org", "1", "--role", "user"],
    ["project", "add-member", "PRJ-1", "a@example.test", "--org", "1", "--role", "owner"],
    ["token", "create", "a@example.test", "--name", "x", "--expires-in-days", "31"],
    ["token", "create", "a@example.test", "--name", "x", "--expires-in-days", "030"],
    ["token", "create", "a@example.test", "--name", "", "--expires-in-days", "30"],
    ["token", "create", "a@example.test", "--name", "x", "--expires-in-days", "30", "--purpose", "x" * 201],
    ["token", "create", "a@example.test", "--name", "x", "--expires-in-days", "30", "--link", "javascript:alert(1)"],
    ["token", "create", "a@example.test", "--name", "x", "--expires-in-days", "30", "--idempotency-key", "x" * 256],
    ["token", "revoke", "1", "--note", "a\nb"],
    ["token", "set-rate-limit", "1", "0"], ["token", "set-rate-limit", "1", "1000001"],
    ["token", "set-rate-limit", "1", "-5"], ["token", "set-rate-limit", "x", "5"], ["token", "revoke", "0"],
    ["token", "list", "--status", "dead"], ["token", "list", "--user", "nobody"],
], ids=" ".join)
def test_wrong_usage(admin, arguments):
    admin.refused(*arguments, status=2)
    assert admin.database.value("select count(*) from testkase.organizations") == 0


def test_wrong_configuration(admin):
    assert "TESTKASE_NONSENSE" in admin.refused("status", status=2, TESTKASE_NONSENSE="1")
    error = admin.refused("status", status=2, TESTKASE_ADMIN_DATABASE_URL_FILE="/etc/hostname")
    assert "TESTKASE_ADMIN_DATABASE_URL" in error


def test_variables_of_the_other_programs_are_fine(admin):
    admin.done("user", "list", TESTKASE_DATABASE_URL="postgresql://nobody@/nowhere", TESTKASE_LISTEN="127.0.0.1:0",
               TESTKASE_URL="http://127.0.0.1:1", TESTKASE_PAT="x", TESTKASE_BIN="/nowhere",
               TESTKASE_ADMIN_EMAIL="x", TESTKASE_ADMIN_PASSWORD="x")


# --- migrate ---

def test_migrate_an_empty_database(fresh):
    assert fresh.done("migrate") == {"schemaVersion": LAST, "knownVersion": LAST, "applied": LABELS}
    rows = fresh.database.query("select version, name, checksum from testkase.schema_migrations order by version")
    assert rows == [(version, name, checksum) for version, name, checksum, _ in migrations()]
    assert fresh.done("migrate") == {"schemaVersion": LAST, "knownVersion": LAST, "applied": []}
    assert fresh.run("migrate").stdout == f"up to date: the schema is version {LAST}\n"


def test_migrate_for_people(fresh):
    result = fresh.run("migrate")
    assert result.returncode == 0 and result.stderr == ""
    assert result.stdout.splitlines() == [*(f"applied {label}" for label in LABELS),
                                          f"the schema is now version {LAST}"]


def test_dry_run_changes_nothing(fresh):
    assert fresh.done("migrate", "--dry-run") == {"schemaVersion": 0, "knownVersion": LAST, "pending": LABELS}
    assert fresh.run("migrate", "--dry-run").stdout.splitlines() == [f"pending {label}" for label in LABELS]
    assert fresh.database.value("select count(*) from pg_namespace where nspname in ('testkase', 'ops')") == 0


@pytest.mark.parametrize("role", ["postgres", "deputy_of_the_owner"])
def test_schema_belongs_to_the_owner_whoever_migrates(admin_path, empty_database, role):
    make_role(empty_database, "deputy_of_the_owner")
    empty_database.query("grant testkase_owner to deputy_of_the_owner")
    Admin(admin_path, empty_database, role).done("migrate")
    owners = empty_database.query(
        """select distinct pg_get_userbyid(owner) from (
               select nspowner from pg_namespace where nspname in ('testkase', 'ops')
               union all select relowner from pg_class c join pg_namespace n on n.oid = relnamespace
                         where nspname in ('testkase', 'ops')
               union all select proowner from pg_proc p join pg_namespace n on n.oid = pronamespace
                         where nspname in ('testkase', 'ops')) as things (owner)""")
    assert owners == [("testkase_owner",)]


def test_schema_is_that_of_the_files(fresh, database):
    fresh.done("migrate")
    assert schema_of(fresh.database) == schema_of(database)


def make_role(database, name):
    database.query(f"do $$ begin create role {name} login; exception when duplicate_object then null; end $$")


def test_stranger_is_sent_to_the_owner(admin_path, empty_database):
    make_role(empty_database, "stranger_to_the_owner")
    error = Admin(admin_path, empty_database, "stranger_to_the_owner").refused("migrate")
    assert "stranger_to_the_owner is not a member of testkase_owner" in error
    assert "TESTKASE_ADMIN_DATABASE_URL" in error


def test_a_member_that_inherits_nothing(admin_path, empty_database):
    """It has the owner's rights only once it acts as the owner."""
    make_role(empty_database, "careful_operator")
    empty_database.query("alter role careful_operator noinherit")
    empty_database.query("grant testkase_owner to careful_operator")
    careful = Admin(admin_path, empty_database, "careful_operator")
    for _ in range(2):
        careful.done("migrate")
    careful.done("user", "list")


def test_missing_roles_are_named(admin_path, own_cluster):
    own_cluster.execute("alter role testkase_ops rename to other_ops")
    own_cluster.execute("alter role testkase_worker rename to other_worker")
    database = own_cluster.create_database("template1")
    error = Admin(admin_path, database).refused("migrate")
    assert "lacks the roles testkase_ops, testkase_worker" in error
    assert "psql --file sql/roles.sql" in error
    own_cluster.execute("alter role testkase_owner rename to other_owner")
    for role in ("testkase_owner", "postgres"):
        error = Admin(admin_path, database, role).refused("migrate")
        assert "testkase_owner" in error and "psql --file sql/roles.sql" in error
    database.close()


def test_database_of_somebody_else(fresh):
    fresh.database.query(f"alter database {fresh.database.name} owner to postgres")
    error = fresh.refused("migrate")
    assert "cannot create schema testkase" in error and "owner to testkase_owner" in error


def test_changed_migration_is_refused(admin):
    admin.database.query("update testkase.schema_migrations set checksum = repeat('0', 64) where version = 2")
    before = schema_of(admin.database)
    for arguments in (["migrate"], ["migrate", "--dry-run"]):
        assert f"migration {LABELS[1]} was applied to this database with other content" in admin.refused(*arguments)
    assert schema_of(admin.database) == before


@pytest.mark.parametrize("count", [1, LAST - 1, LAST, LAST + 2])
def test_database_of_an_unreleased_version_is_refused(admin, count):
    """Its migrations have other content, and there may be more or fewer of them."""
    admin.database.query("delete from testkase.schema_migrations")
    admin.database.query("""insert into testkase.schema_migrations (version, name, checksum)
                            select n, 'topic_' || n, encode(sha256(n::text::bytea), 'hex') from generate_series(1, %s) n""",
                         (count,))
    before = admin.database.dump("--inserts", "--schema=testkase")
    for arguments in (["migrate"], ["migrate", "--dry-run"]):
        error = admin.refused(*arguments)
        assert f"migration {LABELS[0]} was applied to this database with other content (recorded: topic_1," in error
        assert "has to be made anew" in error
    assert without_noise(admin.database.dump("--inserts", "--schema=testkase")) == without_noise(before)


def test_gap_in_the_record_is_refused(admin):
    admin.database.query("delete from testkase.schema_migrations where version = 2")
    assert f"lacks {LABELS[1]}" in admin.refused("migrate")


def test_newer_database_is_refused(admin):
    admin.database.query("insert into testkase.schema_migrations values (%s, 'future', 'x')", (LAST + 1,))
    for arguments in (["migrate"], ["migrate", "--dry-run"], ["user", "list"]):
        error = admin.refused(*arguments)
        assert f"version {LAST + 1}, newer than version {LAST} of this program" in error


def test_newer_database_that_works_with_this_program(admin):
    """As after a rollback of the programs."""
    admin.database.query("insert into testkase.schema_migrations values (%s, 'future', 'x', now(), %s)", (LAST + 1, LAST))
    beat(admin.database, "here", 1)
    for arguments in (["migrate"], ["migrate", "--dry-run"], ["user", "list"], ["status"]):
        done = admin.run(*arguments)
        assert done.returncode == 0 and done.stderr == "", (arguments, done.stderr)
    assert f"version {LAST + 1}; this program knows version {LAST} and works with it" in done.stdout
    assert admin.done("migrate") == {"schemaVersion": LAST + 1, "knownVersion": LAST, "applied": []}
    assert admin.done("status")["healthy"] is True


def test_older_database_is_refused_by_the_others(fresh):
    assert "run testkase-admin migrate" in fresh.refused("user", "list")


def test_failing_migration_is_rolled_back(fresh):
    fresh.database.query("create schema ops")
    error = fresh.refused("migrate")
    assert error == (f"testkase-admin: migration {LABELS[0]} failed and was rolled back: "
                     "schema \"ops\" already exists\n")
    assert applied(fresh.database) == []
    assert fresh.database.query("select relname from pg_class where relnamespace = 'testkase'::regnamespace "
                                "and relkind = 'r'") == [("schema_migrations",)]
    fresh.database.query("drop schema ops")
    fresh.done("migrate")


def test_failure_in_the_middle_keeps_what_was_whole(fresh):
    """The last migration fails: those before stay, and the next run does the rest."""
    third = next(text for version, _, _, text in migrations() if version == 3)
    table = re.search(r"create table testkase\.(\w+)", third).group(1)
    fresh.database.query(f"set role testkase_owner; create schema testkase; create table testkase.{table} (); reset role")
    error = fresh.refused("migrate", "--json")
    assert f"migration {LABELS[2]} failed" in error and f"\"{table}\" already exists" in error
    assert applied(fresh.database) == [1, 2]
    fresh.database.query(f"drop table testkase.{table}")
    assert fresh.done("migrate")["applied"] == LABELS[2:]


def test_twenty_at_once(fresh, database):
    processes = [fresh.begin("migrate", "--json") for _ in range(20)]
    results = [finish(process) for process in processes]
    assert [status for status, *_ in results] == [0] * 20, results
    work = sorted(len(json.loads(output)["applied"]) for _, output, _ in results)
    assert work == [0] * 19 + [LAST]
    assert schema_of(fresh.database) == schema_of(database)


def test_waits_for_the_lock_past_every_time_out(fresh):
    fresh.database.query(f"alter role testkase_owner in database {fresh.database.name} set lock_timeout = '500ms'")
    fresh.database.query(f"alter role testkase_owner in database {fresh.database.name} set statement_timeout = '500ms'")
    fresh.database.query("create schema testkase authorization testkase_owner")
    holder = fresh.database.connect("testkase_owner")
    with holder.cursor() as cursor:
        cursor.execute("comment on schema testkase is null")
    process = fresh.begin("migrate")
    until(lambda: fresh.database.value(
        """select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'object'
           and clock_timestamp() - query_start > interval '700 ms'"""), 20, "it waits, longer than the time-outs")
    assert applied(fresh.database) == []
    holder.close()
    status, output, error = finish(process)
    assert status == 0, error
    assert output.endswith(f"the schema is now version {LAST}\n")
    assert "waiting for another migration" in error


@pytest.mark.parametrize("role", ["testkase_server", "testkase_worker", "testkase_ops"])
def test_no_other_role_can_hold_it_up(admin, role):
    """By locks that any role can take, on what it may read, in a transaction that does not end."""
    with admin.database.connect(role) as holder, holder.cursor() as cursor:
        cursor.execute("set transaction read write")
        for key in ("testkase-admin migrate", "testkase.make_partitions"):
            cursor.execute("select pg_advisory_lock(hashtextextended(%(key)s, 0)), pg_advisory_lock(hashtext(%(key)s))",
                           {"key": key})
        cursor.execute("select count(*) from " + ("ops.schema" if role == "testkase_ops" else "testkase.schema_migrations"))
        assert admin.done("migrate")["applied"] == []
        admin.database.query("select testkase.make_partitions(7), testkase.prune_usage(1)")
        for lock in ("comment on schema testkase is null", "create table testkase.mine (a int)",
                     *(f"lock table testkase.schema_migrations in {mode} mode nowait"
                       for mode in ("row share", "row exclusive", "share update exclusive", "share", "access exclusive"))):
            cursor.execute("savepoint before")
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(lock)
            cursor.execute("rollback to savepoint before")
    holder.close()


def kill_within(process, seconds):
    """kill -9 after so long, unless it has ended."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


def seconds_of_a_dry_run(fresh):
    start = time.monotonic()
    assert finish(fresh.begin("migrate", "--dry-run"))[0] == 0
    return time.monotonic() - start


@pytest.mark.parametrize("seed", range(3))
def test_killed_again_and_again(fresh, database, seed):
    """Whenever it is killed, whole migrations are there and nothing else, and a later run does the rest."""
    chance = random.Random(seed)
    shortest = min(seconds_of_a_dry_run(fresh) for _ in range(5))
    kills = 0
    for _ in range(25):
        before = applied(fresh.database)
        if len(before) == LAST:
            break
        kills += kill_within(fresh.begin("migrate"), chance.uniform(0.5, 1.6) * shortest)
        after = applied(fresh.database)
        assert after == list(range(1, len(after) + 1)) and len(after) >= len(before)
    assert fresh.done("migrate")["schemaVersion"] == LAST
    assert kills > 0
    assert schema_of(fresh.database) == schema_of(database)


@pytest.mark.parametrize("version", range(1, LAST + 1))
def test_killed_within_a_migration(fresh, database, version):
    """Stopped where a migration's record meets a lock, so within its transaction, and killed there."""
    if version > 1:
        first = fresh.begin("migrate")
        kill_after_line(first, f"applied {LABELS[version - 2]}")
    else:
        fresh.database.query("set role testkase_owner; create schema testkase; reset role")
        fresh.database.query(
            """create table testkase.schema_migrations (version integer primary key, name text not null,
               checksum text not null, applied_at timestamptz not null default now(),
               oldest_program integer);
               alter table testkase.schema_migrations owner to testkase_owner""")
    before = settled(fresh.database)
    holder = fresh.database.connect()
    with holder.cursor() as cursor:
        cursor.execute(RECORD, (len(before) + 1,))
        process = fresh.begin("migrate")
        if len(before) < LAST:
            until(lambda: waits_for_the_record(fresh.database), 20, "it waits at the record")
            process.kill()
        process.communicate()
    holder.close()
    assert settled(fresh.database) == before
    assert fresh.done("migrate")["applied"] == LABELS[len(before):]
    assert schema_of(fresh.database) == schema_of(database)


def kill_after_line(process, line):
    for text in process.stdout:
        if text.rstrip("\n") == line:
            break
    process.kill()
    process.communicate()


# While this is not committed, a program that records the same migration waits.
RECORD = "insert into testkase.schema_migrations (version, name, checksum) values (%s, 'held', '')"


def waits_for_the_record(database):
    return database.value(
        """select count(*) from pg_stat_activity where wait_event_type = 'Lock' and wait_event = 'transactionid'
           and application_name = 'testkase-admin' and datname = current_database()""")


def waits_for_the_tokens(database):
    return database.value(
        """select count(*) from pg_locks where not granted and relation = 'testkase.api_tokens'::regclass
           and database = (select oid from pg_database where datname = current_database())""")


def settled(database):
    """What is applied once nobody is at work any more."""
    until(lambda: not database.value(
        """select count(*) from pg_stat_activity where datname = current_database()
           and application_name = 'testkase-admin'"""), 20, "the killed one's session is gone")
    return applied(database)


def test_connection_cut_within_a_migration(fresh):
    fresh.database.query(
        """set role testkase_owner; create schema testkase;
           create table testkase.schema_migrations (version integer primary key, name text not null,
               checksum text not null, applied_at timestamptz not null default now(),
               oldest_program integer);
           reset role""")
    holder = fresh.database.connect()
    with holder.cursor() as cursor:
        cursor.execute(RECORD, (1,))
        process = fresh.begin("migrate")
        until(lambda: waits_for_the_record(fresh.database), 20, "it waits at the record")
        fresh.database.query("select pg_terminate_backend(pid) from pg_stat_activity "
                             "where application_name = 'testkase-admin' and datname = current_database()")
        status, output, error = finish(process)
    holder.close()
    assert status == 1 and output == ""
    assert re.fullmatch(rf"testkase-admin: migration {LABELS[0]} failed and was rolled back: .+\n", error)
    fresh.done("migrate")


# --- status ---

def beat(database, worker, seconds_ago):
    database.query("insert into testkase.worker_heartbeats (worker, version, started_at, beat_at) "
                   "values (%s, '0.1.0', now() - interval '1 day', now() - %s * interval '1 second')",
                   (worker, seconds_ago))


def unhealthy(admin, *words):
    """What --json says; it and the text for people must say what to do."""
    told = admin.run("status", "--json")
    assert told.returncode == 1
    document = json.loads(told.stdout)
    assert document["healthy"] is False
    text = admin.run("status")
    assert text.returncode == 1
    for word in words:
        assert word in text.stderr and word in told.stdout
    return document


def test_status_of_a_database_without_schema(fresh):
    document = unhealthy(fresh, f"{LAST} migrations are pending: run testkase-admin migrate")
    assert document["database"] == {"connected": True, "problem": None}
    assert document["schema"]["version"] == 0 and document["schema"]["pending"] == LABELS
    assert fresh.run("status").stdout.count("pending") == LAST


def test_status_of_changed_and_newer_schemas(admin):
    admin.database.query("insert into testkase.schema_migrations values (%s, 'future', 'x')", (LAST + 1,))
    document = unhealthy(admin, "install the newer release")
    assert document["schema"]["version"] == LAST + 1 and document["schema"]["pending"] == []
    admin.database.query("update testkase.schema_migrations set checksum = 'x' where version = 1")
    unhealthy(admin, "with other content")


def test_status_watches_the_workers(admin):
    unhealthy(admin, "no worker has reported yet: start testkase-worker")
    beat(admin.database, "old", 61)
    document = unhealthy(admin, "no worker has reported for a minute")
    assert document["workers"][0]["stale"] is True and document["workers"][0]["silentForSeconds"] >= 61
    beat(admin.database, "new", 5)
    document = admin.done("status")
    assert document["healthy"] is True and document["workersProblem"] is None
    assert document["schema"] == {"version": LAST, "knownVersion": LAST, "pending": [], "problem": None}
    assert [(worker["worker"], worker["stale"]) for worker in document["workers"]] == [("new", False), ("old", True)]
    result = admin.run("status")
    assert result.returncode == 0 and result.stderr == "" and "database  connected" in result.stdout


def test_status_tells_of_a_half_full_queue(admin):
    beat(admin.database, "new", 5)
    assert admin.done("status")["notifications"] == {"queuePercent": 0, "problem": None}
    assert "0 % of PostgreSQL's queue" in admin.run("status").stdout
    admin.database.query("""create or replace function testkase.notification_queue_usage() returns double precision
                            language sql return 0.5""")
    document = unhealthy(admin, "queue of notifications is 50 % full", "pg_terminate_backend()")
    assert document["notifications"]["queuePercent"] == 50


def test_status_of_an_unreachable_database(admin):
    admin.environment["TESTKASE_ADMIN_DATABASE_URL"] = "postgresql://testkase_owner:hunter2@/x?host=/nowhere"
    document = unhealthy(admin, "cannot use the database")
    assert document["database"]["connected"] is False and document["schema"] is None and document["workers"] == []
    result = admin.run("status")
    assert "hunter2" not in result.stdout + result.stderr


@pytest.mark.parametrize("url", [
    "postgres:/u:hunter2@h/db", "host=/x password=a hunter2", "postgresql://u:hunter2@[h/db", "postgresql://u:%zzhunter2@/db",
    "postgresql://u@/db?hunter2=x", "postgresql://u:hunter2/x@h/db"])
def test_unreadable_connection_string_is_not_repeated(admin, url):
    error = admin.refused("user", "list", TESTKASE_ADMIN_DATABASE_URL=url)
    assert "the connection string cannot be read" in error and "hunter2" not in error


# --- organizations and people ---

def test_organization_with_its_owner(admin):
    made = admin.done("org", "create", "  Fjord Ltd ", "--owner", "ada@example.test")
    assert made == {"id": 1173, "name": "Fjord Ltd", "ownerId": made["ownerId"], "ownerEmail": "ada@example.test",
                    "ownerName": "ada"}
    row = admin.database.query("select organization_id, org_role, kind, status, password_hash from testkase.users")
    assert row == [(1173, "owner", "person", "active", None)]
    assert admin.database.query("select actor_kind, action, target_id from testkase.audit_events") == [
        ("operator", "organization.created", 1173)]


def test_organization_for_people(admin):
    result = admin.run("org", "create", "Fjord", "--owner", "ada@example.test", "--owner-name", "Ada Lovelace")
    assert result.returncode == 0
    assert re.search(r"(?m)^organization +1173$", result.stdout)
    assert re.search(r"(?m)^owner's name +Ada Lovelace$", result.stdout)


def test_owner_with_a_password(admin):
    admin.done("org", "create", "Fjord", "--owner", "ada@example.test", "--password-stdin",
               standard_input=PASSWORD + "\n")
    stored = admin.database.value("select password_hash from testkase.users")
    assert stored.startswith("$argon2id$v=19$m=8192,t=1,p=1$")
    assert tokens.argon2id_matches(stored, PASSWORD)


def test_taken_address_makes_no_organization(admin, organization):
    error = admin.refused("org", "create", "Other", "--owner", "ADA@example.test")
    assert "account with the owner's e-mail address already" in error
    assert admin.database.value("select count(*) from testkase.organizations") == 1


@pytest.mark.parametrize("text, word", [
    ("short\n", "password must"), ("password123\n", "password"), ("ada@example.test\n", "password"),
    ("x" * 129 + "\n", "password"), ("\n", "password"), ("", "no password was read"), ("x" * 2000, "no password was read"),
    ("with\0zero-byte\n", "no password was read"),
])
def test_refused_passwords_make_nothing(admin, text, word):
    error = admin.refused("org", "create", "Fjord", "--owner", "ada@example.test", "--password-stdin",
                          standard_input=text)
    assert word in error
    assert admin.database.value("select count(*) from testkase.organizations") == 0
    assert len(text) < 6 or text.strip()[:100] not in error


def test_accounts_are_made_and_listed(admin, organization):
    grace = admin.done("user", "create", "grace@example.test", "--org", str(organization), "--role", "admin",
                       "--name", "Grace Hopper", "--password-stdin", standard_input=PASSWORD)
    assert {key: grace[key] for key in ("email", "name", "kind", "orgRole", "status")} == {
        "email": "grace@example.test", "name": "Grace Hopper", "kind": "person", "orgRole": "admin", "status": "active"}
    bot = admin.done("user", "create", "ci-bot@example.test", f"--org={organization}", "--service")
    assert (bot["kind"], bot["orgRole"], bot["name"]) == ("service", "member", "ci-bot")
    mint(admin, "CI-bot@example.test")
    listed = admin.done("user", "list", "--org", str(organization))
    assert listed["truncated"] is False
    assert [(user["email"], user["hasPassword"], user["activeTokens"]) for user in listed["data"]] == [
        ("ada@example.test", False, 0), ("grace@example.test", True, 0), ("ci-bot@example.test", False, 1)]
    assert admin.done("user", "list", "--org", "999")["data"] == []
    result = admin.run("user", "list", "--limit", "1")
    assert "ada@example.test" in result.stdout and "grace" not in result.stdout and "--limit" in result.stderr
    assert "argon2" not in result.stdout
    assert admin.done("user", "list", "--limit", "1")["truncated"] is True


def test_account_in_no_organization_or_twice(admin, organization):
    assert "there is no organization 1" in admin.refused("user", "create", "b@example.test", "--org", "1")
    admin.done("user", "create", "b@example.test", "--org", str(organization))
    assert "already" in admin.refused("user", "create", "B@Example.test", "--org", str(organization))


def test_names_are_data(admin, organization):
    name = "Robert'); drop table testkase.users; -- \\ $1 %s \"q\""
    made = admin.done("user", "create", "bobby@example.test", "--org", str(organization), "--name", name)
    assert made["name"] == name
    project = admin.done("project", "create", name, "--org", str(organization))
    assert project["name"] == name


def test_deactivation_ends_tokens_for_good(admin, bot):
    made = mint(admin, bot)
    assert admin.done("user", "deactivate", bot)["status"] == "deactivated"
    assert admin.done("user", "deactivate", bot)["status"] == "deactivated"
    assert admin.done("user", "list", "--status", "deactivated")["data"][0]["email"] == bot
    assert admin.done("user", "reactivate", bot)["status"] == "active"
    token, = admin.done("token", "list", "--user", bot, "--status", "all")["data"]
    assert (token["id"], token["status"], token["endedReason"]) == (made["id"], "revoked", "owner_deactivated")
    assert admin.done("token", "list")["data"] == []
    assert admin.database.query("select action from testkase.audit_events where action like 'user.%%' order by id") == [
        ("user.created",), ("user.deactivated",), ("user.reactivated",)]


def test_deletion_frees_the_address(admin, organization, bot):
    mint(admin, bot)
    assert admin.done("user", "delete", bot)["status"] == "deleted"
    for verb in ("delete", "reactivate", "deactivate"):
        assert "there is no account" in admin.refused("user", verb, bot)
    assert admin.done("token", "list", "--status", "all")["data"][0]["endedReason"] == "owner_deleted"
    admin.done("user", "create", bot, "--org", str(organization), "--service")


def test_owner_stays(admin, organization):
    for verb in ("deactivate", "delete"):
        assert "owner of an organization" in admin.refused("user", verb, "ada@example.test")
    assert admin.database.value("select status from testkase.users where organization_id = %s",
                                (organization,)) == "active"


def test_another_person_becomes_the_owner(admin, organization, bot):
    grace = admin.done("user", "create", "grace@example.test", "--org", str(organization))["id"]
    ada = admin.database.value("select id from testkase.users where email = 'ada@example.test'")
    for email, word in ((bot, "service account"), ("nobody@example.test", "there is no account")):
        assert word in admin.refused("user", "make-owner", email)
    admin.done("user", "deactivate", "grace@example.test")
    assert "reactivate it first" in admin.refused("user", "make-owner", "grace@example.test")
    admin.done("user", "reactivate", "grace@example.test")
    assert "user invite" in admin.refused("user", "make-owner", "grace@example.test")
    admin.done("user", "set-password", "grace@example.test", standard_input=PASSWORD)
    made = admin.done("user", "make-owner", "Grace@example.test")
    assert made == {"id": grace, "email": "grace@example.test", "name": "grace", "orgRole": "owner",
                    "organizationId": organization, "earlierOwner": "ada@example.test"}
    assert admin.done("user", "make-owner", "grace@example.test")["earlierOwner"] is None
    assert admin.database.query("select email, org_role from testkase.users where kind = 'person' order by email") == [
        ("ada@example.test", "admin"), ("grace@example.test", "owner")]
    assert admin.database.query("select actor_kind, target_id, detail -> 'orgRole' from testkase.audit_events "
                                "where action = 'user.updated' order by target_id") == sorted([
        ("operator", ada, ["owner", "admin"]), ("operator", grace, ["member", "owner"])], key=lambda row: row[1])
    assert admin.done("user", "deactivate", "ada@example.test")["status"] == "deactivated"


def test_of_two_who_become_the_owner_at_once_one_does(admin, organization):
    """The second waits for the first, and then changes nothing."""
    for name in ("grace", "joan"):
        admin.done("user", "create", f"{name}@example.test", "--org", str(organization), "--password-stdin",
                   standard_input=PASSWORD)
    with admin.database.connect() as connection:
        connection.cursor().execute("update testkase.users set org_role = 'admin' where org_role = 'owner'; "
                                    "update testkase.users set org_role = 'owner' where email = 'joan@example.test'")
        waiting = admin.begin("user", "make-owner", "grace@example.test")
        until(lambda: admin.database.value("select count(*) from pg_stat_activity where wait_event_type = 'Lock' "
                                           "and datname = current_database()") == 1, 20, "it waits")
        connection.commit()
    status, _, error = finish(waiting)
    assert status == 1 and "nothing was changed" in error
    assert admin.database.value("select email from testkase.users where org_role = 'owner'") == "joan@example.test"


def test_organizations_are_listed(admin, organization, bot):
    other = admin.done("org", "create", "Fjord", "--owner", "joan@example.test", "--owner-name", "Joan")["id"]
    admin.done("project", "create", "Apollo", "--org", str(organization))
    mint(admin, bot)
    listed = admin.done("org", "list")
    assert [(row["id"], row["ownerEmail"], row["projects"], row["accounts"], row["activeTokens"]) for row in listed["data"]] == [
        (organization, "ada@example.test", 1, 2, 1), (other, "joan@example.test", 0, 1, 0)]
    assert (listed["data"][1]["name"], listed["data"][1]["ownerName"], listed["truncated"]) == ("Fjord", "Joan", False)
    assert admin.done("org", "list", "--limit", "1")["truncated"] is True


def test_deactivated_account_gets_no_token(admin, bot):
    admin.done("user", "deactivate", bot)
    assert "deactivated" in admin.refused("token", "create", bot, "--name", "x", "--expires-in-days", "7")


# --- passwords ---

def test_password_from_standard_input(admin, organization):
    user_id, generation = admin.database.query("select id, session_generation from testkase.users")[0]
    admin.database.query("insert into testkase.sessions (digest, user_id, user_generation, expires_at) "
                         "values (decode(repeat('00', 32), 'hex'), %s, %s, now() + interval '1 day')",
                         (user_id, generation))
    made = admin.done("user", "set-password", "Ada@example.test", standard_input=PASSWORD + "\r\nnot this line\n")
    assert made == {"id": user_id, "email": "ada@example.test", "name": "ada", "organizationId": organization}
    assert tokens.argon2id_matches(admin.database.value("select password_hash from testkase.users"), PASSWORD)
    assert admin.database.value("select session_generation from testkase.users") > generation
    assert admin.database.value("select count(*) from testkase.sessions") == 0
    assert admin.database.query("select action, target_id, detail from testkase.audit_events order by id desc limit 1") == [
        ("user.password_set", user_id, {"email": "ada@example.test"})]


def test_password_of_nobody_or_of_a_machine(admin, bot):
    assert "there is no account" in admin.refused("user", "set-password", "x@example.test", standard_input=PASSWORD)
    assert "no password" in admin.refused("user", "set-password", bot, standard_input=PASSWORD)


class Terminal:
    """The program on a terminal of its own."""

    def __init__(self, admin, *arguments):
        self.seen = b""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell ignores it for what it runs in the background
            os.execve(str(admin.path), [str(admin.path), *arguments], {**ENVIRONMENT, **admin.environment})

    def expect(self, text, seconds=20):
        end = time.monotonic() + seconds
        while text.encode() not in self.seen:
            left = end - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], self.seen
            self.seen += self.read()
        rest = self.seen[self.seen.index(text.encode()) + len(text):]
        before, self.seen = self.seen, rest
        return before

    def read(self):
        try:
            return os.read(self.master, 4096)
        except OSError:  # EIO: the other end is closed
            return b""

    def type(self, text):
        os.write(self.master, text.encode())

    def wait(self):
        output = self.seen
        while chunk := self.read():
            output += chunk
        os.close(self.master)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), output.decode()


def test_password_from_the_terminal(admin, organization):
    terminal = Terminal(admin, "user", "set-password", "ada@example.test")
    terminal.expect("New password: ")
    terminal.type(PASSWORD + "\n")
    terminal.expect("Repeat the password: ")
    terminal.type(PASSWORD + "\n")
    status, output = terminal.wait()
    assert status == 0 and PASSWORD not in output
    assert tokens.argon2id_matches(admin.database.value("select password_hash from testkase.users"), PASSWORD)


def test_two_entries_that_differ(admin, organization):
    terminal = Terminal(admin, "user", "set-password", "ada@example.test")
    terminal.expect("New password: ")
    terminal.type(PASSWORD + "\n")
    terminal.expect("Repeat the password: ")
    terminal.type(PASSWORD + "x\n")
    status, output = terminal.wait()
    assert status == 1 and "differ" in output and PASSWORD not in output
    assert admin.database.value("select password_hash from testkase.users") is None


def test_interrupted_at_the_terminal(admin, organization):
    terminal = Terminal(admin, "user", "set-password", "ada@example.test")
    terminal.expect("New password: ")
    terminal.type("half\x03")
    status, output = terminal.wait()
    assert status == -signal.SIGINT and "half" not in output
    assert admin.database.value("select password_hash from testkase.users") is None


# --- projects ---

def test_projects_and_members(admin, organization):
    assert admin.done("project", "create", "Web shop", "--org", str(organization)) == {
        "id": "PRJ-1", "name": "Web shop", "organizationId": organization}
    assert admin.done("project", "create", "App", "--org", str(organization))["id"] == "PRJ-2"
    user = admin.done("user", "create", "eve@example.test", "--org", str(organization))
    for role in ("guest", "user", "project_admin"):
        made = admin.done("project", "add-member", "PRJ-2", "eve@example.test", "--org", str(organization), "--role", role)
        assert made == {"projectId": "PRJ-2", "userId": user["id"], "email": "eve@example.test", "role": role}
    assert admin.database.query("select user_id, role from testkase.project_members") == [(user["id"], "project_admin")]


def test_projects_and_members_that_are_not_there(admin, organization):
    assert "there is no organization 5" in admin.refused("project", "create", "x", "--org", "5")
    other = admin.done("org", "create", "Other", "--owner", "bea@example.test")["id"]
    admin.done("project", "create", "x", "--org", str(other))

    def add(project, email):
        return admin.refused("project", "add-member", project, email, "--org", str(other), "--role", "user")

    assert "no project PRJ-2" in add("PRJ-2", "bea@example.test")
    assert "there is no account" in add("PRJ-1", "nobody@example.test")
    assert "another organization" in add("PRJ-1", "ada@example.test")
    assert admin.database.value("select count(*) from testkase.project_members") == 0


# --- tokens ---

def test_token_is_shown_once(admin, bot):
    result = admin.run("token", "create", bot, "--name", "GitHub Actions", "--expires-in-days", "90")
    assert result.returncode == 0, result.stderr
    token = result.stdout.rstrip("\n")
    assert tokens.TOKEN.fullmatch(token) and result.stdout == token + "\n"
    assert tokens.checksum(token[:-6]) == token[-6:]
    assert tokens.secret(token) not in result.stderr and tokens.preview(token) in result.stderr
    stored = admin.database.value("select secret_hash from testkase.api_tokens")
    assert stored.startswith("$argon2id$v=19$m=8192,t=1,p=1$") and tokens.argon2id_matches(stored, token)
    assert tokens.secret(token).encode() not in admin.database.dump()
    assert tokens.secret(token) not in admin.database.cluster.log.read_text(errors="replace")
    for arguments in (["token", "list"], ["token", "list", "--json"], ["token", "identify", "-"]):
        shown = admin.run(*arguments, standard_input=token)
        assert shown.returncode == 0 and tokens.secret(token) not in shown.stdout + shown.stderr
        assert tokens.preview(token) in shown.stdout


@pytest.mark.parametrize("days", tokens.PERIODS)
def test_token_of_every_period(admin, bot, days):
    made = mint(admin, bot, "GitHub Actions", str(days))
    assert set(made) == {"id", "name", "token", "tokenPreview", "createdAt", "expiresAt", "expiresInDays", "rotateAt",
                         "ownerId", "ownerEmail"}
    assert (made["name"], made["expiresInDays"], made["ownerEmail"]) == ("GitHub Actions", days, bot)
    assert made["tokenPreview"] == tokens.preview(made["token"])
    assert admin.database.value("select extract(epoch from expires_at - created_at)::bigint from testkase.api_tokens"
                                ) == days * 86400
    assert admin.database.query("select actor_kind, action from testkase.audit_events where target_kind = 'api_key'") == [
        ("operator", "api_key.created")]


def test_a_command_that_is_run_again_with_its_key_makes_no_second_token(admin, bot):
    command = ["token", "create", bot, "--name", "CI", "--expires-in-days", "7", "--idempotency-key", "run-17", "--purpose",
               "Nightly run", "--link", "https://ci.example.test/17"]
    made = admin.done(*command)
    assert f"made token {made['id']}, which cannot be shown again" in admin.refused(*command)
    assert admin.database.query("select id, purpose, link from testkase.api_tokens") == [
        (made["id"], "Nightly run", "https://ci.example.test/17")]


def test_a_revocation_keeps_its_note(admin, bot):
    made = mint(admin, bot)
    admin.done("token", "revoke", str(made["id"]), "--note", "Seen in a public repository", "--leaked")
    assert admin.database.query("select ended_reason, ended_note from testkase.api_tokens") == [
        ("leaked", "Seen in a public repository")]


def test_a_revocation_takes_along_what_the_token_made(admin, bot):
    made = [mint(admin, bot)["id"] for _ in range(3)]
    for parent, child in zip(made, made[1:]):
        admin.database.without_triggers("update testkase.api_tokens set created_by_token = %(p)s where id = %(c)s",
                                        {"p": parent, "c": child})
    admin.done("token", "revoke", str(made[2]))
    admin.done("token", "revoke", str(made[0]), "--with-descendants")
    assert admin.database.value("select count(*) from testkase.api_tokens where ended_at is null") == 0


def test_longer_period_than_the_organization_allows(admin, bot):
    admin.database.query("update testkase.organizations set max_expiry_days = 30")
    assert "shorter periods" in admin.refused("token", "create", bot, "--name", "x", "--expires-in-days", "60")
    mint(admin, bot, days="30")


def test_token_that_cannot_be_printed_is_told(admin, bot):
    with open("/dev/full", "w", encoding="ascii") as full:
        for form in ([], ["--json"]):
            process = subprocess.run([str(admin.path), "token", "create", bot, "--name", "x", "--expires-in-days", "7", *form],
                                     env={**ENVIRONMENT, **admin.environment}, stdin=subprocess.DEVNULL, stdout=full,
                                     stderr=subprocess.PIPE, text=True, timeout=60, check=False)
            assert process.returncode == 1
            lost = admin.database.value("select max(id) from testkase.api_tokens")
            assert f"testkase-admin token revoke {lost}" in process.stderr


def test_full_disk_is_a_failure(admin, organization):
    with open("/dev/full", "w", encoding="ascii") as full:
        process = subprocess.run([str(admin.path), "user", "list"], env={**ENVIRONMENT, **admin.environment},
                                 stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
                                 check=False)
    assert process.returncode == 1 and "cannot write" in process.stderr


def test_token_lists(admin, organization, bot):
    mine = mint(admin, "ada@example.test", "Local")
    its = [mint(admin, bot, name) for name in ("One", "Two", "Three")]
    admin.done("token", "revoke", str(its[0]["id"]))
    admin.database.age_token(its[1]["id"], days=31)

    def ids(*arguments):
        return [token["id"] for token in admin.done("token", "list", *arguments)["data"]]

    assert ids() == [its[2]["id"], mine["id"]]
    assert ids("--user", bot) == [its[2]["id"]]
    assert ids("--user", bot, "--status", "expired") == [its[1]["id"]]
    assert ids("--status", "revoked") == [its[0]["id"]]
    assert ids("--status", "all") == [its[2]["id"], its[1]["id"], its[0]["id"], mine["id"]]
    assert ids("--status", "all", "--limit", "2") == [its[2]["id"], its[1]["id"]]
    assert "there is no account" in admin.refused("token", "list", "--user", "x@example.test")
    lines = admin.run("token", "list", "--status", "all").stdout.splitlines()
    assert lines[0].split()[:4] == ["token", "name", "preview", "owner"] and len(lines) == 5


def test_revocation_by_id(admin, bot):
    made = mint(admin, bot)
    ended = admin.done("token", "revoke", str(made["id"]))
    assert ended == {"id": made["id"], "name": "Pipeline", "tokenPreview": made["tokenPreview"], "ownerId": made["ownerId"]}
    assert admin.database.query("select ended_reason, secret_hash from testkase.api_tokens") == [("revoked", None)]
    assert "has already ended: revoked" in admin.refused("token", "revoke", str(made["id"]))
    assert "there is no token 99999" in admin.refused("token", "revoke", "99999")


def test_revocation_of_a_found_token(admin, bot):
    made = mint(admin, bot)
    assert admin.done("token", "revoke", "-", "--leaked", standard_input=f"  {made['token']}\n")["id"] == made["id"]
    assert admin.database.value("select ended_reason from testkase.api_tokens") == "leaked"
    assert "has already ended: leaked" in admin.refused("token", "revoke", "-", standard_input=made["token"])


def test_made_up_token_revokes_nothing(admin, bot):
    made = mint(admin, bot)
    forged = tokens.make(tokens.lookup(made["token"]))
    for verb in ("revoke", "identify"):
        error = admin.refused("token", verb, "-", standard_input=forged)
        assert "never made this token" in error and tokens.secret(forged) not in error
        error = admin.refused("token", verb, "-", standard_input=tokens.make())
        assert "never made a token with this look-up id" in error
        for text in ("tk_pat_short", made["token"][:-1] + "!", made["token"] + "x", "", "42", "x" * 3000):
            error = admin.refused("token", verb, "-", standard_input=text)
            assert "this is not a token" in error or "no token was read" in error
    assert admin.database.value("select ended_at from testkase.api_tokens") is None


def test_token_in_the_arguments(admin, bot):
    """It is taken, with a warning, and gone from what other users can see while the program works."""
    made = mint(admin, bot)
    holder = admin.database.connect()
    with holder.cursor() as cursor:
        cursor.execute("lock table testkase.api_tokens in access exclusive mode")
        process = admin.begin("token", "revoke", made["token"])
        until(lambda: waits_for_the_tokens(admin.database), 20, "it waits")
        seen = pathlib.Path("/proc", str(process.pid), "cmdline").read_bytes()
    holder.close()
    status, output, error = finish(process)
    assert b"token\0revoke" in seen and b"tk_pat" not in seen
    assert status == 0 and made["tokenPreview"] in output
    assert "safer" in error and tokens.secret(made["token"]) not in output + error
    error = admin.run("token", "identify", made["token"]).stderr
    assert "safer" in error and tokens.secret(made["token"]) not in error


def test_token_with_a_slip_is_not_repeated(admin):
    secret = tokens.make()
    for arguments in (["token", "revoke", secret + "x"], ["token", secret], [secret], ["token", "identify", "-", secret],
                      ["token", "revoke", f"--token={secret}"], ["user", "delete", secret]):
        result = admin.run(*arguments)
        assert result.returncode in (1, 2)
        assert tokens.secret(secret) not in result.stdout + result.stderr


def test_identification(admin, organization, bot):
    made = mint(admin, bot)
    known = admin.done("token", "identify", "-", standard_input=made["token"])
    assert (known["id"], known["ownerEmail"], known["ownerKind"]) == (made["id"], bot, "service")
    assert (known["organizationId"], known["organizationName"]) == (organization, "Fjord")
    assert (known["status"], known["secretProven"]) == ("active", True)
    admin.done("token", "revoke", str(made["id"]))
    known = admin.done("token", "identify", "-", standard_input=made["token"])
    assert (known["status"], known["endedReason"], known["secretProven"]) == ("revoked", "revoked", None)


def test_rate_limit_of_a_token(admin, bot):
    made = mint(admin, bot)
    epoch = admin.database.value("select epoch from testkase.auth_epoch")
    assert admin.done("token", "set-rate-limit", str(made["id"]), "3000")["rateLimit"] == 3000
    assert admin.database.value("select epoch from testkase.auth_epoch") > epoch
    assert admin.done("token", "list")["data"][0]["rateLimit"] == 3000
    assert admin.done("token", "set-rate-limit", str(made["id"]), "default")["rateLimit"] is None
    assert admin.database.query("select detail ->> 'rateLimit' from testkase.audit_events "
                                "where action = 'api_key.rate_limit_set' order by id") == [("3000",), (None,)]
    admin.done("token", "revoke", str(made["id"]))
    assert "already ended" in admin.refused("token", "set-rate-limit", str(made["id"]), "5")
    assert "there is no token" in admin.refused("token", "set-rate-limit", "99999", "5")


# --- when PostgreSQL fails ---

def test_cut_connection_is_told(admin, bot):
    made = mint(admin, bot)
    holder = admin.database.connect()
    with holder.cursor() as cursor:
        cursor.execute("lock table testkase.api_tokens in access exclusive mode")
        process = admin.begin("token", "revoke", str(made["id"]))
        until(lambda: waits_for_the_tokens(admin.database), 20, "it waits")
        admin.database.query("select pg_terminate_backend(pid) from pg_stat_activity "
                             "where application_name = 'testkase-admin' and datname = current_database()")
        status, output, error = finish(process)
    holder.close()
    assert status == 1 and output == "" and error.startswith("testkase-admin: ")
    assert admin.done("token", "revoke", str(made["id"]))["id"] == made["id"]


def test_actor_is_the_operator_everywhere(admin, bot):
    made = mint(admin, bot)
    admin.done("token", "revoke", str(made["id"]))
    admin.done("user", "deactivate", bot)
    rows = admin.database.query("select distinct actor_kind, actor_user_id, actor_token_id from testkase.audit_events")
    assert rows == [("operator", None, None)]


def test_server_role_is_not_enough(admin_path, database):
    error = Admin(admin_path, database, "testkase_server").refused("user", "list")
    assert "testkase_server is not a member of testkase_owner" in error


# --- output that nobody reads, and output that a terminal shows ---

def test_a_closed_pipe_ends_it_quietly(admin, database):
    organization = database.value("insert into testkase.organizations (name) values ('Pipes') returning id")
    database.query("""insert into testkase.users (organization_id, email, name)
                      select %s, 'p' || g || '@example.test', repeat('x', 90) from generate_series(1, 900) g""", (organization,))
    for arguments in (["user", "list", "--limit", "1000"], ["user", "list", "--limit", "1000", "--json"], ["--help"]):
        reader, writer = os.pipe()
        os.close(reader)
        process = subprocess.Popen([str(admin.path), *arguments], env={**ENVIRONMENT, **admin.environment}, cwd="/",
                                   stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE, text=True)
        os.close(writer)
        _, error = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGPIPE and error == "", (arguments, error)


def test_a_full_disk_is_told(admin):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([str(admin.path), "user", "list"], env={**ENVIRONMENT, **admin.environment}, cwd="/", stdout=full,
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "cannot write to standard output: No space left" in done.stderr


def test_controls_written_past_the_api_reach_no_terminal(admin, database):
    database.query("alter table testkase.users drop constraint if exists users_email_is_ascii")
    controls = "\x1b[2J\x07\x7f\x9b31m\u202e\u2066\u2028"
    organization = database.value("insert into testkase.organizations (name) values ('Controls') returning id")
    database.query("insert into testkase.users (organization_id, email, name) values (%s, %s, %s)",
                   (organization, f"c{controls}@example.test", f"n{controls}"))
    for arguments in (["user", "list", "--org", str(organization)], ["user", "list", "--org", str(organization), "--json"]):
        done = admin.run(*arguments)
        assert done.returncode == 0 and not set(controls) & set(done.stdout) - set("[2J31m"), done.stdout
    [row] = json.loads(done.stdout)["data"]
    assert row["name"] == f"n{controls}"
