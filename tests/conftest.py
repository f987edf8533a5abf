"""Fixtures for all Python tests; what they hand out is in tests/support."""

import os
import pathlib
import signal
import threading

import pytest

from support.postgres import ROOT, Cluster, Pair
from support.process import Program, close_all
from support.service import Service


def pytest_addoption(parser):
    parser.addoption("--bin", metavar="DIR",
                     help="build folder with server/testkase-server, worker/testkase-worker and admin/testkase-admin "
                          "(default: $PAT_TEST_BIN, then build/asan)")
    parser.addoption("--revocations", metavar="N", type=int, default=400,
                     help="tokens that each test of fault/test_revocation.py ends (default: 400)")
    parser.addoption("--failovers", metavar="N", type=int, default=2,
                     help="how often the primary is killed in fault/test_failover.py (default: 2)")


def pytest_configure():
    """SIGTERM ends a run as Ctrl-C does: what was started is taken down. Of the workers of a run side by side, one may be in
    another thread than its process's first, which alone can ask for that."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Writes into the JUnit file what tests/support/junit.py asks of each test."""
    for item in items:
        item.user_properties.append(("ran", "yes"))
        if item.get_closest_marker("no_second_chance"):
            item.user_properties.append(("no_second_chance", "yes"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Remembers each phase's outcome at the test, and adds the programs' last lines to a failure."""
    report = (yield).get_result()
    if report.failed:
        for program in item.stash.get(PROGRAMS, []):
            report.sections.append((f"log of {program.name}", program.tail()))
        service = item.funcargs.get("service") if hasattr(item, "funcargs") else None
        for server in service.servers if service else []:
            report.sections.append((f"log of {server.name}", server.tail()))


PROGRAMS = pytest.StashKey()


@pytest.fixture(scope="session")
def binaries(request):
    """The folder that the programs were built in."""
    chosen = request.config.getoption("--bin") or os.environ.get("PAT_TEST_BIN") or ROOT / "build" / "asan"
    folder = pathlib.Path(chosen).resolve()
    assert folder.is_dir(), f"{folder} is not there: build the programs first, or name their folder by --bin"
    return folder


@pytest.fixture(scope="session")
def server_path(binaries):
    return binaries / "server" / "testkase-server"


@pytest.fixture(scope="session")
def worker_path(binaries):
    return binaries / "worker" / "testkase-worker"


@pytest.fixture(scope="session")
def admin_path(binaries):
    return binaries / "admin" / "testkase-admin"


@pytest.fixture(scope="session")
def cluster():
    """The cluster that tests share; each has databases of its own in it."""
    made = Cluster()
    yield made
    made.remove()


@pytest.fixture
def own_cluster():
    """A cluster that the test may break."""
    made = Cluster()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def module_pair():
    """The Pair that the tests of one file share. Tests ask for `pair`."""
    made = Pair()
    yield made
    made.remove()


@pytest.fixture
def pair(module_pair):
    """The file's primary and standby, which the test may break."""
    module_pair.repair()
    return module_pair


@pytest.fixture
def database(cluster):
    """A fresh migrated database."""
    made = cluster.create_database()
    yield made
    made.drop()


@pytest.fixture
def empty_database(cluster):
    """A fresh database without our schema, as an operator makes it."""
    made = cluster.create_database("template1")
    yield made
    made.drop()


@pytest.fixture
def start(request):
    """start(path, environment, arguments=()) starts a program that ends with the test, in good order or the test fails."""
    programs = request.node.stash.setdefault(PROGRAMS, [])

    def begin(path, environment=None, arguments=(), limits=None):
        program = Program(path, environment, arguments, limits)
        programs.append(program)
        return program

    yield begin
    close_all(programs)


@pytest.fixture
def start_service(request, server_path):
    """start_service(database, **variables) gives a Service of the test's own."""
    services = []

    def begin(database, **variables):
        service = Service(server_path, database, **variables)
        services.append(service)
        request.node.stash.setdefault(PROGRAMS, []).extend(service.servers)
        return service

    yield begin
    close_all(services)


@pytest.fixture(scope="module")
def module_service(cluster, server_path):
    """The Service that the tests of one file share. Tests ask for `service`."""
    database = cluster.create_database()
    service = Service(server_path, database)
    yield service
    try:
        service.close()
    finally:
        database.drop()


@pytest.fixture
def service(module_service):
    """The file's Service; after each test its server must be alive and no sanitizer have complained."""
    assert module_service.server.is_running(), f"the server ended in an earlier test\n{module_service.server.tail()}"
    yield module_service
    assert module_service.server.is_running(), f"the server ended in this test\n{module_service.server.tail()}"
    module_service.server.check_sane()


@pytest.fixture
def organization(service):
    """A fresh organization with owner, admin, member and guest in the file's Service."""
    return service.organization()
