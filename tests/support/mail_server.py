"""A real SMTP server (aiosmtpd) on 127.0.0.1, which keeps what it accepts and fails when it is told to."""

import asyncio
import email
import email.policy
import ssl
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from support.deadline import until


class _Handler:
    def __init__(self, server):
        self.server = server

    async def handle_RCPT(self, smtp, session, envelope, address, options):
        if address in self.server.unknown:
            return "550 5.1.1 There is no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, smtp, session, envelope):
        with self.server.lock:
            answer = self.server.answers.pop(0) if self.server.answers else None
            self.server.on_data(len(self.server.attempts))
            self.server.attempts.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
            if answer in (None, "drop"):
                self.server.accepted.append(self.server.attempts[-1])
        if isinstance(answer, threading.Event):
            await asyncio.get_running_loop().run_in_executor(None, answer.wait, 60)
            return "451 4.3.2 Come again later"
        if answer == "hang":
            await self.server.released.wait()
        if answer == "drop":  # accepted, but the client never learns it
            smtp.transport.abort()
        return answer if answer not in (None, "drop") else "250 OK"

    async def handle_QUIT(self, smtp, session, envelope):
        if self.server.is_deaf_to_quit:
            await self.server.released.wait()
        return "221 Bye"


class _Controller(Controller):
    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]  # of port 0, the kernel has chosen one
        super()._trigger_server()


class MailServer:
    """`unknown` are addresses that it refuses. `answers` are what it says after the next DATA, one after the other: a line, or
    "drop" to accept the mail and break the connection, "hang" to say nothing until it is closed, or a threading.Event: nothing
    until then, and to come again later. `on_data` is called when a
    mail has come whole, before it is answered, with the number of mails so far. With `is_deaf_to_quit` it does not answer QUIT.
    With `tls`, (certificate, key), it knows STARTTLS; with `password`, it wants the user "testkase" with it, after STARTTLS."""

    def __init__(self, tls=None, password=None, address="127.0.0.1"):
        self.unknown, self.answers, self.attempts, self.accepted = set(), [], [], []
        self.is_deaf_to_quit = False
        self.on_data = lambda number: None
        self.released = asyncio.Event()
        self.lock = threading.Lock()
        context = None
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*tls)
        self.controller = _Controller(_Handler(self), hostname=address, port=0, tls_context=context,
                                     require_starttls=bool(password), auth_required=bool(password),
                                     authenticator=lambda *arguments: AuthResult(
                                         success=arguments[-1].login == b"testkase"
                                         and arguments[-1].password == password.encode()) if password else None)
        self.controller.start()

    @property
    def port(self):
        return self.controller.port

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.port}"

    def wait_for(self, count, seconds=20):
        """The mails that were accepted, once there are that many."""
        until(lambda: len(self.accepted) >= count, seconds, f"{count} mails; there are {len(self.accepted)}")
        return list(self.accepted)

    def close(self):
        self.controller.loop.call_soon_threadsafe(self.released.set)
        self.controller.stop()


def parts(mail):
    """(text, HTML) of a mail."""
    return (mail.get_body(("plain",)).get_content().replace("\r\n", "\n"),
            mail.get_body(("html",)).get_content().replace("\r\n", "\n"))
