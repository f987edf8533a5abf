"""Defaults of roles and databases change nothing: our sessions make every setting that we rest on, and refuse what they cannot
make. integration/defaults runs the tests of the API under all odd defaults at once."""

import concurrent.futures
import json

import pytest

from support.deadline import until
from support.defaults import ROLES, make_odd
from support.process import run
from support.schema import without_noise
from support.service import server_environment


@pytest.fixture
def odd_cluster(own_cluster):
    make_odd(own_cluster)
    return own_cluster


def admin(path, database, *arguments):
    return run(path, arguments, {"TESTKASE_ADMIN_DATABASE_URL": database.url("testkase_owner")})


def test_more_than_forty_odd_defaults_are_in_force(own_cluster):
    names = make_odd(own_cluster)
    assert len(names) > 50
    for role in ROLES:
        with own_cluster.connect("postgres", role) as connection, connection.cursor() as cursor:
            cursor.execute("set statement_timeout = 0; set exit_on_error = off; set jit = off; do 'begin end'; "
                           "select lower(name) from pg_settings where source = 'user'")
            others = set(names) - {name for (name,) in cursor.fetchall()}
        connection.close()
        assert others <= {"client_encoding", "datestyle", "statement_timeout", "exit_on_error", "jit"}, "chosen by the test"


def test_migrate_makes_the_same_schema(odd_cluster, database, admin_path):
    """Backslashes in patterns, for example, mean the same whatever standard_conforming_strings is."""
    odd = odd_cluster.create_database("template1")
    done = admin(admin_path, odd, "migrate")
    assert done.returncode == 0, done.stderr
    assert without_noise(odd.dump("--schema-only")) == without_noise(database.dump("--schema-only"))
    odd.close()


def test_every_one_of_many_deletions_at_once_is_done(odd_cluster, start_service):
    """Each increments the one epoch: under another isolation level, most of them would fail."""
    service = start_service(odd_cluster.create_database())
    organization = service.organization()
    minted = [service.mint(organization.member) for _ in range(48)]
    clients = [service.server.bearer(token) for _, token in minted]
    for client in clients:
        client.get("/session", 200)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda client: client.delete("/api-keys/current").status_code, clients))
    assert statuses == [204] * 48
    assert [client.get("/session").status_code for client in clients] == [401] * 48
    service.database.close()


def test_an_idle_session_is_not_ended(odd_cluster, start_service, start, worker_path):
    """It would show as 503 at the next call."""
    service = start_service(odd_cluster.create_database())
    worker = start(worker_path, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker")})
    worker.wait_ready()
    bearer = service.bearer(service.organization().member)
    bearer.get("/session", 200)
    sessions = """select array_agg(pid order by pid), count(*) filter (where now() - state_change < interval '1 second') <= 1
                  from pg_stat_activity
                  where usename in ('testkase_server', 'testkase_worker') and backend_type = 'client backend'"""
    before = service.database.query(sessions)[0][0]
    until(lambda: service.database.query(sessions)[0][1], 20, "every session but that of the heartbeat was idle for long")
    assert service.database.query(sessions)[0][0] == before
    bearer.get("/session", 200)
    assert not [line for program in (service.server, worker) for line in program.lines() if "level=warning" in line]
    service.database.close()


@pytest.mark.parametrize("default,made", [("off", "on"), ("local", "on"), ("remote_write", "remote_write"), ("on", "on")])
def test_a_commit_waits_for_the_disk_and_the_standby(database, start_service, default, made):
    database.query(f"alter role testkase_server in database {database.name} set synchronous_commit = {default}")
    database.query("""create table seen (value text);
                      create function see() returns trigger language plpgsql security definer as $$ begin
                          insert into public.seen values (current_setting('synchronous_commit')); return null; end $$;
                      create trigger see after insert on testkase.sessions for each statement execute function see()""")
    service = start_service(database)
    service.sign_in(service.organization().owner)
    assert database.query("select value from seen") == [(made,)]


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_is_not_utf8_is_refused(cluster, admin_path, encoding, start, server_path):
    name = f"not_utf8_{encoding.lower()}"
    cluster.execute(f"""create database {name} owner testkase_owner template template0 encoding '{encoding}'
                        lc_collate 'C' lc_ctype 'C'""")
    url = cluster.url("testkase_owner", name)
    try:
        for arguments in (["migrate"], ["migrate", "--dry-run"], ["status"]):
            done = run(admin_path, arguments, {"TESTKASE_ADMIN_DATABASE_URL": url})
            assert done.returncode == 1 and "the database's encoding is not UTF8" in done.stderr, done.stderr
            assert len(done.stderr.splitlines()) == 1
        server = start(server_path, {"TESTKASE_DATABASE_URL": cluster.url("testkase_server", name),
                                     "TESTKASE_LISTEN": "127.0.0.1:0"})
        server.wait_for_line("the database's encoding is not UTF8")
        connection = cluster.connect(name)
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from pg_namespace where nspname = 'testkase'")
            assert cursor.fetchone() == (0,)
        connection.close()
    finally:
        cluster.execute(f"drop database {name} with (force)")


def test_a_session_without_triggers_is_refused(database, admin_path, start, server_path, worker_path):
    """Only a superuser can make this setting, so a session cannot correct it; a deletion would change a row and end nothing."""
    for role in ROLES:
        database.query(f"alter role {role} in database {database.name} set session_replication_role = replica")
    words = "session_replication_role is replica"
    done = admin(admin_path, database, "status", "--json")
    assert done.returncode == 1 and words in json.loads(done.stdout)["database"]["problem"]
    for arguments in (["migrate"], ["user", "list"]):
        done = admin(admin_path, database, *arguments)
        assert done.returncode == 1 and words in done.stderr and len(done.stderr.splitlines()) == 1
    server = start(server_path, server_environment(database))
    worker = start(worker_path, {"TESTKASE_DATABASE_URL": database.url("testkase_worker")})
    for program in (server, worker):
        program.wait_for_line(words)
    for role in ROLES:
        database.query(f"alter role {role} in database {database.name} reset session_replication_role")
    server.wait_ready()
    worker.wait_ready()
