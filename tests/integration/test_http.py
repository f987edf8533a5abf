"""The HTTP front: limits, order, conventions (RFC 9110, 9112, 9457)."""

import concurrent.futures
import json
import re
import socket
import struct
import time

import pytest

from support.http import PROBLEMS, REQUEST_ID, Wire, check_problem

GET = "GET /api/v1/session HTTP/1.1\r\nHost: x\r\n\r\n"


def assert_problem(answer, code):
    """A whole answer with this problem."""
    assert answer is not None, "closed without an answer"
    assert answer.status == PROBLEMS[code], f"{answer.status} {answer.body[:300]!r}"
    problem = json.loads(answer.body)
    check_problem(answer.status, answer.field("content-type"), problem)
    assert problem["code"] == code
    assert REQUEST_ID.fullmatch(answer.field("x-request-id") or "")
    return answer


@pytest.fixture
def wire(service):
    with service.server.wire() as connection:
        yield connection


@pytest.fixture
def bearer(service, organization):
    """The field line of a good token."""
    return f"Authorization: Bearer {service.mint(organization.member)[1]}\r\n"


def create_head(bearer, extra, target="/api/v1/api-keys"):
    return f"POST {target} HTTP/1.1\r\nHost: x\r\n{bearer}Content-Type: application/json\r\n{extra}\r\n"


BODY = '{"name":"CI","expiresInDays":7}'


# --- routes ---

@pytest.mark.parametrize("target",
                         ["/nothing", "/api/v1/nothing", "/api/v1", "/api/v2/session", "/api/v1/session/", "/api/v1//session",
                          "/API/v1/session", "/api/v1/sessions", "/%2e%2e/etc/passwd",
                          "/api/v1/api-keys/1/nothing", "/../../etc/passwd", "/api/v1/./session", "/.git/config"])
def test_an_unknown_path_is_404(wire, target):
    assert_problem(wire.ask(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"), "not_found")
    assert wire.ask(GET).status == 401, "the connection is still good"


@pytest.mark.parametrize("target", ["/api/v1/session%00", "/api/v1/session%zz", "/%c0%af", "/a%"])
def test_a_broken_escape_is_no_path(wire, target):
    assert wire.ask(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").status in (400, 404)


@pytest.mark.parametrize("method", ["GET", "POST", "PROPFIND"])
@pytest.mark.parametrize("target,right", [
    ("/api/v1/session/", "/api/v1/session"), ("/api/v1//session", "/api/v1/session"), ("/healthz/", "/healthz"),
    ("/api/v1/api-keys/7/activity//", "/api/v1/api-keys/7/activity"), ("/api//v1///users/?limit=1", "/api/v1/users")])
def test_slashes_too_many_are_told(service, bearer, method, target, right):
    for fields in ("", bearer):
        with service.server.wire() as wire:
            answer = assert_problem(wire.ask(f"{method} {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n"), "not_found")
            assert f"use {right} instead" in json.loads(answer.body)["detail"]


def test_a_path_is_repeated_only_if_it_helps(wire):
    for target in ("/nothing/", "/api/v1/session/x/", f"/assets/tk_pat_{'a' * 54}/", f"/assets/{'a' * 200}/"):
        answer = assert_problem(wire.ask(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"), "not_found")
        assert "slash" not in json.loads(answer.body)["detail"] and b"aaaa" not in answer.body


# --- what proxies and scripts send ---

@pytest.mark.parametrize("target", ["/healthz", "/readyz"])
def test_health_checks_need_no_host(service, target):
    """As HAProxy's `option httpchk GET /healthz` sends them."""
    for method in ("GET", "HEAD"):
        with service.server.wire() as wire:
            answer = wire.ask(f"{method} {target} HTTP/1.0\r\n\r\n", method)
            assert answer.status == 200 and wire.response() is None
    for other in (f"GET {target} HTTP/1.1\r\n\r\n", "GET /docs HTTP/1.0\r\n\r\n", "GET /api/v1/session HTTP/1.0\r\n\r\n",
                  "GET /nothing HTTP/1.0\r\n\r\n"):
        with service.server.wire() as wire:
            assert_problem(wire.ask(other), "bad_request")
            assert wire.response() is None


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "deflate", "zstd", "gzip, br", "x" * 40])
def test_a_coding_is_415_and_named(service, bearer, coding):
    with service.server.wire() as wire:
        wire.send(create_head(bearer, f"Content-Encoding: {coding}\r\nContent-Length: {len(BODY)}\r\n") + BODY)
        answer = assert_problem(wire.response(), "unsupported_media_type")
        assert answer.field("accept-encoding") == "identity"
        detail = json.loads(answer.body)["detail"]
        assert "content coding" in detail and (coding in detail) == (len(coding) <= 32 and "," not in coding)
    with service.server.wire() as wire:
        wire.send(create_head(bearer, f"Content-Encoding: identity\r\nContent-Length: {len(BODY)}\r\n") + BODY)
        assert wire.response().status == 201


@pytest.mark.parametrize("end", ["\n", "\r", "\n\n", "\r\r", "\n\r"])
def test_a_line_break_behind_a_token_is_told(service, organization, end):
    """The file that holds a CI's secret ends with one. Nothing behind it is taken for a request."""
    token = service.mint(organization.member)[1]
    hidden = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    for rest in ("", "Accept: */*\r\n", "Content-Length: 40\r\n", "Host: y\r\n"):
        with service.server.wire() as wire:
            wire.send(f"GET /api/v1/session HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}{end}\r\n{rest}\r\n{hidden}")
            detail = json.loads(assert_problem(wire.response(), "bad_request").body)["detail"]
            assert "Authorization" in detail and "line break" in detail
            assert wire.response() is None, "nothing else is answered"


def test_behind_a_token_that_ends_a_head_nothing_is_smuggled(service, organization):
    """CR LF behind the token ends the head. The fields behind it are no request, and close the connection."""
    token = service.mint(organization.member)[1]
    with service.server.wire() as wire:
        wire.send(f"GET /api/v1/session HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
                  "Accept: */*\r\nContent-Length: 44\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.response().status == 200
        assert_problem(wire.response(), "bad_request")
        assert wire.response() is None


@pytest.mark.parametrize("fields", [
    ["a=1", "{session}"], ["{session}", "a=1"], ["a=1; b=2", "c=3; {session}; d=4"], ["", "{session}"],
    ["testkase_sessio=1", "{session}"]])
def test_cookies_may_be_split_over_fields(service, organization, fields):
    """As a proxy may hand them on from HTTP/2."""
    [cookie] = service.sign_in(organization.member).session.cookies
    lines = "".join(f"Cookie: {field}\r\n" for field in fields).format(session=f"{cookie.name}={cookie.value}")
    with service.server.wire() as wire:
        assert wire.ask(f"GET /api/v1/session HTTP/1.1\r\nHost: x\r\n{lines}\r\n").status == 200
        assert wire.ask(f"GET /api/v1/session HTTP/1.1\r\nHost: x\r\nX-Cookie: a\r\n{lines}\r\n").status == 200


ALLOWED = {
    "/api/v1/session": {"GET", "HEAD", "POST", "DELETE"},
    "/api/v1/api-keys": {"GET", "HEAD", "POST", "DELETE"},
    "/api/v1/api-keys/1": {"GET", "HEAD", "DELETE"},
    "/api/v1/api-keys/current": {"GET", "HEAD", "DELETE"},
    "/api/v1/users": {"GET", "HEAD", "POST"},
    "/api/v1/users/1": {"GET", "HEAD", "PATCH", "DELETE"},
    "/api/v1/projects/user-projects": {"GET", "HEAD"},
    "/healthz": {"GET", "HEAD"},
    "/readyz": {"GET", "HEAD"},
}


@pytest.mark.parametrize("target", ALLOWED)
def test_a_wrong_method_is_405_with_allow(service, bearer, target):
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} - ALLOWED[target]:
        with service.server.wire() as wire:
            answer = assert_problem(wire.ask(f"{method} {target} HTTP/1.1\r\nHost: x\r\n{bearer}\r\n"), "method_not_allowed")
            assert {word.strip() for word in answer.field("allow").split(",")} == ALLOWED[target], method


def test_connect_and_absolute_targets_open_nothing(service):
    for line in ("CONNECT evil.example:443", "GET http://evil.example/", "GET //evil.example/", "GET evil"):
        with service.server.wire() as wire:
            answer = wire.ask(f"{line} HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answer.status in (400, 404, 405)
            assert answer.field("location") is None


# --- limits ---

def test_a_target_over_8_kib_is_414(wire):
    assert_problem(wire.ask(f"GET /{'a' * 8192} HTTP/1.1\r\nHost: x\r\n\r\n"), "uri_too_long")


def test_a_target_of_8_kib_is_read(wire):
    assert_problem(wire.ask(f"GET /{'a' * 8191} HTTP/1.1\r\nHost: x\r\n\r\n"), "not_found")


def test_an_endless_target_is_refused(wire):
    answer = wire.ask("GET /" + "a" * 100_000)
    assert answer.status in (414, 431)
    assert wire.is_closed()


def test_a_head_over_16_kib_is_431(wire):
    assert_problem(wire.ask(f"GET / HTTP/1.1\r\nHost: x\r\nX-Long: {'a' * 16384}\r\n\r\n"), "headers_too_large")
    assert wire.is_closed()


def test_an_endless_field_is_431(wire):
    assert_problem(wire.ask("GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + "a" * 100_000), "headers_too_large")


def test_100_fields_are_read_and_101_are_not(service):
    for count, code in ((100, "not_found"), (101, "headers_too_large")):
        with service.server.wire() as wire:
            fields = "".join(f"X-{n}: y\r\n" for n in range(count - 1))
            assert_problem(wire.ask(f"GET /nothing HTTP/1.1\r\nHost: x\r\n{fields}\r\n"), code)


BODY_MAX = 16 * 1024


def test_a_body_over_16_kib_is_413(wire, bearer):
    assert_problem(wire.ask(create_head(bearer, f"Content-Length: {BODY_MAX + 1}\r\n")), "payload_too_large")
    assert wire.is_closed()


def test_a_body_of_16_kib_is_read(wire, bearer):
    body = BODY[:-1] + " " * (BODY_MAX - len(BODY)) + "}"
    assert len(body) == BODY_MAX
    assert wire.ask(create_head(bearer, f"Content-Length: {BODY_MAX}\r\n") + body, "POST").status == 201


def test_a_chunked_body_over_16_kib_is_413(wire, bearer):
    wire.send(create_head(bearer, "Transfer-Encoding: chunked\r\n"))
    chunk = f"400\r\n{' ' * 1024}\r\n"
    for _ in range(17):
        wire.send(chunk)
    assert_problem(wire.response(), "payload_too_large")


@pytest.mark.parametrize("length", ["9223372036854775807", "9223372036854775808", "18446744073709551616", "9" * 400])
def test_a_monstrous_length_is_refused(wire, bearer, length):
    assert wire.ask(create_head(bearer, f"Content-Length: {length}\r\n")).status in (400, 413)
    assert wire.is_closed()


@pytest.mark.parametrize("content_type",
                         ["text/plain", "application/x-www-form-urlencoded", "application/xml", "application/jsonx",
                          "application/json-patch+json", "json", "",
                          "application/json; charset=latin1"])
def test_another_content_type_is_415(service, organization, content_type):
    api = service.bearer(organization.member)
    response = api.post("/api-keys", data=BODY, headers={"Content-Type": content_type})
    assert response.status_code == 415, response.text
    assert response.json()["code"] == "unsupported_media_type"


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8",
                                          "application/json ; charset=\"utf-8\""])
def test_json_in_its_spellings_is_taken(service, organization, content_type):
    service.bearer(organization.member).post("/api-keys", None, 201, data=BODY, headers={"Content-Type": content_type})


def test_no_content_type_with_a_body_is_415(wire, bearer):
    answer = wire.ask(f"POST /api/v1/api-keys HTTP/1.1\r\nHost: x\r\n{bearer}Content-Length: {len(BODY)}\r\n\r\n{BODY}")
    assert_problem(answer, "unsupported_media_type")


def test_a_missing_body_is_400(wire, bearer):
    assert wire.ask(create_head(bearer, "Content-Length: 0\r\n")).status == 400
    assert wire.ask(create_head(bearer, "")).status == 400


# --- time ---

def test_a_request_that_never_ends_is_408(service, bearer):
    """The head must be whole 10 s after its first byte and the answer begun 30 s after it, whatever drips in."""
    def ends_at(first, drip, low, high):
        with service.server.wire() as wire:
            start = time.monotonic()
            wire.send(first)
            while True:
                try:
                    answer = wire.response(seconds=0.5)
                    break
                except AssertionError:
                    assert time.monotonic() - start < high, "still waiting"
                    wire.send(drip)
            passed = time.monotonic() - start
            assert_problem(answer, "request_timeout")
            assert low <= passed <= high, f"after {passed:.1f} s"
            assert wire.is_closed()

    cases = [
        ("GET /api/v1/ses", "", 9, 16), ("GET /api/v1/session HTTP/1.1\r\nHost: x\r\nX-Slow: ", "a", 9, 16),
        (create_head(bearer, "Content-Length: 500\r\n") + "{", "", 9, 36),
        (create_head(bearer, "Content-Length: 500\r\n") + "{", " ", 9, 36),
        (create_head(bearer, "Transfer-Encoding: chunked\r\n"), "1\r\n \r\n", 9, 36)]
    with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
        for future in [pool.submit(ends_at, *case) for case in cases]:
            future.result(60)


# --- one connection, many requests ---

def test_pipelined_requests_are_answered_in_order(wire, bearer):
    count = 40
    for number in range(count):
        target = "/healthz" if number % 3 == 0 else "/api/v1/session" if number % 3 == 1 else "/nothing"
        wire.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n{bearer if number % 2 else ''}X-Request-Id: nr-{number}\r\n\r\n")
    for number in range(count):
        answer = wire.response()
        assert answer.field("x-request-id") == f"nr-{number}"
        expected = 200 if number % 3 == 0 else 404 if number % 3 == 2 else 200 if number % 2 else 401
        assert answer.status == expected


def test_pipelined_bodies_stay_with_their_requests(wire, bearer):
    for number in range(10):
        body = json.dumps({"name": f"CI {number}", "expiresInDays": 7})
        if number % 2:
            wire.send(create_head(bearer, f"Content-Length: {len(body)}\r\n") + body)
        else:
            wire.send(create_head(bearer, "Transfer-Encoding: chunked\r\n") +
                      f"5\r\n{body[:5]}\r\n{len(body) - 5:X};ext=1\r\n{body[5:]}\r\n0\r\n\r\n")
    for number in range(10):
        answer = wire.response()
        assert answer.status == 201 and json.loads(answer.body)["name"] == f"CI {number}"


def test_a_request_arrives_byte_by_byte(wire, bearer):
    for byte in create_head(bearer, f"Content-Length: {len(BODY)}\r\n") + BODY:
        wire.send(byte)
    assert wire.response().status == 201


def test_a_body_with_get_is_never_executed(wire):
    inner = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = wire.ask(f"GET /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: {len(inner)}\r\n\r\n{inner}")
    assert answer.status in (400, 401)
    if answer.status == 401:
        assert wire.ask("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").status == 404, "the body was dropped"
    else:
        assert wire.is_closed()


def test_an_unread_body_is_dropped(wire):
    """Refused before the body is looked at; what follows it is the next request."""
    answer = wire.ask(create_head("", f"Content-Length: {len(BODY)}\r\n") + BODY)
    assert answer.status == 401
    if answer.field("connection") != "close":
        assert wire.ask("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").status == 404


def test_connections_stay_open_as_asked(service):
    cases = [("HTTP/1.1", "", True), ("HTTP/1.1", "Connection: close\r\n", False), ("HTTP/1.1", "Connection: Close\r\n", False),
             ("HTTP/1.1", "Connection: keep-alive, close\r\n", False), ("HTTP/1.0", "", False),
             ("HTTP/1.0", "Connection: keep-alive\r\n", True)]
    for version, field, open_afterwards in cases:
        with service.server.wire() as wire:
            answer = wire.ask(f"GET /healthz {version}\r\nHost: x\r\n{field}\r\n")
            assert answer.status == 200
            if open_afterwards:
                assert wire.ask(GET).status == 401, (version, field)
            else:
                assert wire.is_closed(), (version, field)
                if version == "HTTP/1.1":
                    assert answer.field("connection") == "close"


def test_a_client_that_half_closes_is_answered(wire):
    wire.send(GET)
    wire.finish_sending()
    assert wire.response().status == 401
    assert wire.is_closed()


def test_a_client_that_resets_harms_nobody(service):
    for data in ("", "GET", GET, GET[:-2], GET * 50, create_head("", "Content-Length: 10\r\n")):
        for _ in range(5):
            wire = service.server.wire()
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() resets
            wire.send(data)
            wire.close()
    with service.server.wire() as wire:
        assert wire.ask(GET).status == 401


# --- HEAD, 100-continue ---

@pytest.mark.parametrize("target", ["/healthz", "/api/v1/session", "/nothing", "/api/v1/api-keys?status=revoked"])
def test_head_is_get_without_the_body(wire, bearer, target):
    get = wire.ask(f"GET {target} HTTP/1.1\r\nHost: x\r\n{bearer}\r\n")
    head = wire.ask(f"HEAD {target} HTTP/1.1\r\nHost: x\r\n{bearer}\r\n", "HEAD")
    assert head.status == get.status and head.body == b""
    varying = {"date", "x-request-id", "ratelimit"}
    assert {k: v for k, v in head.fields.items() if k not in varying} == {k: v for k, v in get.fields.items() if k not in varying}
    assert wire.ask(GET).status == 401, "no byte of a body follows"


def test_100_continue_comes_before_the_body(wire, bearer):
    interim = wire.ask(create_head(bearer, f"Expect: 100-continue\r\nContent-Length: {len(BODY)}\r\n"))
    assert interim.status == 100 and interim.fields == {}
    assert wire.ask(BODY).status == 201


def test_100_continue_does_not_come_when_the_answer_is_known(wire):
    answer = wire.ask(create_head("", f"Expect: 100-continue\r\nContent-Length: {len(BODY)}\r\n"))
    assert answer.status == 401


def test_100_continue_is_not_needed_when_the_body_is_there(wire, bearer):
    answer = wire.ask(create_head(bearer, f"Expect: 100-continue\r\nContent-Length: {len(BODY)}\r\n") + BODY)
    if answer.status == 100:
        answer = wire.response()
    assert answer.status == 201


def test_100_continue_is_not_sent_to_http_1_0(wire, bearer):
    head = create_head(bearer, f"Expect: 100-continue\r\nContent-Length: {len(BODY)}\r\n")
    answer = wire.ask(head.replace("HTTP/1.1", "HTTP/1.0") + BODY)
    assert answer.status == 201


def test_another_expectation_is_417(wire, bearer):
    assert_problem(wire.ask(create_head(bearer, f"Expect: cake\r\nContent-Length: {len(BODY)}\r\n")), "expectation_failed")


def test_another_version_is_505(service):
    for version in ("HTTP/2.0", "HTTP/1.2", "HTTP/9.9"):
        with service.server.wire() as wire:
            answer = wire.ask(f"GET / {version}\r\nHost: x\r\n\r\n")
            assert answer.status in (400, 505)
            assert wire.is_closed()


# --- fields of the answer ---

@pytest.mark.parametrize("given", ["a", "req-1.2_3", "0" * 64, "4bf92f3577b34da6a3ce929d0e0e4736"])
def test_a_request_id_is_echoed(service, given):
    assert service.server.api().get("/session", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "<script>", "a\tb", "é", "a;b=c\"d"])
def test_an_odd_request_id_is_replaced(service, given):
    answered = service.server.api().get("/session", headers={"X-Request-Id": given.encode()}).headers["X-Request-Id"]
    assert answered != given and re.fullmatch(r"[0-9A-Za-z._-]{8,64}", answered)


def test_request_ids_are_made_and_differ(service):
    api = service.server.api()
    assert len({api.get("/session").headers["X-Request-Id"] for _ in range(50)}) == 50


def test_every_answer_has_the_date_and_its_length(wire):
    for target in ("/healthz", "/nothing", "/api/v1/session"):
        answer = wire.ask(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
        assert re.fullmatch(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", answer.field("date"))
        assert answer.field("x-content-type-options") == "nosniff"
        assert answer.field("server") is None


def test_204_has_neither_body_nor_length(wire, bearer):
    answer = wire.ask(f"DELETE /api/v1/api-keys/current HTTP/1.1\r\nHost: x\r\n{bearer}\r\n")
    assert answer.status == 204 and answer.field("content-length") is None and answer.field("content-type") is None
    assert wire.ask(GET).status == 401


def test_no_redirect_on_api_paths(database, start_service):
    """A token once sent in the clear must not be sent on as if nothing had happened."""
    service = start_service(database, TESTKASE_PUBLIC_URL="https://pat.example.test")
    response = service.server.api().get("/session")
    assert response.status_code == 401 and "Location" not in response.headers


def test_a_forwarded_address_counts_from_a_trusted_proxy_only(database, start_service):
    service = start_service(database, TESTKASE_TRUSTED_PROXIES="127.5.0.0/16")
    organization = service.organization()
    for source, field, expected in (("127.5.0.1", {"X-Forwarded-For": "203.0.113.9"}, "203.0.113.9"),
                                    ("127.6.0.1", {"X-Forwarded-For": "203.0.113.9"}, "127.6.0.1"),
                                    ("127.5.0.2", {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}, "203.0.113.9"),
                                    ("127.5.0.3", {"X-Forwarded-For": "203.0.113.9, 127.5.9.9"}, "203.0.113.9"),
                                    ("127.5.0.4", {"X-Forwarded-For": "nonsense"}, "127.5.0.4"),
                                    ("127.5.0.5", {}, "127.5.0.5")):
        api = service.bearer(organization.member, source=source)
        made = api.post("/api-keys", {"name": "CI", "expiresInDays": 7}, 201, headers=field).json()
        assert service.database.value("""select host(address) from testkase.audit_events
                                         where target_id = %s and action = 'api_key.created'""",
                                      (made["id"],)) == expected, (source, field)


def test_one_client_cannot_make_us_hold_much(service):
    """Thousands of pipelined requests whose answers are never read: the server stops reading."""
    with service.server.wire() as wire:
        wire.socket.settimeout(3)
        sent = 0
        try:
            for _ in range(3000):
                wire.socket.sendall((GET * 100).encode())
                sent += len(GET) * 100
        except OSError:
            pass
        assert sent < 12_000_000, "it took all of it"
        with service.server.wire() as other:
            assert other.ask(GET).status == 401


@pytest.mark.parametrize("family", ["ipv6", "unix"])
def test_other_kinds_of_address(database, start_service, family, tmp_path_factory):
    if family == "ipv6":
        service = start_service(database, TESTKASE_LISTEN="[::1]:0")
        with Wire(service.server.address) as wire:
            assert wire.ask(GET).status == 401
        return
    path = tmp_path_factory.mktemp("s") / "http"
    start_service(database, TESTKASE_LISTEN=f"unix:{path}")
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(str(path))
    connection.sendall(GET.encode())
    assert connection.recv(4096).startswith(b"HTTP/1.1 401 ")
    connection.close()
