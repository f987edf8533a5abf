"""The npm package: `npx` runs the reporter from the tarball that deploy/reporter-npm.sh packs, with its exit statuses and
signals."""

import contextlib
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import tarfile

import pytest

from support.postgres import ROOT
from support.process import ENVIRONMENT
from support.reporter import Reporter, junit
from support.results_server import ResultsServer

TARGET = ("--project-id", "PRJ-1", "--org-id", "1173")


@pytest.fixture(scope="module", name="package")
def _package(build):
    said = build("reporter-npm.sh")
    return pathlib.Path(said.splitlines()[-1])


@pytest.fixture(name="unpacked")
def _unpacked(package, tmp_path):
    """The package, as it is installed."""
    subprocess.run(["tar", "--extract", "--file", package, "--directory", tmp_path], check=True)
    return tmp_path / "package"


class Npx(Reporter):
    """The reporter by npx, in a folder that has the tarball and nothing else."""

    def __init__(self, package, folder):
        super().__init__(None, folder)
        shutil.copy(package, folder / "x.tgz")
        self.environment.update({"PATH": os.environ.get("PATH", ENVIRONMENT["PATH"]), "npm_config_cache": str(folder / "cache"),
                                 "npm_config_update_notifier": "false", "NO_PROXY": "*"})

    def command(self, *words, **_):
        return ["npx", "--yes", "--offline", "./x.tgz", *words]


@pytest.fixture(name="npx")
def _npx(package, tmp_path):
    return Npx(package, tmp_path)


def test_what_is_packed(package):
    with tarfile.open(package) as archive:
        members = {member.name: member for member in archive}
        described = json.load(archive.extractfile("package/package.json"))
    assert set(members) == {f"package/{name}" for name in ("LICENSE", "LICENSES", "README.md", "index.js",
                                                           "package.json", "testkase-reporter")}
    assert members["package/testkase-reporter"].mode & 0o111 == 0o111
    assert "scripts" not in described and "dependencies" not in described
    assert (described["name"], described["bin"]) == ("@testkase/reporter", {"testkase-reporter": "index.js"})
    assert package.name == f"testkase-reporter-{described['version']}.tgz"


def test_a_report_arrives(npx, service, organization):
    member = service.bearer(organization.member)
    npx.token = npx.environment["TESTKASE_PAT"] = service.mint(organization.member)[1]
    npx.environment["TESTKASE_URL"] = service.server.base
    case = member.post("/test-cases?projectId=PRJ-1", {"title": "Pays"}, 201).json()["automationId"]
    words = ("report", "--project-id", "PRJ-1", "--org-id", str(organization.id), "--format", "junit", "--results-file", "-")
    done = npx.run(*words, standard_input=junit(f"pays with 'quotes' [{case}]").encode())
    assert "reported 1 results to TCYCLE-1: 1 matched, 0 unmatched (exit status 0)" in done.stderr
    assert member.get("/test-cycles/TCYCLE-1?projectId=PRJ-1", 200).json()["counts"]["pass"] == 1


def test_exit_statuses_and_streams(npx):
    assert npx.run("--version").stdout.startswith("testkase-reporter ")
    assert "a b.xml" in npx.run("report", *TARGET, "--dry-run", "a b.xml", status=3, environment={"TESTKASE_PAT": ""}).stderr
    assert "--org-id N is missing" in npx.run("report", "--project-id", "PRJ-1", status=2).stderr
    npx.write("a.xml", junit("pays [48271]"))
    npx.run("report", *TARGET, "--url", "http://127.0.0.1:1", "--retries", "0", "a.xml", status=4)


@pytest.fixture(name="held")
def _held(npx):
    """A server that takes an upload and does not answer until the end of the test."""
    npx.write("a.xml", junit("pays [48271]"))
    server = ResultsServer(npx.token)
    npx.environment["TESTKASE_URL"] = server.url
    server.answer("hold")
    yield server
    server.release.set()
    server.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_passes_signals_on(npx, held, unpacked, number):
    """The reporter keeps what it could not send, and its status is that of the command."""
    child = subprocess.Popen(["node", unpacked / "index.js", "report", *TARGET, "a.xml"], cwd=npx.folder, env=npx.environment,
                             stderr=subprocess.PIPE, text=True)
    assert held.arrived.acquire(timeout=60)
    child.send_signal(number)
    assert "testkase-reporter resume" in child.communicate(timeout=60)[1]
    assert child.returncode == 4
    assert len(npx.spooled()) == 1


@pytest.mark.parametrize("send,number", [(os.killpg, signal.SIGINT), (os.killpg, signal.SIGTERM), (os.kill, signal.SIGTERM)])
def test_signals_to_npx_end_the_reporter(npx, held, send, number):
    """To all its processes, as CI systems do, or SIGTERM to npx alone. (The shell that npx starts keeps a SIGINT to itself.) The
    reporter says what is left, also when npx died of the signal."""
    child = npx.start("report", *TARGET, "a.xml", start_new_session=True)
    assert held.arrived.acquire(timeout=60)
    send(child.pid, number)
    assert "testkase-reporter resume" in child.communicate(timeout=20)[1]
    assert child.returncode in (4, -number, 128 + number)
    assert len(npx.spooled()) == 1


def test_ctrl_c_in_a_terminal(npx, held):
    terminal, side = pty.openpty()
    child = subprocess.Popen(["setsid", "--ctty", *npx.command("report", *TARGET, "a.xml")], cwd=npx.folder,
                             env=npx.environment, stdin=side, stdout=side, stderr=side)
    os.close(side)
    assert held.arrived.acquire(timeout=60)
    os.write(terminal, b"\x03")
    said = b""
    try:
        while block := os.read(terminal, 4096):
            said += block
    except OSError:  # the other side was closed
        pass
    os.close(terminal)
    assert child.wait(60) in (4, -signal.SIGINT, 128 + signal.SIGINT)
    assert b"testkase-reporter resume" in said
    assert len(npx.spooled()) == 1


def command_line(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode()


def children(pid):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if path.read_text().rpartition(")")[2].split()[1] == str(pid):
                found.append(int(path.parent.name))
    return found


def test_a_token_in_the_command_line_does_not_stay(npx, held, unpacked):
    """Neither the reporter's process nor that of Node.js shows it while the upload lasts."""
    del npx.environment["TESTKASE_PAT"]
    child = subprocess.Popen(["node", unpacked / "index.js", "report", *TARGET, "--token", npx.token, "a.xml"], cwd=npx.folder,
                             env=npx.environment, stderr=subprocess.PIPE, text=True)
    assert held.arrived.acquire(timeout=60)
    shown = [command_line(pid) for pid in (child.pid, *children(child.pid))]
    assert len(shown) == 2 and all("testkase-reporter" in one for one in shown)
    assert not any(npx.token in one for one in shown)
    child.terminate()
    child.communicate(timeout=60)


def test_a_reporter_that_a_signal_kills(unpacked):
    """The caller learns of the signal, as without Node.js between; and of a program that cannot be started."""
    program = unpacked / "testkase-reporter"
    program.write_text("#!/bin/sh\nkill -KILL $$\n")
    assert subprocess.run(["node", unpacked / "index.js"], timeout=60, check=False).returncode == -signal.SIGKILL
    program.chmod(0o644)
    done = subprocess.run(["node", unpacked / "index.js"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 127 and "cannot be started" in done.stderr


def test_other_platforms_are_told(tmp_path):
    pretend = tmp_path / "pretend.js"
    pretend.write_text('Object.defineProperty(process, "platform", { value: "darwin" });')
    done = subprocess.run(["node", "--require", pretend, ROOT / "reporter" / "npm" / "index.js", "--version"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 127 and not done.stdout
    assert "for Linux on x64, and this is darwin on x64" in done.stderr
