"""PostgreSQL as others run it. PgBouncer in between: in session mode all works, in transaction mode nothing starts. And a
cluster whose operator is no superuser."""

import contextlib
import json
import os
import pwd
import shutil
import subprocess
import tempfile

import pytest

from support.deadline import until
from support.postgres import ROOT, Database
from support.process import run
from support.runbook import section
from support.service import Service, server_environment

CONFIGURATION = """
[databases]
* = host={cluster} port={port}
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = 6432
auth_type = trust
auth_file = {folder}/userlist.txt
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 300
server_round_robin = {round_robin}
"""


class Pooler:
    """A PgBouncer in front of the database; like a Database, it knows the URL for a role. Its configuration is ours for that
    mode, or is written by `script(folder)`, the text of a shell script."""

    def __init__(self, database, mode=None, size=60, round_robin=0, script=None):
        self.database = database
        self.folder = tempfile.mkdtemp(prefix="testkase-pool-", dir="/tmp")
        account = {}
        if os.geteuid() == 0:  # PgBouncer refuses root
            entry = pwd.getpwnam("postgres")
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        os.chmod(self.folder, 0o755)
        path = os.path.join(self.folder, "pgbouncer.ini")
        if script:
            subprocess.run(["bash", "-ec", script(self.folder)], stdin=subprocess.DEVNULL, timeout=10, check=True)
        else:
            with open(path, "w", encoding="ascii") as file:
                file.write(CONFIGURATION.format(cluster=database.cluster.folder, port=database.cluster.port,
                                                folder=self.folder, mode=mode, size=size, round_robin=round_robin))
        with open(os.path.join(self.folder, "userlist.txt"), "w", encoding="ascii") as file:
            file.writelines(f'"testkase_{role}" ""\n' for role in ("owner", "server", "worker", "ops"))
        self.process = subprocess.Popen(["/usr/sbin/pgbouncer", path], cwd="/", stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **account)
        until(lambda: os.path.exists(f"{self.folder}/.s.PGSQL.6432"), 10, "PgBouncer listens")

    def url(self, role):
        return f"host={self.folder} port=6432 user={role} dbname={self.database.name}"

    def close(self):
        self.process.kill()
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def pooled(database):
    made = []

    def begin(*arguments, **options):
        made.append(Pooler(database, *arguments, **options))
        return made[-1]
    yield begin
    for one in made:
        one.close()


def worker_variables(pooler):
    return {"TESTKASE_DATABASE_URL": pooler.url("testkase_worker")}


def test_in_session_mode_all_works(pooled, database, binaries, start):
    pooler = pooled("session")
    worker = start(binaries / "worker" / "testkase-worker", worker_variables(pooler))
    worker.wait_ready()
    admin = run(binaries / "admin" / "testkase-admin", ["status"], {"TESTKASE_DATABASE_URL": pooler.url("testkase_owner")})
    assert admin.returncode == 0, admin.stderr
    service = Service(binaries / "server" / "testkase-server", database, TESTKASE_DATABASE_URL=pooler.url("testkase_server"))
    try:
        organization = service.organization()
        signed_in = service.sign_in(organization.member)
        made = signed_in.post("/api-keys", {"name": "CI", "expiresInDays": 7}, 201).json()
        bearer = service.server.bearer(made["token"])
        for _ in range(20):
            bearer.get("/session", 200)
        signed_in.delete(f"/api-keys/{made['id']}", 204)
        bearer.get("/session", 401)
        token_id, _ = service.mint(organization.member)
        service.server.api().get("/session", 401)
        database.age_token(token_id, days=40)
        ended = "select ended_at is not null from testkase.api_tokens where id = %s"
        until(lambda: database.value(ended, (token_id,)), 30, "the worker ends the token: notifications arrive")
    finally:
        service.close()


def test_the_configuration_of_the_runbook_works(pooled, database, start_service):
    """Without passwords, and on a unix socket."""
    def script(folder):
        names = {"/etc/pgbouncer": folder, "db1.example.test": database.cluster.folder, "testkase = ": f"{database.name} = ",
                 "listen_addr = 127.0.0.1": f"listen_addr =\nunix_socket_dir = {folder}", "scram-sha-256": "trust"}
        with section("Scale out", names) as blocks:
            return blocks.next("pgbouncer.ini")
    service = start_service(database, TESTKASE_DATABASE_URL=pooled(script=script).url("testkase_server"))
    service.bearer(service.organization().member).get("/session", 200)


def test_migrate_works_in_session_mode(pooled, empty_database, admin_path):
    pooler = Pooler(empty_database, "session")
    try:
        done = run(admin_path, ["migrate"], {"TESTKASE_DATABASE_URL": pooler.url("testkase_owner")})
        assert done.returncode == 0, done.stderr
    finally:
        pooler.close()


@pytest.mark.parametrize("mode", ["transaction", "statement"])
@pytest.mark.parametrize("size", [1, 40])
def test_other_modes_are_refused_in_one_clear_line(pooled, binaries, mode, size):
    pooler = pooled(mode, size)
    for name, arguments in (("worker", []), ("admin", ["user", "list"]), ("admin", ["migrate"])):
        role = "owner" if name == "admin" else name
        variables = {"TESTKASE_DATABASE_URL": pooler.url(f"testkase_{role}")}
        done = run(binaries / name / f"testkase-{name}", arguments, variables)
        assert done.returncode == 1 and done.stderr.count("pool_mode = session") == 1, (name, done.stderr)
        assert "prepared statement" not in done.stderr


def test_the_server_does_not_start_in_transaction_mode(pooled, database, server_path):
    pooler = pooled("transaction")
    variables = server_environment(database, TESTKASE_DATABASE_URL=pooler.url("testkase_server"))
    done = run(server_path, environment=variables)
    assert done.returncode == 1 and done.stderr.count("pool_mode = session") == 1, done.stderr


def without_superuser(cluster):
    """Sets the service up as docs/DEPLOYMENT.md says, by a role like those of managed services. Returns its database."""
    cluster.execute("drop database migrated")
    for role in ("owner", "server", "worker", "ops"):
        cluster.execute(f"drop role testkase_{role}")
    cluster.execute("create role cloud login createrole createdb")
    with contextlib.closing(cluster.connect("postgres", "cloud")) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute((ROOT / "sql" / "roles.sql").read_text())
        cursor.execute("grant testkase_owner to cloud")
        cursor.execute("create database testkase owner testkase_owner")
    return Database(cluster, "testkase")


def test_no_superuser_is_needed(own_cluster, binaries, start, start_service):
    database = without_superuser(own_cluster)
    admin = {"TESTKASE_DATABASE_URL": database.url("testkase_owner"), "TESTKASE_ARGON2_MEMORY_KIB": "8192"}
    for arguments in (["migrate"], ["org", "create", "Acme", "--owner", "ada@example.test"],
                      ["token", "create", "ada@example.test", "--name", "CI", "--expires-in-days", "7"]):
        done = run(binaries / "admin" / "testkase-admin", [*arguments, "--json"], admin)
        assert done.returncode == 0, done.stderr
    worker = start(binaries / "worker" / "testkase-worker", {"TESTKASE_DATABASE_URL": database.url("testkase_worker")})
    worker.wait_ready()
    service = start_service(database)
    service.server.bearer(json.loads(done.stdout)["token"]).get("/session", 200)
    assert run(binaries / "admin" / "testkase-admin", ["status"], admin).returncode == 0
