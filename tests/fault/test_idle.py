"""Clients that only hold connections: the server serves the others, rests, and is quiet about it."""

import os
import pathlib
import resource
import select
import socket
import time

import pytest

from support.http import Wire

pytestmark = pytest.mark.alone

HEALTHZ = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def cpu_seconds(pid):
    """User and system time that the process has taken."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def open_idle(address, count):
    """That many connections which say nothing, from several client addresses."""
    host, port = address.rsplit(":", 1)
    opened = []
    for number in range(count):
        connection = socket.socket()
        connection.settimeout(20)
        connection.bind((f"127.77.0.{1 + number % 16}", 0))
        connection.connect((host, int(port)))
        opened.append(connection)
    return opened


def wait_for_any(connections, seconds):
    """Those that the server closed or wrote to within the time."""
    poll = select.poll()
    for connection in connections:
        poll.register(connection, select.POLLIN)
    return poll.poll(seconds * 1000)


def answer_time(server):
    start = time.monotonic()
    with server.wire() as wire:
        assert wire.ask(HEALTHZ).status == 200
    return time.monotonic() - start


@pytest.fixture
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 12000:
        pytest.skip("this shell may not open 12 000 descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
def test_ten_thousand_idle_connections(database, start_service):
    service = start_service(database)
    lines = len(service.server.lines())
    idle = open_idle(service.server.address, 10_000)
    try:
        assert answer_time(service.server) < 2
        before = cpu_seconds(service.server.pid)
        assert wait_for_any(idle, 3) == [], "an idle connection was closed although there is room"
        used = cpu_seconds(service.server.pid) - before
        assert used < 0.6, f"{used:.2f} s of CPU time within 3 s of nothing"
        assert answer_time(service.server) < 2
        api = service.bearer(service.organization().member)
        api.get("/session", 200)
    finally:
        for connection in idle:
            connection.close()
    assert answer_time(service.server) < 5
    assert len(service.server.lines()) - lines < 10, service.server.tail()


def test_an_exhausted_descriptor_table(database, start_service):
    service = start_service(database)
    service.server.terminate()
    service.servers.clear()
    server = service.server = service.start_server(limits=["--nofile=100:100"])
    api = service.bearer(service.organization().member)
    api.get("/session", 200)
    lines = len(server.lines())
    idle = open_idle(server.address, 300)
    try:
        for _ in range(20):
            assert answer_time(server) < 5
        idle = drop_closed(idle)
        before = cpu_seconds(server.pid)
        wait_for_any([], 3)
        used = cpu_seconds(server.pid) - before
        assert used < 0.6, f"{used:.2f} s of CPU time within 3 s without descriptors"
        assert answer_time(server) < 5
    finally:
        for connection in idle:
            connection.close()
    api.get("/session", 200)
    assert len(server.lines()) - lines < 10, server.tail()


def drop_closed(connections):
    """Closes our ends of those that the server has closed."""
    ready = {descriptor for descriptor, _ in wait_for_any(connections, 0)}
    for connection in connections:
        if connection.fileno() in ready:
            connection.close()
    return [connection for connection in connections if connection.fileno() >= 0]


def test_slow_readers_are_no_burden(database, start_service):
    """Many who ask and never read: the others are served."""
    service = start_service(database)
    organization = service.organization()
    token = service.mint(organization.member)[1]
    request = f"GET /api/v1/session HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n" * 30
    wires = []
    try:
        for _ in range(100):
            wire = Wire(service.server.address)
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            wires.append(wire.send(request))
        for _ in range(10):
            assert answer_time(service.server) < 2
        service.server.bearer(token).get("/session", 200)
    finally:
        for wire in wires:
            wire.close()
