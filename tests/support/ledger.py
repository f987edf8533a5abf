"""Clients that make and delete tokens without pause and record the answers, so that a test can compare these with the database
after something was killed."""

import random
import threading
import time

import requests

from support import token as tokens
from support.deadline import until
from support.http import Api

# What may come while something is down; whatever comes besides is a violation.
TOLERATED = {503}


class Ledger:
    """`created` and `deleted` hold what was acknowledged, by token; `undecided` the tokens whose deletion was asked and not
    acknowledged. The clients run within its `with`."""

    def __init__(self, base, token, threads=4, client=Api, tolerated=TOLERATED):
        """`client` makes a client of an address and fields; `tolerated` are the statuses that may come."""
        self.base = base
        self._client = client
        self._tolerated = tolerated
        self._token = token
        self.created = {}
        self.deleted = set()
        self.undecided = set()
        self.refusals = 0
        self.moments = []  # when each acknowledgement came, by time.monotonic()
        self.violations = []
        self._news = threading.Condition()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _run(self, number):
        chooser = random.Random(number)
        api = self._client(self.base, {"Authorization": f"Bearer {self._token}"})
        mine = []
        while not self._stop.is_set():
            try:
                made = self._ask(api, "POST", "/api-keys", 201, json={"name": f"CI {number}", "expiresInDays": 7})
                if made is not None:
                    body = made.json()
                    assert tokens.TOKEN.fullmatch(body["token"])
                    mine.append((body["id"], body["token"]))
                    with self._news:
                        self.created[body["token"]] = body["id"]
                        self.moments.append(time.monotonic())
                        self._news.notify_all()
                if mine and chooser.random() < 0.6:
                    self._delete(api, *mine.pop(chooser.randrange(len(mine))))
            except Exception as error:  # noqa: whatever it is, the test must hear of it
                with self._news:
                    self.violations.append(repr(error))
                    self._news.notify_all()

    def _delete(self, api, token_id, token):
        with self._news:
            self.undecided.add(token)
        if self._ask(api, "DELETE", f"/api-keys/{token_id}", 204) is not None:
            with self._news:
                self.undecided.discard(token)
                self.deleted.add(token)
                self.moments.append(time.monotonic())
                self._news.notify_all()

    def _ask(self, api, method, path, expected, **options):
        """The answer, if it came and was not one of those to be expected from something that is down."""
        try:
            response = api.request(method, path, **options)
        except requests.RequestException:
            self._refused()
            return None
        if response.status_code in self._tolerated:
            self._refused()
            return None
        assert response.status_code == expected, f"{method} {path}: {response.status_code} {response.text}"
        return response

    def _refused(self):
        with self._news:
            self.refusals += 1
        # While nothing answers, there is no event to wait for but the end of the test.
        self._stop.wait(0.02)

    def acknowledged(self):
        return len(self.created) + len(self.deleted)

    def wait_for_more(self, count, seconds=30):
        """Returns once that many more acknowledgements have come."""
        with self._news:
            goal = self.acknowledged() + count
            reached = self._news.wait_for(lambda: self.acknowledged() >= goal or self.violations, seconds)
            assert not self.violations, self.violations[:3]
            assert reached, f"{goal - self.acknowledged()} acknowledgements are missing after {seconds} s"

    def check(self, service, server=None):
        """Nothing acknowledged is lost, nothing revoked comes back, everything is whole or absent. Asks the service's first
        server, or the given one."""
        server = server or service.server
        assert not self.violations, self.violations[:5]
        for token in self.created:
            # A loop whose connections are not back yet says nothing about the token.
            status = until(lambda: (now := server.bearer(token).get("/session").status_code) != 503 and now, 20, "an answer")
            if token in self.deleted:
                assert status == 401, "a token works whose deletion was acknowledged"
            elif token not in self.undecided:
                assert status == 200, f"a token is lost whose creation was acknowledged: {status}"
            else:
                assert status in (200, 401)
        check_whole(service.database)


def check_whole(database):
    """Every token that the service made has its reminder, its audit event and its notice, and so has every end of one."""
    torn = database.query("""
        with made as (
            select t.id, t.ended_at, t.ended_reason, t.secret_hash is null as erased,
                   (select count(*) from testkase.rotation_reminders r where r.token_id = t.id) as reminders,
                   (select count(*) from testkase.rotation_reminders r where r.token_id = t.id and r.state = 'closed') as closed,
                   (select count(*) from testkase.audit_events a where a.target_kind = 'api_key' and a.target_id = t.id
                    and a.action = 'api_key.created') as creations,
                   (select count(*) from testkase.audit_events a where a.target_kind = 'api_key' and a.target_id = t.id
                    and a.action = 'api_key.revoked') as revocations,
                   (select count(*) from testkase.outbox o where o.topic = 'api_key.created'
                    and (o.payload->>'apiKeyId')::bigint = t.id) as creation_notices,
                   (select count(*) from testkase.outbox o where o.topic = 'api_key.revoked'
                    and (o.payload->>'apiKeyId')::bigint = t.id) as revocation_notices
            from testkase.api_tokens t
            where t.name <> 'Test'
        )
        select made::text from made
        where reminders <> 1 or creations <> 1 or creation_notices <> 1
           or revocations <> coalesce(ended_reason = 'revoked', false)::int or revocation_notices <> revocations
           or closed <> (ended_at is not null)::int or (ended_at is not null and not erased)""")
    assert torn == []
