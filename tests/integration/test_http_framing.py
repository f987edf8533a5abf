"""Where a request ends, and what is no request at all (RFC 9112): every case is followed by a request that must not be read
out of place. Whatever a proxy in front may make of such bytes, nobody gets a second request executed by them."""

import itertools
import json

import pytest

from test_http import BODY, assert_problem

KIB = 1024
_numbers = itertools.count(1)


def request(*fields, line="GET /healthz HTTP/1.1", host="Host: x", body=""):
    return "".join(f"{text}\r\n" for text in (line, *([host] if host is not None else []), *fields)) + "\r\n" + body


def post(*fields, body=""):
    return request(*fields, line="POST /api/v1/session HTTP/1.1", body=body)


def with_line(line):
    return request(line=line)


def with_target(target, host="Host: x"):
    return request(line=f"GET {target} HTTP/1.1", host=host)


def with_host(*fields):
    return request(*fields, host=None)


CHUNKED = "Transfer-Encoding: chunked"
FIVE = "5\r\nhello\r\n0\r\n\r\n"

# Refused, with this status, and the connection closed.
REFUSED = {
    # Content-Length
    "two differing lengths": (400, post("Content-Length: 5", "Content-Length: 6", body="hello")),
    "two equal lengths": (400, post("Content-Length: 5", "Content-Length: 5", body="hello")),
    "a length in two spellings": (400, post("Content-Length: 5", "content-length: 05", body="hello")),
    "lengths as a list": (400, post("Content-Length: 5, 5", body="hello")),
    "lengths as a list without a blank": (400, post("Content-Length: 5,5", body="hello")),
    "+5": (400, post("Content-Length: +5", body="hello")),
    "-0": (400, post("Content-Length: -0")),
    "-5": (400, post("Content-Length: -5", body="hello")),
    "0x5": (400, post("Content-Length: 0x5", body="hello")),
    "5.0": (400, post("Content-Length: 5.0", body="hello")),
    "5e0": (400, post("Content-Length: 5e0", body="hello")),
    "5 5": (400, post("Content-Length:  5 5", body="hello")),
    "5;": (400, post("Content-Length: 5;", body="hello")),
    "a quoted length": (400, post('Content-Length: "5"', body="hello")),
    "an empty length": (400, post("Content-Length:")),
    "a blank length": (400, post("Content-Length:   ")),
    "no number": (400, post("Content-Length: five", body="hello")),
    "digits of another script": (400, post("Content-Length: \u00b2", body="he")),
    "20 digits": (400, post("Content-Length: 00000000000000000005", body="hello")),
    "2^63": (400, post("Content-Length: 9223372036854775808")),
    "2^64 + 5": (400, post("Content-Length: 18446744073709551621", body="hello")),
    "300 digits": (400, post(f"Content-Length: {'9' * 300}")),
    # Transfer-Encoding
    "xchunked": (400, post("Transfer-Encoding: xchunked", body=FIVE)),
    "chunkedx": (400, post("Transfer-Encoding: chunkedx", body=FIVE)),
    "chunked twice in a list": (400, post("Transfer-Encoding: chunked, chunked", body=FIVE)),
    "gzip, chunked": (400, post("Transfer-Encoding: gzip, chunked", body=FIVE)),
    "chunked, gzip": (400, post("Transfer-Encoding: chunked, gzip", body=FIVE)),
    "identity": (400, post("Transfer-Encoding: identity", body="hello")),
    "chunked, identity": (400, post("Transfer-Encoding: chunked, identity", body=FIVE)),
    "an empty coding": (400, post("Transfer-Encoding:", body=FIVE)),
    "a coding before a comma": (400, post("Transfer-Encoding: chunked,", body=FIVE)),
    "a coding behind a comma": (400, post("Transfer-Encoding: ,chunked", body=FIVE)),
    "a quoted coding": (400, post('Transfer-Encoding: "chunked"', body=FIVE)),
    "a coding with a parameter": (400, post("Transfer-Encoding: chunked;q=1", body=FIVE)),
    "a coding in capitals": (400, post("Transfer-Encoding: CHUNKED", body=FIVE)),
    "a coding behind a vertical tab": (400, post("Transfer-Encoding: \x0bchunked", body=FIVE)),
    "a coding behind a no-break space": (400, post("Transfer-Encoding: \xa0chunked", body=FIVE)),
    "a blank behind a coding": (400, post("Transfer-Encoding: chunked ", body=FIVE)),
    "a tab behind a coding": (400, post("Transfer-Encoding: chunked\t", body=FIVE)),
    "two codings": (400, post(CHUNKED, CHUNKED, body=FIVE)),
    "two codings, one unknown": (400, post(CHUNKED, "Transfer-Encoding: cow", body=FIVE)),
    "chunks in HTTP/1.0": (400, request(CHUNKED, line="POST /api/v1/session HTTP/1.0", body=FIVE)),
    "coding and length": (400, post(CHUNKED, "Content-Length: 5", body=FIVE)),
    "length and coding": (400, post("Content-Length: 15", CHUNKED, body=FIVE)),
    "length 0 and coding": (400, post("Content-Length: 0", CHUNKED, body=FIVE)),
    # Host
    "no host": (400, with_host()),
    "no host in HTTP/1.0": (400, "GET /docs HTTP/1.0\r\n\r\n"),
    "no host in HTTP/1.0 where nothing is": (400, "GET /nothing HTTP/1.0\r\n\r\n"),
    "no host in HTTP/1.0 with an absolute target": (400, "GET http:///healthz HTTP/1.0\r\n\r\n"),
    "two hosts": (400, with_host("Host: x", "Host: y")),
    "the same host twice": (400, with_host("Host: x", "Host: x")),
    "an empty host": (400, with_host("Host:")),
    "a blank host": (400, with_host("Host:  ")),
    "a blank in the host": (400, with_host("Host: x y")),
    "a list of hosts": (400, with_host("Host: x, y")),
    "user information": (400, with_host("Host: somebody@x")),
    "a path in the host": (400, with_host("Host: x/y")),
    "a port that is no number": (400, with_host("Host: x:http")),
    "an empty port": (400, with_host("Host: x:")),
    "a signed port": (400, with_host("Host: x:+80")),
    "a long port": (400, with_host("Host: x:000080")),
    "two ports": (400, with_host("Host: x:80:80")),
    "a port alone": (400, with_host("Host: :80")),
    "an open bracket": (400, with_host("Host: [::1")),
    "text behind a bracket": (400, with_host("Host: [::1]x")),
    "a broken escape in the host": (400, with_host("Host: %zz")),
    "a host in UTF-8": (400, with_host("Host: \xc3\xa4")),
    # fields
    "a folded field": (400, request("X-Long: a", " b")),
    "a field folded with a tab": (400, request("X-Long: a", "\tb")),
    "a folded coding": (400, post("Transfer-Encoding:", " chunked", body=FIVE)),
    "a folded first line": (400, request(" Host: y")),
    "a bare LF in a field": (400, "GET /healthz HTTP/1.1\r\nHost: x\nX: y\r\n\r\n"),
    "bare LFs": (400, "GET /healthz HTTP/1.1\nHost: x\n\n"),
    "a bare LF at the end": (400, "GET /healthz HTTP/1.1\r\nHost: x\r\n\n"),
    "a bare CR in a value": (400, request("X: a\rb")),
    "a bare CR instead of an end": (400, "GET /healthz HTTP/1.1\r\nHost: x\rX: y\r\n\r\n"),
    "CR CR LF": (400, "GET /healthz HTTP/1.1\r\nHost: x\r\r\n\r\n"),
    "NUL in a value": (400, request("X: a\0b")),
    "NUL in a name": (400, request("X\0: a")),
    "NUL in the host": (400, with_host("Host: x\0y")),
    "NUL in the target": (400, with_target("/healthz\0")),
    "NUL in the method": (400, with_line("GET\0 /healthz HTTP/1.1")),
    "NUL first": (400, "\0" + request()),
    "a control byte in a value": (400, request("X: a\x01b")),
    "escape in a value": (400, request("X: \x1b[31m")),
    "DEL in a value": (400, request("X: a\x7fb")),
    "DEL in a name": (400, request("X\x7f: a")),
    "a backspace in the target": (400, with_target("/health\x08z")),
    "DEL in the target": (400, with_target("/healthz\x7f")),
    "a blank before the colon": (400, request("X : a")),
    "a tab before the colon": (400, request("X\t: a")),
    "a blank before the colon of the length": (400, post("Content-Length : 5", body="hello")),
    "a blank before the colon of the coding": (400, post("Transfer-Encoding : chunked", body=FIVE)),
    "a tab before the colon of the coding": (400, post("Transfer-Encoding\t: chunked", body=FIVE)),
    "a blank in a name": (400, request("Transfer Encoding: chunked")),
    "an empty name": (400, request(": a")),
    "a name and no colon": (400, request("X")),
    "a name in brackets": (400, request("(X): a")),
    "a name in UTF-8": (400, request("\xc3\xa4: a")),
    "two credentials": (400, request("Authorization: Bearer a", "Authorization: Bearer b")),
    # the first line
    "two empty lines before it": (400, "\r\n\r\n" + request()),
    "a blank before it": (400, " " + request()),
    "a bare LF before it": (400, "\n" + request()),
    "HTTP/0.9": (400, "GET /healthz\r\n\r\n"),
    "HTTP/0.9 with its version": (505, with_line("GET /healthz HTTP/0.9")),
    "HTTP/1.2": (505, with_line("GET /healthz HTTP/1.2")),
    "HTTP/2.0": (505, with_line("GET /healthz HTTP/2.0")),
    "HTTP/2": (400, with_line("GET /healthz HTTP/2")),
    "HTTP/1.10": (400, with_line("GET /healthz HTTP/1.10")),
    "HTTP/01.1": (400, with_line("GET /healthz HTTP/01.1")),
    "HTTP/1,1": (400, with_line("GET /healthz HTTP/1,1")),
    "http/1.1": (400, with_line("GET /healthz http/1.1")),
    "HTTPS/1.1": (400, with_line("GET /healthz HTTPS/1.1")),
    "a blank behind the version": (400, with_line("GET /healthz HTTP/1.1 ")),
    "a tab behind the version": (400, with_line("GET /healthz HTTP/1.1\t")),
    "no version": (400, with_line("GET /healthz ")),
    "two blanks behind the method": (400, with_line("GET  /healthz HTTP/1.1")),
    "two blanks behind the target": (400, with_line("GET /healthz  HTTP/1.1")),
    "a tab behind the method": (400, with_line("GET\t/healthz HTTP/1.1")),
    "a blank in the target": (400, with_line("GET /health z HTTP/1.1")),
    "no target": (400, with_line("GET HTTP/1.1")),
    "no method": (400, with_line(" /healthz HTTP/1.1")),
    "a method in brackets": (400, with_line("G(E)T /healthz HTTP/1.1")),
    "a method in UTF-8": (400, with_line("G\xc3\x8bT /healthz HTTP/1.1")),
    "the preface of HTTP/2": (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "the begin of TLS": (400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\x5a" * 200),
    "the begin of SSL 2": (400, "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10"),
    "the PROXY protocol": (400, "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + request()),
    "the binary PROXY protocol": (400, "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + "\0" * 12),
    # the target
    "another host's target": (400, with_target("http://evil.example/healthz")),
    "our host with another port": (400, with_target("http://x:81/healthz")),
    "user information in the target": (400, with_target("http://somebody@x/healthz")),
    "https in the target": (400, with_target("https://x/healthz")),
    "another scheme": (400, with_target("ftp://x/healthz")),
    "no host in the target": (400, with_target("http:///healthz")),
    "two slashes": (400, with_target("//evil.example/healthz")),
    "two slashes behind the host": (400, with_target("http://x//healthz")),
    "a backslash": (400, with_target("/\\evil.example")),
    "an authority": (400, with_target("x:443")),
    "CONNECT": (400, with_line("CONNECT x:443 HTTP/1.1")),
    "a path without a slash": (400, with_target("healthz")),
    "a query alone": (400, with_target("?a=b")),
    "a star for GET": (400, with_target("*")),
    "a fragment": (400, with_target("/healthz#top")),
    "a fragment behind a query": (400, with_target("/healthz?a#top")),
    "a target in UTF-8": (400, with_target("/h\xc3\xa9althz")),
    "a query in UTF-8": (400, with_target("/healthz?a=\xc3\xa9")),
    "an escape of no digits": (400, with_target("/health%7z")),
    "an escape cut short": (400, with_target("/healthz%7")),
    "an escaped NUL": (400, with_target("/healthz%00")),
    "a quote in the target": (400, with_target('/"healthz"')),
    "angle brackets in the target": (400, with_target("/<healthz>")),
    # too much
    "a target of 8 KiB and 1": (414, with_target("/" + "a" * (8 * KIB))),
    "a first line without an end": (414, "GET /" + "a" * (17 * KIB)),
    "a query of 8 KiB": (414, with_target("/healthz?" + "a" * (8 * KIB))),
    "101 fields": (431, request(*(f"X-{number}: y" for number in range(100)))),
    "a head of 16 KiB and 1": (431, request("X: " + "a" * (16 * KIB - len(request("X: ")) + 1))),
    "a name without an end": (431, "GET /healthz HTTP/1.1\r\nHost: x\r\n" + "a" * (17 * KIB)),
    # Expect
    "another expectation": (417, post("Expect: cake", "Content-Length: 5", body="hello")),
    "an expectation in HTTP/1.0": (417, request("Expect: cake", line="GET /healthz HTTP/1.0")),
    "one expectation too many": (417, post("Expect: 100-continue, cake", "Content-Length: 5", body="hello")),
    "an empty expectation": (417, post("Expect:", "Content-Length: 5", body="hello")),
}

# Good heads whose chunks are not; where the body is wanted, the answer is 400.
BROKEN_CHUNKS = {
    "+5": "+5\r\nhello\r\n0\r\n\r\n",
    "-5": "-5\r\nhello\r\n0\r\n\r\n",
    "0x5": "0x5\r\nhello\r\n0\r\n\r\n",
    "no hexadecimal digit": "g\r\nhello\r\n0\r\n\r\n",
    "a blank before the size": " 5\r\nhello\r\n0\r\n\r\n",
    "a blank behind the size": "5 \r\nhello\r\n0\r\n\r\n",
    "a tab behind the size": "5\t\r\nhello\r\n0\r\n\r\n",
    "a blank before an extension": "5 ;a=b\r\nhello\r\n0\r\n\r\n",
    "a blank in the size": "0 5\r\nhello\r\n0\r\n\r\n",
    "an underscore in the size": "0_5\r\nhello\r\n0\r\n\r\n",
    "a comma behind the size": "5,\r\nhello\r\n0\r\n\r\n",
    "17 digits": "00000000000000005\r\nhello\r\n0\r\n\r\n",
    "2^64 + 5": "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "no size": "\r\nhello\r\n0\r\n\r\n",
    "an extension and no size": ";a=b\r\nhello\r\n0\r\n\r\n",
    "NUL behind the size": "5\0\r\nhello\r\n0\r\n\r\n",
    "a bare LF behind the size": "5\nhello\r\n0\r\n\r\n",
    "a bare CR behind the size": "5\rhello\r\n0\r\n\r\n",
    "CR CR LF behind the size": "5\r\r\nhello\r\n0\r\n\r\n",
    "no end of the data": "5\r\nhello0\r\n\r\n",
    "more data than announced": "4\r\nhello\r\n0\r\n\r\n",
    "a bare LF behind the data": "5\r\nhello\n0\r\n\r\n",
    "a bare CR behind the data": "5\r\nhello\r0\r\n\r\n",
    "a control byte in an extension": "5;a=\x01\r\nhello\r\n0\r\n\r\n",
    "a bare LF in an extension": "5;a\nhello\r\n0\r\n\r\n",
    "a bare CR in an extension": "5;a\rb\r\nhello\r\n0\r\n\r\n",
    "NUL in an extension": "5;a=\0\r\nhello\r\n0\r\n\r\n",
    "DEL in an extension": "5;a=\x7f\r\nhello\r\n0\r\n\r\n",
    "an extension in UTF-8": "5;a=\xc3\xa4\r\nhello\r\n0\r\n\r\n",
    "an extension over 8 KiB": f"5;a={'b' * (9 * KIB)}\r\nhello\r\n0\r\n\r\n",
    "many extensions over 8 KiB": f"1;{'b' * 1000}\r\nx\r\n" * 9 + "0\r\n\r\n",
    "a bare LF behind the last size": "5\r\nhello\r\n0\n\r\n",
    "a bare LF at the end": "5\r\nhello\r\n0\r\n\n",
    "a bare CR at the end": "5\r\nhello\r\n0\r\n\rX",
    "a trailer without a colon": "5\r\nhello\r\n0\r\nTrailer\r\n\r\n",
    "a trailer without a name": "5\r\nhello\r\n0\r\n: a\r\n\r\n",
    "a blank before a trailer's colon": "5\r\nhello\r\n0\r\nX : a\r\n\r\n",
    "a folded trailer": "5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n",
    "NUL in a trailer": "5\r\nhello\r\n0\r\nX: \0\r\n\r\n",
    "a bare LF behind a trailer": "5\r\nhello\r\n0\r\nX: a\n\r\n",
    "a bare CR in a trailer": "5\r\nhello\r\n0\r\nX: a\rb\r\n\r\n",
    "a request as a trailer": "0\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
    "trailers over 8 KiB": "0\r\n" + f"X: {'b' * 1000}\r\n" * 9 + "\r\n",
}

INNER = request(line="GET /nothing HTTP/1.1")

# Taken, with these statuses; the connection goes on.
TAKEN = {
    "a length of 0": ([200], request("Content-Length: 0")),
    "a length with zeros": ([401], request("Content-Length: 0005", line="POST /api/v1/api-keys HTTP/1.1", body="hello")),
    "a length between blanks": ([401], request("Content-Length: \t5 \t", line="POST /api/v1/api-keys HTTP/1.1", body="hello")),
    "a coding behind blanks": ([401], request("Transfer-Encoding: \t chunked", line="POST /api/v1/api-keys HTTP/1.1", body=FIVE)),
    "a request in the body of GET": ([200], request(f"Content-Length: {len(INNER)}", body=INNER)),
    "a request in the body of HEAD": ([200], request(f"Content-Length: {len(INNER)}", line="HEAD /healthz HTTP/1.1", body=INNER)),
    "a request in the body of DELETE": ([401], request(f"Content-Length: {len(INNER)}", line="DELETE /api/v1/session HTTP/1.1",
                                                       body=INNER)),
    "a request in the body of OPTIONS": ([405], request(f"Content-Length: {len(INNER)}", line="OPTIONS /healthz HTTP/1.1",
                                                        body=INNER)),
    "a request in the body of another method": ([405], request(f"Content-Length: {len(INNER)}", line="BREW /healthz HTTP/1.1",
                                                               body=INNER)),
    "a request in a chunk of GET": ([200], request(CHUNKED, body=f"{len(INNER):x}\r\n{INNER}\r\n0\r\n\r\n")),
    "a request in a chunk of HEAD": ([200], request(CHUNKED, line="HEAD /healthz HTTP/1.1",
                                                    body=f"{len(INNER):X}\r\n{INNER}\r\n0\r\n\r\n")),
    "a request in chunks that nobody reads": (
        [404], request(CHUNKED, line="POST /nothing HTTP/1.1", body="".join(f"1\r\n{byte}\r\n" for byte in INNER) + "0\r\n\r\n")),
    "extensions": ([200], request(CHUNKED, body='5;a;b=c;d="e f"\r\nhello\r\n0;last\r\n\r\n')),
    "a size of 16 digits": ([200], request(CHUNKED, body="000000000000000a\r\nhelloworld\r\n00\r\n\r\n")),
    "trailers that would be framing": (
        [200], request(CHUNKED, body="5\r\nhello\r\n0\r\nContent-Length: 900\r\nTransfer-Encoding: gzip\r\nHost: y\r\n\r\n")),
    "trailers that would be credentials": ([401], request(
        CHUNKED, line="POST /api/v1/api-keys HTTP/1.1", body="5\r\nhello\r\n0\r\nAuthorization: Bearer {token}\r\n\r\n")),
    "an empty line before it": ([200], "\r\n" + request()),
    "empty lines between": ([200, 200], "\r\n" + request() + "\r\n" + request()),
    "an absolute target": ([200], with_target("http://x/healthz")),
    "an absolute target in capitals": ([200], with_target("HTTP://X/healthz")),
    "an absolute target with a port": ([200], with_target("http://x:8080/healthz", "Host: x:8080")),
    "an absolute target without a path": ([200], with_target("http://x")),
    "a query without a name": ([200], with_target("/healthz?")),
    "a host with a port": ([200], with_host("Host: x:65535")),
    "a host of numbers": ([200], with_host("Host: 127.0.0.1:8080")),
    "a host in brackets": ([200], with_host("Host: [::1]:8080")),
    "a star for OPTIONS": ([404], with_line("OPTIONS * HTTP/1.1")),
    "an escape in the path": ([404], with_target("/health%7a")),
    "a blank line in a query's escape": ([200], with_target("/healthz?a=%0d%0a%0d%0a")),
    "100 fields": ([200], request(*(f"X-{number}: y" for number in range(99)))),
    "a head of 16 KiB": ([200], request("X: " + "a" * (16 * KIB - len(request("X: "))))),
    "a target of 8 KiB": ([404], with_target("/" + "a" * (8 * KIB - 1))),
    "a name that only begins like a length": ([200], request("Content-Length-X: 5")),
    "a name that only begins like a coding": ([200], request("Transfer-Encodings: chunked")),
    "a name of all token characters": ([200], request("!#$%&'*+-.^_`|~09AZaz: x")),
    "an empty value": ([200], request("X:")),
    "a value in UTF-8": ([200], request("X: \xc3\xa4")),
    "a tab in a value": ([200], request("X: a\tb")),
    "a coding named in Connection": ([200], request("Connection: transfer-encoding", CHUNKED, body=FIVE)),
    "Upgrade: websocket": ([200], request("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")),
    "Upgrade: h2c": ([200], request("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")),
    "Upgrade with a body": ([200], request("Connection: Upgrade", "Upgrade: TLS/1.2", "Content-Length: 5", body="hello")),
    "an expectation without a body": ([200], request("Expect: 100-continue")),
    "an expectation in capitals": ([200], request("Expect: 100-CONTINUE")),
    "HTTP/1.0 kept alive": ([200], request("Connection: keep-alive", line="GET /healthz HTTP/1.0")),
    "three at once": ([200, 404, 200], request() + INNER + request()),
}


@pytest.fixture
def trap(service, organization):
    """A request that would make a token, and a function that tells whether any of that name has been made."""
    name = f"Trap {next(_numbers)}"
    body = json.dumps({"name": name, "expiresInDays": 7})
    token = service.mint(organization.member)[1]
    text = request(f"Authorization: Bearer {token}", "Content-Type: application/json", f"Content-Length: {len(body)}",
                   line="POST /api/v1/api-keys HTTP/1.1", body=body)

    def is_sprung():
        return service.database.value("select count(*) from testkase.api_tokens where name = %s", (name,)) > 0

    with service.server.wire() as wire:
        yield wire, text, is_sprung, token


def test_the_trap_works(trap):
    wire, text, is_sprung, _ = trap
    assert not is_sprung()
    assert wire.ask(text).status == 201
    assert is_sprung()


CODES = {400: "bad_request", 414: "uri_too_long", 417: "expectation_failed", 431: "headers_too_large",
         505: "version_not_supported"}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_and_closed(trap, name):
    wire, text, is_sprung, _ = trap
    status, data = REFUSED[name]
    answer = assert_problem(wire.ask(data + text), CODES[status])
    assert answer.field("connection") == "close"
    assert wire.is_closed(), "nothing more is answered"
    assert not is_sprung()


@pytest.mark.parametrize("name", BROKEN_CHUNKS)
def test_broken_chunks_of_a_wanted_body(trap, name):
    wire, text, is_sprung, token = trap
    head = request(f"Authorization: Bearer {token}", "Content-Type: application/json", CHUNKED,
                   line="POST /api/v1/api-keys HTTP/1.1")
    answer = assert_problem(wire.ask(head + BROKEN_CHUNKS[name] + text), "bad_request")
    assert answer.field("connection") == "close"
    assert wire.is_closed(), "nothing more is answered"
    assert not is_sprung()


@pytest.mark.parametrize("name", BROKEN_CHUNKS)
def test_broken_chunks_of_an_unwanted_body(trap, name):
    """The answer does not wait for the body; behind it nothing can be found any more."""
    wire, text, is_sprung, _ = trap
    assert wire.ask(request(CHUNKED) + BROKEN_CHUNKS[name] + text).status == 200
    assert wire.is_closed(), "nothing more is answered"
    assert not is_sprung()


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("cut", [None, 1, 3], ids=["whole", "cut after 1", "cut after 3"])
def test_taken_and_in_step(trap, name, cut):
    wire, text, is_sprung, token = trap
    statuses, data = TAKEN[name]
    data = data.replace("{token}", token)
    if cut:
        wire.send(data[:cut])
        data = data[cut:]
    wire.send(data + text)
    for status in statuses:
        answer = wire.response("HEAD" if name.endswith("HEAD") else "GET")
        assert answer is not None, "closed without an answer"
        assert answer.status == status, answer.body
        if status >= 400:
            assert answer.field("content-type") == "application/problem+json"
        assert answer.field("connection") in (None, "keep-alive")
        assert answer.field("upgrade") is None
    assert wire.response().status == 201, "the next request is read where it begins"
    assert is_sprung()
    assert wire.is_silent(0.05)


def test_a_body_in_chunks_is_what_was_sent(service, organization):
    token = service.mint(organization.member)[1]
    head = request(f"Authorization: Bearer {token}", "Content-Type: application/json", CHUNKED,
                   line="POST /api/v1/api-keys HTTP/1.1")
    chunks = "".join(f"{1:03x};n={number}\r\n{byte}\r\n" for number, byte in enumerate(BODY))
    with service.server.wire() as wire:
        assert wire.ask(head + chunks + "0\r\nX-Checksum: none\r\n\r\n" + request()).status == 201
        assert wire.response().status == 200


@pytest.mark.parametrize("data", ["", "G", "GET /healthz HTTP/1.1\r\nHost: x\r\n", "\r", "\r\n"], ids=repr)
def test_a_request_cut_short_is_no_request(service, data):
    with service.server.wire() as wire:
        wire.send(data).finish_sending()
        assert wire.is_closed()


@pytest.mark.parametrize("data", ["Content-Length: 40\r\n\r\n" + BODY, f"{CHUNKED}\r\n\r\n{len(BODY):x}\r\n{BODY}\r\n",
                                  f"{CHUNKED}\r\n\r\n{len(BODY):x}\r\n{BODY}\r\n0\r\n"], ids=["length", "chunks", "last chunk"])
def test_a_body_cut_short_is_not_executed(trap, data):
    wire, _, is_sprung, token = trap
    wire.send("POST /api/v1/api-keys HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
              f"Authorization: Bearer {token}\r\n{data}")
    wire.finish_sending()
    assert_problem(wire.response(), "bad_request")
    assert wire.is_closed()
    assert not is_sprung()
