"""The worker is killed anywhere while it sends mails: none is missing, and each comes twice at most, with the same Message-ID."""

import collections
import os
import random
import threading

import pytest

from support.deadline import until
from support.mail_server import MailServer

pytestmark = pytest.mark.no_second_chance

ROUNDS = int(os.environ.get("ROUNDS", "24"))
EACH = 3  # mails in a round


@pytest.fixture
def mail_server():
    made = MailServer()
    yield made
    made.close()


class Sender:
    """Workers, one after the other, that send to the mail server."""

    def __init__(self, service, start, worker_path, url):
        self.service, self.start, self.path, self.url = service, start, worker_path, url
        self.worker = None

    def begin(self):
        self.worker = self.start(self.path, {
            "TESTKASE_DATABASE_URL": self.service.database.url("testkase_worker"), "TESTKASE_SMTP_URL": self.url,
            "TESTKASE_MAIL_FROM": "testkase@example.test", "TESTKASE_PUBLIC_URL": "https://testkase.example.test"})
        return self.worker

    def left(self):
        return self.service.database.value("""select (select count(*) from testkase.mails where state = 'queued')
                                                   + (select count(*) from testkase.notices)
                                                   + (select count(*) from testkase.outbox where routed_at is null)""")

    def forget_leases(self):
        """As two minutes later."""
        self.service.database.query("update testkase.mails set leased_until = null, attempt_at = now() where state = 'queued'")

    def finish(self):
        """A worker that is left alone sends what is left."""
        self.forget_leases()
        worker = self.begin()
        worker.wait_ready()
        until(lambda: self.left() == 0, 30, "all is sent")
        worker.terminate(10)


def make_news(service, organization):
    """Tokens of people who have had no mail yet, one for each; returns their addresses."""
    addresses = []
    for _ in range(EACH):
        person = service.person(organization.id)
        token_id = service.mint(person)[0]
        service.database.query(
            """insert into testkase.outbox (organization_id, user_id, topic, payload)
               values (%s, %s, 'api_key.created', jsonb_build_object('apiKeyId', %s::bigint))""",
            (organization.id, person.id, token_id))
        addresses.append(person.email)
    return addresses


# When the worker is killed: a mail has come whole and is not answered yet; it is answered; or at any time after the start.
WHENCES = ("before the answer", "after the answer", "anywhere")


def kill_at(sender, mail_server, whence, chance):
    fallen = threading.Event()
    if whence == "anywhere":
        sender.begin()
        fallen.wait(chance.uniform(0.0, 0.4))
        sender.worker.kill()
        return
    last = len(mail_server.attempts) + chance.randrange(EACH)
    begun = threading.Event()

    def on_data(number):
        if number == last:
            begun.wait(10)  # until it is known whom to kill
            if whence == "before the answer":
                sender.worker.kill()
            fallen.set()
    mail_server.on_data = on_data
    sender.begin()
    begun.set()
    assert fallen.wait(30), "the mail came"
    sender.worker.kill()
    mail_server.on_data = lambda number: None


def test_none_is_lost_and_none_comes_more_than_twice(service, organization, mail_server, start, worker_path):
    chance = random.Random(5321)
    sender = Sender(service, start, worker_path, mail_server.url)
    sender.finish()
    mail_server.accepted.clear()
    expected = []
    for number in range(ROUNDS):
        expected += make_news(service, organization)
        kill_at(sender, mail_server, WHENCES[number % len(WHENCES)], chance)
        sender.worker.wait(10)
        sender.finish()
    came, ids = collections.Counter(), collections.defaultdict(set)
    for mail in mail_server.accepted:
        address = mail["To"].addresses[0].addr_spec
        came[address] += 1
        ids[address].add(mail["Message-ID"])
    assert sorted(came) == sorted(expected), "each reader has a mail, and nobody else"
    assert max(came.values()) <= 2
    assert all(len(found) == 1 for found in ids.values()), "a mail that comes again is the same one"
    print(f"{ROUNDS} rounds, {len(expected)} mails, {sum(came.values()) - len(expected)} came twice")
