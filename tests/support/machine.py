"""A Debian of its own with systemd as process 1, in a container that has no network but its loopback. Podman runs it, as root."""

import os
import resource
import subprocess
import sys

from support.deadline import until
from support.postgres import ROOT

FOLDER = ROOT / "build" / "boot"
AS_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")

# What the packages of the service depend on, a proxy in front of it, and what a person uses to look at it.
PACKAGES = (
    "systemd-sysv", "dbus", "postgresql-15", "postgresql-client", "nginx-light", "curl", "openssl", "ca-certificates",
    "libargon2-1", "libcurl4", "libevent-core-2.1-7", "libevent-extra-2.1-7", "libexpat1", "libpq5", "libsodium23",
    "libsystemd0", "libutf8proc2", "libyajl2", "zlib1g")


def make_root(name="bookworm", extra=PACKAGES):
    """A tar file of a Debian 12 with these packages, and nothing of the service. It is made once in a tree."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    packages, tar = FOLDER / f"{name}.packages", FOLDER / f"{name}.tar"
    wanted = ",".join(extra)
    if not tar.exists() or not packages.exists() or packages.read_text() != wanted:
        include = [f"--include={wanted}"] if wanted else []
        subprocess.run([*AS_ROOT, "mmdebstrap", "--quiet", "--variant=minbase", *include, "bookworm", tar],
                       check=True, stdin=subprocess.DEVNULL, timeout=600)
        packages.write_text(wanted)
    return tar


def limits():
    """A container may have as much as this process, but no more; Podman would ask for more."""
    for name, number in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        hard = resource.getrlimit(number)[1]
        most = 10_000 if hard == resource.RLIM_INFINITY else min(hard, 10_000)
        yield f"{name}={most}:{most}"


# The service on it.
URL = "http://127.0.0.1:8080"
PASSWORD = "correct-horse-battery"


class Machine:
    """Boots in `folder`, which the caller owns; close() leaves nothing there. PostgreSQL's data lie on a file system
    of their own, which a test can fill."""

    def __init__(self, folder):
        self.folder = folder
        self.root = folder / "root"
        self.container = None
        self.root.mkdir()
        try:
            self.as_root("tar", "--extract", "--file", make_root(), "--directory", self.root)
            self.container = self.podman("run", "--detach", "--systemd=always", "--network=none",
                                         "--tmpfs=/var/lib/postgresql:size=512m,mode=0755",
                                         *(f"--ulimit={limit}" for limit in limits()),
                                         "--rootfs", self.root, "/sbin/init").stdout.strip()
            until(self.is_up, 60, "systemd has started everything")
        except BaseException:
            self.close()
            raise

    def is_up(self):
        """Whether systemd has started everything; fails when a unit has failed."""
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        assert state != "degraded", self.run("systemctl", "--failed", "--no-pager").stdout
        return state == "running"

    def as_root(self, *command, **options):
        options = {"check": True, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 300} | options
        return subprocess.run([*AS_ROOT, *command], **options)

    def _podman(self, *arguments):
        return ("podman", "--runtime=runc", "--cgroup-manager=cgroupfs", "--storage-driver=vfs",
                "--root", self.folder / "store", "--runroot", self.folder / "run", *arguments)

    def podman(self, command, *arguments, **options):
        return self.as_root(*self._podman(command, *arguments), **options)

    def run(self, *command, text=None, check=True):
        """Runs a command in it, with `text` as its standard input."""
        given = {"stdin": None, "input": text} if text is not None else {}
        done = self.podman("exec", *(["--interactive"] if text is not None else []), self.container, *command,
                           check=False, **given)
        assert not check or done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done

    def shell(self, text, **options):
        return self.run("bash", "-c", text, **options)

    def status(self, token, method="GET", path="/session", text=None):
        """The status of the service's answer to a request with that token; 0 when there is none. The token is given as a file:
        arguments are for everybody to see."""
        data = ["--json", text] if text is not None else []
        done = self.run("curl", "--silent", "--max-time", "20", "--output", "/dev/null", "--write-out", "%{http_code}",
                        "--request", method, *data, "--header", "@-", f"{URL}/api/v1{path}",
                        text=f"Authorization: Bearer {token}\n", check=False)
        return int(done.stdout or 0)

    def property(self, unit, name):
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def journal(self, *units):
        names = [argument for unit in units for argument in ("--unit", unit)]
        return self.run("journalctl", "--no-pager", "--output=short-precise", *names).stdout

    def begin(self, program, *arguments):
        """Starts a program of the host, in Python, in this machine's network."""
        pid = self.podman("inspect", "--format={{.State.Pid}}", self.container).stdout.strip()
        return subprocess.Popen([*AS_ROOT, "nsenter", f"--net=/proc/{pid}/ns/net", sys.executable, "-EsB", "-c", program,
                                 *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def converse(self, *command):
        """Starts a command in it, to be talked to."""
        return subprocess.Popen([*AS_ROOT, *self._podman("exec", "--interactive", self.container, *command)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def put(self, *files, folder="root"):
        """Copies files of the host into that folder."""
        self.as_root("mkdir", "--parents", self.root / folder)
        self.as_root("cp", *files, self.root / folder)

    def wait_active(self, unit, seconds=30):
        until(lambda: self.property(unit, "ActiveState") == "active", seconds, f"{unit} is active")

    def close(self):
        if self.container:
            self.podman("rm", "--force", "--time=0", self.container)
        self.as_root("rm", "-rf", "--one-file-system", *(self.folder / name for name in ("root", "store", "run")))
