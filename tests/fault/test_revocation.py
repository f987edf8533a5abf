"""A request that begins after its token's end was acknowledged is never accepted: on two servers with two threads each, while
the tokens are deleted through either, expire, or lose their owner."""

import contextlib

import pytest

from support import token as tokens
from support.process import Program
from support.revocations import Checker, Token

pytestmark = [pytest.mark.alone, pytest.mark.no_second_chance]

GROUP = 25


@pytest.fixture
def revocations(request):
    return request.config.getoption("--revocations")


def mint_many(service, person, count):
    """Like service.mint(), many at once."""
    texts = [tokens.make() for _ in range(count)]
    rows = [(person.id, tokens.lookup(text), tokens.argon2id(text), tokens.preview(text)) for text in texts]
    with service.database.connect() as connection, connection.cursor() as cursor:
        for row in rows:
            cursor.execute("""insert into testkase.api_tokens (user_id, owner_generation, lookup_id, secret_hash, preview, name,
                                                               expires_in_days)
                              select id, credential_generation, %s, %s, %s, 'Test', 7 from testkase.users where id = %s
                              returning id""", (*row[1:], row[0]))
            yield Token(cursor.fetchone()[0], texts.pop(0), person.id)


def make_expiring(service, person, count, span):
    """Tokens that were made almost seven days ago and expire within the next `span` seconds."""
    for number, token in enumerate(list(mint_many(service, person, count))):
        expires = service.database.query(
            """set session_replication_role = replica;
               update testkase.api_tokens set created_at = now() - interval '7 days' + %(after)s * interval '1 second',
                      expires_at = now() + %(after)s * interval '1 second',
                      rotate_at = now() - interval '1 day' + %(after)s * interval '1 second'
               where id = %(id)s;
               set session_replication_role = origin;
               select extract(epoch from expires_at)::float8 from testkase.api_tokens where id = %(id)s""",
            {"after": 1 + span * number / count, "id": token.id})[0][0]
        yield Token(token.id, token.text, person.id, expires)


def make_checker(service, count):
    other = service.start_server(TESTKASE_THREADS="2")
    organization = service.organization()
    groups = [list(mint_many(service, service.person(organization.id), GROUP)) for _ in range(max(1, count // 5 // GROUP))]
    singles = list(mint_many(service, organization.member, count - GROUP * len(groups)))
    expiring = list(make_expiring(service, organization.guest, max(10, count // 20), 10 + count / 100))
    return Checker([service.server, other], singles, groups, expiring, service.mint(organization.member)[1],
                   service.mint(organization.admin)[1])


def assert_held(checker, count):
    print(checker.summary())
    assert checker.violations == []
    assert checker.surprises == []
    # Enough to find something; a server under ThreadSanitizer answers fewer.
    assert checker.ended >= count and checker.accepted > count and checker.refused > count // 4
    assert checker.dripped > count // 20


def test_no_worker_and_nothing_else_amiss(database, start_service, revocations):
    checker = make_checker(start_service(database, TESTKASE_THREADS="2"), revocations)
    checker.run(60 + revocations / 20)
    assert checker.unavailable == 0
    assert_held(checker, revocations)


def test_listening_connections_cut(database, start_service, worker_path, revocations):
    checker = make_checker(start_service(database, TESTKASE_THREADS="2"), revocations)
    worker = Program(worker_path, {"TESTKASE_DATABASE_URL": database.url("testkase_worker")})

    def cut():
        database.query("""select pg_terminate_backend(pid) from pg_stat_activity
                          where datname = current_database() and usename = 'testkase_worker'""")
    with contextlib.closing(worker):
        worker.wait_ready()
        checker.run(60 + revocations / 20, [(revocations * share // 10, cut) for share in range(1, 10)])
    assert_held(checker, revocations)


def test_postgresql_restarted(own_cluster, start_service, revocations):
    service = start_service(own_cluster.create_database(), TESTKASE_THREADS="2")
    checker = make_checker(service, revocations)

    def restart():
        service.database.close()
        own_cluster.restart()
    checker.run(90 + revocations / 20, [(revocations * share // 4, restart) for share in (1, 2, 3)])
    assert checker.unavailable > 0
    assert_held(checker, revocations)


def test_the_checker_notices(cluster, start_service):
    """Where nothing moves the epoch, servers believe what they have read, and the checker says so."""
    database = cluster.create_database()
    checker = make_checker(start_service(database, TESTKASE_THREADS="2"), 200)  # no server starts without the triggers
    for table, trigger in (("api_tokens", "api_tokens_changed"), ("users", "users_changed")):
        database.query(f"drop trigger {trigger} on testkase.{table}")
    checker.run(60)
    assert len(checker.violations) > 50
    assert all(0 < late < 60 for _, late in checker.violations)
