"""A real HTTP server on 127.0.0.1 that receives webhooks, and misbehaves when it is told to."""

import dataclasses
import http.server
import socket
import ssl
import threading
import time

from support.deadline import until


@dataclasses.dataclass(frozen=True)
class Call:
    path: str
    fields: dict  # with names in lower case
    body: bytes
    at: float


class WebhookServer:
    """`answers` is what it does with the next calls, then 204: a status, (status, fields), or the name of a misbehaviour: "hang"
    (no answer), "drip" (a byte of the head at a time), "close" (in the head), "endless" (a body after 200), "endless head",
    "hang after head" (200, and a body that does not come); or an Event, until which it keeps silent, and closes then, or
    (Event, status), with which it answers then."""

    def __init__(self, certificate=None, address="127.0.0.1"):
        self.answers, self.calls = [], []
        self.lock = threading.Lock()
        self.released = threading.Event()
        handler = type("Handler", (_Handler,), {"webhook_server": self})
        self._server = http.server.ThreadingHTTPServer((address, 0), handler)
        self._server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://{address}:{self.port}/hook/kept-to-itself"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def wait_for(self, count, seconds=30):
        """The calls, once there are that many."""
        until(lambda: len(self.calls) >= count, seconds, f"{count} calls")
        return list(self.calls)

    def close(self):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        server = self.webhook_server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with server.lock:
            answer = server.answers.pop(0) if server.answers else 204
            fields = {name.lower(): value for name, value in self.headers.items()}
            server.calls.append(Call(self.path, fields, body, time.monotonic()))
        self.close_connection = True
        if isinstance(answer, str):
            try:
                getattr(self, "do_" + answer.replace(" ", "_"))()
            except OSError:
                pass  # the client has gone
            return
        if isinstance(answer, threading.Event):
            answer.wait(60)
            return
        if isinstance(answer, tuple) and isinstance(answer[0], threading.Event):
            answer[0].wait(60)
            answer = answer[1]
        status, fields = answer if isinstance(answer, tuple) else (answer, {})
        self.send_response(status)
        for name, value in {"Content-Length": "0", **fields}.items():
            self.send_header(name, value)
        self.end_headers()

    def do_hang(self):
        self.webhook_server.released.wait(60)

    def do_drip(self):
        for byte in b"HTTP/1.1 200 OK\r\nServer: " + b"x" * 1000:
            self.connection.sendall(bytes([byte]))
            if self.webhook_server.released.wait(0.2):
                return

    def do_close(self):
        self.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
        self.connection.shutdown(socket.SHUT_RDWR)

    def do_endless(self):
        self.connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            self.connection.sendall(b"x" * 65536)

    def do_endless_head(self):
        self.connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            self.connection.sendall(b"X-Filler: " + b"x" * 1000 + b"\r\n")

    def do_hang_after_head(self):
        self.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        self.webhook_server.released.wait(60)

    def log_message(self, *_):
        pass
