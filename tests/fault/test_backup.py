"""Backups are made and restored as deploy/RUNBOOK.md says, with the service's last hours lost."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from support.admin import Admin
from support.deadline import until
from support.postgres import ROOT, Cluster, Database
from support.runbook import section
from support.service import Service

pytestmark = pytest.mark.no_second_chance

OWNER = "postgresql://testkase_owner@db.example.test/testkase"
OPS = "postgresql://testkase_ops@db.example.test/testkase"
SUPERUSER = "postgresql://postgres@db.example.test/postgres"


class Operator(Admin):
    """Runs commands of the runbook against one database, in a folder for its files."""

    def __init__(self, path, database, folder):
        super().__init__(path, database)
        self.folder = folder

    def shell(self, commands, account=None, **variables):
        cluster = self.database.cluster
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=self.folder, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False,
                              env={**os.environ, **self.environment, "PATH": f"{cluster.bin}:{self.path.parent}:/usr/bin:/bin",
                                   "PGHOST": str(cluster.folder), "PGPORT": str(cluster.port), "PGUSER": "postgres",
                                   "PGDATA": str(cluster.data), **variables}, **(account or {}))
        return done.returncode, done.stdout

    def does(self, commands, **more):
        status, output = self.shell(commands, **more)
        assert status == 0, output
        return output


def complaints(operator):
    """{check: state} of those that are not ok. Here no worker does what is overdue."""
    report = json.loads(operator.run("backup", "check", "--json").stdout)
    found = {check["name"]: check["state"] for check in report["checks"] if check["state"] != "ok"}
    assert report["healthy"] == ("failed" not in found.values())
    return {name: state for name, state in found.items() if name != "overdue"}


def back_up(operator):
    """Makes a dump, a first copy of the audit log and a base backup. Returns the command that makes the next copy."""
    database = operator.database
    names = {OWNER: database.url("testkase_owner"), OPS: database.url("testkase_ops"), SUPERUSER: database.url("postgres")}
    with section("Backup", names) as blocks:
        operator.does(blocks.next("pg_dump"))
        copy = blocks.next("ops.audit_trail")
        operator.does(copy)
        operator.does(blocks.next("pg_basebackup"), account=database.cluster.account)
    return copy


@pytest.fixture
def folder():
    """For the files of operator and PostgreSQL, who may be different users; holds what the runbook names in the source."""
    with tempfile.TemporaryDirectory(prefix="testkase-backup-") as name:
        made = pathlib.Path(name)
        made.chmod(0o777)
        for part in ("archive", "sql"):
            (made / part).mkdir()
            (made / part).chmod(0o777)
        shutil.copy(ROOT / "sql" / "roles.sql", made / "sql")
        yield made


@pytest.fixture
def archiving(folder):
    """A cluster that archives its log."""
    made = Cluster({"archive_mode": "on", "archive_command": f"test ! -f {folder}/archive/%f && cp %p {folder}/archive/%f"})
    yield made
    made.remove()


@pytest.fixture
def operator(archiving, admin_path, folder):
    database = archiving.create_database()
    database.query("insert into testkase.histories (cluster, timeline, database) "
                   "select h.cluster, h.timeline, h.database from testkase.present_history() h")
    archiving.execute((ROOT / "sql" / "roles.sql").read_text())
    made = Operator(admin_path, database, folder)
    assert complaints(made) == {}
    return made


class Tokens:
    """Tokens of a member: one that stays, one revoked before the backup, one revoked after it, and one of a leaver."""

    def __init__(self, service):
        self.organization = service.organization()
        self.leaver = service.person(self.organization.id)
        self.service = service
        self.owner = service.sign_in(self.organization.owner)
        self.member = service.sign_in(self.organization.member)
        self.kept, self.before, self.after = (service.mint(self.organization.member, name)
                                              for name in ("Kept", "Before", "After"))
        self.leavers = service.mint(self.leaver)
        self.member.delete(f"/api-keys/{self.before[0]}", 204)

    def lose(self):
        """What happens after the backup."""
        self.member.delete(f"/api-keys/{self.after[0]}", 204)
        self.owner.patch(f"/users/{self.leaver.id}", {"status": "deactivated"}, 200)
        self.check(self.service.server, after=401)

    def are_answered(self, server):
        """Whether nothing is answered by 503 any more."""
        callers = [server.bearer(token) for _, token in (self.kept, self.before, self.after, self.leavers)]
        return all(caller.get("/session").status_code != 503 for _ in range(10) for caller in callers)

    def check(self, server, after):
        """The answers that the tokens get; `after` is the one to what was ended after the backup."""
        for token, status in ((self.kept, 200), (self.before, 401), (self.after, after), (self.leavers, after)):
            server.bearer(token[1]).get("/session", status)


def test_a_dump_comes_back_in_a_fresh_cluster(operator, folder, start_service):
    service = start_service(operator.database, TESTKASE_THREADS="1")
    tokens = Tokens(service)
    copy = back_up(operator)
    tokens.lose()
    operator.does(copy)
    service.close()
    fresh = Cluster(is_empty=True)
    try:
        restored = Database(fresh, "testkase")
        other = Operator(operator.path, restored, folder)
        with section("Restore a dump", {OWNER: restored.url("testkase_owner")}) as blocks:
            other.does(blocks.next("pg_restore"))
            assert complaints(other) == {"history": "failed"}
            server = Service(service.path, restored, TESTKASE_THREADS="1")
            tokens.check(server.server, after=200)  # as the runbook warns
            server.close()
            said = other.does(blocks.next("--revoked-since"))
        assert "sessions ended: 2" in said and re.search(r"api_key.revoked +\d+ +After +ended", said)
        assert complaints(other) == {}
        assert not other.done("migrate")["applied"]
        server = start_service(restored, TESTKASE_THREADS="1").server
        tokens.check(server, after=401)
        server.api().post("/session", {"email": tokens.leaver.email, "password": tokens.leaver.password}, 401)
        server.sign_in(tokens.organization.member)
    finally:
        fresh.remove()


def test_recovery_to_a_point_in_time(operator, folder, start_service):
    """A server runs all the time: it serves no state of the history that is no more."""
    database, cluster = operator.database, operator.database.cluster
    service = start_service(database, TESTKASE_THREADS="1")
    tokens = Tokens(service)
    copy = back_up(operator)
    target = database.value("select clock_timestamp()::text")
    tokens.lose()
    operator.does(copy)
    last = database.value("select pg_walfile_name(pg_switch_wal())")
    until(lambda: database.value("select coalesce(last_archived_wal, '') >= %s from pg_stat_archiver", (last,)), 30,
          "the log is archived")
    database.close()
    cluster.stop()
    with section("Recover to a point in time", {"/srv/archive": folder / "archive", "2027-01-31 14:05:00+00": target}) as blocks:
        operator.does(blocks.next("recovery.signal"), account=cluster.account)
        cluster.start()
        until(lambda: not database.value("select pg_is_in_recovery()"), 30, "PostgreSQL takes writes")
        until(lambda: tokens.are_answered(service.server), 20, "all connections of the server are made anew")
        tokens.check(service.server, after=200)  # as the runbook warns
        assert complaints(operator) == {"history": "failed"}
        operator.does(blocks.next("--revoked-since"))
    tokens.check(service.server, after=401)
    assert complaints(operator) == {}
    service.server.check_sane()
