"""Server and worker die by kill -9 at any moment: what they had acknowledged is true, the rest is whole or absent."""

import concurrent.futures

import pytest
import requests

from support import token as tokens
from support.deadline import until
from support.ledger import Ledger, check_whole

pytestmark = pytest.mark.no_second_chance


def test_server_killed_under_load(database, start_service):
    service = start_service(database)
    organization = service.organization()
    with Ledger(service.server.base, service.mint(organization.member)[1]) as ledger:
        for turn in range(8):
            ledger.wait_for_more(7 + 3 * turn)
            service.server.kill()
            service.restart()
        ledger.wait_for_more(20)
    assert ledger.refusals > 0
    ledger.check(service)


def test_one_of_two_servers_killed_under_load(database, start_service):
    """Clients of the other one notice nothing."""
    service = start_service(database)
    other = service.start_server()
    organization = service.organization()
    token = service.mint(organization.member)[1]
    with Ledger(other.base, token, threads=2) as unharmed, Ledger(service.server.base, token, threads=2) as harmed:
        for _ in range(3):
            harmed.wait_for_more(10)
            service.server.kill()
            unharmed.wait_for_more(10)
            service.restart()
        harmed.wait_for_more(10)
    assert unharmed.refusals == 0
    unharmed.check(service)
    harmed.check(service)


@pytest.mark.parametrize("what", ["creation", "revocation"])
def test_server_killed_within_a_statement(database, start_service, what):
    service = start_service(database)
    organization = service.organization()
    for turn in range(3):
        api = service.bearer(organization.member)
        made = api.post("/api-keys", {"name": f"CI {turn}", "expiresInDays": 7}, 201).json()
        lock = database.connect()
        with lock.cursor() as cursor, concurrent.futures.ThreadPoolExecutor(1) as pool:
            if what == "creation":
                cursor.execute("select id from testkase.users where id = %s for update", (organization.member.id,))
                answer = pool.submit(api.post, "/api-keys", {"name": f"Caught {turn}", "expiresInDays": 7})
            else:
                cursor.execute("select id from testkase.api_tokens where id = %s for update", (made["id"],))
                answer = pool.submit(api.delete, f"/api-keys/{made['id']}")
            until(lambda: database.value("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = %s",
                                         (database.name,)) == 1, 10, "the statement waits for the lock")
            service.server.kill()
            with pytest.raises(requests.RequestException):
                answer.result(10)
            lock.commit()
        lock.close()
        until(lambda: database.value("""select count(*) from pg_stat_activity where usename = 'testkase_server' and datname = %s
                                        and state = 'active'""", (database.name,)) == 0, 10, "PostgreSQL is through with it")
        check_whole(database)
        service.restart()
        state = database.value("select status from testkase.api_token_states where id = %s", (made["id"],))
        assert service.server.bearer(made["token"]).get("/session").status_code == {"active": 200, "revoked": 401}[state]


COUNT = 4000


def make_expired_tokens(database, user, made):
    """COUNT of them, besides those made before; returns how many there are then."""
    database.without_triggers(
        """with made as (
               insert into testkase.api_tokens (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days,
                                                created_at, expires_at, rotate_at)
               select %s, 1, lpad(n::text, 8, '0'), %s, 'tk_pat_' || lpad(n::text, 8, '0') || '...abcdef', 'CI', 7, at,
                      at + 7 * interval '86400 seconds', at + 6 * interval '86400 seconds'
               from (select n, now() - interval '8 days' - n * interval '1 second' as at from generate_series(%s, %s) n) numbered
               returning id, user_id, rotate_at)
           insert into testkase.rotation_reminders (token_id, user_id, due_at) select id, user_id, rotate_at from made""",
        (user, tokens.argon2id(tokens.make()), made + 1, made + COUNT))
    return made + COUNT


@pytest.mark.parametrize("workers", [1, 2])
def test_worker_killed_while_it_ends_tokens(database, start, worker_path, workers):
    """Every expired token ends once, with one audit event and one notice, however often the worker dies."""
    organization = database.value("insert into testkase.organizations (name) values ('Acme') returning id")
    user = database.value("""insert into testkase.users (organization_id, email, name) values (%s, 'a@example.test', 'Ann')
                             returning id""", (organization,))
    environment = {"TESTKASE_DATABASE_URL": database.url("testkase_worker")}

    def ended():
        return database.value("select count(*) from testkase.api_tokens where ended_at is not null")
    total = make_expired_tokens(database, user, 0)
    kills = before = 0
    while kills < 2 or before < total * 3 // 4:
        if before >= total * 3 // 4:
            total = make_expired_tokens(database, user, total)  # the worker was too quick to be caught twice
        running = [start(worker_path, environment) for _ in range(workers)]
        before = until(lambda: (now := ended()) > before and now, 20, "some are ended")
        for worker in running:
            worker.kill()
        kills += 1
    last = [start(worker_path, environment) for _ in range(workers)]
    for worker in last:
        worker.wait_ready()
    until(lambda: ended() == total, 60, "all are ended")
    until(lambda: database.value("select count(*) from testkase.rotation_reminders where state = 'closed'") == total, 30,
          "all are closed")
    assert database.value("""select count(*) from testkase.api_tokens where ended_reason <> 'expired' or ended_at <> expires_at
                             or secret_hash is null""") == 0
    for counted in ("select target_id as id from testkase.audit_events where action = 'api_key.expired'",
                    "select payload->>'apiKeyId' as id from testkase.outbox where topic = 'api_key.expired'"):
        assert database.query(f"select count(*), count(distinct id) from ({counted}) events") == [(total, total)]
