"""HTTP in two ways: Api speaks like a client, Wire sends raw bytes and reads answers strictly. Both check every answer
against the document of the API."""

import gzip
import http.cookiejar
import itertools
import json
import re
import socket
import time

import requests
import requests.adapters

from support import openapi

# Every problem code with its status.
PROBLEMS = {code: problem["status"] for code, problem in openapi.document().problems.items()}

# What no error may show: SQL, names of tables, paths, source files, hashes.
INTERNALS = re.compile(r"\bselect\b.*\bfrom\b|\binsert into\b|testkase\.\w+_|\bpg_|postgres|libpq|sqlstate|/home/|/tmp/|/work/|"
                       r"/usr/|\w\.[ch]:\d|argon2|tk_pat_[0-9A-Za-z]{9}", re.IGNORECASE)

REQUEST_ID = re.compile(r"[\x21-\x7e]{1,64}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

_addresses = itertools.count(2)


def fresh_address():
    """A loopback address that no test has used as a client's, so that limits per address don't mix tests up."""
    number = next(_addresses)
    return f"127.{1 + number // 60000}.{number // 250 % 240}.{1 + number % 250}"


def check_problem(status, content_type, problem):
    """RFC 9457, in our shape."""
    assert content_type == "application/problem+json", content_type
    openapi.document().check_problem(status, problem)
    assert not INTERNALS.search(str(problem)), problem


def check_answer(response, *_, **__):
    """Every answer is one of those that the document has for its request."""
    request = response.request
    is_head = request.method == "HEAD"
    assert not (is_head and response.content)
    openapi.document().check(openapi.Exchange(
        request.method, request.path_url, response.status_code,
        {name.lower(): value for name, value in response.headers.items()}, None if is_head else response.content,
        {name.lower(): value for name, value in request.headers.items()}, request.body))
    if response.status_code >= 400 and not is_head:
        assert not INTERNALS.search(response.text), response.text


class _Adapter(requests.adapters.HTTPAdapter):
    """Connects from a client address of its own."""

    def __init__(self, source):
        self._source = source
        super().__init__(pool_connections=4, pool_maxsize=64)

    def init_poolmanager(self, *arguments, **options):
        super().init_poolmanager(*arguments, source_address=(self._source, 0), **options)


class Api:
    """A client of /api/v1 at `base` (http://host:port), with its own address, cookies and default fields. Every answer is
    checked against the document, unless `checked` is false."""

    def __init__(self, base, fields=None, source=None, checked=True):
        self.base = base
        self.source = source or fresh_address()
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.mount("http://", _Adapter(self.source))
        self.session.headers.update(fields or {})
        if checked:
            self.session.hooks["response"].append(check_answer)

    def without_cookies(self):
        """From now on neither keeps nor sends cookies."""
        self.session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        return self

    def at(self, base):
        """The same client at another server: same fields, cookies and address."""
        other = Api(base, dict(self.session.headers), self.source)
        other.session.cookies.update(self.session.cookies)
        return other

    def request(self, method, path, expect=None, **options):
        """`path` is below /api/v1. With `expect`, the status that it must have."""
        options.setdefault("timeout", 30)
        options.setdefault("allow_redirects", False)
        response = self.session.request(method, f"{self.base}/api/v1{path}", **options)
        if expect is not None:
            assert response.status_code == expect, f"{method} {path}: {response.status_code} {response.text}"
        return response

    def get(self, path, expect=None, **options):
        return self.request("GET", path, expect, **options)

    def post(self, path, body=None, expect=None, **options):
        if body is not None:
            options["json"] = body
        return self.request("POST", path, expect, **options)

    def patch(self, path, body=None, expect=None, **options):
        if body is not None:
            options["json"] = body
        return self.request("PATCH", path, expect, **options)

    def put(self, path, body=None, expect=None, **options):
        if body is not None:
            options["json"] = body
        return self.request("PUT", path, expect, **options)

    def delete(self, path, expect=None, **options):
        return self.request("DELETE", path, expect, **options)

    def pages(self, path, limit):
        """All elements of a list, read page by page."""
        found = []
        cursor = None
        while True:
            parameters = {"limit": limit, **({"cursor": cursor} if cursor else {})}
            page = self.get(path, 200, params=parameters).json()
            assert set(page) == {"data", "nextCursor"}
            assert len(page["data"]) <= limit
            found += page["data"]
            cursor = page["nextCursor"]
            if cursor is None:
                return found
            assert page["data"], "a page with a successor is not empty"


def field_errors(response):
    """The fields that a 422 names."""
    assert response.status_code == 422, f"{response.status_code} {response.text}"
    return {error["field"] for error in response.json()["errors"]}


def field_details(response):
    """What a 422 says of each field."""
    assert response.status_code == 422, f"{response.status_code} {response.text}"
    return {error["field"]: error["detail"] for error in response.json()["errors"]}


# One whole, ordinary request. Other bytes that tests send are too unusual to predict the server's answer.
REQUEST = re.compile(rb"([A-Z]+) (/[!-~]*) HTTP/1\.[01]\r\n((?:[A-Za-z-]+: [\x20-\x7e]*\r\n)*)\r\n(.*)", re.DOTALL)


def check_bytes(sent, answer):
    """The same for what a Wire has sent and received. Every refusal is at least a problem of the document."""
    fields = {name: ", ".join(values) for name, values in answer.fields.items()}
    request = REQUEST.fullmatch(sent)
    method = request and request[1].decode()
    if answer.status >= 400 and method != "HEAD" and fields.get("content-type") != "text/html; charset=utf-8":
        check_problem(answer.status, fields.get("content-type"), json.loads(answer.body))
    if request and b" HTTP/1." not in request[4]:
        lines = [line.decode().split(": ", 1) for line in request[3].split(b"\r\n")[:-1]]
        sent_fields = {}
        for name, value in lines:
            before = f"{sent_fields[name.lower()]}; " if name.lower() in sent_fields else ""
            sent_fields[name.lower()] = before + value
        is_chunked = "transfer-encoding" in sent_fields
        is_cut = len(request[4]) != int(sent_fields.get("content-length", 0))
        if answer.status >= 300 or not (is_chunked or is_cut):
            is_packed = fields.get("content-encoding") == "gzip" and method != "HEAD"
            body = None if method == "HEAD" else gzip.decompress(answer.body) if is_packed else answer.body
            openapi.document().check(openapi.Exchange(
                method, request[2].decode(), answer.status, fields, body, sent_fields, request[4]))


class WireResponse:
    """A strictly parsed answer. `fields` maps lower-case names to lists of values."""

    def __init__(self, status, reason, fields, body):
        self.status = status
        self.reason = reason
        self.fields = fields
        self.body = body

    def field(self, name):
        """The value of a field that must be there once, or None."""
        values = self.fields.get(name.lower(), [])
        assert len(values) <= 1, f"{name} is there {len(values)} times"
        return values[0] if values else None


class Wire:
    """One TCP connection. What comes back must be HTTP/1.1 to the letter."""

    def __init__(self, address, source=None):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host.strip("[]"), int(port)), 10, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._sent = b""  # since the last answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """Sends it all; a connection that the other end has closed is no error, the answer is what counts."""
        data = data.encode("latin-1") if isinstance(data, str) else data
        self._sent += data
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return self

    def finish_sending(self):
        """Half-closes."""
        self.socket.shutdown(socket.SHUT_WR)

    def _receive(self, end):
        left = end - time.monotonic()
        assert left > 0, f"no answer in time; so far: {self._received[:500]!r}"
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(65536)
        except socket.timeout:
            raise AssertionError(f"no answer in time; so far: {self._received[:500]!r}") from None
        except ConnectionResetError:
            data = b""
        self._received += data
        return data

    def response(self, method="GET", seconds=10):
        """The next answer; None when the other end closed instead."""
        end = time.monotonic() + seconds
        while b"\r\n\r\n" not in self._received:
            if not self._receive(end):
                assert not self._received, f"closed within a head: {self._received[:500]!r}"
                return None
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        status, reason, fields = parse_head(head)
        answer = WireResponse(status, reason, fields, self._body(method, status, fields, end))
        if status >= 200:
            sent, self._sent = self._sent, b""
            check_bytes(sent, answer)
        return answer

    def _body(self, method, status, fields, end):
        if method == "HEAD" or status in (204, 304) or status < 200:
            return b""
        lengths = fields.get("content-length", [])
        assert len(lengths) == 1 and re.fullmatch(r"\d+", lengths[0]), fields
        length = int(lengths[0])
        while len(self._received) < length:
            assert self._receive(end), "closed within a body"
        body, self._received = self._received[:length], self._received[length:]
        return body

    def ask(self, data, method="GET", seconds=10):
        return self.send(data).response(method, seconds)

    def is_closed(self, seconds=5):
        """Whether the other end closes, without another byte, in that time."""
        if self._received:
            return False
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(1)
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False
        self._received += data
        return not data

    def is_silent(self, seconds=0.3):
        """Whether nothing more comes, and the other end keeps the connection."""
        if self._received:
            return False
        self.socket.settimeout(seconds)
        try:
            self._received += self.socket.recv(1)
        except socket.timeout:
            return True
        return False


def parse_head(head):
    """Status, reason and fields of an answer's head (without its last empty line)."""
    lines = head.split(b"\r\n")
    assert b"\n" not in head.replace(b"\r\n", b"") and b"\r" not in head.replace(b"\r\n", b""), head
    match = re.fullmatch(rb"HTTP/1\.1 ([1-5]\d\d) ([\x20-\x7e]*)", lines[0])
    assert match, lines[0]
    fields = {}
    for line in lines[1:]:
        field = re.fullmatch(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\x20-\x7e\t]*)", line)
        assert field, line
        fields.setdefault(field[1].decode().lower(), []).append(field[2].decode().strip())
    for single in ("content-length", "content-type", "date", "connection", "x-request-id", "allow", "location"):
        assert len(fields.get(single, [])) <= 1, f"{single} is there twice"
    return int(match[1]), match[2].decode(), fields
