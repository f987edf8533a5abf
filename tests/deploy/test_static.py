"""The static reporter: what deploy/reporter-static.sh builds needs nothing of the machine that it runs on."""

import os
import pathlib
import re
import shutil
import statistics
import subprocess
import time

import pytest

from support import token as tokens
from support.postgres import ROOT
from support.reporter import junit
from support.site import HOST

SIZE_MOST = 8 << 20
START_MS_MOST = 5
KNOWN = re.findall(r'"(/etc/[^"]+)"', (ROOT / "reporter" / "trust.c").read_text())
BUNDLE = "etc/ssl/certs/ca-certificates.crt"


def listing(folder):
    """What is in a folder: path → its size and time."""
    return {path: (path.lstat().st_size, path.lstat().st_mtime_ns) for path in pathlib.Path(folder).rglob("*") if path.is_file()}


# --- the file ---

def test_it_is_static(static_reporter):
    told = subprocess.run(["ldd", static_reporter], capture_output=True, text=True, timeout=20, check=False)
    assert "statically linked" in told.stdout
    headers = subprocess.run(["readelf", "--program-headers", "--dynamic", "--sections", "--wide", static_reporter],
                             capture_output=True, text=True, timeout=20, check=True).stdout
    assert "DYN (Position-Independent Executable file)" in headers
    assert "GNU_RELRO" in headers and "BIND_NOW" in headers
    assert "INTERP" not in headers and "NEEDED" not in headers
    assert ".symtab" not in headers and ".debug" not in headers


def test_it_is_small(static_reporter):
    assert static_reporter.stat().st_size <= SIZE_MOST


def test_the_licenses_of_its_libraries_are_beside_it(static_reporter):
    titles = re.findall("^=== (\\S+) ", (static_reporter.parent / "LICENSES").read_text(), re.MULTILINE)
    assert titles == ["curl", "c-ares", "openssl", "zlib", "expat", "yajl", "libsodium", "glibc"]


@pytest.mark.alone
def test_it_starts_soon(static_reporter):
    times = []
    for _ in range(50):
        started = time.monotonic()
        process = os.posix_spawn(static_reporter, ["testkase-reporter", "--version"], {},
                                 file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
        assert os.waitpid(process, 0)[1] == 0
        times.append((time.monotonic() - started) * 1000)
    assert statistics.median(times) < START_MS_MOST


def test_a_second_build_has_nothing_to_do(build, static_reporter):
    """In particular it builds no second libcurl, and leaves apt alone."""
    before = static_reporter.read_bytes()
    curl = listing(ROOT / "build" / "static-curl")
    apt = listing("/etc/apt")
    told = build("reporter-static.sh")
    assert "curl" not in told
    assert static_reporter.read_bytes() == before
    assert listing(ROOT / "build" / "static-curl") == curl
    assert listing("/etc/apt") == apt


# --- where there is nothing else ---

class Root:
    """A root with the reporter, its report file and the name server's address. `environment` is all that it gets."""

    def __init__(self, folder, reporter, network, token):
        self.folder = folder
        self.network = network
        self.token = token
        self.environment = {"HOME": "/home", "TESTKASE_URL": f"https://{HOST}", "TESTKASE_PAT": token}
        self.add("testkase-reporter", reporter)
        self.write("etc/resolv.conf", "nameserver 127.0.0.1\n")
        (folder / "home").mkdir()

    def add(self, name, source):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, path)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, *words, status=0, program="/testkase-reporter", **environment):
        done = subprocess.run(self.network.command("/usr/sbin/chroot", self.folder, program, *words),
                              env={**self.environment, **environment}, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, check=False)
        assert self.token not in done.stdout + done.stderr
        assert done.returncode == status, done.stdout + done.stderr
        return done


@pytest.fixture(name="root")
def _root(site, static_reporter, tmp_path):
    return Root(tmp_path, static_reporter, site.network, tokens.make())


@pytest.fixture(name="pipeline")
def _pipeline(root, site, organization):
    """A root with a member's token, and a report of three tests whose cases the project has."""
    root.member = site.service.bearer(organization.member)
    root.token = root.environment["TESTKASE_PAT"] = site.service.mint(organization.member)[1]
    cases = [root.member.post("/test-cases?projectId=PRJ-1", {"title": title}, 201).json()["automationId"]
             for title in ("Pays", "Refunds", "Prints")]
    root.write("reports/junit.xml", junit(f"pays [{cases[0]}]", (f"refunds [{cases[1]}]", "<failure/>"),
                                          (f"prints [{cases[2]}]", "<skipped/>")))
    root.report = ("report", "--project-id", "PRJ-1", "--org-id", str(organization.id), "--results-file", "reports/*.xml")
    return root


def counts(pipeline):
    return pipeline.member.get("/test-cycles/TCYCLE-1?projectId=PRJ-1", 200).json()["counts"]


REPORTED = {"total": 3, "notExecuted": 0, "pass": 1, "fail": 1, "blocked": 0, "skipped": 1}


def test_a_report_from_an_empty_root(pipeline, site):
    pipeline.add(BUNDLE, site.authority.bundle)
    assert sorted(str(path.relative_to(pipeline.folder)) for path in pipeline.folder.rglob("*") if path.is_file()) == [
        "etc/resolv.conf", BUNDLE, "reports/junit.xml", "testkase-reporter"]
    done = pipeline.run(*pipeline.report)
    assert "reported 3 results to TCYCLE-1: 3 matched, 0 unmatched (exit status 0)" in done.stderr
    assert counts(pipeline) == REPORTED


def test_a_report_as_on_alpine(pipeline, site, binaries):
    """busybox and no glibc; the certificates are in /etc/ssl/cert.pem. A reporter that needs libraries does not even start."""
    pipeline.add("etc/ssl/cert.pem", site.authority.bundle)
    pipeline.add("bin/busybox", "/bin/busybox")
    (pipeline.folder / "bin" / "sh").symlink_to("busybox")
    pipeline.add("dynamic", binaries / "reporter" / "testkase-reporter")
    shell = ("-c", "echo started; /dynamic --version || exec /testkase-reporter \"$@\"", "sh")
    done = pipeline.run(*shell, *pipeline.report, program="/bin/sh")
    assert done.stdout == "started\n" and "dynamic: not found" in done.stderr
    assert counts(pipeline) == REPORTED


@pytest.mark.parametrize("place", KNOWN)
def test_certificates_are_found_where_systems_keep_them(root, site, place):
    root.add(place[1:], site.authority.bundle)
    done = root.run("doctor", status=1)
    assert f"ok   certificates  {place}\n" in done.stdout
    assert f"ok   connection    https://{HOST} answers" in done.stdout
    assert "FAIL token" in done.stdout


def test_no_certificates(root):
    done = root.run("doctor", status=4)
    assert "FAIL connection" in done.stdout
    assert all(place in done.stdout for place in KNOWN) and "--cacert" in done.stdout


def test_certificates_of_others(root, site, tmp_path_factory):
    """Those at hand do not vouch for the server, until the right ones are named."""
    stranger = type(site.authority)(tmp_path_factory.mktemp("stranger"))
    root.add(BUNDLE, stranger.bundle)
    assert f"trusted are the certificates in /{BUNDLE}\n" in root.run("doctor", status=4).stdout
    root.add("own.pem", site.authority.bundle)
    assert "ok   connection" in root.run("doctor", "--cacert", "/own.pem", status=1).stdout
    assert "ok   connection" in root.run("doctor", status=1, SSL_CERT_FILE="/own.pem").stdout


def test_a_name_that_nobody_knows(root, site):
    root.add(BUNDLE, site.authority.bundle)
    done = root.run("doctor", "--url", "https://elsewhere.example.test", status=4)
    assert "Could not resolve host: elsewhere.example.test" in done.stdout


def test_a_name_in_the_hosts_file(root, site):
    root.add(BUNDLE, site.authority.bundle)
    root.write("etc/resolv.conf", "")
    root.write("etc/hosts", f"127.0.0.1 {HOST}\n")
    assert "ok   connection" in root.run("doctor", status=1).stdout


def test_configurations_of_openssl_are_not_for_it(root, site):
    """They may name modules, which are there for the system's own OpenSSL."""
    root.add(BUNDLE, site.authority.bundle)
    root.write("openssl.cnf", "openssl_conf = a\n[a]\nproviders = b\n[b]\nlegacy = c\n[c]\nactivate = 1\nmodule = /no.so\n")
    root.add("usr/lib/ssl/openssl.cnf", root.folder / "openssl.cnf")
    for environment in ({}, {"OPENSSL_CONF": "/openssl.cnf"}):
        assert "ok   connection" in root.run("doctor", status=1, **environment).stdout
