"""A network of the test's own: its loopback has nothing on it but what the test starts, so that ports 53 and 443 are free. Run
as a program, this file is the process that keeps the network, and its name server."""

import fcntl
import os
import socket
import socketserver
import struct
import subprocess
import sys
import threading

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
TYPE_A = 1
NXDOMAIN = 3


class Network:
    """Names resolve by the server at 127.0.0.1, which knows one: `name` is 127.0.0.1."""

    def __init__(self, name):
        self._as_user = [] if os.geteuid() == 0 else ["--user"]
        mapped = ["--map-root-user"] if self._as_user else []
        self.keeper = subprocess.Popen(["unshare", *self._as_user, *mapped, "--net", "--", sys.executable, "-EsB", __file__,
                                        name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.keeper.stdout.readline()
        assert line == "ready\n", f"no network of its own can be made here: {line}"

    def command(self, *words):
        """The command that runs these words in the network, as root there."""
        keep = ["--preserve-credentials"] if self._as_user else []
        return ["nsenter", "--target", str(self.keeper.pid), *self._as_user, *keep, "--net", "--", *map(str, words)]

    def close(self):
        self.keeper.communicate(timeout=20)


# --- the keeper ---

def bring_loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def read_question(query):
    """(name, type, length of the question with the header)"""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels), struct.unpack_from("!H", query, at + 1)[0], at + 5


def answer(query, known):
    """RFC 1035 §4.1. A known name has an A record, and of other types none."""
    name, kind, end = read_question(query)
    records = b""
    if name == known and kind == TYPE_A:
        records = struct.pack("!HHHIH4B", 0xc00c, TYPE_A, 1, 60, 4, 127, 0, 0, 1)
    flags = 0x8580 | (0 if name == known else NXDOMAIN)
    return query[:2] + struct.pack("!HHHHH", flags, 1, 1 if records else 0, 0, 0) + query[12:end] + records


def keep(known):
    class Question(socketserver.BaseRequestHandler):
        def handle(self):
            query, socket_of_all = self.request
            socket_of_all.sendto(answer(query, known), self.client_address)

    bring_loopback_up()
    with socketserver.UDPServer(("127.0.0.1", 53), Question) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    keep(sys.argv[1])
