"""Guests of one organization do what they can; another organization's calls stay fast, and memory stays bounded."""

import contextlib
import multiprocessing
import os
import pathlib
import re
import select
import socket
import time

import pytest

from support.deadline import until
from support.http import fresh_address
from support.metrics import metrics, value

pytestmark = pytest.mark.alone

GUESTS = 3
SECONDS = 8
WARM = 400  # calls that are measured while nothing else goes on
FLOOR_MS = 100  # of the bound: the attackers take turns with the server on the processors of this machine
MIB = 1024 * 1024
REST = 16 * MIB  # a server without work has less
SCATTERED = 16 * MIB  # pages of the heap that a few live objects keep, after tens of thousands of requests


# --- the attacks: each runs in a process of its own until the time is over ---

def raw(address, source):
    host, port = address.rsplit(":", 1)
    made = socket.socket()
    made.settimeout(5)
    made.bind((source, 0))
    made.connect((host, int(port)))
    return made


def head(credentials, method, path, length=None):
    body = "" if length is None else f"Content-Type: application/json\r\nContent-Length: {length}\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{credentials}{body}\r\n".encode()


def pipeline(address, source, request, connections, end):
    """That many requests at a time, again and again."""
    while time.monotonic() < end:
        opened = []
        try:
            for _ in range(connections):
                opened.append(raw(address, source))
            for one in opened:
                one.sendall(request)
            for one in opened:
                one.recv(4096)
        except OSError:
            pass
        for one in opened:
            one.close()


def create(address, source, credentials, end):
    body = b'{"name":"CI","expiresInDays":7}'
    pipeline(address, source, head(credentials, "POST", "/api/v1/api-keys", len(body)) + body, 100, end)


def nest(address, source, credentials, end):
    small = b'{"name":[' + b"[]," * 5000 + b"[]]}"
    large = b'{"name":' + b"[" * (MIB // 2) + b"]" * (MIB // 2) + b"}"
    pipeline(address, source, head(credentials, "POST", "/api/v1/api-keys", len(small)) + small, 8, time.monotonic() + 1)
    pipeline(address, source, head(credentials, "POST", "/api/v1/api-keys", len(large)) + large[:65536], 8, time.monotonic() + 1)
    pipeline(address, source, head(credentials, "POST", "/api/v1/api-keys", len(small)) + small, 8, end)


def hold(address, source, credentials, end):
    """Bodies that lack their last byte, of 16 KiB and of 1 MiB; with and without credentials."""
    opened = []
    paths = ["/api/v1/api-keys", "/api/v1/session"]
    while time.monotonic() < end and len(opened) < 600:
        for number, length in enumerate((16384, 16384, MIB)):
            try:
                one = raw(address, source)
                one.sendall(head(credentials, "POST", paths[number % 2], length) + b" " * min(length - 1, 65536))
                opened.append(one)
            except OSError:
                pass
    until_then = select.poll()
    while time.monotonic() < end:
        until_then.poll(1000 * max(0, end - time.monotonic()))
    for one in opened:
        one.close()


def call(address, source, credentials, end):
    while time.monotonic() < end:
        try:
            with raw(address, source) as one:
                while time.monotonic() < end:
                    one.sendall(head(credentials, "GET", "/api/v1/api-keys") * 8)
                    if not one.recv(65536):
                        break
        except OSError:
            pass


ATTACKS = [create, nest, hold, call]


def attack(function, address, source, credentials, end):
    os.nice(19)
    function(address, source, credentials, end)


@contextlib.contextmanager
def attacks(service, organization):
    """All attacks by GUESTS guests, each with a session of its own."""
    end = time.monotonic() + SECONDS
    started = []
    fork = multiprocessing.get_context("fork")
    for _ in range(GUESTS):
        guest = service.person(organization.id, name="Guest")
        cookies = service.sign_in(guest).session.cookies
        cookie = "; ".join(f"{one.name}={one.value}" for one in cookies)
        credentials = f"Cookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\n"
        source = fresh_address()
        started += [fork.Process(target=attack, args=(function, service.server.address, source, credentials, end))
                    for function in ATTACKS]
    for process in started:
        process.start()
    try:
        yield lambda: time.monotonic() < end
    finally:
        for process in started:
            process.join(SECONDS + 20)
            assert process.exitcode == 0


# --- the other organization ---

class Caller:
    """Calls with warm tokens on one connection, and their times."""

    def __init__(self, service, person):
        token_id, token = service.mint(person, cost=(19456, 2))
        service.database.query("update testkase.api_tokens set rate_limit = 1000000 where id = %s", (token_id,))
        self.request = f"GET /api/v1/auth/verify HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        self.socket = raw(service.server.address, fresh_address())
        self.ms = []
        self.call()
        self.ms.clear()

    def call(self):
        begun = time.monotonic()
        self.socket.sendall(self.request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            received = self.socket.recv(4096)
            assert received, "the server closed the connection"
            answer += received
        self.ms.append(1000 * (time.monotonic() - begun))
        assert answer.startswith(b"HTTP/1.1 200 "), answer

    def p99(self):
        return sorted(self.ms)[len(self.ms) * 99 // 100]


def status_of(service, name):
    """A size of /proc/PID/status in bytes."""
    text = pathlib.Path(f"/proc/{service.server.pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+)", text)[1]) * 1024


def is_sanitized(service):
    """A sanitizer reserves terabytes, and keeps what is freed."""
    return status_of(service, "VmSize") > 1 << 40


def test_guests_slow_nobody_down(database, start_service):
    service = start_service(database, TESTKASE_RATE_LIMIT="600", TESTKASE_RATE_BURST="120",
                            TESTKASE_ARGON2_MEMORY_KIB="19456", TESTKASE_ARGON2_TIME="2")
    hostile, other = service.organization(), service.organization()
    cold = [service.mint(other.member, cost=(19456, 2))[1] for _ in range(40)]
    quiet, busy = Caller(service, other.member), Caller(service, other.member)
    while len(quiet.ms) < WARM:
        quiet.call()
    if not is_sanitized(service):
        until(lambda: status_of(service, "VmRSS") < REST, 15, "the memory of the first proofs goes back")
    idle = status_of(service, "VmRSS")
    peak = 0
    with attacks(service, hostile) as go_on:
        while go_on():
            for _ in range(20):
                busy.call()
            peak = max(peak, status_of(service, "VmRSS"))
            if cold:
                service.server.bearer(cold.pop()).get("/session", 200)
    scale = 4 if is_sanitized(service) else 1
    bound = max(2 * quiet.p99(), FLOOR_MS) * scale
    print(f"p99 {quiet.p99():.2f} ms idle, {busy.p99():.2f} ms of {len(busy.ms)} calls under attack; "
          f"memory {idle / MIB:.1f} MiB idle, {peak / MIB:.1f} under attack")
    assert busy.p99() <= bound
    text = metrics(service.server.base)
    assert value(text, 'argon2_refused_total{share="tokens"}') == 0
    assert value(text, "rate_limited_total") > 100, "the guests were limited"
    if not is_sanitized(service):
        assert peak <= idle + 64 * MIB
        until(lambda: status_of(service, "VmRSS") < idle + SCATTERED, 15, "the memory goes back")
