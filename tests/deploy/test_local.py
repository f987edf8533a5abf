"""deploy/local.sh from its first start to its reset, in a copy of the tree under a path with a space; and what README.md
and docs show."""

import concurrent.futures
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import threading

import psycopg2
import pytest
import requests

from support.deadline import until
from support.postgres import ROOT, is_alive
from support.runbook import section

SERVICES = ("postgres", "worker", "server")
VARIABLES = {
    "TESTKASE_URL", "TESTKASE_PUBLIC_URL", "TESTKASE_DATABASE_URL", "TESTKASE_ADMIN_DATABASE_URL", "TESTKASE_ADMIN_EMAIL",
    "TESTKASE_ADMIN_PASSWORD", "TESTKASE_PAT", "TESTKASE_BIN", "DEMO_ORG_ID", "DEMO_USER_EMAIL", "DEMO_USER_PASSWORD",
    "DEMO_GUEST_EMAIL", "DEMO_GUEST_PASSWORD"}
SECRETS = ("TESTKASE_ADMIN_PASSWORD", "TESTKASE_PAT", "DEMO_USER_PASSWORD", "DEMO_GUEST_PASSWORD")

# Only what a shell of somebody who has just logged in has.
ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


class Tree:
    """A copy of the tree with the service in it."""

    def __init__(self, folder):
        self.root = folder
        self.var = folder / "var"
        self.port = free_port()
        shutil.copytree(ROOT, folder, symlinks=True,
                        ignore=shutil.ignore_patterns("build", "var", ".git", "__pycache__", ".pytest_cache"))

    def script(self, *arguments, seconds=600, environment=None):
        """Runs local.sh to its end; what it started must not keep its output open."""
        return subprocess.run([self.root / "deploy" / "local.sh", *arguments], env=environment or ENVIRONMENT, cwd="/",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=seconds, check=False)

    def start(self, *arguments):
        done = self.script("--port", str(self.port), *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def shell(self, text, name="bash"):
        """What a person pastes into a shell, in the root of the clone."""
        return subprocess.run([name, "-ec", text], env=ENVIRONMENT, cwd=self.root, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, check=False)

    def variables(self, shell="bash"):
        """What local.env exports, as that shell understands it."""
        done = self.shell(". var/local.env; env -0", shell)
        assert done.returncode == 0, done.stderr
        pairs = dict(pair.split("=", 1) for pair in done.stdout.split("\0") if pair)
        return {name: value for name, value in pairs.items() if re.match("TESTKASE_|DEMO_", name)}

    def pid(self, name):
        return int((self.var / "run" / f"{name}.pid").read_text().split()[0])


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    # Without an apostrophe: ninja would compile everything anew each time, because it reads gcc's lists of headers otherwise.
    made = Tree(tmp_path_factory.mktemp("local") / "a clone (of ours)")
    yield made
    done = made.script("reset", "--yes")
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def first_start(tree):
    return tree.start()


@pytest.fixture
def running(tree, first_start):
    """The tree, with its service running."""
    assert first_start
    if tree.script("status").returncode != 0:
        tree.start()
    return tree


def get(tree, path, **options):
    return requests.get(f"http://127.0.0.1:{tree.port}{path}", timeout=20, **options)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def sign_in(tree, email, password):
    session = requests.Session()
    session.headers["Sec-Fetch-Site"] = "same-origin"
    answer = session.post(f"http://127.0.0.1:{tree.port}/api/v1/session", json={"email": email, "password": password},
                          timeout=20)
    assert answer.status_code == 201, answer.text
    return session


def test_first_start_tells_progress_and_access(tree, first_start):
    assert "Compiling" in first_start
    assert f"http://127.0.0.1:{tree.port}" in first_start
    variables = tree.variables()
    assert variables["TESTKASE_ADMIN_EMAIL"] in first_start
    assert variables["TESTKASE_ADMIN_PASSWORD"] in first_start
    assert "\r" not in first_start, "progress meant for a terminal went elsewhere"


def test_what_the_runbook_says(running):
    with section("Install to try it out") as blocks:
        done = running.shell(blocks.next("local.sh"))
        assert done.returncode == 0 and f"http://127.0.0.1:{running.port}" in done.stdout
        assert running.shell(blocks.next("status")).returncode == 0


def test_printed_commands_work(running, first_start):
    commands = re.findall(r"^  ((?:\.|curl) .*)$", first_start, re.MULTILINE)
    assert len(commands) == 2
    done = running.shell("\n".join(commands))
    assert done.returncode == 0, done.stderr
    assert '"admin@demo.test"' in done.stdout


@pytest.mark.parametrize("shell", ["bash", "dash"])
@pytest.mark.parametrize("text", ["plain", "a clone's place", "''", "\\'", '$HOME "`x`"', "two\nlines"])
def test_texts_are_quoted_for_a_shell(text, shell):
    quoted = subprocess.run(["bash", "-c", '. "$0"; demo_quoted "$1"', ROOT / "deploy" / "local" / "demo.sh", text],
                            capture_output=True, text=True, timeout=20, check=True).stdout
    said = subprocess.run([shell, "-c", f"printf %s {quoted}"], capture_output=True, text=True, timeout=20, check=True).stdout
    assert said == text


def test_local_env(running):
    assert stat.S_IMODE((running.var / "local.env").stat().st_mode) == 0o600
    variables = running.variables()
    assert set(variables) == VARIABLES
    assert variables == running.variables("dash")
    assert variables["TESTKASE_URL"] == variables["TESTKASE_PUBLIC_URL"] == f"http://127.0.0.1:{running.port}"
    assert variables["DEMO_ORG_ID"] == "1173"
    for program in ("testkase-server", "testkase-worker", "testkase-admin"):
        assert os.access(pathlib.Path(variables["TESTKASE_BIN"]) / program, os.X_OK)
    for name, role in (("TESTKASE_DATABASE_URL", "testkase_server"), ("TESTKASE_ADMIN_DATABASE_URL", "testkase_owner")):
        connection = psycopg2.connect(variables[name])
        with connection.cursor() as cursor:
            cursor.execute("select current_user, current_setting('listen_addresses'), current_setting('fsync')")
            assert cursor.fetchone() == (role, "", "on")
        connection.close()


def test_token_is_the_owners_for_90_days(running):
    variables = running.variables()
    answer = get(running, "/api/v1/session", headers=bearer(variables["TESTKASE_PAT"]))
    assert answer.status_code == 200, answer.text
    assert answer.json()["user"]["email"] == variables["TESTKASE_ADMIN_EMAIL"]
    assert answer.json()["user"]["orgRole"] == "owner"
    assert answer.json()["organization"]["id"] == 1173
    assert answer.json()["apiKey"]["expiresInDays"] == 90


@pytest.mark.parametrize("who,roles", [
    ("TESTKASE_ADMIN", {"PRJ-1": "project_admin", "PRJ-2": "project_admin"}), ("DEMO_USER", {"PRJ-1": "user"}),
    ("DEMO_GUEST", {"PRJ-1": "guest"})])
def test_sign_in_of_the_demo_accounts(running, who, roles):
    variables = running.variables()
    session = sign_in(running, variables[f"{who}_EMAIL"], variables[f"{who}_PASSWORD"])
    answer = session.get(f"http://127.0.0.1:{running.port}/api/v1/projects/user-projects", timeout=20)
    assert {project["id"]: project["role"] for project in answer.json()["data"]} == roles


def test_no_secret_in_arguments_environments_and_logs(running):
    variables = running.variables()
    texts = {f"{name} {what}": pathlib.Path(f"/proc/{running.pid(name)}/{what}") for name in SERVICES
             for what in ("cmdline", "environ")}
    texts.update({str(path): path for path in (running.var / "log").iterdir()})
    for what, path in texts.items():
        try:
            text = path.read_bytes()
        except PermissionError:
            # Our programs let nobody but root look into them.
            continue
        for name in SECRETS:
            assert variables[name].encode() not in text, f"{name} is in {what}"


def test_second_start_changes_nothing(running):
    before = running.variables(), [running.pid(name) for name in SERVICES], counts(running)
    said = running.start()
    assert "runs already" in said
    assert before == (running.variables(), [running.pid(name) for name in SERVICES], counts(running))


def renew(tree, name):
    """The program is another file, as if it had been compiled again."""
    program = tree.root / "build" / "release" / name / f"testkase-{name}"
    shutil.copy(program, f"{program}.new")
    os.replace(f"{program}.new", program)


def test_newly_compiled_programs_replace_the_running_ones(running):
    """Under requests, none of which fails."""
    before = {name: running.pid(name) for name in SERVICES}
    answers, over = [], threading.Event()

    def ask():
        while not over.is_set():
            answers.append(get(running, "/readyz").status_code)

    for name in ("server", "worker"):
        renew(running, name)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            said = running.start()
        finally:
            over.set()
        asking.result(30)
    assert "The new server runs" in said and "The new worker runs" in said
    assert set(answers) == {200}
    after = {name: running.pid(name) for name in SERVICES}
    assert after["postgres"] == before["postgres"]
    assert not any(is_alive(before[name]) for name in ("server", "worker"))
    assert running.script("status").returncode == 0
    assert "took over the listening sockets" in (running.var / "log" / "server.log").read_text()
    assert "runs already" in running.start()


def test_a_new_server_that_fails_leaves_the_running_one(running):
    before = running.pid("server")
    renew(running, "server")
    done = running.script(environment={**ENVIRONMENT, "TESTKASE_SOCKET_GROUP": "no-such-group"})
    assert done.returncode == 1
    assert "the running one goes on" in done.stdout and "no-such-group" in done.stdout
    assert running.pid("server") == before
    assert running.script("status").returncode == 0
    assert "The new server runs" in running.start()


def counts(tree):
    connection = psycopg2.connect(tree.variables()["TESTKASE_ADMIN_DATABASE_URL"])
    with connection.cursor() as cursor:
        cursor.execute("""select (select count(*) from testkase.organizations), (select count(*) from testkase.users),
                                 (select count(*) from testkase.projects), (select count(*) from testkase.api_tokens)""")
        found = cursor.fetchone()
    connection.close()
    return found


def test_another_port_while_it_runs_is_refused(running):
    done = running.script("--port", str(free_port()))
    assert done.returncode == 1
    assert f"port {running.port}" in done.stdout


def test_status_and_start_after_everything_was_killed(running):
    """As after a reboot: process ids in files, and no such processes."""
    before = running.variables(), counts(running)
    for pid in [running.pid(name) for name in SERVICES]:
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: not is_alive(pid), 20, "the process is gone")
    done = running.script("status")
    assert done.returncode == 1
    assert done.stdout.count("does not run") == 3
    # What the killed PostgreSQL leaves behind ends by itself, soon.
    until(lambda: running.script("--port", str(running.port)).returncode == 0, 60, "it starts again")
    assert before == (running.variables(), counts(running))
    assert running.script("status").returncode == 0


def test_start_after_postgresql_alone_has_ended(running):
    """Server and worker run on, and connect again."""
    pids = {name: running.pid(name) for name in SERVICES}
    os.kill(pids["postgres"], signal.SIGINT)
    until(lambda: not is_alive(pids["postgres"]), 20, "PostgreSQL is gone")
    until(lambda: get(running, "/readyz").status_code == 503, 20, "the server has noticed")
    running.start()
    assert {name: running.pid(name) for name in SERVICES if name != "postgres"} == {
        name: pid for name, pid in pids.items() if name != "postgres"}
    assert get(running, "/readyz").status_code == 200


def test_a_deleted_token_is_replaced_at_the_next_start(running):
    old = running.variables()["TESTKASE_PAT"]
    answer = requests.delete(f"http://127.0.0.1:{running.port}/api/v1/api-keys/current", headers=bearer(old), timeout=20)
    assert answer.status_code == 204
    assert running.script("stop").returncode == 0
    assert "no longer valid" in running.start()
    new = running.variables()["TESTKASE_PAT"]
    assert new != old
    assert get(running, "/api/v1/session", headers=bearer(new)).status_code == 200


def test_stop_ends_what_was_started_and_nothing_else(running):
    pids = [running.pid(name) for name in SERVICES]
    file = running.var / "run" / "worker.pid"
    written = file.read_text()
    with subprocess.Popen(["sleep", "600"]) as stranger:
        # The worker has ended, and its id belongs to another process now.
        os.kill(pids[1], signal.SIGKILL)
        until(lambda: not is_alive(pids[1]), 20, "the worker is gone")
        file.write_text(" ".join([str(stranger.pid), *written.split()[1:]]))
        done = running.script("stop")
        assert done.returncode == 0, done.stdout
        assert stranger.poll() is None
        stranger.kill()
    assert not any(is_alive(pid) for pid in pids)
    assert running.script("status").returncode == 1
    assert running.script("stop").returncode == 0


def test_taken_port_is_told(running):
    assert running.script("stop").returncode == 0
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", running.port))
        taken.listen()
        done = running.script("--port", str(running.port))
        assert done.returncode == 1
        assert f"port {running.port}" in done.stdout and "--port" in done.stdout
    assert running.script("status").returncode == 1


def test_port_is_remembered(running):
    assert running.script("stop").returncode == 0
    done = running.script()
    assert done.returncode == 0, done.stdout
    assert get(running, "/readyz").status_code == 200


def test_settings_of_the_caller_do_no_harm(running):
    assert running.script("stop").returncode == 0
    variables = running.variables()
    done = running.script(environment={**ENVIRONMENT, **variables, "PGHOST": "/nowhere", "PGUSER": "nobody",
                                       "http_proxy": "http://127.0.0.1:1", "TESTKASE_LOG_LEVEL": "error"})
    assert done.returncode == 0, done.stdout
    assert running.variables() == variables


def test_start_that_fails_leaves_nothing_running(running):
    assert running.script("stop").returncode == 0
    done = running.script(environment={**ENVIRONMENT, "TESTKASE_THREADS": "many"})
    assert done.returncode == 1
    assert "TESTKASE_THREADS" in done.stdout
    assert running.script("status").stdout.count("does not run") == 3


@pytest.mark.parametrize("arguments", [("begin",), ("--port",), ("--port", "0"), ("--port", "70000"), ("--port", "x"),
                                       ("start", "stop")], ids=" ".join)
def test_misuse(running, arguments):
    done = running.script(*arguments)
    assert done.returncode == 2
    assert "--help" in done.stdout


DOCUMENTS = ("README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))


def blocks(document):
    text = (ROOT / document).read_text()
    return re.findall(r"The tests run this block as it stands\. -->\n```sh\n(.*?)```", text, re.DOTALL)


def test_documents_mark_what_can_be_run():
    counts = {document: len(blocks(document)) for document in DOCUMENTS}
    assert counts == {document: (ROOT / document).read_text().count("```sh") for document in DOCUMENTS}
    assert {document: count for document, count in counts.items() if count} == {"README.md": 2, "docs/OPERATING.md": 1}, \
        "the tests below run each of them"


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_readme_token_commands(running, shell):
    done = running.shell(blocks("README.md")[0], shell)
    assert done.returncode == 0, done.stderr
    made = re.search(r'"token":"(tk_pat_\w+)"', done.stdout)
    assert made, done.stdout
    assert '"id":"PRJ-1"' in done.stdout
    assert "status 204" in done.stdout
    assert '"code":"invalid_token"' in done.stdout.split("status 204")[1]
    assert get(running, "/api/v1/session", headers=bearer(made.group(1))).status_code == 401


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_readme_first_report(running, shell):
    before = cycle_counts(running)
    done = running.shell(blocks("README.md")[1], shell)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reported 3 results to TCYCLE-1: 3 matched, 0 unmatched" in done.stderr
    added = {name: number - before[name] for name, number in cycle_counts(running).items()}
    assert added == {"total": 3, "notExecuted": 0, "pass": 1, "fail": 1, "blocked": 0, "skipped": 1}
    assert '"fail"' in done.stdout


def cycle_counts(tree):
    headers = bearer(tree.variables()["TESTKASE_PAT"])
    return get(tree, "/api/v1/test-cycles/TCYCLE-1?projectId=PRJ-1", headers=headers).json()["counts"]


def test_admin_commands(running):
    done = running.shell(blocks("docs/OPERATING.md")[0])
    assert done.returncode == 0, done.stderr
    assert "admin@demo.test" in done.stdout


def test_a_database_of_another_version_is_left_alone_and_reset_told(running):
    connection = psycopg2.connect(running.variables()["TESTKASE_ADMIN_DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute("update testkase.schema_migrations set checksum = reverse(checksum)")
    connection.close()
    assert running.script("stop").returncode == 0
    done = running.script()
    assert done.returncode == 1
    assert "has to be made anew" in done.stdout and "./deploy/local.sh reset" in done.stdout
    assert running.script("status").stdout.count("does not run") == 3
    assert running.script("reset", "--yes").returncode == 0
    running.start()


def test_reset_asks_and_removes(running):
    variables = running.variables()
    socket_folder = pathlib.Path(requests.utils.unquote(re.search("host=([^&]*)",
                                                                  variables["TESTKASE_DATABASE_URL"]).group(1)))
    assert socket_folder.is_dir()
    pids = [running.pid(name) for name in SERVICES]
    done = running.script("reset")
    assert done.returncode == 1 and "--yes" in done.stdout
    assert all(is_alive(pid) for pid in pids)
    done = running.script("reset", "--yes")
    assert done.returncode == 0, done.stdout
    assert not any(is_alive(pid) for pid in pids)
    assert not running.var.exists()
    assert not socket_folder.exists()
    # And from the beginning: other secrets, the same organization.
    running.start()
    again = running.variables()
    assert again["DEMO_ORG_ID"] == "1173"
    assert all(again[name] != variables[name] for name in SECRETS)
