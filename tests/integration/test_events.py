"""Streams of events: what concerns the tokens of a person reaches its open pages, and streams end with the session."""

import json
import re
import socket

import pytest

from support.deadline import until
from support.metrics import metrics, value

POSITION = re.compile(r"\d+-\d+:\d+:[\d,]*")


class Stream:
    """An open stream, read as a browser reads it."""

    def __init__(self, api, position=None, address=None, path="/events", room=None):
        host, port = (address or api.base.removeprefix("http://")).rsplit(":", 1)
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in api.session.cookies)
        self.socket = socket.socket()
        if room:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.socket.settimeout(10)
        self.socket.connect((host, int(port)))
        fields = f"Last-Event-ID: {position}\r\n" if position else ""
        self.socket.sendall((f"GET /api/v1{path} HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookies}\r\n"
                             f"{fields}\r\n").encode())
        self.socket.settimeout(15)
        self.bytes = b""
        self.position = None
        self.head = self._until(b"\r\n\r\n").decode()
        self.status = int(self.head.split(" ")[1])

    def _until(self, mark):
        while mark not in self.bytes:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.bytes += more
        block, _, self.bytes = self.bytes.partition(mark)
        return block

    def block(self):
        """The fields of the next block, comments left out."""
        fields = {}
        for line in self._until(b"\n\n").decode().split("\n"):
            name, _, value = line.partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
        self.position = fields.get("id", self.position)
        return fields

    def opened(self):
        """Reads what every stream begins with when nothing was missed."""
        assert self.status == 200, self.head
        assert self.block() == {"retry": "2000"}
        block = self.block()
        assert set(block) == {"id"} and POSITION.fullmatch(block["id"]), block
        return self

    def event(self):
        """(topic, data) of the next event."""
        while True:
            block = self.block()
            if "event" in block:
                assert POSITION.fullmatch(block["id"]), block
                return block["event"], json.loads(block["data"])

    def is_ended(self):
        """Whether the server has closed it within the time that reading waits."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return True

    def close(self):
        self.socket.close()


@pytest.fixture
def member(service, organization):
    return service.sign_in(organization.member)


def create(api, name="GitHub Actions"):
    return api.post("/api-keys", {"name": name, "expiresInDays": 90}, 201).json()["id"]


def outbox(service, person, topic, payload="{}"):
    return service.database.value(
        """insert into testkase.outbox (organization_id, user_id, topic, payload) values (%s, %s, %s, %s)
           returning sequence""", (person.organization_id, person.id, topic, payload))


def burst(service, person, count):
    """So many events of a person, in one transaction."""
    service.database.query("""insert into testkase.outbox (organization_id, user_id, topic, payload)
                              select %s, %s, 'api_key.expired', '{"apiKeyId": 1}' from generate_series(1, %s)""",
                           (person.organization_id, person.id, count))


def test_a_stream_tells_of_a_tokens_life(service, organization, member):
    stream = Stream(member).opened()
    fields = dict(line.split(": ", 1) for line in stream.head.split("\r\n")[1:])
    assert (fields["Content-Type"], fields["Cache-Control"], fields["X-Accel-Buffering"], fields["Connection"]) == (
        "text/event-stream", "no-store", "no", "close")
    assert "Content-Length" not in fields
    token = create(member)
    topic, data = stream.event()
    assert topic == "api_key.created"
    assert (data["apiKeyId"], data["name"], data["ownerId"]) == (token, "GitHub Actions", organization.member.id)
    member.delete(f"/api-keys/{token}", 204)
    topic, data = stream.event()
    assert (topic, data["apiKeyId"], data["reason"]) == ("api_key.revoked", token, "revoked")
    found = member.post("/api-keys", {"name": "Lost", "expiresInDays": 7}, 201).json()
    assert stream.event()[0] == "api_key.created"
    service.server.api().post("/api-keys/report-leak", {"token": found["token"]}, 202)
    topic, data = stream.event()
    assert (topic, data["apiKeyId"], data["reason"]) == ("api_key.leaked", found["id"], "leaked")
    stream.close()


# --- whom they reach ---


def test_only_those_who_are_told_get_it(service, organization, member):
    """A person's own; a service account's custodians, or else the admins."""
    other = service.sign_in(service.organization().admin)
    admin, guest = service.sign_in(organization.admin), service.sign_in(organization.guest)
    machine = service.person(organization.id, kind="service", name="Nightly")
    streams = {name: Stream(api).opened() for name, api in
               {"member": member, "admin": admin, "guest": guest, "other": other}.items()}
    outbox(service, machine, "api_key.rotation_due", '{"apiKeyId": 1}')
    topic, data = streams["admin"].event()
    assert (topic, data["ownerId"]) == ("api_key.rotation_due", machine.id)
    admin.put(f"/users/{machine.id}/custodians/{organization.guest.id}", expect=200)
    outbox(service, machine, "api_key.expiring", '{"apiKeyId": 1}')
    assert streams["guest"].event()[0] == "api_key.expiring"
    for person, name in ((organization.admin, "admin"), (organization.member, "member")):
        outbox(service, person, "api_key.expired", '{"apiKeyId": 2}')
        assert streams[name].event()[0] == "api_key.expired", "nothing else came before"
    token = create(other)
    assert streams["other"].event()[1]["apiKeyId"] == token, "nothing of another organization"


def test_admins_are_told_of_people_whom_no_mail_reaches(service, organization):
    """At once, and after a gap."""
    admin = service.sign_in(organization.admin)
    stream = Stream(admin).opened()
    service.database.query(
        """insert into testkase.mails (organization_id, user_id, kind, subject, state, status, ended_at)
           select %s, %s, 'reminder', 'Due', 'parked', 550, now() from generate_series(1, 2)""",
        (organization.id, organization.guest.id))
    position = stream.position
    outbox(service, organization.guest, "api_key.expiring", '{"apiKeyId": 1}')
    assert stream.event()[1]["ownerId"] == organization.guest.id
    assert Stream(admin, position).event()[1]["ownerId"] == organization.guest.id
    assert Stream(service.sign_in(organization.member), position).block() == {"retry": "2000"}


def test_both_servers_tell(service, organization, member):
    second = service.start_server()
    at_second = member.at(second.base)
    here, there = Stream(member).opened(), Stream(at_second).opened()
    token = create(at_second)
    assert here.event()[1]["apiKeyId"] == there.event()[1]["apiKeyId"] == token


# --- going on ---


def test_it_goes_on_where_it_was(service, organization, member):
    stream = Stream(member).opened()
    create(member, "before")
    stream.event()
    stream.close()
    missed = [create(member, f"missed {i}") for i in range(3)]
    for path in ("/events", f"/events?lastEventId={stream.position}"):
        again = Stream(member, stream.position if path == "/events" else None, path=path)
        assert [again.event()[1]["apiKeyId"] for _ in missed] == missed
        last = create(member, "last")
        assert again.event()[1]["apiKeyId"] == last
        missed.append(last)
    new = Stream(member).opened()
    assert new.position.split("-")[1] == again.position.split("-")[1], "without a position, nothing was sent"


def test_what_is_committed_late_is_neither_lost_nor_told_twice(service, organization, member):
    """The smaller sequence is committed after the greater one."""
    insert = "insert into testkase.outbox (organization_id, user_id, topic, payload) values (%s, %s, 'api_key.expired', %s)"
    stream = Stream(member).opened()
    with service.database.connect() as slow, slow.cursor() as cursor:
        cursor.execute(insert, (organization.id, organization.member.id, '{"apiKeyId": 1}'))
        outbox(service, organization.member, "api_key.expired", '{"apiKeyId": 2}')
        assert stream.event()[1]["apiKeyId"] == 2
        position = stream.position
        slow.commit()
    assert stream.event()[1]["apiKeyId"] == 1
    assert int(stream.position.split("-")[0]) < int(position.split("-")[0])
    again = Stream(member, position)
    assert again.event()[1]["apiKeyId"] == 1, "it was committed after that position"
    outbox(service, organization.member, "api_key.expired", '{"apiKeyId": 3}')
    assert again.event()[1]["apiKeyId"] == 3 and stream.event()[1]["apiKeyId"] == 3
    assert Stream(member, stream.position).block() == {"retry": "2000"}


def test_nothing_is_lost_or_doubled_while_streams_begin(service, organization, member):
    """Streams that begin at any moment of a burst get everything after their position once."""
    first = Stream(member).opened()
    start, streams = first.position, []
    first.close()
    for number in range(1, 61):
        outbox(service, organization.member, "api_key.expired", json.dumps({"apiKeyId": number}))
        if number % 8 == 0:
            streams.append(Stream(member, start))
    for stream in streams:
        assert [stream.event()[1]["apiKeyId"] for _ in range(60)] == list(range(1, 61))


@pytest.mark.parametrize("position", ["7", "abc", "1-5:3:", "1-1:9:4,4", "1-1:9:4,", "1-1:9:12", f"1-{'9' * 17}:{'9' * 17}:",
                                      "-1-5:5:", "1--5:5:", "1-5:-5:", f"{'9' * 30}-5:5:", f"1-{'9' * 30}:{'9' * 30}:",
                                      "1-1:2:" + "1," * 400, "1-1:9:" + "5" * 8000], ids=lambda position: position[:20])
def test_an_unknown_position_is_told_as_such(member, position):
    for stream in (Stream(member, position), Stream(member, path=f"/events?lastEventId={position[:4000]}")):
        assert stream.event() == ("reset", {})
        assert POSITION.fullmatch(stream.position)
        assert Stream(member, stream.position).block() == {"retry": "2000"}


def test_a_position_that_is_still_to_come_is_told_as_such(member):
    """Of a database that was restored since: PostgreSQL gives those transactions to others."""
    oldest = int(Stream(member).opened().position.split("-")[1].split(":")[0])
    for ahead in (1000, 1 << 40):
        assert Stream(member, f"1-{oldest + ahead}:{oldest + ahead}:").event() == ("reset", {})


def test_a_position_from_long_ago_is_told_as_such(service, organization, member):
    """Whatever is missing, of whomever: counting it is bounded, and reading it would not be."""
    position = Stream(member).opened().position
    outbox(service, organization.member, "api_key.expired", '{"apiKeyId": 5}')
    burst(service, service.organization().member, 4999)
    assert Stream(member, position).event()[1]["apiKeyId"] == 5
    burst(service, service.organization().member, 1)
    again = Stream(member, position)
    assert again.event() == ("reset", {})
    Stream(member, again.position).opened()


def test_too_much_to_catch_up_with_is_told_as_such(service, organization, member):
    stream = Stream(member).opened()
    stream.close()
    service.database.query(
        """insert into testkase.outbox (organization_id, user_id, topic)
           select %s, %s, 'api_key.expired' from generate_series(1, 101) returning id""",
        (organization.id, organization.member.id))
    assert Stream(member, stream.position).event() == ("reset", {})


def test_a_burst_in_one_organization_is_no_reset_of_another(service, organization, member):
    """What one read takes is bounded; the organizations with fewest events come first."""
    crowd = service.organization()
    hers, loud = Stream(member).opened(), Stream(service.sign_in(crowd.member)).opened()
    bystander = Stream(service.sign_in(crowd.guest)).opened()
    with service.database.connect() as connection, connection.cursor() as cursor:
        for person, count in ((organization.member, 3), (crowd.member, 2100)):
            cursor.execute("""insert into testkase.outbox (organization_id, user_id, topic, payload)
                              select %s, %s, 'api_key.expired', jsonb_build_object('apiKeyId', n)
                              from generate_series(1, %s) n""", (person.organization_id, person.id, count))
    assert [hers.event()[1]["apiKeyId"] for _ in range(3)] == [1, 2, 3]
    assert loud.event() == bystander.event() == ("reset", {})
    for person in (organization.member, crowd.member):
        outbox(service, person, "api_key.expired", '{"apiKeyId": 9}')
    assert hers.event()[1]["apiKeyId"] == loud.event()[1]["apiKeyId"] == 9, "and all go on"
    assert Stream(member, hers.position).block() == {"retry": "2000"}


def test_many_who_are_told_of_one_account_are_no_reset_of_another_organization(service, organization, member):
    """Rows are few, events are many."""
    crowd = service.organization()
    machine = service.person(crowd.id, kind="service", name="Nightly")
    for _ in range(3):
        service.person(crowd.id, role="admin")
    hers, admin = Stream(member).opened(), Stream(service.sign_in(crowd.admin)).opened()
    bystander = Stream(service.sign_in(crowd.guest)).opened()
    with service.database.connect() as connection, connection.cursor() as cursor:
        for person, count in ((machine, 700), (organization.member, 1)):
            cursor.execute("""insert into testkase.outbox (organization_id, user_id, topic, payload)
                              select %s, %s, 'api_key.expired', '{"apiKeyId": 4}' from generate_series(1, %s)""",
                           (person.organization_id, person.id, count))
    assert hers.event()[1]["apiKeyId"] == 4
    assert admin.event() == bystander.event() == ("reset", {}), "nobody has read whom it concerns"
    outbox(service, machine, "api_key.expired", '{"apiKeyId": 5}')
    assert admin.event()[1]["apiKeyId"] == 5


def test_more_than_is_counted_is_told_to_all(service, organization, member):
    stream = Stream(member).opened()
    burst(service, service.organization().member, 20_001)
    assert stream.event() == ("reset", {})
    outbox(service, organization.member, "api_key.expired", '{"apiKeyId": 6}')
    assert stream.event()[1]["apiKeyId"] == 6


def test_without_notifications_it_takes_seconds(database, start_service):
    service = start_service(database)
    database.query("create or replace function testkase.notification_queue_usage() returns float8 language sql return 0.9")
    organization = service.organization()
    api = service.sign_in(organization.member)
    stream = Stream(api).opened()
    token = create(api)
    assert stream.event()[1]["apiKeyId"] == token
    api.delete("/session", 204)
    assert stream.is_ended()


# --- the end ---


def sign_out(service, organization, api):
    api.delete("/session", 204)


def end_session(service, organization, api):
    other = service.sign_in(organization.member)
    mine = [session["id"] for session in other.get("/account/sessions", 200).json()["data"] if not session["current"]]
    other.delete(f"/account/sessions/{mine[0]}", 204)


def change_password(service, organization, api):
    other = service.sign_in(organization.member)
    other.post("/account/password", {"currentPassword": organization.member.password,
                                     "newPassword": "another-harbour-47-lantern"}, 204)


def deactivate(service, organization, api):
    service.sign_in(organization.admin).patch(f"/users/{organization.member.id}", {"status": "deactivated"}, 200)


def be_idle(service, organization, api):
    service.database.query("""update testkase.sessions set last_seen_at = now() - interval '12 hours'
                              where user_id = %s returning id""", (organization.member.id,))


@pytest.mark.parametrize("end", [sign_out, end_session, change_password, deactivate, be_idle])
@pytest.mark.no_second_chance
def test_it_ends_with_its_session(service, organization, member, end):
    second = service.start_server()
    here, there = Stream(member).opened(), Stream(member, address=second.address).opened()
    bystander = Stream(service.sign_in(organization.guest)).opened()
    end(service, organization, member)
    for stream in (here, there):
        stream.socket.settimeout(4 if end is be_idle else 2)
        assert stream.is_ended()
    assert Stream(member).status == 401
    token = create(service.sign_in(organization.guest))
    assert bystander.event()[1]["apiKeyId"] == token, "the others go on"


@pytest.mark.no_second_chance
def test_it_ends_when_the_time_of_its_session_is_over(service, organization, member):
    service.database.query("""update testkase.sessions set expires_at = now() + interval '2 seconds'
                              where user_id = %s returning id""", (organization.member.id,))
    stream = Stream(member).opened()
    stream.socket.settimeout(5)
    assert stream.is_ended()


def test_a_stop_does_not_wait_for_streams(service, organization, member):
    second = service.start_server()
    streams = [Stream(member, address=second.address).opened() for _ in range(3)]
    second.terminate(5)
    assert all(stream.is_ended() for stream in streams)
    token = create(member)
    again = Stream(member, streams[0].position)
    assert again.event()[1]["apiKeyId"] == token, "it goes on at another server"


def test_a_client_that_never_reads_is_cut_off(service, organization, member):
    stream = Stream(member, room=4096).opened()
    reader = Stream(member).opened()

    def is_cut_off():
        service.database.query(
            """insert into testkase.outbox (organization_id, user_id, topic, payload)
               select %s, %s, 'api_key.expired', jsonb_build_object('name', repeat('x', 2000)) from generate_series(1, 10)
               returning id""", (organization.id, organization.member.id))
        for _ in range(10):
            assert reader.event()[0] == "api_key.expired", "the others go on"
        return value(metrics(service.server.base), "event_streams") == 1

    service.server.check_sane()
    until(is_cut_off, 30, "it was cut off")
    stream.close()


# --- callers, methods, bounds ---


def test_it_is_for_people_who_are_signed_in(service, organization):
    service.server.api().get("/events", 401)
    token = service.mint(organization.member, "CI", 90)[1]
    answer = service.server.bearer(token).get("/events", 403).json()
    assert answer["code"] == "forbidden" and "signed in" in answer["detail"]


def test_a_person_has_ten_streams_at_most(service, organization, member):
    streams = [Stream(member).opened() for _ in range(10)]
    answer = member.get("/events", 429)
    assert int(answer.headers["Retry-After"]) > 0
    Stream(service.sign_in(organization.guest)).opened()
    streams.pop().close()
    until(lambda: Stream(member).status == 200, 5, "there is room again")


def test_head_and_http_1_0(service, organization, member):
    cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in member.session.cookies)
    host, port = service.server.address.rsplit(":", 1)

    def ask(line, fields=""):
        client = socket.create_connection((host, int(port)), 10)
        client.sendall(f"{line}\r\nHost: {host}\r\nCookie: {cookie}\r\n{fields}\r\n".encode())
        return client

    with ask("HEAD /api/v1/events HTTP/1.1") as client:
        answer = b"".join(iter(lambda: client.recv(4096), b"")).decode()
    assert answer.startswith("HTTP/1.1 200 ") and "text/event-stream" in answer and answer.endswith("\r\n\r\n")
    with ask("GET /api/v1/events HTTP/1.0", "Connection: keep-alive\r\n") as client:
        answer = b""
        while b"id: " not in answer:
            answer += client.recv(4096)
    assert b"Connection: close" in answer and b"Transfer-Encoding" not in answer


def test_what_a_client_sends_into_a_stream_is_dropped(service, organization, member):
    stream = Stream(member).opened()
    stream.socket.sendall(b"GET /api/v1/session HTTP/1.1\r\nHost: x\r\n\r\n")
    token = create(member)
    assert stream.event()[1]["apiKeyId"] == token
    assert stream.bytes == b""


def test_a_quiet_stream_says_where_it_is(service, organization, member):
    """A proxy keeps it open, and the browser goes on from there."""
    stream = Stream(member).opened()
    before = stream.position
    create(service.sign_in(organization.guest))
    stream.socket.settimeout(30)
    block = stream.block()
    assert set(block) == {"id"} and POSITION.fullmatch(block["id"]) and block["id"] != before
