"""PostgreSQL has no connection left for us: 503, then recovery by itself."""

import concurrent.futures
import re

import psycopg2
import pytest

from support.deadline import until
from support.http import Api
from support.postgres import Cluster
from support.service import server_environment


MAX_CONNECTIONS = 40
RESERVED = 3  # for superusers


@pytest.fixture
def small_cluster():
    cluster = Cluster({"max_connections": MAX_CONNECTIONS, "superuser_reserved_connections": RESERVED})
    cluster.execute("create role visitor login")
    yield cluster
    cluster.remove()


def take_all(database):
    """Connections of somebody else, until PostgreSQL refuses another."""
    taken = []
    while True:
        try:
            taken.append(database.connect("visitor"))
        except psycopg2.OperationalError as error:
            assert "slots" in str(error) or "too many clients" in str(error), error
            return taken


def test_no_connection_left(small_cluster, start_service):
    database = small_cluster.create_database()
    service = start_service(database)
    organization = service.organization()
    bearer = service.bearer(organization.member)
    bearer.get("/session", 200)
    taken = take_all(database)

    # Counted are those that stay: one that is being refused, or has been ended but is not gone, takes a slot as well,
    # and would leave it to the server a moment later.
    def others_hold_every_slot():
        database.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'testkase_server'")
        taken.extend(take_all(database))
        held = database.value("""select count(*) from pg_stat_activity where backend_type = 'client backend'
                                 and (usename in ('visitor', 'testkase_worker') or pid = pg_backend_pid())""")
        return held == MAX_CONNECTIONS - RESERVED
    try:
        until(others_hold_every_slot, 20, "the server has no connection left")
        response = bearer.get("/session")
        assert response.status_code == 503 and response.json()["code"] == "unavailable"
        assert Api(service.server.base, checked=False).session.get(service.server.base + "/healthz", timeout=5).status_code == 200
        assert Api(service.server.base, checked=False).session.get(service.server.base + "/readyz", timeout=15).status_code == 503
        before = len(service.server.lines())
        for _ in range(20):
            assert bearer.get("/session").status_code == 503
        assert len(service.server.lines()) - before < 100, "the log is flooded"
    finally:
        for connection in taken:
            connection.close()
    # Each connection comes back by itself, so one call may still be refused when another is served.
    until(lambda: bearer.get("/session").status_code == 200, 5, "serves again")
    until(lambda: bearer.post("/api-keys", {"name": "CI", "expiresInDays": 7}).status_code == 201, 5, "makes tokens again")


def test_the_server_leaves_connections_for_others(small_cluster, start_service):
    """Its number is bounded, whatever comes in."""
    database = small_cluster.create_database()
    service = start_service(database)
    token = service.mint(service.organization().member)[1]
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        statuses = {future.result() for future in [pool.submit(lambda: service.server.bearer(token).get("/api-keys").status_code)
                                                   for _ in range(300)]}
    assert statuses <= {200, 503}
    used = database.value("select count(*) from pg_stat_activity where usename = 'testkase_server'")
    assert used <= 24, f"{used} connections for 2 threads"


def test_a_server_that_wants_too_many_says_so(small_cluster, server_path, start):
    """With the number to compare with max_connections."""
    database = small_cluster.create_database()
    program = start(server_path, server_environment(database, TESTKASE_THREADS="10"))
    line = program.wait_for_line('msg="PostgreSQL does not answer"', 20).string
    assert " wanted_connections=70 " in line and re.search(r"slots|too many clients", line), line
    assert program.is_running()
