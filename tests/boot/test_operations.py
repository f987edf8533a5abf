"""deploy/RUNBOOK.md on the machine of the Debian packages: what root does there. Whatever a test changes of the machine, it sets
back. Upgrade and rollback are in test_packages.py."""

import json
import re

import pytest

from support import runbook
from support.deadline import until
from support.machine import PASSWORD, URL
from support.runbook import section

OWNER = "ada@example.com"
VOLUME = "/var/lib/postgresql"

# Commands within the text that these tests run elsewhere.
ELSEWHERE = {"testkase-admin backup check": "integration/test_backup_check.py",
             "select pg_is_in_recovery()": "fault/test_backup.py"}

NGINX = """
server {
    listen 443 ssl;
    ssl_certificate /etc/nginx/testkase.pem;
    ssl_certificate_key /etc/nginx/testkase.key;
    location / { proxy_pass http://127.0.0.1:8080; }
}
"""

pytestmark = pytest.mark.usefixtures("token")


@pytest.fixture(autouse=True)
def nothing_failed(machine):
    """After each test, every unit works."""
    yield
    assert machine.run("systemctl", "--failed", "--plain", "--no-legend").stdout == ""


@pytest.fixture
def mint(machine, paste):
    """mint(email) makes a token of that account: (its id, the token)."""
    def make(email=OWNER):
        done = paste(f"testkase-admin token create {email} --name Drill --expires-in-days 7 --json")
        made = json.loads(done.stdout)
        assert machine.status(made["token"]) == 200
        return made["id"], made["token"]
    return make


@pytest.fixture
def person(paste):
    """person(email) makes that account, which has a password."""
    [organization] = {row["organizationId"] for row in json.loads(paste("testkase-admin user list --json").stdout)["data"]}

    def make(email):
        paste(f"testkase-admin user create {email} --org {organization} --password-stdin", typed="violet-harbour-46-lantern\n")
        return email
    return make


def test_before_you_begin(paste):
    with section("Before you begin on Debian packages") as blocks:
        paste(blocks.next("testkase-admin()"))
    assert "connected" in paste("testkase-admin status").stdout
    assert "t\n" in paste("sql --csv --command 'select rolsuper from pg_roles where rolname = current_user'").stdout


def test_leaked_token(machine, paste, query, mint):
    number, token = mint()
    made = machine.run("curl", "--silent", "--fail", "--header", "@-", "--json", '{"name": "Thief", "expiresInDays": 7}',
                       f"{URL}/api/v1/api-keys", text=f"Authorization: Bearer {token}\n").stdout
    stolen = json.loads(made)["token"]
    machine.run("bash", "-c", "cat >/var/tmp/found.txt", text=token + "\n")
    with section("Leaked token", {"42": number}) as blocks:
        told = paste(blocks.next("token identify")).stdout
        assert OWNER in told and re.search(r"secret proven +yes", told) and str(number) in told
        paste(blocks.next("token revoke"))
        used = blocks.sql("api_token_usage")
        until(lambda: "/api/v1/api-keys" in query(used), 30, "the use of the token was written")
        assert "api_key.created" in query(blocks.sql("actor_token_id"))
        assert paste(blocks.next("shred")).stdout == "401\n"
    assert machine.status(stolen) == 401
    assert machine.run("ls", "/var/tmp/found.txt", check=False).returncode != 0


def test_leaked_database(machine, paste, query, token):
    cookie = f"curl --silent --fail --cookie-jar jar --header 'Sec-Fetch-Site: same-origin' --json @- {URL}/api/v1/session"
    paste(cookie, typed=json.dumps({"email": OWNER, "password": PASSWORD}))
    session = f"curl --silent --output /dev/null --write-out '%{{http_code}}' --cookie jar {URL}/api/v1/session"
    assert paste(session).stdout == "200"
    address = "postgresql://testkase_server:{}@127.0.0.1/testkase\n"
    with section("Leaked database") as blocks:
        assert "testkase_server,f" in query(blocks.sql("rolpassword"))
        change, write, restart = blocks.next("password testkase_server").splitlines()
        before = machine.shell("cat /etc/testkase/credentials/server-database-url").stdout
        paste(change, typed="old-one\nold-one\n")
        paste(change, typed="new-one\nnew-one\n")
        assert "testkase_server,t" in query(blocks.sql("rolpassword"))
        paste(write, typed=address.format("new-one"))
        paste(restart)
        assert machine.status(token) == 200
        assert paste("psql --no-password --command select " + address.format("old-one").strip(), check=False).returncode == 2
        query(blocks.sql("delete from testkase.sessions"))
        assert paste(session).stdout == "401"
        assert "First token" in query(blocks.sql("ops.tokens"))
        assert "ready" in paste(blocks.next("status")).stdout
    paste(write, typed=before)
    paste("sql --command 'alter role testkase_server password null'; " + restart)
    assert machine.status(token) == 200


def test_somebody_has_left(machine, paste, query, mint, person):
    leaver = person("leaver@example.com")
    _, token = mint(leaver)
    with section("Somebody has left", {"ada@example.com": "grace@example.com"}) as blocks:
        assert "Drill" in paste(blocks.next("token list")).stdout
        paste(blocks.next("user deactivate"))
        assert machine.status(token) == 401
        query(blocks.sql("api_key.created"))
        person("grace@example.com")
        paste(blocks.next("make-owner"))
        owner = "select email from testkase.users where org_role = 'owner'"
        assert query(f"-- as a superuser\n{owner}").split() == ["email", "grace@example.com"]
        assert query(blocks.sql("is_valid")) == "valid\n0\n"
    paste(f"testkase-admin user make-owner {OWNER}")
    assert query(f"-- as a superuser\n{owner}").split() == ["email", OWNER]


def test_lost_password(machine, paste, query):
    with section("Lost password") as blocks:
        assert OWNER in paste(blocks.next("user list")).stdout
        paste(blocks.next("set-password"), typed="violet-harbour-46-lantern\n")
        sign_in = f"curl --silent --fail --header 'Sec-Fetch-Site: same-origin' --json @- {URL}/api/v1/session"
        paste(sign_in, typed=json.dumps({"email": OWNER, "password": "violet-harbour-46-lantern"}))
        assert {"user.password_set", "session.created"} <= set(re.split(r"[,\n]", query(blocks.sql("user.password_set"))))
    paste(f"testkase-admin user set-password {OWNER}", typed=PASSWORD + "\n")


def test_worker_dead(machine, paste, query):
    machine.run("systemctl", "stop", "testkase-worker")
    query("-- as a superuser\nupdate testkase.worker_heartbeats set beat_at = now() - interval '2 minutes'")
    with section("Worker dead") as blocks:
        assert "inactive" in paste(blocks.next("systemctl status")).stdout
        failed = paste("testkase-admin status", check=False)
        assert failed.returncode == 1 and "no worker has reported" in failed.stderr
        paste(blocks.next("restart"))
        check = blocks.next("status")
        until(lambda: paste(check, check=False).returncode == 0, 30, "the worker has reported")
        assert "expire" in query(blocks.sql("worker_backlog"))


def test_clock_wrong(machine, paste, query, mint):
    number, token = mint()
    with section("Clock wrong", {"42": number}) as blocks:
        assert re.search(r"UTC.*\d\d:\d\d.*System clock synchronized", paste(blocks.next("timedatectl")).stdout, re.DOTALL)
        query("-- as a superuser\nset session_replication_role = replica; update testkase.api_tokens set "
              "created_at = created_at + interval '1 day', expires_at = expires_at + interval '1 day', "
              f"rotate_at = rotate_at + interval '1 day' where id = {number}")
        paste(blocks.next("restart"))
        future = blocks.sql("created_at > now()")
        assert f"{number},Drill" in query(future) and ",active," in query(future)
        paste(blocks.next("token revoke"))
        assert ",active," not in query(future)
    assert machine.status(token) == 401


@pytest.fixture
def ballast(machine, token):
    """A file that fills the volume of PostgreSQL's data, when the test writes it, and a session that was there before."""
    path = f"{VOLUME}/ballast"
    psql = machine.converse("runuser", "--user", "postgres", "--", "psql", "--quiet", "--no-align", "--tuples-only", "testkase")
    psql.stdin.write("select 'connected';\n")
    psql.stdin.flush()
    assert psql.stdout.readline() == "connected\n"
    yield path, psql
    psql.kill()
    psql.communicate(timeout=20)
    machine.shell(f"rm --force {path}; systemctl start postgresql testkase-migrate")
    until(lambda: machine.status(token) == 200, 60, "200")


def test_disk_full(machine, paste, query, token, ballast):
    path, psql = ballast
    with section("Disk full", {"2026_01": "2020_01"}) as blocks:
        assert "api_tokens" in query(blocks.sql("ops.tables"))
        assert "slot_name" in query(blocks.sql("pg_replication_slots"))
        machine.shell(f"dd if=/dev/zero of={path} bs=1M 2>/dev/null || test $(df --output=avail {VOLUME} | tail -1) = 0")
        assert f"100% {VOLUME}" in paste(blocks.next("df ")).stdout
        psql.stdin.write("create table filler as select * from generate_series(1, 1000000);\n")
        psql.stdin.flush()
        assert "No space left on device" in psql.stdout.readline()
        assert machine.status(token) == 200  # tokens are still checked
        # The log of changes goes on to new segments until one finds no room. Then PostgreSQL ends.
        psql.stdin.write(20 * "create table filler (); drop table filler; select pg_switch_wal();\n")
        psql.stdin.flush()
        until(lambda: machine.property("postgresql@15-main", "ActiveState") == "failed", 60, "PostgreSQL has ended")
        assert machine.status(token) == 503
        machine.run("rm", path)
        paste(blocks.next("vacuum-size"))
        until(lambda: machine.status(token) == 200, 60, "200")
        query(blocks.sql("execution_months"))
        query("-- as testkase_owner\ncreate table testkase.api_token_usage_2020_01 partition of testkase.api_token_usage "
              "for values from ('2020-01-01Z') to ('2020-02-01Z')")
        assert "api_token_usage_2020_01" in query(blocks.sql("ops.partitions"))
        query(blocks.sql("drop table"))
        assert "api_token_usage_2020_01" not in query(blocks.sql("ops.partitions"))
        check = blocks.next("status")
        until(lambda: paste(check, check=False).returncode == 0, 60, "the worker writes again")


def certificate(machine, path, days):
    """Makes certificate and key: PATH.pem, PATH.key."""
    machine.shell(f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days {days} -subj /CN=drill "
                  f"-keyout {path}.key -out {path}.pem 2>/dev/null")


def test_certificate_expires(machine, paste):
    certificate(machine, "/etc/nginx/testkase", 2)
    machine.run("bash", "-c", "cat >/etc/nginx/conf.d/testkase.conf", text=NGINX)
    machine.run("systemctl", "reload-or-restart", "nginx")
    names = {"tokens.example.test:443": "127.0.0.1:443", "db.example.test:5432": "127.0.0.1:5432"}
    with section("Certificate expires", names) as blocks:
        look = blocks.next("servername")
        before = paste(look).stdout
        assert "notAfter=" in before
        certificate(machine, "/etc/nginx/testkase", 90)
        paste(blocks.next("nginx -t"))
        until(lambda: paste(look).stdout != before, 30, "another certificate")
        assert machine.shell("curl --silent --insecure https://127.0.0.1/readyz").stdout == '{"status":"ready"}'
        database = blocks.next("postgres")
        snakeoil = "/etc/ssl/certs/ssl-cert-snakeoil.pem /etc/ssl/private/ssl-cert-snakeoil.key"
        certificate(machine, "/var/tmp/new", 90)
        machine.shell(f"set -- {snakeoil}; cat /var/tmp/new.pem >$1; cat /var/tmp/new.key >$2")
        assert "notAfter=" in paste(database).stdout
        until(lambda: "CN = drill" in paste(database).stdout, 30, "PostgreSQL has the new certificate")
    machine.shell("rm /etc/nginx/conf.d/testkase.conf && systemctl reload nginx")


def test_upgrade_postgresql(machine, paste, token):
    with section("Upgrade PostgreSQL") as blocks:
        assert "PostgreSQL 15." in paste(blocks.next("version()")).stdout
        paste(blocks.next("only-upgrade"))
        until(lambda: machine.status(token) == 200, 30, "200")
        check = blocks.next("status")
        until(lambda: paste(check, check=False).returncode == 0, 30, "the worker is back")


def test_too_many_connections(machine, paste, query, token):
    with section("Too many connections") as blocks:
        assert re.search(r"testkase_server,\S*,\d+,100", query(blocks.sql("max_connections")))
        paste(blocks.next("alter system"))
        until(lambda: machine.status(token) == 200, 30, "200")
        assert "200" in paste(blocks.next("show max_connections")).stdout
    paste("sql --command 'alter system reset max_connections'")


def test_dashboards_and_alerts(machine, paste, query):
    with section("Dashboards and alerts") as blocks:
        listed = paste(blocks.next("ls ")).stdout
        assert {"operations.json", "overview.json", "security.json", "tokens.json", "alerts.yml"} <= set(listed.split())
        machine.shell("cp --archive /etc/testkase /var/tmp/settings")
        paste(blocks.next("TESTKASE_METRICS_LISTEN"))
        paste(blocks.next("/etc/grafana"), typed="grafana-reads\ngrafana-reads\n")
        provider = machine.shell("cat /etc/grafana/provisioning/dashboards/testkase.yaml").stdout
        [folder] = re.findall(r"^ +path: (\S+)$", provider, re.MULTILINE)
        assert len(machine.shell(f"ls {folder}").stdout.split()) == 4
        login = "psql --csv --command 'select count(*) from ops.tokens' postgresql://testkase_ops@127.0.0.1/testkase"
        assert paste(f"PGPASSWORD=grafana-reads {login}").stdout.startswith("count\n")
        counts = paste(blocks.next("9465")).stdout.split()
        assert len(counts) == 2 and all(int(count) > 10 for count in counts)
    machine.shell("cp --archive /var/tmp/settings/*.env /etc/testkase/ && systemctl restart testkase-server testkase-worker")


def test_a_failing_job(machine, paste):
    """What the section TestkaseJobFails looks for is there when a job fails."""
    right = "execute on function testkase.sum_up_usage()"
    paste(f"sql --command 'revoke {right} from testkase_worker'; systemctl restart testkase-worker")
    [look] = [command for command in runbook.inline_commands(runbook.sections()["TestkaseJobFails"]) if "journalctl" in command]
    until(lambda: "42501" in paste(look, check=False).stdout, 30, "the log has the failure")
    paste(f"sql --command 'grant {right} to testkase_worker'; systemctl restart testkase-worker")


def test_commands_within_the_text(machine, paste, query, mint, person):
    """What stands in no block, in the order of the text, each once."""
    machine.podman("exec", "--detach", machine.container, "runuser", "--user", "postgres", "--", "psql", "--command",
                   "select pg_sleep(600)")
    sleeping = "-- as a superuser\nselect pid from pg_stat_activity where query = 'select pg_sleep(600)'"
    pid = until(lambda: re.search(r"^\d+$", query(sleeping), re.MULTILINE), 30, "a session to end")[0]
    query("-- as a superuser\nselect pg_create_physical_replication_slot('gone')")
    person("somebody@example.com")
    commands = {command: None for text in runbook.sections().values() for command in runbook.inline_commands(text)
                if not command.startswith(tuple(ELSEWHERE))}
    for command in commands:
        number, token = mint() if "token" in command else (0, "")
        fitted = command.replace(" ID", f" {number}").replace(" EMAIL", " somebody@example.com")
        fitted = fitted.replace("(PID)", f"({pid})").replace("'NAME'", "'gone'")
        if command.startswith("select "):
            fitted = f'sql --set ON_ERROR_STOP=1 --command "{fitted}"'
        # journalctl ends with 1 when no line of the journal fits: nothing went wrong on this machine.
        nothing_found = paste(fitted, typed=token or "violet-harbour-46-lantern\n", check="--grep" not in command)
        assert nothing_found.returncode == 0 or nothing_found.stdout.strip() == "-- No entries --", command
        assert "revoke" not in command or machine.status(token) == 401
    assert len(commands) > 10 and query(sleeping) == "pid\n"
