"""A rolling upgrade under traffic: the new schema first, then server after server, then the worker. Its migration says that the
programs before it work with it, too."""

import http.client
import itertools
import json
import shutil
import subprocess
import threading

import pytest

from support.deadline import until
from support.postgres import ROOT
from support.process import Program
from support.service import Server, Service, server_environment

CLIENTS = 4
LAST = max(int(path.name[:4]) for path in (ROOT / "sql" / "migrations").glob("*.sql"))


@pytest.fixture(scope="module")
def next_release(tmp_path_factory):
    """The folder of a build of this tree that has one more migration."""
    tree = tmp_path_factory.mktemp("next") / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns("build", "var", ".git", "__pycache__", ".pytest_cache"))
    (tree / "sql" / "migrations" / f"{LAST + 1:04}_next.sql").write_text(
        f"-- A column that only the next release reads.\n-- oldest-program: {LAST}\n"
        "alter table testkase.test_cases add column severity text;\n")
    for command in (["cmake", "--preset", "dev", "-D", "TESTKASE_TESTS=OFF"],
                    ["cmake", "--build", "build/dev", "--target", "testkase-server", "testkase-worker", "testkase-admin"]):
        subprocess.run(command, cwd=tree, check=True, capture_output=True, timeout=600)
    return tree / "build" / "dev"


class Traffic:
    """Clients behind a proxy that knows which servers to use: each request goes to one of `addresses`, on its own connection."""

    def __init__(self, addresses, token):
        self.token = token
        self.counter = itertools.count(1)
        self.lock = threading.Condition()
        self.addresses = list(addresses)
        self.busy = dict.fromkeys(addresses, 0)
        self.done, self.made, self.failures = 0, [], []
        self.stopping = False
        self.threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        while not self.stopping:
            with self.lock:
                number = next(self.counter)
                address = self.addresses[number % len(self.addresses)]
                self.busy[address] += 1
            outcome = self._ask(address, number)
            with self.lock:
                self.busy[address] -= 1
                self.done += 1
                if outcome:
                    self.failures.append((address, outcome))
                self.lock.notify_all()

    def _ask(self, address, number):
        """What went wrong, or None. Every fourth request writes."""
        title = f"Case {number}"
        try:
            connection = http.client.HTTPConnection(address, timeout=20)
            fields = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", "Connection": "close"}
            if number % 4:
                connection.request("GET", "/api/v1/test-cases?projectId=PRJ-1&limit=5", headers=fields)
            else:
                connection.request("POST", "/api/v1/test-cases?projectId=PRJ-1", json.dumps({"title": title}), fields)
            status = connection.getresponse().status
            connection.close()
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        if number % 4 == 0 and status == 201:
            self.made.append(title)
        return None if status in (200, 201) else status

    def wait_more(self, count):
        """Until that many further requests have ended."""
        with self.lock:
            goal = self.done + count
            assert self.lock.wait_for(lambda: self.done >= goal or self.failures, 60), "the traffic has stopped"

    def take_out(self, address):
        with self.lock:
            self.addresses.remove(address)
            assert self.lock.wait_for(lambda: self.busy[address] == 0, 30)

    def put_back(self, address):
        with self.lock:
            self.addresses.append(address)

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()


def replace(traffic, servers, address, path, database):
    """One server ends; a program of `path` serves at its address."""
    traffic.take_out(address)
    servers[address].close()
    servers[address] = Server(path, server_environment(database, TESTKASE_LISTEN=address))
    traffic.put_back(address)
    traffic.wait_more(40)


def migrate(release, database, *arguments):
    done = subprocess.run([release / "admin" / "testkase-admin", "migrate", *arguments], capture_output=True, text=True,
                          check=False, env={"TESTKASE_ADMIN_DATABASE_URL": database.url("testkase_owner")})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_no_request_fails(database, start_service, worker_path, server_path, start, next_release):
    service: Service = start_service(database)
    organization = service.organization()
    _, token = service.mint(organization.member)
    servers = {service.server.address: service.server}
    second = service.start_server()
    servers[second.address] = second
    worker = start(worker_path, {"TESTKASE_DATABASE_URL": database.url("testkase_worker")})
    worker.wait_ready()
    traffic = Traffic(servers, token)
    try:
        traffic.wait_more(100)
        assert "go on working" in migrate(next_release, database, "--dry-run")
        assert f"applied {LAST + 1:04}_next" in migrate(next_release, database)
        traffic.wait_more(100)
        first, other = list(servers)
        replace(traffic, servers, first, server_path, database)  # the old release, after a crash
        for address in (first, other):
            replace(traffic, servers, address, next_release / "server" / "testkase-server", database)
        assert worker.process.poll() is None, worker.tail()  # it has worked on with the newer schema
        worker.close()
        newer = Program(next_release / "worker" / "testkase-worker",
                        {"TESTKASE_DATABASE_URL": database.url("testkase_worker")})
        newer.wait_ready()
        traffic.wait_more(100)
        newer.close()
    finally:
        traffic.stop()
        for server in servers.values():
            if server.process.poll() is None:
                server.close()
    assert traffic.failures == []
    kept = {row[0] for row in database.query("select title from testkase.test_cases")}
    assert traffic.made and set(traffic.made) <= kept
    print(f"{traffic.done} requests, {len(traffic.made)} of them writes; none failed")


def test_a_program_before_a_breaking_migration_is_refused(database, start, start_service, server_path):
    service = start_service(database)
    caller = service.bearer(service.organization().member, checked=False)
    assert caller.get("/session").status_code == 200
    database.query("insert into testkase.schema_migrations (version, name, checksum, oldest_program) values (%s, 'next', '', %s)",
                   (LAST + 1, LAST + 1))
    done = subprocess.run([server_path], env=server_environment(database), capture_output=True, text=True, timeout=30,
                          check=False)
    assert done.returncode == 1 and "newer than version" in done.stderr
    until(lambda: caller.get("/session").status_code == 503, 30, "503 of a server that was connected before")
    database.query("update testkase.schema_migrations set oldest_program = %s where version = %s", (LAST, LAST + 1))
    until(lambda: caller.get("/session").status_code == 200, 30, "200 once the schema says that it works")
    assert start(server_path, server_environment(database)).wait_ready()
