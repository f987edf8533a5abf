"""A network of the test's own in which every address is at home, public ones and private ones, with a listener that notes at
which address each connection arrives. Run as a program, this file is the process that keeps the network, its listener and its
name server."""

import collections
import json
import os
import pathlib
import socket
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading

from support.network import read_question

PORTS = (80, 443)
TYPES = {1: socket.AF_INET, 28: socket.AF_INET6}


class Decoys:
    """`names` is {name: [[address, …], …]}: what the name server says, one list for each question of a type, the last for good;
    None: it does not answer."""

    def __init__(self, names):
        self.resolver = tempfile.NamedTemporaryFile("w", suffix=".conf")  # pylint: disable=consider-using-with
        self.resolver.write("nameserver 127.0.0.1\noptions timeout:20 attempts:1\n")
        self.resolver.flush()
        self.keeper = subprocess.Popen(
            ["unshare", "--net", "--mount", "--", sys.executable, "-EsB", "-m", "support.decoys", self.resolver.name,
             json.dumps(names)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=pathlib.Path(__file__).parents[1])
        line = self.keeper.stdout.readline()
        assert line == "ready\n", f"no network of its own can be made here: {line}"

    def command(self, program):
        """(program, arguments) that run the program in the network."""
        return "/usr/bin/nsenter", ["--target", str(self.keeper.pid), "--net", "--mount", "--", str(program)]

    def close(self):
        """The addresses at which connections have arrived, and how many at each."""
        arrived, _ = self.keeper.communicate(timeout=20)
        self.resolver.close()
        return collections.Counter(arrived.split())


# --- the keeper ---

def make_every_address_local(resolver):
    for words in (["mount", "--bind", resolver, os.path.realpath("/etc/resolv.conf")], ["ip", "link", "set", "lo", "up"],
                  ["ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo"],
                  ["ip", "-6", "route", "add", "local", "::/0", "dev", "lo"]):
        subprocess.run(words, check=True)


def listen(port):
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=100)

    def accept():
        while True:
            connection, _ = listener.accept()
            print(connection.getsockname()[0].removeprefix("::ffff:"), flush=True)
            connection.close()
    threading.Thread(target=accept, daemon=True).start()


def answer(query, names, asked):
    """RFC 1035 §4.1; None for a name without an answer."""
    name, kind, end = read_question(query)
    lists = names.get(name, [[]])
    if lists is None:
        return None
    addresses = lists[min(asked[name, kind], len(lists) - 1)]
    asked[name, kind] += 1
    records = b""
    count = 0
    for address in addresses if kind in TYPES else []:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        if family == TYPES[kind]:
            data = socket.inet_pton(family, address)
            records += struct.pack("!HHHIH", 0xc00c, kind, 1, 0, len(data)) + data
            count += 1
    return query[:2] + struct.pack("!HHHHH", 0x8580, 1, count, 0, 0) + query[12:end] + records


def keep(resolver, names):
    asked = collections.Counter()

    class Question(socketserver.BaseRequestHandler):
        def handle(self):
            query, socket_of_all = self.request
            said = answer(query, names, asked)
            if said:
                socket_of_all.sendto(said, self.client_address)

    make_every_address_local(resolver)
    with socketserver.UDPServer(("127.0.0.1", 53), Question) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print("ready", flush=True)
        for port in PORTS:
            listen(port)
        sys.stdin.read()


if __name__ == "__main__":
    keep(sys.argv[1], json.loads(sys.argv[2]))
