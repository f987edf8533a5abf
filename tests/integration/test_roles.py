"""sql/roles.sql: the roles of the service, how much of the cluster a dashboard may take, and who may connect."""

import contextlib

import psycopg2
import psycopg2.errors
import pytest

from support.postgres import ROOT

SCRIPT = (ROOT / "sql" / "roles.sql").read_text()
OURS = ("testkase_owner", "testkase_server", "testkase_worker", "testkase_ops")


@pytest.fixture
def closed(own_cluster):
    """A database as docs/DEPLOYMENT.md has it made: the roles, the database, the roles once more."""
    database = own_cluster.create_database()
    own_cluster.execute("create role stranger login")
    own_cluster.execute(SCRIPT)
    yield database
    database.close()


def refused(database, role, sql):
    with contextlib.closing(database.connect(role)) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error) as failure:
            cursor.execute(sql)
    return failure.value


def test_only_our_roles_connect(closed):
    for role in OURS:
        closed.connect(role).close()
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        closed.connect("stranger")
    closed.cluster.connect("postgres", "stranger").close()


@pytest.mark.parametrize("role", ["testkase_server", "testkase_worker", "testkase_ops"])
def test_no_program_makes_temporary_tables(closed, role):
    failure = refused(closed, role, "set transaction read write; create temporary table mine (a int)")
    assert isinstance(failure, psycopg2.errors.InsufficientPrivilege)


def test_a_dashboard_reads_and_ends(closed):
    with contextlib.closing(closed.connect("testkase_ops")) as connection, connection.cursor() as cursor:
        cursor.execute("""select current_setting('default_transaction_read_only'), current_setting('statement_timeout'),
                                 current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'),
                                 current_setting('idle_session_timeout')""")
        assert cursor.fetchone() == ("on", "30s", "5s", "30s", "15min")
    assert isinstance(refused(closed, "testkase_ops", "create table public.mine (a int)"),
                      psycopg2.errors.ReadOnlySqlTransaction)


def test_dashboards_take_ten_connections_and_no_more(closed):
    with contextlib.ExitStack() as taken:
        for _ in range(10):
            taken.enter_context(contextlib.closing(closed.connect("testkase_ops")))
        with pytest.raises(psycopg2.OperationalError, match="too many connections for role"):
            closed.connect("testkase_ops")
        closed.connect("testkase_server").close()


def test_it_is_repeated_and_run_without_a_superuser(closed):
    """A role with CREATEROLE leaves databases alone that it may not change."""
    closed.cluster.execute(SCRIPT)
    closed.cluster.execute("create role boss login createrole")
    with contextlib.closing(closed.cluster.connect("postgres", "boss")) as connection, connection, connection.cursor() as cursor:
        cursor.execute(SCRIPT)
    for role in OURS:
        closed.connect(role).close()
