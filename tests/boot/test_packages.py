"""The Debian packages on a machine with systemd: installed, set up, used, restarted, upgraded, removed, purged, in this order."""

import json
import re
import subprocess

import pytest

from support.deadline import until
from support.machine import PASSWORD, URL
from support.postgres import ROOT
from support.runbook import section

SERVICES = ("testkase-server.service", "testkase-worker.service", "testkase-migrate.service")

# Where nothing may be writable, except for a program's own temporary folder.
READ_ONLY = re.compile(r"/$|/(usr|etc|var|home|root|sys)(?!/tmp)\b")

# Uses the token in the first line of its standard input, on a new connection each time, until the input ends. Prints how often,
# and what went wrong.
KNOCK = """
import json, select, sys, urllib.request
asked, failures = 0, []
request = urllib.request.Request("http://127.0.0.1:8080/api/v1/session",
                                 headers={"Authorization": "Bearer " + sys.stdin.readline().strip()})
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.05)[0]:
    asked += 1
    try:
        urllib.request.urlopen(request, timeout=20).read()
    except OSError as error:
        failures.append(repr(error))
print(json.dumps([asked, failures]))
"""


def repack(path, folder, version):
    """The same package with another version."""
    tree = folder / path.stem
    subprocess.run(["dpkg-deb", "--raw-extract", path, tree], check=True)
    control = tree / "DEBIAN" / "control"
    text = control.read_text()
    old = re.search(r"^Version: (.*)$", text, re.M)[1]
    control.write_text(text.replace(old, version))
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, folder], check=True, capture_output=True)
    return folder / f"{path.name.split('_')[0]}_{version}_amd64.deb"


def test_lintian_finds_no_error(packages):
    about_the_packager = "bogus-mail-host,bogus-mail-host-in-debian-changelog,root-in-contact"
    done = subprocess.run(["lintian", "--fail-on=error", f"--suppress-tags={about_the_packager}", "--allow-root", *packages],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("token")
def test_nothing_failed_and_nothing_is_told(machine, token):
    assert machine.run("systemctl", "--failed", "--plain", "--no-legend").stdout == ""
    journal = machine.run("journalctl", "--no-pager").stdout
    assert token not in journal and PASSWORD not in journal
    modes = machine.shell("stat --format='%a %U %n' /etc/testkase/credentials /etc/testkase/credentials/*").stdout.split()
    assert modes[0::3] == ["700"] + 3 * ["600"] and set(modes[1::3]) == {"root"}


@pytest.mark.usefixtures("token")
def test_manual_pages_and_settings(machine):
    for page in ("man8/testkase-server.8", "man8/testkase-worker.8", "man8/testkase-admin.8", "man8/testkase-setup.8",
                 "man1/testkase-reporter.1"):
        text = machine.shell(f"zcat /usr/share/man/{page}.gz").stdout
        assert re.search(r"^\.SH NAME\ntestkase\\?-\w+ ", text, re.M), text[:200]
    settings = machine.shell("cat /etc/testkase/server.env").stdout
    assert "#TESTKASE_RATE_LIMIT=600" in settings


@pytest.mark.usefixtures("token")
def test_dashboards_alerts_and_runbook(machine):
    """They are where docs/OPERATING.md and the runbook say."""
    for folder in ("grafana", "prometheus"):
        for path in (ROOT / "deploy" / folder).rglob("*.*"):
            assert machine.run("cat", f"/usr/share/testkase/{path.relative_to(ROOT / 'deploy')}").stdout == path.read_text()
    for path in (ROOT / "deploy" / "RUNBOOK.md", *(ROOT / "docs").glob("*.md")):
        place = "docs/" if path.parent.name == "docs" else ""
        assert machine.run("cat", f"/usr/share/doc/testkase-common/{place}{path.name}").stdout == path.read_text()


@pytest.mark.parametrize("unit", SERVICES)
@pytest.mark.usefixtures("token")
def test_exposure(machine, unit):
    report = json.loads(machine.run("systemd-analyze", "security", "--json=short", unit, check=False).stdout)
    found = machine.run("systemd-analyze", "security", "--no-pager", unit, check=False).stdout
    exposure = float(re.search(r"exposure level for \S+: ([0-9.]+)", found)[1])
    print(f"{unit}: {exposure}")
    assert report and exposure <= 1.5, found
    verified = machine.run("systemd-analyze", "verify", "--man=no", unit)
    assert "testkase" not in verified.stderr, verified.stderr


@pytest.mark.parametrize("unit", SERVICES[:2])
@pytest.mark.usefixtures("token")
def test_a_running_program_has_no_right(machine, unit):
    pid = machine.property(unit, "MainPID")
    state = dict(re.findall(r"^(\w+):\s*(.*)$", machine.run("cat", f"/proc/{pid}/status").stdout, re.M))
    assert state["CapEff"] == state["CapBnd"] == "0000000000000000"
    assert state["NoNewPrivs"] == "1" and state["Seccomp"] == "2"
    assert state["Uid"].split()[0] == machine.run("id", "--user", unit.split(".")[0].replace("-", "_")).stdout.strip()
    mounts = [line.split() for line in machine.run("cat", f"/proc/{pid}/mountinfo").stdout.splitlines()]
    modes = {fields[4]: fields[5].split(",")[0] for fields in mounts if READ_ONLY.match(fields[4])}
    assert modes["/"] == "ro" and set(modes.values()) == {"ro"}, modes


def test_a_restart_fails_no_request(machine, token):
    knocking = machine.begin(KNOCK)
    knocking.stdin.write(token + "\n")
    knocking.stdin.flush()
    assert knocking.stdout.readline() == "ready\n"
    for _ in range(3):
        before = machine.property("testkase-server.service", "MainPID")
        machine.run("systemctl", "restart", "testkase-server.service")
        assert machine.property("testkase-server.service", "MainPID") != before
        assert machine.status(token) == 200
    out, error = knocking.communicate("", timeout=60)
    asked, failures = json.loads(out)
    assert asked > 20 and not failures, (asked, failures, error)


@pytest.mark.usefixtures("token")
def test_restarts_in_a_row(machine):
    """More than systemd allows by default within ten seconds: each start of a program starts the update of the schema."""
    machine.shell("for number in 1 2 3 4 5 6 7; do systemctl restart testkase-worker; done")
    assert machine.run("systemctl", "--failed", "--plain", "--no-legend").stdout == ""


def counters(machine):
    """The server's counters, by name."""
    text = machine.run("curl", "--silent", "--fail", f"{URL}/metrics").stdout
    return {name: float(value) for name, value in re.findall(r"^(testkase_\w+) ([0-9.e+]+)$", text, re.M)}


def test_a_restart_costs_no_argon2(machine, token):
    """What the process before has verified, the next one knows; after a crash it does not."""
    assert machine.status(token) == 200
    machine.run("systemctl", "restart", "testkase-server.service")
    assert machine.status(token) == 200
    assert counters(machine)["testkase_verified_misses_total"] == 0
    machine.run("systemctl", "kill", "--signal=KILL", "testkase-server.service")
    until(lambda: machine.status(token) == 200, 30, "200")
    assert counters(machine)["testkase_verified_misses_total"] > 0


def test_a_restart_revives_no_token(machine, token):
    """The next process knows the secret of a revoked token, and refuses it all the same."""
    made = machine.run("curl", "--silent", "--fail", "--header", "@-", "--json", '{"name": "Short", "expiresInDays": 7}',
                       f"{URL}/api/v1/api-keys", text=f"Authorization: Bearer {token}\n").stdout
    short = json.loads(made)["token"]
    assert machine.status(short) == 200
    machine.run("runuser", "--user", "testkase_owner", "--", "testkase-admin", "token", "revoke",
                str(json.loads(made)["id"]))
    machine.run("systemctl", "restart", "testkase-server.service")
    assert machine.status(short) == 401 and machine.status(token) == 200
    assert counters(machine)["testkase_verified_misses_total"] == 0


def test_setting_up_again_changes_nothing(machine, token):
    pid = machine.property("testkase-server.service", "MainPID")
    done = machine.run("testkase-setup")
    assert done.stdout == "" and "An organization with tokens exists already" in done.stderr
    assert machine.property("testkase-server.service", "MainPID") == pid
    assert machine.status(token) == 200


def test_misuse_changes_nothing(machine, token):
    for arguments in (["--colour"], ["--owner"], ["--token-days", "31"]):
        assert machine.run("testkase-setup", *arguments, check=False).returncode == 2
    assert machine.run("runuser", "--user", "nobody", "--", "testkase-setup", check=False).returncode == 1
    assert machine.status(token) == 200


@pytest.mark.usefixtures("token")
def test_a_second_server_on_the_machine(machine, token):
    machine.run("systemctl", "start", "testkase-server@8081.service")
    done = machine.run("curl", "--silent", "--fail", "http://127.0.0.1:8081/readyz")
    assert "ready" in done.stdout
    machine.run("systemctl", "stop", "testkase-server@8081.socket", "testkase-server@8081.service")
    assert machine.status(token) == 200


def test_postgresql_comes_later(machine, token):
    """As at a boot where PostgreSQL is slow: the server waits for it, and serves as soon as it answers."""
    machine.run("systemctl", "stop", "testkase.target", "testkase-server.socket", "postgresql")
    machine.run("systemctl", "start", "--no-block", "testkase.target", "testkase-server.socket")
    until(lambda: machine.status(token) == 503, 30, "503 without PostgreSQL")
    machine.run("systemctl", "start", "postgresql")
    until(lambda: machine.status(token) == 200, 30, "200 with PostgreSQL")
    for unit in SERVICES[:2]:
        machine.wait_active(unit)


def test_a_server_that_hangs_is_replaced(machine, token):
    pid = machine.property("testkase-server.service", "MainPID")
    machine.shell(f"kill -STOP {pid}")
    until(lambda: machine.property("testkase-server.service", "MainPID") not in (pid, "0"), 60, "another process")
    until(lambda: machine.status(token) == 200, 30, "200")
    assert "Watchdog timeout" in machine.journal("testkase-server.service")


def test_upgrade(machine, token, packages, paste, tmp_path):
    """Keeps the operator's settings, restarts what runs, and not what does not."""
    machine.shell("echo TESTKASE_RATE_LIMIT=601 >>/etc/testkase/server.env")
    before = machine.property("testkase-server.service", "MainPID")
    machine.put(*(repack(path, tmp_path, "0.1.1-1") for path in packages), folder="root/new")
    with section("Upgrade Debian packages") as blocks:
        assert "nothing is pending" in paste(blocks.next("--dry-run"), folder="/root/new").stdout
        paste(blocks.next("apt install"), folder="/root/new")
        assert machine.property("testkase-server.service", "MainPID") != before
        check = blocks.next("status")
        until(lambda: paste(check, check=False).returncode == 0, 30, "server and worker work")
        assert "0 loaded units listed" in paste(check).stdout
    assert "TESTKASE_RATE_LIMIT=601" in machine.shell("cat /etc/testkase/server.env").stdout
    headers = machine.run("curl", "--silent", "--include", "--header", "@-", f"{URL}/api/v1/session",
                          text=f"Authorization: Bearer {token}\n").stdout
    assert "q=601" in headers
    assert machine.property("testkase-server@8081.service", "ActiveState") == "inactive"


def test_roll_back(machine, token, paste, query):
    """The newer release had a migration with which the older one works."""
    known = int(re.search(r"schema (\d+)", paste("testkase-admin --version").stdout)[1])
    query("-- as testkase_owner\ninsert into testkase.schema_migrations (version, name, checksum, oldest_program) "
          f"values ({known + 1}, 'next', '', {known})")
    before = machine.property("testkase-server.service", "MainPID")
    with section("Roll back") as blocks:
        assert query(blocks.sql("oldest_program")) == f"schema,oldest_program\n{known + 1},{known}\n"
        assert f"(schema {known})" in paste(blocks.next("--version"), folder="/root").stdout
        paste(blocks.next("--allow-downgrades"), folder="/root", typed="y\n")
        assert machine.shell("dpkg-query --show testkase-server").stdout.split()[1] == "0.1.0-1"
        assert machine.property("testkase-server.service", "MainPID") != before
        check = blocks.next("status")
        until(lambda: paste(check, check=False).returncode == 0, 30, "server and worker work")
        assert f"version {known + 1}; this program knows version {known} and works with it" in paste(check).stdout
    assert machine.status(token) == 200
    assert machine.run("systemctl", "--failed", "--plain", "--no-legend").stdout == ""


@pytest.mark.usefixtures("token")
def test_remove_and_purge(machine):
    machine.shell("apt-get remove --yes 'testkase-*'")
    assert machine.shell("grep --files-with-matches testkase /proc/[0-9]*/comm", check=False).stdout == ""
    assert machine.run("curl", "--silent", URL, check=False).returncode == 7  # refused
    assert "server-database-url" in machine.shell("ls /etc/testkase/credentials").stdout
    machine.shell("apt-get purge --yes 'testkase-*'")
    assert machine.shell("ls -d /etc/testkase /usr/bin/testkase-* /usr/share/testkase", check=False).stdout == ""
    count = machine.run("runuser", "--user", "postgres", "--", "psql", "--no-align", "--tuples-only", "testkase",
                        "--command", "select count(*) from testkase.api_tokens")
    assert int(count.stdout) > 0
    assert machine.run("systemctl", "--failed", "--plain", "--no-legend").stdout == ""
