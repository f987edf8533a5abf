"""testkase-reporter and a server that answers, refuses, breaks off, or is not there: what is sent, tried again, kept and
resumed, and the exit status of each."""

import json
import secrets
import signal
import socket
import stat
import subprocess

import pytest

from support.reporter import Reporter, junit
from support.results_server import ResultsServer

BUSY = (503, {"Retry-After": "0"}, {"detail": "not now"})
# What a CI system would set of proxies is not for these tests.
DIRECT = {"NO_PROXY": "*"}


@pytest.fixture(name="reporter")
def _reporter(binaries, tmp_path):
    reporter = Reporter(binaries / "reporter" / "testkase-reporter", tmp_path)
    reporter.environment.update(DIRECT)
    reporter.write("a.xml", junit("a [48271]", ("b [48272]", '<failure message="boom"/>'), "c"))
    return reporter


@pytest.fixture(name="server")
def _server(reporter):
    server = ResultsServer(reporter.token, prefix="/qa/testkase")
    reporter.environment["TESTKASE_URL"] = server.url + "/"
    yield server
    server.close()


# --- it works ---

def test_what_is_sent(reporter, server):
    done = reporter.run("a.xml", "--cycle-id", "TCYCLE-5", environment={
        "GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "2", "GITHUB_RUN_NUMBER": "9",
        "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "o/r", "GITHUB_REF_NAME": "main", "GITHUB_SHA": "abc"})
    assert "reported 2 results to TCYCLE-5: 2 matched, 0 unmatched (exit status 0)" in done.stderr.splitlines()[-1]
    [(_, document)] = server.uploads
    assert document == {
        "orgId": 1173, "projectId": "PRJ-1", "cycleId": "TCYCLE-5",
        "build": {"id": "77-2", "number": "9", "url": "https://github.com/o/r/actions/runs/77/attempts/2", "branch": "main",
                  "commit": "abc", "provider": "github"},
        "results": [{"automationId": "48271", "status": "pass", "name": "a [48271]"},
                    {"automationId": "48272", "status": "fail", "name": "b [48272]", "message": "boom"}]}
    assert reporter.spooled() == []


def test_usual_cycle_and_own_build_id(reporter, server):
    reporter.run("a.xml", "--build-id", "nightly")
    assert server.uploads[0][1]["cycleId"] == "TCYCLE-1"
    assert server.uploads[0][1]["build"] == {"id": "nightly"}


def test_nothing_to_send(reporter, server):
    reporter.write("b.xml", junit("without"))
    assert "nothing to report" in reporter.run("b.xml").stderr.splitlines()[-1]
    assert server.uploads == []


def test_unmatched_ids_are_named(reporter, server):
    server.known = {"48271"}
    outcome = reporter.run_json("a.xml")
    assert outcome["unmatched"] == {"count": 1, "data": [{"file": "a.xml", "automationId": "48272", "test": "b [48272]"}]}
    assert outcome["server"] == {"cycleId": "TCYCLE-1", "batches": 1, "batchesTaken": 1, "sent": 2, "received": 2, "matched": 1,
                                 "duplicates": 0}


def test_tokens_of_a_file_and_of_argv(reporter, server):
    reporter.write("token", reporter.token + "\n")
    without = {"TESTKASE_PAT": ""}
    reporter.run("a.xml", "--token-file", "token", environment=without)
    reporter.run("a.xml", "--token", reporter.token, environment=without)
    reporter.run("a.xml", "--token-file", "-", environment=without, standard_input=reporter.token.encode())
    assert len(server.uploads) == 3


def test_a_token_in_argv_is_wiped(reporter, server):
    server.answer("hold")
    child = reporter.start("a.xml", "--token", reporter.token, "--retries", "0", environment={"TESTKASE_PAT": ""})
    assert server.arrived.acquire(timeout=30)
    with open(f"/proc/{child.pid}/cmdline", "rb") as file:
        assert reporter.token.encode() not in file.read()
    server.release.set()
    child.communicate(timeout=30)


def test_batches(reporter, server):
    reporter.write("many.xml", junit(*(f"t [{number:05d}]" for number in range(60000))))
    reporter.run("many.xml")
    assert [len(document["results"]) for _, document in server.uploads] == [50000, 10000]
    assert len({key for key, _ in server.uploads}) == 2
    assert {result["automationId"] for result in server.results()} == {f"{number:05d}" for number in range(60000)}


def test_a_proxy_that_takes_little(reporter, server):
    server.most_bytes = 3000
    reporter.write("many.xml", junit(*(f"{secrets.token_hex(8)} [{number:05d}]" for number in range(3000))))
    done = reporter.run("many.xml")
    assert "small-proxy; sending it in halves" in done.stderr
    assert sorted(result["automationId"] for result in server.results()) == [f"{number:05d}" for number in range(3000)]
    assert reporter.spooled() == []


def test_rotation_is_due(reporter, server):
    server.key = {"id": 1, "expiresAt": "2020-01-11T00:00:00Z", "rotation": {"state": "due"}}
    done = reporter.run("a.xml", environment={"GITHUB_ACTIONS": "true"})
    assert "::warning title=testkase-reporter::the token expires in -" in done.stderr
    server.key = {"id": 1, "expiresAt": "2099-01-11T00:00:00Z", "rotation": {"state": "none"}}
    assert "rotate" not in reporter.run("a.xml").stderr


# --- it is refused ---

@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_refused(reporter, server, status):
    server.answer((status, {}, {"detail": "The reason.", "errors": [{"field": "orgId", "detail": "must be 1174"}]}))
    done = reporter.run("a.xml", status=1)
    assert f"the server refused: {status}: The reason.: orgId must be 1174" in done.stderr
    assert "refused" in done.stderr.splitlines()[-1]
    assert len(server.uploads) == 1
    # With another token it may be taken.
    assert len(reporter.spooled()) == (status in (401, 403))


def test_redirects_are_not_followed(reporter, server):
    server.answer((302, {"Location": "http://elsewhere.example/"}, b""))
    done = reporter.run("a.xml", status=1)
    assert "redirects" in done.stderr and "elsewhere.example" in done.stderr


def test_the_server_counts_less(reporter, server):
    server.received_less = 1
    done = reporter.run("a.xml", status=5)
    assert "2 results were sent, and the server received 1" in done.stderr


def test_statuses_that_need_the_sending(reporter, server):
    reporter.run("a.xml", "--missing-id-in-testcase", "fail", status=5)
    reporter.write("b.xml", '<testsuites><testsuite name="s"><error message="no"/><testcase name="t [48273]"/>'
                            "</testsuite></testsuites>")
    reporter.run("b.xml", status=5)
    assert len(server.uploads) == 2


# --- it is tried again ---

@pytest.mark.parametrize("answer", [BUSY, (429, {"Retry-After": "1"}, {}), (502, {}, b"<html>"), (408, {}, {}),
                                    (425, {}, {}), (500, {}, {}), "reset", "close", "taken, then reset"], ids=str)
def test_tried_again(reporter, server, answer):
    server.answer(answer, answer)
    done = reporter.run("a.xml")
    assert "trying again" in done.stderr
    assert len(server.uploads) == 3 and len({key for key, _ in server.uploads}) == 1
    assert server.uploads[0] == server.uploads[2]
    assert len(server.taken) == 1


def test_retry_after_is_honoured_or_the_time_ends(reporter, server):
    server.answer((429, {"Retry-After": "3600"}, {}))
    done = reporter.run("a.xml", "--timeout", "20", status=4)
    assert "the time of --timeout does not last" in done.stderr
    assert len(server.uploads) == 1 and len(reporter.spooled()) == 1


def test_gives_up(reporter, server):
    server.answer(BUSY, BUSY, BUSY)
    done = reporter.run("a.xml", "--retries", "2", status=4)
    assert "gave up after 3 attempts" in done.stderr
    assert "testkase-reporter resume" in done.stderr.splitlines()[-1]


def test_not_the_service(reporter, server):
    server.answer("garbage")
    assert "is none of the service" in reporter.run("a.xml", status=4).stderr


# --- spool and resume ---

def test_the_spool_and_what_resume_does(reporter, server):
    server.answer(BUSY)
    reporter.run("a.xml", "--retries", "0", status=4)
    [path] = reporter.spooled()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert reporter.token.encode() not in path.read_bytes()
    header = json.loads(path.read_bytes().split(b"\n")[0])
    assert header["idempotencyKey"] == server.uploads[0][0]
    done = reporter.run("resume")
    assert "2 of 2 results sent" in done.stderr
    assert server.uploads[1] == server.uploads[0]
    assert reporter.spooled() == []


def test_resume_sends_to_the_given_address_only(reporter, server):
    server.answer(BUSY)
    reporter.run("a.xml", "--retries", "0", status=4)
    reporter.run("resume", "--url", "http://127.0.0.1:1", status=5)
    assert len(reporter.spooled()) == 1 and len(server.uploads) == 1


def test_resume_of_damaged_and_old_files(reporter, server):
    server.answer(BUSY)
    reporter.run("a.xml", "--retries", "0", status=4)
    [path] = reporter.spooled()
    header, body = path.read_bytes().split(b"\n", 1)
    old = {**json.loads(header), "createdAt": 1700000000}
    path.write_bytes(json.dumps(old).encode() + b"\n" + body)
    (reporter.spool / "1.batch").write_bytes(b"nonsense")
    done = reporter.run("resume", status=5)
    assert "1.batch is damaged" in done.stderr and "days old" in done.stderr
    assert len(server.uploads) == 1


def test_an_unreachable_server(reporter):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = reporter.run("a.xml", "--retries", "1", "--url", f"http://127.0.0.1:{port}", status=4)
    assert "gave up after 2 attempts" in done.stderr and len(reporter.spooled()) == 1


def test_a_spool_that_cannot_be_written(reporter, server):
    reporter.write("file", "")
    done = reporter.run("a.xml", "--spool-dir", "file/spool")
    assert "what cannot be sent will be lost" in done.stderr and len(server.uploads) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(reporter, server, number):
    server.answer("hold")
    child = reporter.start("a.xml")
    assert server.arrived.acquire(timeout=30)
    child.send_signal(number)
    _, errors = child.communicate(timeout=30)
    server.release.set()
    assert child.returncode == 4 and "interrupted" in errors and reporter.token not in errors
    reporter.run("resume")
    assert len(server.taken) == 1 and len(server.results()) == 2


def test_killed_in_the_middle(reporter, server):
    """After `resume` every result is there exactly once, whether the server had taken them or not."""
    server.answer("hold")
    child = reporter.start("a.xml")
    assert server.arrived.acquire(timeout=30)
    child.kill()
    child.communicate(timeout=30)
    server.release.set()
    assert len(reporter.spooled()) == 1
    reporter.run("resume")
    assert len(server.taken) == 1 and len({key for key, _ in server.uploads}) == 1


# --- TLS and proxies ---

@pytest.fixture(name="certificate", scope="module")
def _certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                   check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


def test_certificates(reporter, certificate):
    server = ResultsServer(reporter.token, certificate=certificate)
    reporter.environment["TESTKASE_URL"] = server.url
    done = reporter.run("a.xml", status=4)
    assert "certificate" in done.stderr and "trying again" not in done.stderr
    assert "trusted are the certificates in /etc/ssl/certs/ca-certificates.crt" in done.stderr
    done = reporter.run("a.xml", "--cacert", "absent.pem", status=4)
    assert "trusted are the certificates in absent.pem (--cacert)" in done.stderr
    reporter.run("a.xml", "--cacert", str(certificate[0]))
    reporter.run("a.xml", environment={"CURL_CA_BUNDLE": str(certificate[0])})
    reporter.run("a.xml", environment={"SSL_CERT_FILE": str(certificate[0])})
    assert len(server.taken) == 3
    done = reporter.run("doctor", "--cacert", str(certificate[0]), status=1)
    assert f"ok   certificates  {certificate[0]} (--cacert)" in done.stdout
    server.close()


def test_a_proxy(reporter, server):
    """The request goes through the proxy, here the server itself, with the whole address in its first line."""
    reporter.run("a.xml", "--retries", "0", "--url", "http://service.example:81", status=4,
                 environment={"NO_PROXY": "", "http_proxy": "http://user:secret@127.0.0.1:1"})
    done = reporter.run("a.xml", "--retries", "0", environment={"http_proxy": "http://user:secret@127.0.0.1:1"})
    assert "secret" not in done.stderr
    assert len(server.uploads) == 1


def test_http_is_warned_of(reporter):
    done = reporter.run("a.xml", "--retries", "0", "--url", "http://service.invalid", status=4)
    assert "the token goes over http" in done.stderr
