"""deploy/docker: the images, and the service that compose.yaml makes of them. What is killed comes back, and nothing is lost."""

import json
import re
import subprocess
import threading
import time

import pytest
import requests

from support.compose import Compose
from support.deadline import until
from support.http import Api
from support.ledger import Ledger
from support.machine import AS_ROOT

PASSWORD = "correct-horse-battery"
OWNER = "ada@example.com"
RUNNING = {"postgres": "999", "server-1": "65532", "server-2": "65532", "worker": "65532", "proxy": "65532"}

# deploy/docker/Caddyfile: for so long does the proxy look for a server that answers.
PROXY_RETRIES = 3.0


@pytest.fixture(scope="module")
def composed(tmp_path_factory):
    """The service, from images that are there, and what `up` printed."""
    made = Compose(tmp_path_factory.mktemp("compose"), TESTKASE_RATE_LIMIT="1000000", TESTKASE_RATE_BURST="100000",
                   TESTKASE_THREADS="2")
    try:
        began = time.monotonic()
        made.build()
        built = time.monotonic()
        made.printed = made.up()
        made.ca = wait_for_certificate(made)
        until(lambda: answers(made), 60, "an answer by https")
        made.seconds = time.monotonic() - built
        print(f"built in {built - began:.0f} s, up in {made.seconds:.1f} s")
        yield made
    finally:
        made.close()


def wait_for_certificate(made):
    """A file with the certificate of the authority that Caddy made, for the clients."""
    path = "/data/caddy/pki/authorities/local/root.crt"
    file = made.script.parent / "root.crt"
    text = until(lambda: made.podman("exec", made.name("proxy"), "cat", path, check=False).stdout, 60, "a certificate")
    file.write_text(text)
    return file


def answers(made):
    try:
        return requests.get(f"{made.base}/healthz", verify=made.ca, timeout=5).status_code == 200
    except requests.RequestException:
        return False


def client(made):
    """Makes clients as Ledger takes them: each request on a connection of its own."""
    def make(base, fields):
        api = Api(base, {**fields, "Connection": "close"}, checked=False)
        api.session.verify = made.ca
        return api
    return make


@pytest.fixture(scope="module")
def token(composed):
    """As README.md has it: an organization, and a first token."""
    admin = ["--profile", "admin", "run", "--rm", "--no-deps", "-T", "admin"]
    composed.compose(*admin, "org", "create", "Example Ltd", "--owner", OWNER, "--password-stdin", stdin=None,
                     input=PASSWORD + "\n")
    made = composed.compose(*admin, "token", "create", OWNER, "--name", "Test", "--expires-in-days", "30").stdout
    return re.search(r"tk_pat_\w+", made)[0]


def call(composed, token, method="GET", path="/session", **options):
    return client(composed)(composed.base, {"Authorization": f"Bearer {token}"}).request(method, path, **options)


def processes(composed, service):
    """Process ids of a container."""
    out = composed.podman("top", composed.name(service), "hpid").stdout
    return out.split()[1:]


def read(path):
    """As root, because the processes belong to others."""
    return subprocess.run([*AS_ROOT, "cat", path], check=True, capture_output=True, text=True).stdout


def test_up_within_a_minute(composed):
    assert composed.seconds <= 60


def test_the_first_token_works(composed, token):
    answer = call(composed, token)
    assert answer.status_code == 200 and answer.json()["user"]["email"] == OWNER


def test_http_leads_to_https(composed):
    answer = requests.get(f"http://localhost:{composed.http_port}/x", allow_redirects=False, timeout=20)
    assert answer.status_code in (301, 308) and answer.headers["Location"] == "https://localhost/x"


@pytest.mark.usefixtures("token")
def test_the_server_sees_who_asks(composed, token):
    """The address of the client, not that of the proxy, and not one that the client has made up."""
    made = call(composed, token, "POST", "/api-keys", json={"name": "Addressed", "expiresInDays": 7},
                headers={"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.10"})
    assert made.status_code == 201
    address = database(composed).value("select address from testkase.audit_events where action = 'api_key.created' "
                                       "order by id desc limit 1")
    proxy = composed.inspect("proxy")["NetworkSettings"]["Networks"][f"{composed.project}_front"]["IPAddress"]
    assert address not in ("", proxy, "203.0.113.9", "203.0.113.10"), address


@pytest.mark.parametrize("container", RUNNING)
def test_a_container_may_do_nothing(composed, container):
    pids = processes(composed, container)
    assert pids
    for pid in pids:
        state = dict(re.findall(r"^(\w+):\s*(.*)$", read(f"/proc/{pid}/status"), re.M))
        assert set(state["Uid"].split()) == {RUNNING[container]}
        assert {state[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0000000000000000"}
        assert state["NoNewPrivs"] == "1"
    mounts = [line.split() for line in read(f"/proc/{pids[0]}/mountinfo").splitlines()]
    root = [fields[5].split(",") for fields in mounts if fields[4] == "/"]
    assert "ro" in root[-1]
    secrets = {fields[4]: fields[5].split(",")[0] for fields in mounts if fields[4].startswith("/secrets")}
    wanted = {"postgres": 4, "proxy": 0}.get(container, 1)
    assert len(secrets) == wanted and (container == "postgres" or set(secrets.values()) <= {"ro"})


@pytest.mark.parametrize("container", RUNNING)
def test_a_container_is_healthy_by_its_own_program(composed, container):
    check = composed.inspect(container)["Config"]["Healthcheck"]["Test"]
    assert check[0] == "CMD" and check[1].startswith("/usr/")
    until(lambda: composed.healthy(container), 30, f"{container} is healthy")


def test_nothing_secret_is_told(composed, token):
    secrets = composed.run("postgres", "bash", "-c", "for file in /secrets/*/*password; do cat $file; echo; done").split()
    assert len(secrets) == 5 and all(re.fullmatch("[0-9a-f]{64}", secret) for secret in secrets)
    secrets += [token, PASSWORD]
    images = {composed.inspect(service)["Image"] for service in RUNNING}
    told = composed.printed + composed.logs() + composed.podman("inspect", *images).stdout
    for service in RUNNING:
        told += json.dumps(composed.inspect(service))
        for pid in processes(composed, service):
            told += read(f"/proc/{pid}/cmdline") + read(f"/proc/{pid}/environ")
    assert len(told) > 10_000
    assert [secret for secret in secrets if secret in told] == []
    modes = composed.run("postgres", "bash", "-c", "stat --format=%a /secrets/* /secrets/*/*").split()
    assert modes[:4] == ["750"] * 4 and set(modes[4:]) == {"440"}


def test_a_program_sees_its_own_secret_alone(composed):
    own = composed.run("server-1", "cat", "/secrets/database-url")
    assert own.startswith("postgresql://testkase_server:")
    assert composed.run("worker", "cat", "/secrets/database-url").startswith("postgresql://testkase_worker:")


# --- killed ---

class Database:
    """What Ledger asks of the database, by psql in its container."""

    def __init__(self, composed):
        self.composed = composed

    def query(self, sql):
        out = self.composed.run("postgres", "psql", "--no-psqlrc", "--tuples-only", "--no-align", "--host=/tmp",
                                "--dbname=testkase", "--username=postgres", "--set=ON_ERROR_STOP=1", "--file=-", text=sql)
        return out.splitlines()

    def value(self, sql):
        return self.query(sql)[0]


def database(composed):
    return Database(composed)


class Answers:
    """What Ledger asks of a service at the end."""

    def __init__(self, composed):
        self.server = self
        self.composed = composed
        self.database = Database(composed)

    def bearer(self, token):
        return client(self.composed)(self.composed.base, {"Authorization": f"Bearer {token}"})


class Caller:
    """Makes calls with a token, each on a new connection, and keeps when those that failed began and ended."""

    def __init__(self, composed, token):
        self.api = client(composed)(composed.base, {"Authorization": f"Bearer {token}"})
        self.calls, self.slowest, self.failures = 0, 0.0, []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                status = self.api.get("/session").status_code
            except requests.RequestException as error:
                status = repr(error)
            ended = time.monotonic()
            self.calls += 1
            self.slowest = max(self.slowest, ended - began)
            if status != 200:
                self.failures.append((began, ended, status))
            self._stop.wait(0.01)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def outage(self):
        """Seconds from the beginning of the first call that failed to the end of the last."""
        return self.failures[-1][1] - self.failures[0][0] if self.failures else 0.0


@pytest.mark.no_second_chance
@pytest.mark.parametrize("container", RUNNING)
def test_killed_under_traffic(composed, token, container):
    """Whatever dies, no acknowledged write is lost, and it comes back. One of two servers may die unnoticed."""
    tolerated = {502, 503}
    with Caller(composed, token) as caller, \
            Ledger(composed.base, token, threads=2, client=client(composed), tolerated=tolerated) as ledger:
        ledger.wait_for_more(10)
        before = composed.pid(container)
        composed.kill(container)
        until(lambda: composed.pid(container) not in (0, before), 30, f"{container} runs again")
        until(lambda: composed.healthy(container), 60, f"{container} is healthy")
        ledger.wait_for_more(20, 60)
    print(f"{container} killed: {caller.calls} calls, {len(caller.failures)} failed in {caller.outage():.2f} s "
          f"{[status for _, _, status in caller.failures[:3]]}, slowest "
          f"{caller.slowest:.2f} s; {ledger.acknowledged()} writes acknowledged, {ledger.refusals} not")
    if container.startswith("server") or container == "worker":
        assert caller.outage() <= PROXY_RETRIES, caller.failures
        assert caller.slowest <= PROXY_RETRIES + 2
    ledger.check(Answers(composed))


def test_restart_keeps_everything(composed, token):
    """Down and up again: the same passwords, data and certificates."""
    before = composed.ca.read_text()
    composed.compose("down", "--timeout", "10")
    composed.up()
    until(lambda: answers(composed), 60, "an answer by https")
    assert wait_for_certificate(composed).read_text() == before
    assert call(composed, token).status_code == 200
