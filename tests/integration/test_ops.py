"""What an operator relies on: options, configuration, readiness, shutdown, several servers, migrations."""

import concurrent.futures
import json
import os
import re
import signal
import socket
import stat
import threading

import pytest
import requests

from support import token as tokens
from support.deadline import until
from support.http import Api, check_problem, fresh_address
from support.metrics import metrics, value
from support.postgres import migrations
from support.process import run
from support.schema import without_noise
from support.service import server_environment


@pytest.fixture(params=["server", "worker", "admin"])
def path(request, binaries):
    return binaries / request.param / f"testkase-{request.param}"


@pytest.fixture(params=["server", "worker"])
def daemon(request, binaries):
    return binaries / request.param / f"testkase-{request.param}"


def refused_start(path, environment, arguments=()):
    """The one line with which a program refuses to start."""
    done = run(path, arguments, environment)
    assert done.returncode not in (0, -signal.SIGKILL), done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


# --- options and configuration ---

def test_help_names_every_variable_with_its_default(daemon):
    done = run(daemon, ["--help"])
    assert done.returncode == 0 and done.stderr == ""
    assert "--check-config" in done.stdout and "--version" in done.stdout
    for variable in ("TESTKASE_DATABASE_URL", "TESTKASE_LOG_LEVEL", "TESTKASE_LOG_FORMAT"):
        assert variable in done.stdout
    assert "postgresql:///testkase" in done.stdout


def test_the_servers_help_names_what_only_it_reads(server_path):
    text = run(server_path, ["--help"]).stdout
    for variable, default in {
            "TESTKASE_LISTEN": "127.0.0.1:8080", "TESTKASE_PUBLIC_URL": "http://127.0.0.1:8080",
            "TESTKASE_ARGON2_MEMORY_KIB": "19456", "TESTKASE_ARGON2_TIME": "2", "TESTKASE_ARGON2_PARALLELISM": "1",
            "TESTKASE_RATE_LIMIT": "600", "TESTKASE_RATE_BURST": "120",
            "TESTKASE_THREADS": "", "TESTKASE_TRUSTED_PROXIES": ""}.items():
        assert variable in text and default in text


def test_version_is_one_line(path):
    done = run(path, ["--version"])
    assert done.returncode == 0
    assert re.fullmatch(r"testkase-\w+ \d+\.\d+\.\d+( .*)?\n", done.stdout), done.stdout


def test_an_unknown_option_is_refused(path):
    done = run(path, ["--nonsense"])
    assert done.returncode == 2 and done.stderr.startswith(path.name) and done.stdout == ""


def test_check_config_accepts_good_and_starts_nothing(daemon, database):
    environment = server_environment(database)
    assert run(daemon, ["--check-config"], environment).returncode == 0


def test_check_config_needs_no_database(daemon):
    assert run(daemon, ["--check-config"], {"TESTKASE_DATABASE_URL": "postgresql://127.0.0.1:1/none"}).returncode == 0


BAD = {
    "TESTKASE_LISTN": "127.0.0.1:0", "TESTKASE_": "x", "TESTKASE_LISTEN": "nonsense", "TESTKASE_PUBLIC_URL": "ftp://x",
    "TESTKASE_THREADS": "0", "TESTKASE_RATE_LIMIT": "many", "TESTKASE_RATE_BURST": "-1", "TESTKASE_ARGON2_MEMORY_KIB": "1",
    "TESTKASE_ARGON2_TIME": "1x", "TESTKASE_ARGON2_PARALLELISM": "99999999999999999999", "TESTKASE_LOG_LEVEL": "loud",
    "TESTKASE_LOG_FORMAT": "xml", "TESTKASE_TRUSTED_PROXIES": "10.0.0.0/33", "TESTKASE_DATABASE_URL": "no connection string",
}


@pytest.mark.parametrize("variable", BAD)
@pytest.mark.parametrize("arguments", [(), ("--check-config",)], ids=["start", "check"])
def test_a_bad_variable_stops_the_start_with_one_line(server_path, database, variable, arguments):
    line = refused_start(server_path, {**server_environment(database), variable: BAD[variable]}, arguments)
    assert variable in line


@pytest.mark.parametrize("arguments", [(), ("--check-config",)], ids=["start", "check"])
def test_a_bad_database_url_stops_either_and_is_not_shown(daemon, arguments):
    line = refused_start(daemon, {"TESTKASE_DATABASE_URL": "postgresql://user:hunter2@@host:port/x"}, arguments)
    assert "TESTKASE_DATABASE_URL" in line and "hunter2" not in line


# Each has its mark where a password would be; what libpq or a resolver would take for a host or a database must not be shown.
LEAKY = [
    "postgresql://user:hun@Marked@127.0.0.1/x", "postgresql://user:hun#Marked@127.0.0.1/x",
    "postgresql://user:12/Marked@127.0.0.1/x", "postgres://user:hun@t@Marked@h,i/x", "postgresql://user:h?n@Marked@h/x",
    "host=user:hun@Marked", "host=h password=hun Marked"]


@pytest.mark.parametrize("url", LEAKY)
@pytest.mark.parametrize("by_file", [False, True], ids=["variable", "file"])
def test_an_unescaped_password_is_neither_shown_nor_resolved(path, url, by_file, tmp_path):
    names = ["TESTKASE_DATABASE_URL", "TESTKASE_ADMIN_DATABASE_URL"] if path.name.endswith("admin") else ["TESTKASE_DATABASE_URL"]
    file = tmp_path / "secret"
    file.write_text(url)
    file.chmod(0o600)
    arguments = ["status"] if path.name.endswith("admin") else []
    for name in names:
        done = run(path, arguments, {f"{name}_FILE": str(file)} if by_file else {name: url})
        assert done.returncode != 0 and "percent-encoded" in done.stderr
        for part in ("Marked", "hun", "12/"):
            assert part not in done.stdout + done.stderr


def test_an_unescaped_password_of_the_mail_server_is_not_shown(binaries):
    for between in "@#/?":
        url = f"smtp://user:12{between}Marked@host"
        line = refused_start(binaries / "worker" / "testkase-worker", {"TESTKASE_SMTP_URL": url})
        assert "TESTKASE_SMTP_URL must be" in line and "Marked" not in line


def test_a_secret_in_the_wrong_place_is_not_shown(path):
    """In an argument, or in a variable for something else."""
    for argument in ("--database-url=postgresql://u:hunter2@h/x", "hunter2", "-hunter2=x", "--hunter2 x", "tk_pat_hunter2"):
        done = run(path, [argument])
        assert done.returncode == 2 and "hunter2" not in done.stderr.replace("--hunter2", "").replace("-hunter2", "")
    for name in ("TESTKASE_LOG_LEVEL", "TESTKASE_LOG_FORMAT"):
        for text in ("postgresql://u:hunter2@h/x", "host=h password=hunter2", "x#hunter2", "tk_pat_hunter2"):
            done = run(path, ["status"] if path.name.endswith("admin") else ["--check-config"], {name: text})
            assert done.returncode != 0 and name in done.stderr and "hunter2" not in done.stderr


def test_an_empty_value_is_an_unset_one(path, server_path):
    help_text = run(server_path, ["--help"]).stdout
    names = set(re.findall(r"TESTKASE_[A-Z0-9_]+", help_text)) | {"TESTKASE_SMTP_URL", "TESTKASE_UNKNOWN"}
    arguments = ["status"] if path.name.endswith("admin") else ["--check-config"]
    done = run(path, arguments, {**{name: "" for name in names}, "TESTKASE_DATABASE_URL": "host=/nowhere"})
    assert "must be" not in done.stderr and "known" not in done.stderr
    assert done.returncode == 0 or path.name.endswith("admin")


# --- the option --health ---

def check_health(path, environment, expected):
    """One line, and a status."""
    done = run(path, ["--health"], environment)
    assert done.returncode == (0 if expected == "ready" else 1), done.stdout + done.stderr
    assert f"{path.name}: {expected}" in done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("\n") == 1


def health_environment(path, database):
    environment = server_environment(database)
    if path.name == "testkase-worker":
        return {"TESTKASE_DATABASE_URL": database.url("testkase_worker"), "TESTKASE_METRICS_LISTEN": f"{fresh_address()}:18241"}
    return {**environment, "TESTKASE_LISTEN": f"{fresh_address()}:18240,127.0.0.1:0"}


def test_health_follows_the_program(daemon, own_cluster, start):
    """Also while PostgreSQL is away, and again after that."""
    database = own_cluster.create_database()
    environment = health_environment(daemon, database)
    check_health(daemon, environment, "not ready: cannot connect to 127.")
    program = start(daemon, environment)
    program.wait_ready()
    check_health(daemon, environment, "ready")
    own_cluster.stop()
    until(lambda: run(daemon, ["--health"], environment).returncode == 1, 20, "not ready")
    check_health(daemon, environment, "not ready: 127.")
    own_cluster.start()
    until(lambda: run(daemon, ["--health"], environment).returncode == 0, 40, "ready")


def test_health_over_a_unix_socket(server_path, database, start, tmp_path):
    environment = {**server_environment(database), "TESTKASE_LISTEN": f"unix:{tmp_path}/http"}
    start(server_path, environment).wait_ready()
    check_health(server_path, environment, "ready")


def test_health_of_a_frozen_program(daemon, database, start):
    environment = health_environment(daemon, database)
    program = start(daemon, environment)
    program.wait_ready()
    os.kill(program.pid, signal.SIGSTOP)
    try:
        check_health(daemon, environment, "not ready: no answer from")
    finally:
        os.kill(program.pid, signal.SIGCONT)


def test_variables_of_kubernetes_and_of_links_are_passed_over(daemon):
    environment = {
        "TESTKASE_SERVICE_HOST": "10.96.0.1", "TESTKASE_SERVICE_PORT": "80", "TESTKASE_SERVICE_PORT_HTTP": "80",
        "TESTKASE_PORT": "tcp://10.96.0.1:80", "TESTKASE_PORT_80_TCP": "tcp://10.96.0.1:80", "TESTKASE_PORT_80_TCP_PROTO": "tcp",
        "TESTKASE_PORT_80_TCP_PORT": "80", "TESTKASE_PORT_80_TCP_ADDR": "10.96.0.1", "TESTKASE_SERVER_SERVICE_HOST": "10.96.0.2",
        "TESTKASE_SERVER_PORT_8080_TCP_ADDR": "10.96.0.2", "TESTKASE_1_NAME": "/web/testkase_1", "TESTKASE_1_ENV_LANG": "C"}
    done = run(daemon, ["--check-config"], environment)
    assert done.returncode == 0, done.stderr
    for name, text in {"TESTKASE_PORT": "8080", "TESTKASE_HOST": "10.96.0.1", "TESTKASE_SERVICE": "x"}.items():
        assert name in refused_start(daemon, {name: text}, ["--check-config"])


def test_a_file_of_a_secret_that_all_may_read_is_warned_of(path, database, tmp_path):
    file = tmp_path / "url"
    file.write_text(database.url("testkase_owner"))
    arguments = ["status"] if path.name.endswith("admin") else ["--check-config"]
    for mode, warned in ((0o644, True), (0o604, True), (0o640, False), (0o600, False)):
        file.chmod(mode)
        done = run(path, arguments, {"TESTKASE_DATABASE_URL_FILE": str(file)})
        assert bool(re.search("every user of this machine.*TESTKASE_DATABASE_URL_FILE", done.stderr)) == warned, done.stderr


def test_variables_of_the_shell_are_no_error(daemon):
    """var/local.env exports them all."""
    environment = {name: "x" for name in ("TESTKASE_URL", "TESTKASE_PAT", "TESTKASE_ADMIN_EMAIL", "TESTKASE_ADMIN_PASSWORD",
                                          "TESTKASE_BIN")}
    environment["TESTKASE_ADMIN_DATABASE_URL"] = "postgresql:///x"
    assert run(daemon, ["--check-config"], environment).returncode == 0


def test_a_secret_comes_from_a_file(server_path, database, start, tmp_path):
    environment = server_environment(database)
    secret = tmp_path / "url"
    secret.write_text(environment.pop("TESTKASE_DATABASE_URL") + "\n")
    program = start(server_path, {**environment, "TESTKASE_DATABASE_URL_FILE": str(secret)})
    address = program.wait_ready()
    Api(f"http://{address}").get("/session", 401)


def test_a_variable_and_its_file_together_are_refused(server_path, database, tmp_path):
    secret = tmp_path / "url"
    secret.write_text(database.url("testkase_server"))
    line = refused_start(server_path, {**server_environment(database), "TESTKASE_DATABASE_URL_FILE": str(secret)})
    assert "TESTKASE_DATABASE_URL" in line and "TESTKASE_DATABASE_URL_FILE" in line


def test_an_unreadable_file_is_refused(server_path, database):
    environment = server_environment(database)
    del environment["TESTKASE_DATABASE_URL"]
    line = refused_start(server_path, {**environment, "TESTKASE_DATABASE_URL_FILE": "/nonexistent/url"})
    assert "TESTKASE_DATABASE_URL_FILE" in line


def test_no_refusal_shows_a_secret(server_path, database):
    environment = {**server_environment(database), "TESTKASE_DATABASE_URL": "postgresql://u:hunter2-secret@127.0.0.1:nonsense/x"}
    done = run(server_path, ["--check-config"], environment)
    assert "hunter2" not in done.stderr + done.stdout


def test_a_taken_port_is_told(server_path, database):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run(server_path, (), {**server_environment(database), "TESTKASE_LISTEN": address})
        assert done.returncode not in (0, -signal.SIGKILL)
        errors = [line for line in done.stderr.splitlines() if "level=error" in line]
        assert len(errors) == 1 and address in errors[0] and "in use" in errors[0], done.stderr


# --- health ---

def test_healthz_and_readyz_answer(service):
    with service.server.wire() as wire:
        for target in ("/healthz", "/readyz"):
            answer = wire.ask(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answer.status == 200
            assert answer.field("content-type")


def test_readyz_says_whether_postgresql_answers(own_cluster, start_service):
    service = start_service(own_cluster.create_database())
    api = Api(service.server.base, checked=False)

    def status(path):
        return api.session.get(service.server.base + path, timeout=15)
    assert status("/readyz").status_code == 200
    own_cluster.stop()
    until(lambda: status("/readyz").status_code == 503, 10, "not ready")
    response = status("/readyz")
    check_problem(503, response.headers["Content-Type"], response.json())
    assert status("/healthz").status_code == 200
    own_cluster.start()
    until(lambda: status("/readyz").status_code == 200, 10, "ready again")


def test_ready_means_every_loop(own_cluster, start_service):
    """Each has its own connections; new clients come to any of them."""
    service = start_service(own_cluster.create_database(), TESTKASE_THREADS="4")
    member = service.organization().member

    def is_ready():
        return requests.get(service.server.base + "/readyz", timeout=15).status_code == 200
    for _ in range(3):
        own_cluster.stop()
        until(lambda: not is_ready(), 10, "not ready")
        service.database.close()
        own_cluster.start()
        until(is_ready, 10, "ready again")
        for _ in range(20):
            service.bearer(member).get("/session", 200)


def test_a_server_started_before_postgresql_serves_once_it_is_there(own_cluster, start, server_path):
    environment = server_environment(own_cluster.create_database())
    own_cluster.stop()
    program = start(server_path, environment)
    until(lambda: len(program.lines()) > 0, 20, "a line about PostgreSQL")
    assert program.is_running()
    own_cluster.start()
    Api(f"http://{program.wait_ready()}").get("/session", 401)


# --- schema ---

@pytest.mark.parametrize("change,word", [
    ("""insert into testkase.schema_migrations (version, name, checksum)
        select max(version) + 1, 'later', 'x' from testkase.schema_migrations""", "version"),
    ("delete from testkase.schema_migrations where version = (select max(version) from testkase.schema_migrations)", "migrate"),
    ("drop schema testkase cascade", "migrate")])
def test_another_schema_is_refused_in_one_clear_line(database, server_path, change, word):
    database.query(change)
    done = run(server_path, (), server_environment(database))
    assert done.returncode not in (0, -signal.SIGKILL)
    told = [line for line in done.stderr.splitlines() if "schema" in line]
    assert len(told) == 1 and word in told[0], done.stderr
    assert not re.search(r'msg="?ready', done.stderr)


def test_migrate_makes_the_schema_that_the_tests_use(cluster, database, empty_database, admin_path):
    done = run(admin_path, ["migrate"], {"TESTKASE_ADMIN_DATABASE_URL": empty_database.url("testkase_owner")})
    assert done.returncode == 0, done.stderr
    assert without_noise(empty_database.dump("--schema-only")) == without_noise(database.dump("--schema-only"))
    records = "select version, name, checksum from testkase.schema_migrations order by 1"
    assert empty_database.query(records) == database.query(records) == [(v, n, c) for v, n, c, _ in migrations()]


# --- shutdown ---

def test_sigterm_ends_an_idle_server_at_once(database, server_path, start):
    program = start(server_path, server_environment(database))
    address = program.wait_ready()
    host, port = address.rsplit(":", 1)
    idle = socket.create_connection((host, int(port)), 10)
    program.terminate(seconds=5)
    assert idle.recv(1) == b""
    idle.close()


def test_further_signals_do_not_spoil_the_end(database, server_path, start):
    """An impatient operator sends the signal again and again."""
    program = start(server_path, server_environment(database))
    program.wait_ready()
    while program.is_running():
        program.signal(signal.SIGTERM)
    assert program.wait() == 0


@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_shutdown_finishes_what_is_in_flight(database, start_service, number):
    service = start_service(database)
    token = service.mint(service.organization().member)[1]
    body = json.dumps({"name": "In flight", "expiresInDays": 7})
    with service.server.wire() as wire:
        assert wire.ask(f"POST /api/v1/api-keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nExpect: 100-continue\r\n"
                        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").status == 100
        service.server.signal(number)
        host, port = service.server.address.rsplit(":", 1)

        def refuses():
            try:
                socket.create_connection((host, int(port)), 5).close()
                return False
            except ConnectionResetError:
                return False  # it came between the last look at the queue and the end of it
            except ConnectionRefusedError:
                return True
        until(refuses, 5, "no new connection is taken")
        assert service.server.is_running()
        response = wire.ask(body)
        assert response.status == 201
        assert response.field("Connection") == "close"
        assert wire.is_closed()
    assert service.server.wait(12) == 0
    service.servers.clear()
    assert database.value("select count(*) from testkase.api_tokens where name = 'In flight'") == 1


@pytest.mark.alone
def test_shutdown_waits_for_a_statement(database, start_service):
    service = start_service(database)
    api = service.bearer(service.organization().member)
    api.get("/session", 200)
    # The insert holds lock 1 and goes on when lock 2 is free: it does not wait for it, which would end after 1.5 s.
    database.query("""create function testkase.dawdle() returns trigger language plpgsql as $$
                      begin
                          perform pg_advisory_xact_lock(1);
                          while not pg_try_advisory_xact_lock(2) loop end loop;
                          return new;
                      end $$;
                      create trigger dawdle before insert on testkase.api_tokens for each row execute function testkase.dawdle();
                      select pg_advisory_lock(2)""")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(api.post, "/api-keys", {"name": "In flight", "expiresInDays": 7})
        until(lambda: database.value("""select count(*) from pg_locks where locktype = 'advisory' and objid = 1 and database =
                                        (select oid from pg_database where datname = current_database())"""), 10,
              "it is under way")
        service.server.signal(signal.SIGTERM)
        service.server.wait_for_line('msg="?stopping')
        assert not answer.done()
        database.query("select pg_advisory_unlock(2)")
        response = answer.result(15)
    assert response.status_code == 201
    assert response.headers["Connection"] == "close"
    assert service.server.wait(12) == 0
    service.servers.clear()


@pytest.mark.alone
def test_shutdown_does_not_wait_for_ever(database, start_service):
    """A client that never finishes its request, and a statement that never ends."""
    service = start_service(database)
    organization = service.organization()
    api = service.bearer(organization.member)
    api.get("/session", 200)
    lock = database.connect()
    stopped = threading.Event()

    def make():
        """Again when it was refused because the lock was not to be had in time."""
        while api.post("/api-keys", {"name": "Stuck", "expiresInDays": 7}).status_code == 503 and not stopped.is_set():
            pass
    with lock.cursor() as cursor, concurrent.futures.ThreadPoolExecutor(1) as pool, service.server.wire() as dripping:
        dripping.send("GET / HTTP/1.1\r\nHost")
        cursor.execute("select id from testkase.users where id = %s for update", (organization.member.id,))
        pool.submit(make)
        until(lambda: database.value("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = %s",
                                     (database.name,)) == 1, 10, "the request waits for the lock")
        stopped.set()
        service.server.signal(signal.SIGTERM)
        assert service.server.wait(12) == 0
    service.servers.clear()
    lock.rollback()
    lock.close()


@pytest.mark.alone
def test_shutdown_does_not_wait_for_argon2(database, start_service):
    """Requests that wait for argon2 are answered at once: the long queue of costly hashes would take half a minute."""
    service = start_service(database)
    member = service.organization().member
    encoded = tokens.argon2id("something else", 65536, 5)
    made = [tokens.make() for _ in range(200)]
    for token in made:
        database.query("""insert into testkase.api_tokens
                              (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days)
                          select id, credential_generation, %s, %s, %s, 'Cold', 30 from testkase.users where id = %s""",
                       (tokens.lookup(token), encoded, tokens.preview(token), member.id))
    wires = [service.server.wire() for _ in made]
    for wire, token in zip(wires, made):
        wire.send(f"GET /api/v1/session HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n")
    until(lambda: value(metrics(service.server.base), 'argon2_waiting{share="tokens"}') >= 150, 20, "they wait for argon2")
    service.server.signal(signal.SIGTERM)
    statuses = [wire.response(seconds=20).status for wire in wires]
    assert service.server.wait(12) == 0
    service.servers.clear()
    assert set(statuses) <= {401, 503} and 503 in statuses


# --- several servers ---

def test_two_servers_on_one_database(service, organization):
    other = service.start_server()
    made = service.sign_in(organization.member).post("/api-keys", {"name": "CI", "expiresInDays": 7}, 201).json()
    first, second = service.server.bearer(made["token"]), other.bearer(made["token"])
    second.get("/session", 200)
    second.delete("/api-keys/current", 204)
    first.get("/session", 401)
    other.terminate()
    service.servers.remove(other)


def test_the_metrics_address_is_taken_apart(server_path):
    assert run(server_path, ["--check-config"], {"TESTKASE_METRICS_LISTEN": "127.0.0.1:9464"}).returncode == 0


# --- what it is to its machine ---

def test_the_process_is_hardened(service):
    limits = open(f"/proc/{service.server.pid}/limits", encoding="ascii").read()
    assert re.search(r"Max core file size\s+0\s+0\s", limits)
    status = open(f"/proc/{service.server.pid}/status", encoding="ascii").read()
    assert re.search(r"Umask:\s+0077", status)
    ignored = int(re.search(r"SigIgn:\s+([0-9a-f]+)", status)[1], 16)
    assert ignored & 1 << (signal.SIGPIPE - 1), "SIGPIPE is ignored"


def test_a_unix_socket_is_removed_at_the_end_and_a_stale_one_replaced(database, server_path, start, tmp_path):
    path = tmp_path / "http"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    program = start(server_path, server_environment(database, TESTKASE_LISTEN=f"unix:{path}"))
    program.wait_ready()
    assert stat.S_ISSOCK(os.stat(path).st_mode)
    program.terminate()
    assert not path.exists()


def test_a_unix_socket_has_the_configured_mode_and_group(database, server_path, start, tmp_path):
    path = tmp_path / "http"
    for variables, mode in (({}, 0o600), ({"TESTKASE_SOCKET_MODE": "0660"}, 0o660), ({"TESTKASE_SOCKET_MODE": "666"}, 0o666)):
        group = os.getegid() if os.geteuid() else 12345
        environment = {**variables, "TESTKASE_SOCKET_GROUP": str(group), "TESTKASE_LISTEN": f"unix:{path}"}
        program = start(server_path, server_environment(database, **environment))
        program.wait_ready()
        found = os.stat(path)
        assert (stat.S_IMODE(found.st_mode), found.st_gid) == (mode, group)
        program.terminate()
    for name, text in (("TESTKASE_SOCKET_MODE", "rw"), ("TESTKASE_SOCKET_GROUP", "no-such-group")):
        assert text in refused_start(server_path, server_environment(database, **{name: text, "TESTKASE_LISTEN": f"unix:{path}"}))
    assert not path.exists()


def test_several_addresses_are_served(database, server_path, start, tmp_path):
    path = tmp_path / "http"
    program = start(server_path, server_environment(database, TESTKASE_LISTEN=f"127.0.0.1:0, unix:{path},[::]:0"))
    program.wait_ready()
    [line] = [line for line in program.lines() if "msg=ready" in line]
    addresses = re.findall(r"127\.0\.0\.1:\d+|\[::\]:\d+", line)
    assert len(addresses) == 2 and f"unix:{path}" in line
    port = addresses[1].rpartition(":")[2]
    for base in (addresses[0], f"127.0.0.1:{port}", f"[::1]:{port}"):
        assert requests.get(f"http://{base}/healthz", timeout=10).status_code == 200, base
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
    program.terminate()
    assert not path.exists()


def test_one_bad_address_of_several_stops_the_start(database, server_path, tmp_path):
    for addresses in ("127.0.0.1:0,", "127.0.0.1:0,nonsense", "127.0.0.1:0 127.0.0.1:1", f"unix:{tmp_path}/a,192.0.2.1:1"):
        line = refused_start(server_path, server_environment(database, TESTKASE_LISTEN=addresses))
        assert "TESTKASE_LISTEN" in line or "192.0.2.1:1" in line
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_reload_signals_end_nothing(database, binaries, start, number):
    server = start(binaries / "server" / "testkase-server", server_environment(database))
    worker = start(binaries / "worker" / "testkase-worker", {"TESTKASE_DATABASE_URL": database.url("testkase_worker")})
    address = server.wait_ready()
    worker.wait_ready()
    for program in (server, worker):
        program.signal(number)
    assert requests.get(f"http://{address}/readyz", timeout=10).status_code == 200
    for program in (server, worker):
        assert program.is_running()
        program.terminate()


# --- the log ---

HOSTILE = ["/api/v1/x%0d%0aINJECTED", "/api/v1/%1b[31mred", "/api/v1/" + "a" * 2000]


@pytest.mark.parametrize("form", ["text", "json"])
def test_one_event_one_line_whatever_comes(database, start_service, form):
    service = start_service(database, TESTKASE_LOG_FORMAT=form, TESTKASE_LOG_LEVEL="debug")
    for target in HOSTILE:
        with service.server.wire() as wire:
            wire.ask(f"GET {target} HTTP/1.1\r\nHost: x\r\nUser-Agent: a\"b\\c=d\r\nX-Request-Id: q\r\n\r\n")
    with service.server.wire() as wire:
        wire.ask("GET /\x1b[2J HTTP/1.1\r\nHost: x\r\n\r\n")
    organization = service.organization()
    service.bearer(organization.member).post("/api-keys", {"name": "a\" level=error msg=\"b", "expiresInDays": 7}, 201)
    lines = service.server.lines()
    assert lines
    for line in lines:
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", line), line
        assert not line.startswith("INJECTED")
        if form == "json":
            assert isinstance(json.loads(line), dict), line
        else:
            assert re.match(r"time=\S+ level=(debug|info|warning|error) program=testkase-server ", line), line


def test_refused_tokens_are_no_warning(service):
    """Anybody can send those; an operator could do nothing about it."""
    start = len(service.server.lines())
    for _ in range(50):
        service.server.api().get("/session", 401)
    assert [line for line in service.server.lines()[start:] if re.search(r"\blevel=(warning|error) ", line)] == []
