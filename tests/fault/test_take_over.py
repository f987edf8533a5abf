"""A restart without a supervisor: a server started beside a running one takes its sockets over, or harms nothing."""

import array
import concurrent.futures
import http.client
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

import pytest
import requests

from support.deadline import until
from support.metrics import metrics, value
from support.process import Program
from support.service import server_environment

ASK, GIVE, REFUSE = 1, 2, 3
OTHER_VERSION, OTHER_ADDRESSES = 1, 2
LAYOUT = struct.Struct("8sIII32s4I250i")  # struct message of server/take_over/message.h
NOWHERE = "postgresql:///testkase?host=/nowhere"


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Place:
    """A runtime directory, an address, and the servers that are started there."""

    def __init__(self, service, folder, start):
        self.service, self.folder, self._start = service, folder, start
        self.path = service.path
        self.address = f"127.0.0.1:{free_port()}"
        self.base = f"http://{self.address}"

    def start(self, ready=True, **variables):
        environment = server_environment(self.service.database, **{"TESTKASE_LISTEN": self.address, **variables})
        program = self._start(self.path, {"RUNTIME_DIRECTORY": str(self.folder), **environment})
        if ready:
            program.wait_ready()
        return program

    def start_refused(self, **variables):
        """The log of one that does not start, because the address is taken."""
        environment = server_environment(self.service.database, **{"TESTKASE_LISTEN": self.address, **variables})
        with_own_end = Program(self.path, {"RUNTIME_DIRECTORY": str(self.folder), **environment})
        assert with_own_end.wait() == 1
        with_own_end.check_sane()
        with_own_end.process.stderr.close()
        return with_own_end.log()

    def start_stuck(self, **variables):
        """One that has the sockets, and cannot serve, because its PostgreSQL is away."""
        program = self.start(ready=False, TESTKASE_DATABASE_URL=NOWHERE, **variables)
        program.wait_for_line("taking over")
        return program

    def rendezvous(self):
        """The path of the socket at which the running server waits."""
        [path] = self.folder.iterdir()
        return path

    def get(self, token, path="/api/v1/session"):
        return requests.get(self.base + path, headers={"Authorization": f"Bearer {token}"}, timeout=20).status_code


@pytest.fixture
def place(service, start):
    # Under a short path, so that the tests themselves can use the sockets there.
    with tempfile.TemporaryDirectory(prefix="take-over-") as folder:
        yield Place(service, pathlib.Path(folder), start)


@pytest.fixture(scope="module")
def token(module_service):
    return module_service.mint(module_service.organization().member)[1]


def ended(program):
    """It has ended by itself, in good order."""
    assert program.wait() == 0, program.tail()
    return True


class Traffic:
    """Clients that connect anew for each request, until the end of the block. Every failure and every other status counts."""

    def __init__(self, address, tokens, clients=4):
        self.address, self.tokens = address, tokens
        self.answered, self.failures = 0, []
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]

    def _run(self, number):
        turn = number
        while not self._over.is_set():
            turn += 1
            try:
                connection = http.client.HTTPConnection(self.address, timeout=20)
                connection.request("GET", "/api/v1/auth/verify",
                                   headers={"Authorization": f"Bearer {self.tokens[turn % len(self.tokens)]}"})
                status = connection.getresponse().status
                connection.close()
                failure = None if status == 200 else status
            except (OSError, http.client.HTTPException) as error:
                failure = error
            with self._lock:
                self.answered += failure is None
                if failure is not None:
                    self.failures.append(failure)

    def wait_for_more(self, count):
        goal = self.answered + count
        until(lambda: self.answered >= goal or self.failures, 30, "more answers")

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(30)


def test_under_traffic_nothing_fails_and_nothing_costs_argon2(place, service):
    organization = service.organization()
    tokens = [service.mint(organization.member, f"Test {number}")[1] for number in range(20)]
    running = place.start()
    assert {place.get(token) for token in tokens} == {200}
    with Traffic(place.address, tokens) as traffic:
        # The same number of loops, fewer, more.
        for threads in ("2", "1", "3"):
            traffic.wait_for_more(50)
            following = place.start(TESTKASE_THREADS=threads)
            assert following.wait_for_line(r"took over verified tokens.*count=(\d+)").group(1) == str(len(tokens))
            assert ended(running)
            traffic.wait_for_more(50)
            running = following
            assert value(metrics(place.base), "verified_misses_total") == 0
    assert not traffic.failures


def test_connections_spread_over_the_loops_of_the_next(place, token):
    running = place.start()
    following = place.start()
    assert ended(running)
    with Traffic(place.address, [token]) as traffic:
        traffic.wait_for_more(100)
    assert not traffic.failures
    assert following.is_running()


def test_a_request_under_way_is_finished(place, service):
    """By the old one, to which its begin was sent; the new one serves meanwhile."""
    organization = service.organization()
    token = service.mint(organization.admin)[1]
    body = b'{"name": "Sent in two parts"}'
    running = place.start()
    host, port = place.address.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(f"POST /api/v1/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: "
                       f"application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:9])
        until(lambda: value(metrics(place.base), "verified_misses_total") == 1, 20, "the running one has the head")
        place.start()
        running.wait_for_line("stopping.*another server has taken over")
        client.sendall(body[9:])
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 201 ") and b"Connection: close" in answer
    assert ended(running)
    assert place.get(token) == 200


@pytest.mark.no_second_chance
def test_a_token_revoked_in_between_is_refused(place, service):
    organization = service.organization()
    before, stuck, after = (service.mint(organization.member, name) for name in ("Before", "Stuck", "After"))
    running = place.start()
    assert {place.get(token) for _, token in (before, stuck, after)} == {200}
    api = service.sign_in(organization.member)  # at another server
    api.delete(f"/api-keys/{before[0]}", expect=204)
    following = place.start()
    assert following.wait_for_line(r"took over verified tokens.*count=(\d+)").group(1) == "3"
    assert ended(running)
    assert place.get(before[1]) == 401
    api.delete(f"/api-keys/{stuck[0]}", expect=204)
    assert place.get(stuck[1]) == 401
    assert place.get(after[1]) == 200


# --- the new one does not come so far ---

def test_a_new_one_that_dies_changes_nothing(place, token):
    running = place.start()
    with Traffic(place.address, [token]) as traffic:
        stuck = place.start_stuck()
        traffic.wait_for_more(100)
        stuck.kill()
        running.wait_for_line("has ended: this one goes on")
        traffic.wait_for_more(50)
        following = place.start()
        assert ended(running)
        traffic.wait_for_more(50)
    assert not traffic.failures
    assert following.is_running()


def test_a_new_one_without_its_database_is_never_asked(place, token):
    """It would answer 503 after a second."""
    running = place.start()
    stuck = place.start_stuck()
    with Traffic(place.address, [token]) as traffic:
        stuck.wait_for_line("PostgreSQL does not answer")
        end = threading.Event()
        end.wait(1.5)  # longer than a server waits for PostgreSQL before it accepts
        stuck.terminate()
        running.wait_for_line("has ended: this one goes on")
        traffic.wait_for_more(20)
    assert not traffic.failures


def test_readiness_is_never_lost(place):
    """The new one accepts nothing before all its loops can answer."""
    running, statuses = place.start(TESTKASE_THREADS="4"), set()
    over = threading.Event()

    def ask():
        while not over.is_set():
            statuses.add(requests.get(f"{place.base}/readyz", timeout=20).status_code)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        following = place.start(TESTKASE_THREADS="4")
        assert ended(running)
        over.set()
        asking.result(20)
    assert statuses == {200}
    assert following.is_running()


def test_one_that_has_connected_and_not_asked_holds_nobody_up(place):
    running = place.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as silent:
        silent.settimeout(20)
        silent.connect(str(place.rendezvous()))
        until(lambda: "another server is taking over already" in place.start_refused(), 20, "it is accepted")
        running.terminate()
        assert silent.recv(4096) == b""


def test_a_bad_setting_changes_nothing(place, token):
    running = place.start()
    assert "no group" in place.start_refused(TESTKASE_SOCKET_GROUP="no-such-group")
    running.wait_for_line("has ended: this one goes on")
    assert place.get(token) == 200
    assert "bad configuration" in place.start_refused(TESTKASE_THREADS="many")
    assert place.get(token) == 200


def test_of_two_new_ones_one_is_refused(place, token):
    running = place.start()
    stuck = place.start_stuck()
    log = place.start_refused()
    assert "another server is taking over already" in log and "Address already in use" in log
    stuck.kill()
    running.wait_for_line("has ended: this one goes on")
    place.start()
    assert ended(running)
    assert place.get(token) == 200


def test_the_old_one_is_stopped_meanwhile(place, token):
    """Then the sockets are the new one's, which cannot answer yet."""
    running = place.start()
    stuck = place.start_stuck()
    running.terminate()
    stuck.wait_for_line("took over the listening sockets")
    assert place.get(token) == 503
    # And the next one takes over from nobody: that one was never ready.
    assert "not ready yet" in place.start_refused()


def test_the_old_one_is_killed_meanwhile(place):
    running = place.start()
    stuck = place.start_stuck()
    running.kill()
    stuck.wait_for_line("took over the listening sockets")
    assert requests.get(f"{place.base}/healthz", timeout=20).status_code == 200


# --- files ---

def test_the_file_of_a_killed_one_is_replaced(place):
    first = place.start()
    first.kill()
    assert place.rendezvous().is_socket()
    second = place.start()
    place.start()
    assert ended(second)


def test_the_file_is_private_and_goes_with_its_server(place):
    running = place.start()
    assert place.rendezvous().stat().st_mode & 0o777 == 0o600
    following = place.start()
    assert ended(running)
    until(lambda: place.rendezvous().is_socket(), 5, "the next one waits for its own successor")
    following.terminate()
    assert not list(place.folder.iterdir())


def test_a_unix_socket_stays(place, token, tmp_path_factory):
    path = tmp_path_factory.mktemp("unix") / "http"

    def ask():
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(f"GET /api/v1/auth/verify HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                           "Connection: close\r\n\r\n".encode())
            return client.makefile("rb").readline().split()[1]

    running = place.start(TESTKASE_LISTEN=f"unix:{path}")
    assert ask() == b"200"
    stuck = place.start_stuck(TESTKASE_LISTEN=f"unix:{path}", TESTKASE_SOCKET_MODE="0606")
    assert path.stat().st_mode & 0o777 == 0o600
    stuck.kill()
    running.wait_for_line("has ended: this one goes on")
    following = place.start(TESTKASE_LISTEN=f"unix:{path}", TESTKASE_SOCKET_MODE="0660")
    assert ended(running)
    assert ask() == b"200"
    assert path.stat().st_mode & 0o777 == 0o660
    following.terminate()
    assert not path.exists()


@pytest.mark.parametrize("mode,given,reason", [
    (0o770, True, "others may write to it"), (0o707, True, "others may write to it"), (0o700, False, "No such file")])
def test_an_unfit_directory_is_told_and_not_used(place, mode, given, reason):
    place.folder.chmod(mode)
    if not given:
        place.folder /= "missing"
    running = place.start()
    assert reason in running.log()
    assert "Address already in use" in place.start_refused()
    assert running.is_running()


def test_a_long_path_of_the_directory(place):
    """Longer than the address of a unix socket may be."""
    place.folder /= "x" * 200
    place.folder.mkdir()
    running = place.start()
    place.start()
    assert ended(running)


def test_the_metrics_address_goes_along(place):
    other = f"127.0.0.1:{free_port()}"
    running = place.start(TESTKASE_METRICS_LISTEN=other)
    log = place.start_refused()
    assert "different addresses in TESTKASE_METRICS_LISTEN" in log and "Address already in use" in log
    place.start(TESTKASE_METRICS_LISTEN=other)
    assert ended(running)
    assert value(metrics(f"http://{other}"), "verified_misses_total") == 0


# --- who else may knock ---

def message(kind, version=1, reason=0, addresses=bytes(32)):
    return LAYOUT.pack(b"TKTAKES", version, kind, reason, addresses, 0, 0, 0, 0, *[0] * 250)


def knock(path, *packets):
    """What the server says to these packets, and how many descriptors it gives."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.settimeout(20)
        client.connect(str(path))
        for packet in packets:
            client.send(packet)
        answer, parts, _, _ = client.recvmsg(4096, socket.CMSG_SPACE(1024))
        return answer, sum(len(data) // array.array("i").itemsize for _, _, data in parts)


@pytest.mark.parametrize("packet,kind,reason", [
    (message(ASK, version=2), REFUSE, OTHER_VERSION), (message(ASK, version=2)[:20], REFUSE, OTHER_VERSION),
    (message(ASK), REFUSE, OTHER_ADDRESSES), (message(GIVE), None, None), (message(4), None, None), (b"?", None, None),
    (message(ASK)[:-1], None, None), (message(ASK) + b"?", None, None), (b"?" * 5000, None, None)],
                         ids=["version", "version, short", "addresses", "give", "serving", "byte", "short", "long", "noise"])
def test_what_is_no_question_gets_nothing(place, packet, kind, reason):
    running = place.start()
    answer, descriptors = knock(place.rendezvous(), packet)
    assert descriptors == 0
    assert (LAYOUT.unpack(answer)[2:4] if answer else (None, None)) == (kind, reason)
    place.start()
    assert ended(running)


STRANGER = """
import socket, sys
client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
client.settimeout(20)
client.connect(sys.argv[1])
try:
    client.send(bytes.fromhex(sys.argv[2]))
    answer = client.recv(4096)
except (BrokenPipeError, ConnectionResetError):
    answer = b""
print("got", len(answer))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="this machine runs the tests as somebody who cannot be another account")
@pytest.mark.no_second_chance
def test_another_account_gets_nothing(place):
    """Even if the file's mode let it in."""
    running = place.start()
    path = place.rendezvous()
    path.chmod(0o666)
    place.folder.chmod(0o755)
    question = message(ASK).hex()
    for account, expected in (("65534", "got 0"), ("0", f"got {LAYOUT.size}")):
        done = subprocess.run(["setpriv", f"--reuid={account}", "--clear-groups", sys.executable, "-Es", "-c", STRANGER,
                               path, question], capture_output=True, text=True, timeout=30, check=False)
        assert done.stdout.strip() == expected, done.stderr
    running.wait_for_line("process of another account asked for the listening sockets")


def test_a_running_one_of_another_version(place):
    """Or any other process of this account that waits there."""
    running = place.start()
    path = place.rendezvous()
    running.terminate()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(str(path))
        listening.listen()
        following = place.start(ready=False)
        process, _ = listening.accept()
        assert LAYOUT.unpack(process.recv(4096))[:3] == (b"TKTAKES\0", 1, ASK)
        process.send(message(GIVE, version=2))
        process.close()
        following.wait_ready()
        assert "the two are of versions that hand over in different ways" in following.log()
        following.wait_for_line("no server can take over from this one")


def test_gifts_that_are_no_sockets_are_refused(place):
    running = place.start()
    path = place.rendezvous()
    running.terminate()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening, open("/dev/null", "rb") as null:
        listening.bind(str(path))
        listening.listen()
        following = place.start(ready=False)
        process, _ = listening.accept()
        process.recv(4096)
        gift = LAYOUT.pack(b"TKTAKES", 1, GIVE, 0, bytes(32), 2, 1, 0, 0, *[0] * 250)
        socket.send_fds(process, [gift], [null.fileno()])
        assert following.wait() == 1
        assert "the sockets of the running server" in following.log()
        process.close()
    following.process.stderr.close()


def test_a_running_one_that_does_not_answer(place):
    """It is stopped, for example: after 5 s, the address is in use as always."""
    running = place.start()
    running.signal(signal.SIGSTOP)
    try:
        log = place.start_refused()
    finally:
        running.signal(signal.SIGCONT)
    assert "it does not answer" in log and "Address already in use" in log
