"""Private PostgreSQL clusters on a unix socket, and migrated databases in them."""

import glob
import hashlib
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.parse

import psycopg2

from support.deadline import until

ROOT = pathlib.Path(__file__).resolve().parents[2]
MIGRATIONS = ROOT / "sql" / "migrations"

# What `testkase-admin migrate` makes before the first migration.
BOOTSTRAP = """
create schema testkase;
create table testkase.schema_migrations (
    version integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now(),
    oldest_program integer
);
"""


def chosen_bin():
    """The folder of the server programs of $PAT_TEST_POSTGRES, or else of the newest PostgreSQL."""
    if os.environ.get("PAT_TEST_POSTGRES"):
        return pathlib.Path(os.environ["PAT_TEST_POSTGRES"]).resolve()
    folders = glob.glob("/usr/lib/postgresql/*/bin")
    return pathlib.Path(max(folders, key=lambda folder: int(folder.split("/")[-2])))


def migrations():
    """(version, name, checksum, text) of every migration, in order."""
    for path in sorted(MIGRATIONS.glob("*.sql")):
        version, name = re.fullmatch(r"(\d{4})_(\w+)\.sql", path.name).groups()
        yield int(version), name, hashlib.sha256(path.read_bytes()).hexdigest(), path.read_text()


class Cluster:
    """A cluster of its own in a temporary folder, with the roles of the service unless it is to be empty. PostgreSQL refuses
    root, so under root it runs as user postgres. fsync is off: that matters only to a machine that loses power. With `primary`,
    it is a standby of that cluster. `environment` holds variables that PostgreSQL gets besides the tests' own."""

    def __init__(self, settings=None, primary=None, is_empty=False, environment=None):
        self.environment = environment or {}
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="testkase-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.port = 5432
        self.bin = chosen_bin()
        self.made = 0
        self.account = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self.account = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        os.chmod(self.folder, 0o755)
        self._process = None
        try:
            if primary:
                self.copy(primary)
            else:
                self._initialize(settings or {})
            self.start()
            if not primary and not is_empty:
                self._make_template()
        except BaseException:
            self.remove()
            raise

    def _run(self, program, *arguments):
        done = subprocess.run([self.bin / program, *arguments], cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120, check=False, **self.account)
        assert done.returncode == 0, done.stderr

    def shell(self, script):
        """Runs a script as the account that owns the cluster."""
        self._run("/bin/bash", "-e", "-c", script)

    def _initialize(self, settings):
        self._run("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        lines = {
            "listen_addresses": "", "port": self.port, "max_connections": 200,
            "fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB", "timezone": "UTC",
            "log_timezone": "UTC", "autovacuum_naptime": "10s", **settings}
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.writelines(f"{key} = '{value}'\n" for key, value in lines.items())

    def _make_template(self):
        self.execute((ROOT / "sql" / "roles.sql").read_text())
        self.execute("create database migrated owner testkase_owner")
        migrate(self, "migrated")

    def start(self):
        """Returns when it takes connections."""
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen([self.bin / "postgres", "-D", self.data, "-k", self.folder], cwd="/",
                                             env={**os.environ, **self.environment}, stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=log, **self.account)
        until(self._answers, 60, f"PostgreSQL is up; its log is {self.log}")

    def _answers(self):
        assert self._process.poll() is None, self.log.read_text(errors="replace")[-3000:]
        try:
            self.connect("postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def copy(self, primary):
        """Makes it anew, as a standby of a running cluster; it must not run."""
        shutil.rmtree(self.data, ignore_errors=True)
        self._run("pg_basebackup", "--dbname", primary.url("postgres", "postgres"), "--pgdata", self.data,
                  "--write-recovery-conf", "--checkpoint=fast", "--no-sync")

    def rewind(self, primary):
        """Makes a primary that was killed a standby of the one that took over."""
        # pg_rewind reads the timeline of the last checkpoint, and finds nothing to do if that was before the promotion.
        primary.execute("checkpoint")
        self._run("pg_rewind", "--target-pgdata", self.data, "--source-server", primary.url("postgres", "postgres"),
                  "--write-recovery-conf", "--no-sync")

    def promote(self):
        """Returns when the standby has become a primary."""
        assert self.execute("select pg_promote(true, 60)") == [(True,)]

    def stop(self, number=signal.SIGINT):
        """Stops it by SIGTERM (waits for its clients), SIGINT (cuts them off) or SIGQUIT (at once, to recover at the next
        start)."""
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self._process.send_signal(number)
            self._process.wait(60)

    def restart(self):
        self.stop()
        self.start()

    def processes(self):
        """Process ids of the postmaster and its children."""
        if self._process is None or self._process.poll() is not None:
            return []
        return [self._process.pid, *children_of(self._process.pid)]

    def _signal(self, number):
        if number != signal.SIGCONT and self._process is not None and self._process.poll() is None:
            # So that it makes no child that the list of them would miss.
            os.kill(self._process.pid, signal.SIGSTOP)
            until(lambda: state_of(self._process.pid) in "TZX", 10, "the postmaster stands still")
        pids = self.processes()
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        return pids

    def kill9(self):
        """As the kernel's out-of-memory killer would, but all of it; returns when nothing of it is left."""
        pids = self._signal(signal.SIGKILL)
        self._process.wait(10)
        until(lambda: not any(is_alive(pid) for pid in pids), 10, "PostgreSQL is dead")

    def freeze(self):
        """It stands still: takes connections and bytes into the kernel's queues, and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self):
        self._signal(signal.SIGCONT)

    def remove(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, role, database):
        return (f"postgresql://{role}@/{database}?host={urllib.parse.quote(str(self.folder), safe='')}"
                f"&port={self.port}")

    def connect(self, database, role="postgres"):
        return psycopg2.connect(self.url(role, database))

    def major(self):
        """The major release of PostgreSQL, for example 15."""
        said = subprocess.run([self.bin / "postgres", "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
        return int(re.search(r"\) (\d+)", said)[1])

    def execute(self, sql, database="postgres"):
        """Runs one statement as superuser outside of a transaction block; returns its rows, if it has any."""
        connection = self.connect(database)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def create_database(self, template="migrated"):
        """A fresh migrated Database; with template `template1` an empty one, as an operator makes it."""
        self.made += 1
        name = f"testkase_{self.made}"
        self.execute(f"create database {name} owner testkase_owner template {template}")
        return Database(self, name)


class Pair:
    """A primary, and a standby for which its commits wait. Like a Cluster, it knows URLs, which name both hosts, and runs
    statements on the primary."""

    def __init__(self):
        self.hosts = []
        self.made = 0
        try:
            self.hosts.append(Cluster({
                "full_page_writes": "on", "wal_log_hints": "on", "wal_keep_size": "256MB",  # what pg_rewind needs
                "wal_retrieve_retry_interval": "100ms"}))
            self.hosts.append(Cluster(primary=self.hosts[0]))
            self.primary, self.standby = self.hosts
            self.have_commits_wait()
        except BaseException:
            self.remove()
            raise
        self.bin = self.primary.bin

    def have_commits_wait(self):
        self.set_standby_names("*")
        until(self._is_in_step, 30, "commits wait for the standby")

    def _is_in_step(self):
        return self.execute("select sync_state, state from pg_stat_replication") == [("sync", "streaming")]

    def set_standby_names(self, names):
        self.execute(f"alter system set synchronous_standby_names = '{names}'")
        self.execute("select pg_reload_conf()")

    def promote(self):
        """The standby takes over; it has no standby of its own then, and its commits wait for none."""
        self.standby.promote()
        self.swap()

    def swap(self):
        """The standby has been promoted."""
        self.primary, self.standby = self.standby, self.primary

    def rebuild(self, rewind):
        """The former primary, which was killed, follows the new one: with what it has after `rewind`, or as a new copy."""
        (self.standby.rewind if rewind else self.standby.copy)(self.primary)
        self.standby.start()
        self.have_commits_wait()

    def repair(self):
        """Whatever a test has left: both hosts run, and the standby follows."""
        for host in self.hosts:
            host.thaw()
        if not self.primary.processes():
            self.primary.start()
        if not (self.standby.processes() and self._is_in_step()):
            self.standby.stop(signal.SIGQUIT)
            self.set_standby_names("")
            self.rebuild(rewind=False)

    def remove(self):
        for host in self.hosts:
            host.remove()

    def url(self, role, database):
        folders = ",".join(urllib.parse.quote(str(host.folder), safe="") for host in self.hosts)
        ports = ",".join(str(host.port) for host in self.hosts)
        return f"postgresql://{role}@/{database}?host={folders}&port={ports}"

    def connect(self, database, role="postgres"):
        return self.primary.connect(database, role)

    def execute(self, sql, database="postgres"):
        return self.primary.execute(sql, database)

    create_database = Cluster.create_database


class Database:
    """One database of a cluster or a pair."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self._superuser = None

    def url(self, role):
        """Connection URI for one of testkase_server, testkase_worker, testkase_owner, testkase_ops, postgres."""
        return self.cluster.url(role, self.name)

    def connect(self, role="postgres"):
        return self.cluster.connect(self.name, role)

    def query(self, sql, parameters=None):
        """Runs a statement as superuser, committed at once; returns its rows, if it has any."""
        if self._superuser is None or self._superuser.closed:
            self._superuser = self.connect()
            self._superuser.autocommit = True
        with self._superuser.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else None

    def value(self, sql, parameters=None):
        """The first column of the only row."""
        rows = self.query(sql, parameters)
        assert len(rows) == 1, rows
        return rows[0][0]

    def without_triggers(self, sql, parameters=None):
        """Runs a statement past the triggers, as no role of the service can: to make what time would make."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("set session_replication_role = replica")
            cursor.execute(sql, parameters)
        connection.close()

    def age_token(self, token_id, days=0, seconds=0):
        """Makes a token as old as if it had been made that much earlier, with its reminder."""
        shift = f"{days * 86400 + seconds} seconds"
        self.without_triggers(
            """with aged as (
                   update testkase.api_tokens
                   set created_at = created_at - %(shift)s::interval, expires_at = expires_at - %(shift)s::interval,
                       rotate_at = rotate_at - %(shift)s::interval
                   where id = %(id)s
                   returning id)
               update testkase.rotation_reminders r set due_at = due_at - %(shift)s::interval from aged
               where r.token_id = aged.id""",
            {"shift": shift, "id": token_id})
        # The triggers would have incremented the epoch.
        self.query("update testkase.auth_epoch set epoch = epoch + 1")

    def dump(self, *options, role="postgres"):
        """What pg_dump writes: text, or as its options say."""
        done = subprocess.run([str(self.cluster.bin / "pg_dump"), "--dbname", self.url(role), *options],
                              capture_output=True, timeout=60, check=True)
        return done.stdout

    def restore(self, dump, *options, role="testkase_owner"):
        """Restores a dump in pg_dump's custom format."""
        done = subprocess.run([str(self.cluster.bin / "pg_restore"), "--exit-on-error", "--single-transaction", "--dbname",
                               self.url(role), *options], input=dump, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr.decode()

    def close(self):
        if self._superuser is not None:
            self._superuser.close()

    def drop(self):
        self.close()
        self.cluster.execute(f"drop database if exists {self.name} with (force)")


def migrate(cluster, name):
    """Applies the migrations as testkase-admin does: as testkase_owner, each with its record in one transaction."""
    connection = cluster.connect(name, "testkase_owner")
    with connection, connection.cursor() as cursor:
        cursor.execute(BOOTSTRAP)
    for version, label, checksum, text in migrations():
        with connection, connection.cursor() as cursor:
            cursor.execute(text)
            cursor.execute("insert into testkase.schema_migrations (version, name, checksum) values (%s, %s, %s)",
                           (version, label, checksum))
    connection.close()


def children_of(parent):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry))
    return found


def state_of(pid):
    """The letter of proc(5) for the state of a process; X when there is none."""
    try:
        stat = pathlib.Path("/proc", str(pid), "stat").read_text()
    except OSError:
        return "X"
    return stat.rpartition(")")[2].split()[0]


def is_alive(pid):
    """Whether the process still runs; a zombie does not."""
    return state_of(pid) not in "ZX"
