"""Measures the worker's jobs beside plain statements on the same rows. A part of bench.py."""

import contextlib
import time

import load
from support import token as tokens
from support.process import Program

OWNERS_EACH = 100  # tokens of one owner
LEAVERS_TOKENS = 10_000
PLAIN = """update testkase.api_tokens set ended_at = expires_at, ended_reason = 'expired'
           where ended_at is null and expires_at <= now()"""


class Worker(Program):
    """A testkase-worker without mail."""

    def __init__(self, bench, database):
        super().__init__(bench.options.bin / "worker" / "testkase-worker",
                         {"TESTKASE_DATABASE_URL": database.url("testkase_worker")})


def fill(database, count, age_days, lifetime_days, reminder_due):
    """`count` live tokens of others with their reminders: made so many days ago, a few microseconds apart."""
    database.query("insert into testkase.organizations (name) values ('Others')")
    owners = max(1, count // OWNERS_EACH)
    database.query("""insert into testkase.users (organization_id, email, name)
                      select (select max(id) from testkase.organizations), 'p-' || n || '@example.test', 'P'
                      from generate_series(1, %s) n""", (owners,))
    database.without_triggers(
        """insert into testkase.api_tokens (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days,
                                            created_at, expires_at, rotate_at)
           select (select min(id) from testkase.users where email like 'p-%%') + n %% %(owners)s, 1, 'x' || lpad(n::text, 7, '0'),
                  %(hash)s, 'tk_pat_x' || lpad(n::text, 7, '0') || '...abcdef', 'CI', %(days)s, at,
                  at + %(days)s * interval '86400 seconds', at + (%(days)s - 10) * interval '86400 seconds'
           from (select n, now() - %(age)s * interval '86400 seconds' + n * interval '1 microsecond' as at
                 from generate_series(1, %(count)s) n) numbered""",
        {"owners": owners, "hash": tokens.argon2id(tokens.make()), "days": lifetime_days, "age": age_days, "count": count})
    database.without_triggers(
        """insert into testkase.rotation_reminders (token_id, user_id, due_at)
           select t.id, t.user_id, """ + reminder_due + """ from testkase.api_tokens t where t.lookup_id like 'x%%'""")
    database.query("vacuum analyze testkase.api_tokens, testkase.rotation_reminders, testkase.users")


def seconds_until_none(database, left):
    """Until the query counts no row any more."""
    begun = time.monotonic()
    while database.value(left):
        time.sleep(0.05)
    return time.monotonic() - begun


EXPIRED_LEFT = "select exists (select from testkase.api_tokens where ended_at is null and expires_at <= now())"


def expired(bench, count):
    service = bench.service(TESTKASE_THREADS="1")
    fill(service.database, count, 91, 90, "null")
    return service


def plainly(bench, count):
    database = expired(bench, count).database
    begun = time.monotonic()
    database.query(PLAIN)
    return time.monotonic() - begun


def by_workers(bench, count, workers):
    database = expired(bench, count).database
    with contextlib.ExitStack() as stack:
        for _ in range(workers):
            stack.callback(Worker(bench, database).close)
        return seconds_until_none(database, EXPIRED_LEFT)


def measure_expiry(bench, count):
    rows, baseline = [], None
    for title, measure in (("one plain UPDATE", lambda: plainly(bench, count)),
                           ("one worker", lambda: by_workers(bench, count, 1)),
                           ("two workers", lambda: by_workers(bench, count, 2))):
        bench.say(f"{count:,} expired tokens: {title}")
        taken = measure()
        baseline = baseline or taken
        rows.append([f"{count:,} expired tokens ended", title, f"{taken:.1f}", f"{count / taken:,.0f}",
                     f"{baseline / taken:.2f}"])
    return rows


def measure_leaver(bench):
    """From the moment at which an admin's change is committed."""
    bench.say("a leaver")
    service = bench.service(TESTKASE_THREADS="1")
    database = service.database
    fill(database, LEAVERS_TOKENS, 1, 90, "null")
    leaver = database.value("select min(id) from testkase.users where email like 'p-%%'")
    database.without_triggers("update testkase.api_tokens set user_id = %s", (leaver,))
    worker = Worker(bench, database)
    bench.stack.callback(worker.close)
    worker.wait_ready()
    database.query("update testkase.users set status = 'deactivated' where id = %s", (leaver,))
    taken = seconds_until_none(database, "select exists (select from testkase.api_tokens where ended_at is null)")
    return [[f"{LEAVERS_TOKENS:,} tokens of a leaver ended", "one worker", f"{taken:.2f}", f"{LEAVERS_TOKENS / taken:,.0f}", ""]]


def measure_reminders(bench, count):
    bench.say(f"{count:,} reminders")
    database = bench.service(TESTKASE_THREADS="1").database
    fill(database, count, 81, 90, "t.rotate_at")
    worker = Worker(bench, database)
    bench.stack.callback(worker.close)
    due = seconds_until_none(database, "select exists (select from testkase.rotation_reminders where state = 'scheduled')")
    rest = seconds_until_none(database, """select exists (select from testkase.outbox where routed_at is null)
                                              or exists (select from testkase.notices)""")
    return [[f"{count:,} reminders due and in the outbox", "one worker", f"{due:.1f}", f"{count / due:,.0f}", ""],
            ["… and in a mail to each of their owners", "one worker", f"{due + rest:.1f}", f"{count / (due + rest):,.0f}", ""]]


def measure_beside(bench, count, path):
    """Token calls, undisturbed and while a worker ends expired tokens."""
    service = expired(bench, count)
    file, _ = bench.mint(service, 1000, "tokens-jobs")
    bench.warm(service.server, file)
    alone, beside = [], []
    for turn in range(bench.options.rounds):
        bench.say(f"token calls beside the worker, round {turn + 1}")
        alone.append(bench.run(service.server, path, file, 64))
        with contextlib.closing(Worker(bench, service.database)):
            beside.append(bench.run(service.server, path, file, 64))
            assert service.database.value(EXPIRED_LEFT), "the worker had nothing left to do"
    rows = []
    for title, found in (("undisturbed", alone), ("while a worker ends expired tokens", beside)):
        result = load.median(found)
        rows.append([title, f"{load.ratio(found, alone):.2f}", f"{result.rate:,.0f}", f"{result.p50:.2f}", f"{result.p99:.2f}",
                     result.bad])
    return rows
