"""Looks for a request that was accepted although it began after its token's end had been acknowledged.

One loop, many connections that are kept alive. Some ask with tokens without pause; some end those tokens; some hold back half of
the body of a change until their token has ended. All times are of
this machine's clocks, which the servers and PostgreSQL share."""

import random
import selectors
import socket
import time

ASKERS = 96  # connections to each server
ENDERS = 4  # connections to each server that end tokens
DRIPPERS = 8  # connections to each server that send a body's first half before a token's end, and the rest after it
AFTER_END = 6  # how often a token is asked after its end was acknowledged


class Token:
    """`ended` is the time of the acknowledgement, or that of the expiry; None while it lives."""

    def __init__(self, token_id, text, owner_id=None, expires=None):
        self.id = token_id
        self.text = text
        self.owner_id = owner_id
        self.ended = expires
        self.being_ended = expires is not None
        self.asked_after = 0


class _Connection:
    """One request at a time."""

    def __init__(self, checker, address):
        self.checker = checker
        self.address = address
        self.socket = None
        self.busy = False
        self.answer = b""
        self._open()

    def _open(self):
        host, port = self.address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), 5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.checker.selector.register(self.socket, selectors.EVENT_READ, self)

    def close(self):
        if self.socket:
            self.checker.selector.unregister(self.socket)
            self.socket.close()
            self.socket = None

    def send(self, method, path, token, body=b"", part=None):
        """With `part`, only so many bytes of the body."""
        if self.socket is None:
            self._open()
        head = (f"{method} /api/v1{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
        self.busy = True
        self.answer = b""
        self.begun = time.time()
        self.socket.send(head.encode() + body[:part])

    def progress(self):
        """Called with every turn of the loop while a request is under way."""

    def read(self):
        """The status once the whole answer is there; 0 when the connection was lost."""
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.close()
            self.busy = False
            return 0
        self.answer += data
        end = self.answer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self.answer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15:].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self.answer) < end + 4 + length:
            return None
        self.busy = False
        status = int(self.answer[9:12])
        if b"connection: close" in head:
            self.close()
        return status


class _Asker(_Connection):
    """Asks with one token until a while after its end, then with another."""

    token = None

    def next(self):
        checker = self.checker
        if self.token is None or self.token.asked_after >= AFTER_END:
            self.token = checker.choose()
        self.send("GET", "/auth/verify", self.token.text)

    def answered(self, status):
        token, checker = self.token, self.checker
        checker.asked += 1
        late = token.ended is not None and self.begun > token.ended
        if status == 200:
            checker.accepted += 1
            if late:
                checker.violations.append((token.id, self.begun - token.ended))
        elif status == 401:
            checker.refused += 1
            if not late and not token.being_ended:
                checker.surprises.append(f"token {token.id} was refused while it lived")
        elif status in (0, 503):
            checker.unavailable += 1
        else:
            checker.surprises.append(f"status {status}: {self.answer[-300:]!r}")
        if late and status in (200, 401):
            token.asked_after += 1


class _Dripper(_Connection):
    """Begins to make a token with one that lives, and sends the rest when that has ended."""

    BODY = b'{"name": "Made too late", "expiresInDays": 7}'
    token = None
    is_held = False

    def next(self):
        self.token = self.checker.choose_ending()
        if self.token:
            self.send("POST", "/api-keys", self.token.text, self.BODY, len(self.BODY) // 2)
            self.is_held = True

    def progress(self):
        if self.is_held and self.token.ended is not None:
            self.is_held = False
            self.begun = time.time()
            self.socket.send(self.BODY[len(self.BODY) // 2:])

    def answered(self, status):
        if status == 201:
            self.checker.violations.append((self.token.id, self.begun - self.token.ended))
        elif status == 401 and not self.is_held:
            self.checker.dripped += 1
        elif status not in (0, 401, 408, 503):
            self.checker.surprises.append(f"a late body was answered by {status}: {self.answer[-300:]!r}")
        if self.is_held:  # the server still waits for the rest of the body
            self.is_held = False
            self.close()


class _Ender(_Connection):
    """Ends one token, or all of an owner's, and keeps at it until that is acknowledged."""

    task = None

    def next(self):
        checker = self.checker
        if self.task is None:
            self.task = checker.next_end()
            if self.task is None:
                return
            for token in self.task:
                token.being_ended = True
        if len(self.task) == 1:
            self.send("DELETE", f"/api-keys/{self.task[0].id}", checker.owner_token)
        else:
            self.send("PATCH", f"/users/{self.task[0].owner_id}", checker.admin_token, b'{"status":"deactivated"}')

    def answered(self, status):
        # 404: it was ended by an earlier try whose answer was lost.
        if status in (200, 204, 404):
            now = time.time()
            for token in self.task:
                token.ended = now
                self.checker.ended += 1
            self.task = None
        elif status not in (0, 503):
            self.checker.surprises.append(f"ending was answered by {status}")


class Checker:
    """`singles` are ended one by one by `owner_token`; `groups`, lists of tokens of one owner each, by deactivating the owner
    with `admin_token`; `expiring` by themselves."""

    def __init__(self, servers, singles, groups, expiring, owner_token, admin_token):
        self.selector = selectors.DefaultSelector()
        self.owner_token, self.admin_token = owner_token, admin_token
        self._random = random.Random(1)
        self._ends = [[token] for token in singles] + list(groups)
        self._random.shuffle(self._ends)
        self._all = [token for group in self._ends for token in group] + list(expiring)
        self._random.shuffle(self._all)
        self._turn = 0
        self.asked = self.accepted = self.refused = self.unavailable = self.ended = self.dripped = 0
        self.violations, self.surprises = [], []
        self._connections = [kind(self, server.address) for server in servers
                             for kind, count in ((_Asker, ASKERS), (_Dripper, DRIPPERS), (_Ender, ENDERS))
                             for _ in range(count)]

    def choose(self):
        """The next token to ask with: near the ends that are being made, so that many are caught in the act."""
        self._turn += 1
        ahead = self._ends[-1 - self._turn % min(24, len(self._ends))] if self._ends else None
        if ahead and self._turn % 4:
            return ahead[self._turn % len(ahead)]
        return self._all[self._turn % len(self._all)]

    def choose_ending(self):
        """A token that is about to be ended; None when all have."""
        if not self._ends:
            return None
        self._turn += 1
        group = self._ends[-1 - self._turn % min(24, len(self._ends))]
        return group[self._turn % len(group)]

    def next_end(self):
        return self._ends.pop() if self._ends else None

    def is_done(self):
        return not self._ends and not any(isinstance(c, _Ender) and c.task for c in self._connections)

    def run(self, seconds, during=()):
        """Until all are ended and everything was asked once more. `during`: (after how many ends, function to call)."""
        deadline = time.monotonic() + seconds
        during = list(during)
        rest = None
        while rest is None or time.monotonic() < rest:
            assert time.monotonic() < deadline, f"not done after {seconds} s: {self.summary()}"
            if rest is None and self.is_done():
                rest = time.monotonic() + 3
            if during and self.ended >= during[0][0]:
                during.pop(0)[1]()
            for connection in self._connections:
                if not connection.busy:
                    self._begin(connection)
                else:
                    connection.progress()
            for key, _ in self.selector.select(0.05):
                connection = key.data
                status = connection.read()
                if status is not None:
                    connection.answered(status)
        assert not during, "the end came before what was to happen meanwhile"
        for connection in self._connections:
            connection.close()

    @staticmethod
    def _begin(connection):
        try:
            connection.next()
        except OSError:
            connection.close()
            connection.busy = False

    def summary(self):
        return (f"{self.ended} ended, {self.asked} asked, {self.accepted} accepted, {self.refused} refused, "
                f"{self.dripped} late bodies refused, {self.unavailable} unavailable, {len(self.violations)} violations")
