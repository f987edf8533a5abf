"""A day without a worker: what the outbox has kept is told afterwards, in its order, all of it and once."""

import collections
import json
import re

import pytest

from support import token as tokens
from support.deadline import until
from support.mail_server import MailServer, parts
from support.webhook_server import WebhookServer

pytestmark = pytest.mark.no_second_chance

PEOPLE, EACH = 40, 15  # tokens that each person made
OPEN = """select (select count(*) from testkase.outbox where routed_at is null) + (select count(*) from testkase.notices)
               + (select count(*) from testkase.mails where state = 'queued')
               + (select count(*) from testkase.webhook_deliveries where state = 'queued')"""


@pytest.fixture
def mail_server():
    made = MailServer()
    yield made
    made.close()


@pytest.fixture
def receiver():
    made = WebhookServer()
    yield made
    made.close()


def make_a_day(service, organization, url):
    """Everybody makes a token now and then; returns {id of the token: its owner's address} in the order of the outbox."""
    database = service.database
    database.query("update testkase.outbox set routed_at = now() where routed_at is null")
    database.query("""insert into testkase.webhooks (organization_id, name, platform, url, topics, secret)
                      values (%s, 'Alerts', 'custom', %s, '{api_key.created}',
                              'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw0mVbYx1kQZ4=')""", (organization.id, url))
    people = [service.person(organization.id) for _ in range(PEOPLE)]
    database.query(
        """insert into testkase.api_tokens (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days)
           select u, 1, lpad(u || 'x' || n, 8, '0'), %s, 'tk_pat_' || lpad(u || 'x' || n, 8, '0') || '...abcdef',
                  'Token ' || n, 90
           from unnest(%s) u, generate_series(1, %s) n""",
        (tokens.argon2id(tokens.make()), [person.id for person in people], EACH))
    database.query(
        """insert into testkase.outbox (organization_id, user_id, topic, payload, created_at)
           select u.organization_id, u.id, 'api_key.created', jsonb_build_object('apiKeyId', t.id, 'name', t.name),
                  now() - interval '24 hours' + t.id * interval '1 minute'
           from testkase.api_tokens t join testkase.users u on u.id = t.user_id
           where u.id = any (%s)
           order by md5(t.id::text)""", ([person.id for person in people],))
    return dict(database.query("""select (o.payload ->> 'apiKeyId')::bigint, u.email
                                  from testkase.outbox o join testkase.users u on u.id = o.user_id
                                  where o.routed_at is null order by o.sequence"""))


@pytest.mark.parametrize("workers", [1, 2])
def test_the_backlog_of_a_day_is_told_once(service, organization, mail_server, receiver, start, worker_path, workers):
    made = make_a_day(service, organization, receiver.url)
    for _ in range(workers):
        start(worker_path, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker"),
                            "TESTKASE_SMTP_URL": mail_server.url, "TESTKASE_MAIL_FROM": "testkase@example.test",
                            "TESTKASE_PUBLIC_URL": "https://testkase.example.test", "TESTKASE_WEBHOOK_NETWORKS": "127.0.0.1/32"})
    until(lambda: len(receiver.calls) >= len(made) and service.database.value(OPEN) == 0, 120, "all is told")
    called = [json.loads(call.body)["data"]["apiKeyId"] for call in receiver.calls]
    assert sorted(called) == sorted(made), "a webhook is called once for each"
    queued = [row[0] for row in service.database.query(
        "select (message -> 'data' ->> 'apiKeyId')::bigint from testkase.webhook_deliveries order by id")]
    if workers == 1:
        assert queued == list(made), "in the order in which it happened"
    listed = collections.Counter()
    for mail in mail_server.accepted:
        address = mail["To"].addresses[0].addr_spec
        found = [int(number) for number in re.findall(r"/settings/api-keys/(\d+)\b", parts(mail)[0])]
        assert all(made[number] == address for number in found), "nobody is told of somebody else's"
        listed.update(found)
    assert sorted(listed.elements()) == sorted(made), "each token stands in one mail"
    # Two workers do not wait for each other.
    assert PEOPLE <= len(mail_server.accepted) <= PEOPLE * workers, "one mail for all that waited"
