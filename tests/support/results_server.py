"""A small HTTP server that takes results as POST /api/v1/automation/results does, for tests of testkase-reporter. It checks
what it gets, and answers or misbehaves as it is told."""

import gzip
import http.server
import json
import queue
import socket
import ssl
import struct
import threading

LIMIT_BYTES = 16 << 20
LIMIT_RESULTS = 50000
PATH = "/api/v1/automation/results"


class ResultsServer:
    """`answers` is a queue of (status, headers, body) or names of misbehaviour for the next uploads ("reset", "close",
    "taken, then reset", "garbage", "hold"); when it is empty, uploads are taken."""

    def __init__(self, token, prefix="", most_bytes=LIMIT_BYTES, certificate=None):
        self.token = token
        self.prefix = prefix
        self.most_bytes = most_bytes
        self.answers = queue.Queue()
        self.known = set()        # automation ids; empty: all are
        self.uploads = []         # (key, document) in order, repetitions too
        self.taken = {}           # key → document
        self.key = None           # the answer to GET /api-keys/current
        self.problems = []        # what is wrong with requests
        self.arrived = threading.Semaphore(0)
        self.received_less = 0
        self.release = threading.Event()  # ends "hold"
        handler = type("Handler", (_Handler,), {"server_of_results": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}{prefix}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def answer(self, *answers):
        for one in answers:
            self.answers.put(one)

    def results(self):
        """All results that were taken, each once."""
        return [result for document in self.taken.values() for result in document["results"]]

    def take(self, key, document):
        """Takes an upload as the service does; a repeated key changes nothing."""
        self.taken.setdefault(key, document)
        ids = [result["automationId"] for result in document["results"]]
        unmatched = [int(one) for one in ids if self.known and one not in self.known]
        return {"cycleId": document["cycleId"], "received": len(ids) - self.received_less,
                "matched": len(ids) - len(unmatched), "unmatched": unmatched, "duplicates": 0}

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
        assert not self.problems, self.problems


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of_results = None

    def log_message(self, *_):
        pass

    def send(self, status, headers, body):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):  # pylint: disable=invalid-name
        server = self.server_of_results
        if self.path == server.prefix + "/api/v1/api-keys/current" and server.key:
            self.send(200, {}, server.key)
        else:
            self.send(404, {}, {"detail": "no such page"})

    def do_POST(self):  # pylint: disable=invalid-name
        server = self.server_of_results
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            key, document = self.check(raw)
        except (AssertionError, ValueError, KeyError, TypeError, OSError) as error:
            server.problems.append(repr(error))
            self.send(500, {}, {"detail": "the test's server is not content"})
            return
        server.uploads.append((key, document))
        server.arrived.release()
        answer = None if server.answers.empty() else server.answers.get()
        if isinstance(answer, str):
            self.misbehave(answer, key, document)
        elif len(raw) > server.most_bytes:
            self.send(413, {"Server": "small-proxy"}, b"<html>too large</html>")
        elif answer:
            self.send(*answer)
        else:
            self.send(200, {}, server.take(key, document))

    def misbehave(self, how, key, document):
        server = self.server_of_results
        if how == "taken, then reset":
            server.take(key, document)
        if how == "garbage":
            self.send(200, {}, b"<html>welcome</html>")
            return
        if how == "hold":
            server.release.wait(30)
        if how != "close":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def check(self, raw):
        """What every upload must have."""
        server = self.server_of_results
        assert self.path == server.prefix + PATH, self.path
        assert self.headers["Authorization"] == f"Bearer {server.token}"
        assert self.headers["Content-Encoding"] == "gzip"
        assert self.headers["Content-Type"] == "application/json"
        assert self.headers["User-Agent"].startswith("testkase-reporter/")
        plain = gzip.decompress(raw)
        assert len(plain) <= LIMIT_BYTES
        document = json.loads(plain)
        assert set(document) <= {"orgId", "projectId", "cycleId", "build", "results"}
        assert isinstance(document["orgId"], int)
        assert 1 <= len(document["results"]) <= LIMIT_RESULTS
        for result in document["results"]:
            assert set(result) <= {"automationId", "status", "name", "durationMs", "message"}
            assert result["status"] in ("pass", "fail", "blocked", "skipped")
            assert len(result["automationId"]) == 5
        key = self.headers["Idempotency-Key"]
        assert len(key) == 32
        return key, document
