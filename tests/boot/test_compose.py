"""deploy/docker: the images, and the service that compose.yaml makes of them. What is killed comes back, and nothing is lost."""

import json
import re
import subprocess
import threading
import time

import pytest
import requests
import yaml

from support import runbook
from support.compose import Compose
from support.deadline import until
from support.http import Api
from support.ledger import Ledger
from support.machine import AS_ROOT
from support.mail_server import MailServer, parts
from support.postgres import ROOT
from support.runbook import section

PASSWORD = "correct-horse-battery"
OWNER = "ada@example.com"
RUNNING = {"postgres": "999", "server-1": "65532", "server-2": "65532", "worker": "65532", "proxy": "65532",
           "prometheus": "65532"}

# Its image comes from a registry, which the tests do without.
NOT_HERE = {"grafana"}

# deploy/docker/Caddyfile: for so long does the proxy look for a server that answers.
PROXY_RETRIES = 3.0


@pytest.fixture(scope="module")
def composed(tmp_path_factory):
    """The service, from images that are there, and what `up` printed."""
    mail_server = MailServer(address="0.0.0.0")
    folder = tmp_path_factory.mktemp("compose")
    smtp_url = folder / "smtp-url"
    smtp_url.write_text(f"smtp://host.containers.internal:{mail_server.port}\n")
    smtp_url.chmod(0o444)
    made = Compose(folder, ("compose.yaml", "compose.monitoring.yaml"), TESTKASE_RATE_LIMIT="1000000",
                   TESTKASE_RATE_BURST="100000", TESTKASE_THREADS="2", TESTKASE_SMTP_URL_FILE=str(smtp_url),
                   TESTKASE_MAIL_FROM="testkase@example.com")
    made.mail_server = mail_server
    try:
        began = time.monotonic()
        made.build()
        built = time.monotonic()
        made.printed = made.up(without=NOT_HERE)
        made.ca = wait_for_certificate(made)
        until(lambda: answers(made), 60, "an answer by https")
        made.seconds = time.monotonic() - built
        print(f"built in {built - began:.0f} s, up in {made.seconds:.1f} s")
        yield made
    finally:
        made.close()
        mail_server.close()


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
    """As the runbook has it: an organization, and a first token."""
    up, organization, first = runbook.blocks_of(runbook.sections()["Install with Compose"], "sh")[0].text.splitlines()
    assert up == "docker compose --file deploy/docker/compose.yaml up --detach"  # which is what `composed` has done
    with section("Install with Compose") as blocks:
        blocks.next(up)
        composed.operate(organization, PASSWORD + "\n")
        made = composed.operate(first)
        check = blocks.next("status")
        until(lambda: "is well" in composed.operate(check + "echo is well", check=False), 30, "the worker has reported")
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


def test_before_you_begin(composed):
    with section("Before you begin with Compose") as blocks:
        shown = composed.operate(blocks.next("compose.yaml ps") + "\nsql --command 'select current_user'")
    assert "server-1" in shown and "ready" in shown and "postgres" in shown


def test_up_within_a_minute(composed):
    assert composed.seconds <= 60


def test_the_first_token_works(composed, token):
    answer = call(composed, token)
    assert answer.status_code == 200 and answer.json()["user"]["email"] == OWNER


def test_mail_reaches_people(composed, token):
    mail, = composed.mail_server.wait_for(1)
    assert mail["Subject"] == "First token was generated" and token not in str(mail)
    assert f"{composed.base}/settings/api-keys/" in parts(mail)[0]


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
    wanted = {"postgres": 4, "proxy": 0, "prometheus": 0}.get(container, 1)
    assert len(secrets) == wanted and (container == "postgres" or set(secrets.values()) <= {"ro"})


@pytest.mark.parametrize("container", RUNNING)
def test_a_container_is_healthy_by_its_own_program(composed, container):
    check = composed.inspect(container)["Config"]["Healthcheck"]["Test"]
    assert check[0] == "CMD" and check[1].startswith("/usr/")
    until(lambda: composed.healthy(container), 30, f"{container} is healthy")


def test_a_program_sees_its_own_secret_alone(composed):
    own = composed.run("server-1", "cat", "/secrets/database-url")
    assert own.startswith("postgresql://testkase_server:")
    assert composed.run("worker", "cat", "/secrets/database-url").startswith("postgresql://testkase_worker:")


# --- monitoring ---

def test_prometheus_reads_servers_and_worker(composed):
    def targets():
        out = composed.run("prometheus", "promtool", "query", "instant", "http://127.0.0.1:9090", "up == 1")
        return set(re.findall(r'instance="([^"]+)"', out))
    until(lambda: targets() == {"server-1:9464", "server-2:9464", "worker:9464"}, 60, "all targets are up")
    checked = composed.run("prometheus", "promtool", "check", "config", "/etc/testkase/prometheus.yml")
    assert "SUCCESS: 1 rule files found" in checked


def test_grafana_gets_what_its_files_ask_for(composed):
    """Every folder and variable that deploy/grafana names, and its dashboards."""
    grafana = composed.services["grafana"]
    mounts = dict(reversed(volume.removesuffix(":ro").rsplit(":", 1)) for volume in grafana["volumes"])
    for source in mounts.values():
        assert not source.startswith(".") or (ROOT / "deploy" / "docker" / source).exists(), source
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    sources = (folder / "datasources" / "testkase.yaml").read_text()
    assert set(re.findall(r"\$__env{(\w+)}", sources)) <= set(grafana["environment"])
    [secret] = re.findall(r"\$__file{(/[^}]+)}", sources)
    assert mounts[secret.rpartition("/")[0]].endswith("secret-ops")
    assert composed.run("postgres", "stat", "--format=%g %a", "/secrets/ops/" + secret.rpartition("/")[2]) == "65532 440\n"
    assert grafana["user"].endswith(":65532")
    [provider] = yaml.safe_load((folder / "dashboards" / "testkase.yaml").read_text())["providers"]
    assert mounts[provider["options"]["path"]] == "../grafana/dashboards"


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


def traffic(composed, token):
    return (Caller(composed, token),
            Ledger(composed.base, token, threads=2, client=client(composed), tolerated={502, 503}))


def report(what, caller, ledger):
    print(f"{what}: {caller.calls} calls, {len(caller.failures)} failed in {caller.outage():.2f} s, slowest "
          f"{caller.slowest:.2f} s; {ledger.acknowledged()} writes acknowledged, {ledger.refusals} not")


@pytest.mark.no_second_chance
@pytest.mark.parametrize("container", RUNNING)
def test_killed_under_traffic(composed, token, container):
    """Whatever dies, no acknowledged write is lost, and it comes back. One of two servers may die unnoticed."""
    calls, writes = traffic(composed, token)
    with calls as caller, writes as ledger:
        ledger.wait_for_more(10)
        before = composed.pid(container)
        composed.kill(container)
        until(lambda: composed.pid(container) not in (0, before), 30, f"{container} runs again")
        until(lambda: composed.healthy(container), 60, f"{container} is healthy")
        ledger.wait_for_more(20, 60)
    report(f"{container} killed", caller, ledger)
    if container not in ("postgres", "proxy"):
        check_calls(caller)
    ledger.check(Answers(composed))


def check_calls(caller):
    assert caller.outage() <= PROXY_RETRIES, caller.failures
    assert caller.slowest <= PROXY_RETRIES + 2


@pytest.mark.no_second_chance
def test_a_server_that_stays_dead(composed, token):
    """Its name and address are gone from the network. The other server does all the work, until the first is back."""
    calls, writes = traffic(composed, token)
    with calls as caller, writes as ledger:
        ledger.wait_for_more(10)
        composed.podman("stop", "--time=0", composed.name("server-1"))
        ledger.wait_for_more(100, 60)
        composed.podman("start", composed.name("server-1"))
        until(lambda: composed.healthy("server-1"), 60, "server-1 is healthy")
        ledger.wait_for_more(20, 60)
    report("server-1 stayed dead", caller, ledger)
    check_calls(caller)
    ledger.check(Answers(composed))


def test_nothing_secret_is_told(composed, token):
    """Not even about the calls that failed above."""
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
    assert [secret for secret in secrets if secret in told] == [] and not re.search(r"tk_pat_[0-9A-Za-z]{20}", told)
    modes = composed.run("postgres", "bash", "-c", "stat --format=%a /secrets/* /secrets/*/*").split()
    assert modes[:4] == ["750"] * 4 and set(modes[4:]) == {"440"}


def test_restart_keeps_everything(composed, token):
    """Down and up again: the same passwords, data and certificates."""
    before = composed.ca.read_text()
    composed.compose("down", "--timeout", "10")
    with section("Upgrade with Compose") as blocks:
        assert blocks.next("up") == "docker compose --file deploy/docker/compose.yaml up --build --detach\n"
        composed.up(without=NOT_HERE)  # the images were built for this run; to find that again takes most of a minute
        check = blocks.next("status")
        until(lambda: "is well" in composed.operate(check + "echo is well", check=False), 60, "server and worker work")
    until(lambda: answers(composed), 60, "an answer by https")
    assert wait_for_certificate(composed).read_text() == before
    assert call(composed, token).status_code == 200
