"""Streams of events while connections are cut, while PostgreSQL is away, and ten thousand at once."""

import hashlib
import json
import os
import pathlib
import re
import resource
import select
import socket
import time

import pytest

from support.deadline import until
from support.metrics import metrics, value

COUNT = 10_000
OF_ONE_PERSON = 10
MOST_BYTES = 100 << 20


class Stream:
    """A stream of a session, by its cookie."""

    def __init__(self, server, cookie, position=None, source=None):
        host, port = server.address.rsplit(":", 1)
        self.socket = socket.socket()
        self.socket.settimeout(30)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((host, int(port)))
        fields = f"Last-Event-ID: {position}\r\n" if position else ""
        self.socket.sendall((f"GET /api/v1/events HTTP/1.1\r\nHost: {server.address}\r\nCookie: testkase_session={cookie}\r\n"
                             f"{fields}\r\n").encode())
        self.bytes = b""
        self.position = position

    def fileno(self):
        return self.socket.fileno()

    def events(self, count):
        """The numbers of the next events; fewer when the stream ends before."""
        found = []
        while len(found) < count:
            block, mark, rest = self.bytes.partition(b"\n\n")
            if not mark:
                more = self.socket.recv(65536)
                if not more:
                    break
                self.bytes += more
                continue
            self.bytes = rest
            fields = dict(line.split(": ", 1) for line in block.decode().split("\n") if ": " in line)
            self.position = fields.get("id", self.position)
            if "event" in fields:
                found.append(json.loads(fields["data"]).get("apiKeyId", fields["event"]))
        return found

    def begun(self):
        """Reads the head and the first position."""
        while not re.search(rb"\nid: ([^\n]+)\n\n", self.bytes):
            more = self.socket.recv(65536)
            assert more, self.bytes
            self.bytes += more
        assert b" 200 " in self.bytes, self.bytes
        self.position = re.search(rb"\nid: ([^\n]+)\n\n", self.bytes)[1].decode()
        self.bytes = b""
        return self

    def ends_within(self, seconds):
        self.socket.settimeout(seconds)
        while self.socket.recv(65536):
            pass
        return True


def cookie_of(api):
    return next(cookie.value for cookie in api.session.cookies)


def tell(service, person, number):
    service.database.query(
        """insert into testkase.outbox (organization_id, user_id, topic, payload)
           values (%s, %s, 'api_key.expired', jsonb_build_object('apiKeyId', %s))""", (person.organization_id, person.id, number))


def cut(service):
    """Ends all of the servers' connections to PostgreSQL; returns how many there were."""
    return len(service.database.query(
        """select pg_terminate_backend(pid) from pg_stat_activity
           where application_name = 'testkase-server' and datname = current_database()"""))


def test_nothing_is_lost_or_told_twice_when_connections_are_cut(database, start_service):
    """The one that listens among them, again and again."""
    service = start_service(database)
    person = service.organization().member
    stream = Stream(service.server, cookie_of(service.sign_in(person))).begun()
    for number in range(1, 81):
        if number % 20 == 10:
            until(lambda: cut(service) > 0, 10, "it has connections to cut")
        tell(service, person, number)
    assert stream.events(80) == list(range(1, 81))
    tell(service, person, 81)
    assert stream.events(1) == [81]


@pytest.mark.no_second_chance
def test_a_sign_out_counts_while_the_listening_connection_is_cut(database, start_service):
    service = start_service(database)
    person = service.organization().member
    api = service.sign_in(person)
    stream = Stream(service.server, cookie_of(api)).begun()
    cut(service)
    database.query("delete from testkase.sessions")
    assert stream.ends_within(5)


def test_a_restart_of_postgresql_is_not_noticed(own_cluster, start_service):
    service = start_service(own_cluster.create_database())
    person = service.organization().member
    stream = Stream(service.server, cookie_of(service.sign_in(person))).begun()
    service.database.close()
    own_cluster.stop()
    own_cluster.start()
    tell(service, person, 1)
    assert stream.events(1) == [1]


@pytest.mark.no_second_chance
def test_while_postgresql_is_away_streams_end_and_they_go_on_later(own_cluster, start_service):
    """Fails closed: nobody can say that the session is still valid."""
    service = start_service(own_cluster.create_database())
    person = service.organization().member
    cookie = cookie_of(service.sign_in(person))
    stream = Stream(service.server, cookie).begun()
    tell(service, person, 1)
    assert stream.events(1) == [1]
    service.database.close()
    own_cluster.stop()
    began = time.monotonic()
    assert stream.ends_within(20)
    assert time.monotonic() - began > 4, "a short outage is not worth it"
    own_cluster.start()
    tell(service, person, 2)
    until(lambda: service.server.api().session.get(service.server.base + "/readyz", timeout=5).status_code == 200, 20, "ready")
    assert Stream(service.server, cookie, stream.position).events(1) == [2]


# --- many ---


@pytest.fixture
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 15_000:
        pytest.skip("this shell may not open 15 000 descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def sign_in_many(service, organization, people):
    """Sessions made by SQL: (person, cookie) of each."""
    cookies = [hashlib.sha256(f"{number}".encode()).hexdigest() for number in range(people)]
    digests = [hashlib.blake2b(cookie.encode(), digest_size=32).digest() for cookie in cookies]
    service.database.query(
        """with people as (
               insert into testkase.users (organization_id, email, name)
               select %s, n || '@many.example', 'Somebody' from generate_series(1, %s) n returning id),
           numbered as (select id, row_number() over () as n from people)
           insert into testkase.sessions (digest, user_id) select d.digest, p.id
           from numbered p join unnest(%s::bytea[]) with ordinality d (digest, n) on d.n = p.n""",
        (organization.id, people, digests))
    return cookies


def open_many(service, cookies):
    streams = []
    for number, cookie in enumerate(cookies):
        streams += [Stream(service.server, cookie, source=f"127.78.{number % 8}.{1 + number % 200}")
                    for _ in range(OF_ONE_PERSON)]
        if number % 10 == 9:  # no more at once than a server answers
            for stream in streams[-10 * OF_ONE_PERSON:]:
                stream.begun()
    return streams


def status_of(pid, name):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)[1]) << 10


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.alone
@pytest.mark.usefixtures("many_descriptors")
def test_ten_thousand_streams_rest(database, start_service):
    """Little memory, hardly any work, and each is told."""
    service = start_service(database)
    organization = service.organization()
    sanitized = status_of(service.server.pid, "VmSize") > 1 << 40  # a sanitizer reserves terabytes, and keeps what is freed
    cookies = sign_in_many(service, organization, COUNT // OF_ONE_PERSON)
    began = time.monotonic()
    streams = open_many(service, cookies)
    took = time.monotonic() - began
    try:
        assert value(metrics(service.server.base), "event_streams") == COUNT
        pid = service.server.pid
        before, used_by = cpu_seconds(pid), 10
        idle = select.poll()
        idle.poll(used_by * 1000)  # time in which nothing happens is what is measured
        used = (cpu_seconds(pid) - before) / used_by
        memory = status_of(pid, "VmRSS")
        database.query("""insert into testkase.outbox (organization_id, user_id, topic, payload)
                          select organization_id, id, 'api_key.expired', '{"apiKeyId": 5}' from testkase.users
                          where email like '%@many.example' order by id desc limit 200""")
        told = time.monotonic()
        assert all(stream.events(1) == [5] for stream in streams[-200 * OF_ONE_PERSON:])
        told = time.monotonic() - told
        print(f"{COUNT} streams: opened in {took:.1f} s, {memory / (1 << 20):.1f} MiB resident, {100 * used:.1f} % of a "
              f"processor at rest, 2000 of them told in {told:.2f} s")
        assert memory < MOST_BYTES * (8 if sanitized else 1)
        assert used < (0.5 if sanitized else 0.1)
    finally:
        for stream in streams:
            stream.socket.close()
    until(lambda: value(metrics(service.server.base), "event_streams") == 0, 20, "they are gone")
