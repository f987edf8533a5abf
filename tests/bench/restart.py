"""Measures a restart under traffic: with and without the hand-over to the next process, and as a take-over without a supervisor.
A part of bench.py. The supervisor does what systemd does: it holds the listening socket, and keeps the descriptor that a process
leaves."""

import array
import concurrent.futures
import http.client
import os
import random
import socket
import statistics
import subprocess
import threading
import time

from support.process import ENVIRONMENT
from support.service import server_environment

CLIENTS = 8
PROVING = 8  # tokens that are proven at a time beforehand
PAUSE = 0.02  # between two requests of a client
BEFORE, AFTER = 5, 20  # seconds


class Supervisor:
    """Runs one server after the other on the same socket."""

    def __init__(self, path, database, folder, hands_over):
        self.path, self.folder, self.hands_over = path, folder, hands_over
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.environment = server_environment(database, TESTKASE_THREADS="1", TESTKASE_ARGON2_MEMORY_KIB="19456",
                                              TESTKASE_ARGON2_TIME="2")
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(str(folder / "notify"))
        self.ready = threading.Event()
        self.kept = None
        threading.Thread(target=self._listen, daemon=True).start()
        self.process = None

    def _listen(self):
        while True:
            text, parts, _, _ = self.notified.recvmsg(4096, socket.CMSG_SPACE(64))
            given = array.array("i")
            for level, kind, data in parts:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    given.frombytes(data)
            if b"FDSTORE=1" in text:
                self.kept = given.pop()
            for fd in given:
                os.close(fd)  # of a barrier
            if b"READY=1" in text:
                self.ready.set()

    def start(self):
        descriptors, names = [self.socket.fileno()], "http"
        if self.hands_over and self.kept is not None:
            descriptors.append(self.kept)
            names += ":kept-verified"
        self.kept = None
        environment = {**ENVIRONMENT, **self.environment, "NOTIFY_SOCKET": str(self.folder / "notify"),
                       "LISTEN_FDS": str(len(descriptors)), "LISTEN_FDNAMES": names}
        moves = " ".join(f"{3 + place}<&{fd}" for place, fd in enumerate(descriptors))
        self.ready.clear()
        # The shell becomes the server, so that its pid is the one in LISTEN_PID.
        self.process = subprocess.Popen(["bash", "-c", f'exec {moves}; LISTEN_PID=$$ exec "$0"', self.path], env=environment,
                                        pass_fds=descriptors, stderr=subprocess.DEVNULL)
        assert self.ready.wait(30)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(20) == 0

    def restart(self):
        self.stop()
        self.start()


class Alone(Supervisor):
    """Starts the next server beside the running one, which ends by itself."""

    def __init__(self, path, database, folder):
        super().__init__(path, database, folder, False)
        self.socket.close()  # its port is the server's

    def start(self):
        environment = {**ENVIRONMENT, **self.environment, "NOTIFY_SOCKET": str(self.folder / "notify"),
                       "RUNTIME_DIRECTORY": str(self.folder), "TESTKASE_LISTEN": self.address}
        self.ready.clear()
        self.process = subprocess.Popen([self.path], env=environment, stderr=subprocess.DEVNULL)
        assert self.ready.wait(30)

    def restart(self):
        before = self.process
        self.start()
        assert before.wait(20) == 0


def supervisor_of(way, path, database, folder):
    return Alone(path, database, folder) if way == "take-over" else Supervisor(path, database, folder, way == "hand-over")


class Clients:
    """Some of them, each with one connection, that use all tokens at random."""

    def __init__(self, address, tokens, path):
        self.address, self.tokens, self.path = address, tokens, path
        self.answers, self.lost = [], 0  # (when, ms, status)
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        choice = random.Random(number)
        connection = http.client.HTTPConnection(self.address, timeout=30)
        while not self.over.wait(PAUSE):
            fields = {"Authorization": f"Bearer {choice.choice(self.tokens)}"}
            begun = time.monotonic()
            try:
                connection.request("GET", self.path, headers=fields)
                answer = connection.getresponse()
                answer.read()
                self.answers.append((begun, (time.monotonic() - begun) * 1000, answer.status))
            except http.client.RemoteDisconnected:
                connection.close()  # an idle connection ends with the process, as after any keep-alive
            except OSError:
                self.lost += 1
                connection.close()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def p99(self, begin, end):
        times = sorted(ms for when, ms, _ in self.answers if begin <= when < end)
        return statistics.quantiles(times, n=100)[98] if len(times) > 1 else float("nan")


def prove(address, path, tokens):
    """argon2 is over with each token."""
    def one(token):
        connection = http.client.HTTPConnection(address, timeout=30)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        assert connection.getresponse().status == 200
        connection.close()

    with concurrent.futures.ThreadPoolExecutor(PROVING) as pool:
        list(pool.map(one, tokens))


def measure_one(bench, database, tokens, path, way):
    folder = bench.folder / way
    folder.mkdir(mode=0o700)
    supervisor = supervisor_of(way, bench.options.bin / "server" / "testkase-server", database, folder)
    supervisor.start()
    prove(supervisor.address, path, tokens)
    clients = Clients(supervisor.address, tokens, path)
    time.sleep(BEFORE)
    stopping = time.monotonic()
    supervisor.restart()
    ready = time.monotonic()
    time.sleep(AFTER)
    clients.stop()
    supervisor.stop()
    before = clients.p99(stopping - BEFORE, stopping)
    later = [clients.p99(ready + second, ready + second + 1) for second in range(AFTER)]
    back = next((second for second in range(AFTER) if max(later[second:]) <= 2 * before), None)
    refused = sum(status == 503 for _, _, status in clients.answers)
    others = sum(status not in (200, 503) for _, _, status in clients.answers)
    bench.say(f"{way}: p99 of each second: {' '.join(f'{ms:.1f}' for ms in later)}")
    return [way, f"{ready - stopping:.2f}", f"{before:.1f}", f"{later[0]:.1f}", f"{later[4]:.1f}", f"{later[-1]:.1f}",
            f"{back}" if back is not None else f"more than {AFTER}", refused, others + clients.lost]


def measure_restart(bench, path):
    service = bench.service(TESTKASE_THREADS="1")
    _, made = bench.mint(service, bench.options.tokens, "tokens-restart")
    tokens = [token for _, token in made]
    rows = []
    for way in ("cold", "hand-over", "take-over"):
        bench.say(f"restart, {way}")
        rows.append(measure_one(bench, service.database, tokens, path, way))
    return ["", "restart s", "p99 before, ms", "in the 1st second", "in the 5th", "in the last",
            "seconds until within 2 × before", "503", "other failures"], rows
