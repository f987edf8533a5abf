"""PostgreSQL's clock jumps, in whatever time zone: nobody is reminded early, late or twice."""

import contextlib
import datetime
import os
import pathlib
import tempfile
import time

import pytest

from support.deadline import until
from support.postgres import Cluster
from support.service import Service

LIBRARY = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
UTC = datetime.timezone.utc

# Lives over the leap day, and over 12 March, when clocks in New York go forward.
MADE = datetime.datetime(2028, 1, 20, 7, 30, tzinfo=UTC)
DAYS = 60
STAGES = [("rotation", 50), ("week", 53), ("day", 59)]
# Apia is 13 hours ahead of UTC, so that days begin at another time than there.
ZONES = ["America/New_York", "Pacific/Apia"]


class Clock:
    """What PostgreSQL takes for the time."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder, "clock")
        os.chmod(folder, 0o755)
        self.set(MADE)
        self.environment = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(self.path), "FAKETIME_NO_CACHE": "1",
                            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1",
                            "FAKETIME_DONT_RESET": "1"}

    def set(self, moment):
        new = self.path.with_suffix(".new")
        new.write_text(f"{moment.timestamp() - time.time():+.3f}\n")
        new.chmod(0o644)
        new.rename(self.path)


@pytest.fixture(scope="module")
def clock():
    with tempfile.TemporaryDirectory(prefix="testkase-clock-") as folder:
        yield Clock(folder)


@pytest.fixture(scope="module")
def clocked_cluster(clock):
    cluster = Cluster(environment=clock.environment)
    yield cluster
    cluster.remove()


class Case:
    """A token that was made at MADE, and a worker that has looked at it."""

    def __init__(self, clock, database, server_path, start, worker_path):
        self.clock, self.database = clock, database
        clock.set(MADE)
        self.service = Service(server_path, database)
        person = self.service.organization().member
        self.token = self.service.mint(person, "GitHub Actions", DAYS)[0]
        self.made = database.value("select created_at from testkase.api_tokens where id = %s", (self.token,))
        assert abs((self.made - MADE).total_seconds()) < 60
        start(worker_path, {"TESTKASE_DATABASE_URL": database.url("testkase_worker")}).wait_ready()

    def at(self, days, seconds=0.0):
        """So long after the token was made."""
        return self.made + datetime.timedelta(days=days, seconds=seconds)

    def go(self, moment):
        """Sets the clock; returns when the worker has looked at what is due then, and sleeps."""
        before = self.asleep()
        self.clock.set(moment)
        self.database.query("notify testkase_reminders, '{}'")
        self.database.query("notify testkase_tokens, '{}'")
        until(lambda: self.asleep() not in (None, before), 20, "the worker has slept and woken")

    def asleep(self):
        """Since when the worker sleeps, which it does after it has asked for the next deadline; None while it does not."""
        rows = self.database.query("""select state_change from pg_stat_activity
                                      where usename = 'testkase_worker' and datname = current_database() and state = 'idle'
                                        and query like '%notification_queue_usage%'""")
        return rows[0][0] if rows else None

    def told(self):
        """[(what, at what time)] in order."""
        return self.database.query(
            """select case topic when 'api_key.expired' then 'expired' else payload ->> 'stage' end, created_at
               from testkase.outbox
               where topic in ('api_key.rotation_due', 'api_key.expiring', 'api_key.expired')
               order by sequence""")

    def wait_until_told(self, expected):
        until(lambda: [what for what, _ in self.told()] == expected, 20, f"told: {expected}; it is {self.told()}")

    def mails(self):
        return self.database.value("select count(*) from testkase.mails where kind = 'reminder'")


@pytest.fixture
def case(request, clock, clocked_cluster, server_path, start, worker_path):
    database = clocked_cluster.create_database()
    zone = getattr(request, "param", "UTC")
    database.query(f"alter database {database.name} set timezone = '{zone}'")
    made = Case(clock, database, server_path, start, worker_path)
    with contextlib.closing(made.service):
        yield made


@pytest.mark.parametrize("case", ZONES, indirect=True)
def test_each_stage_comes_at_its_second(case):
    expected = []
    for stage, days in [*STAGES, ("expired", DAYS)]:
        due = case.at(days)
        case.go(due - datetime.timedelta(seconds=3))
        assert [what for what, _ in case.told()] == expected, "not early"
        expected.append(stage)
        case.wait_until_told(expected)
        late = (case.told()[-1][1] - due).total_seconds()
        assert 0 <= late < 1.5, f"{stage} was told {late} s after it was due"
        until(lambda: case.mails() == len(expected), 20, "by a mail, too")
    case.go(case.at(DAYS + 30))
    assert [what for what, _ in case.told()] == expected, "not twice"
    assert case.mails() == len(expected)


@pytest.mark.parametrize("back", [datetime.timedelta(hours=1), datetime.timedelta(days=40)], ids=str)
def test_a_clock_that_goes_back_tells_nothing_again(case, back):
    stage, days = STAGES[0]
    case.go(case.at(days, 1))
    case.wait_until_told([stage])
    until(lambda: case.mails() == 1, 20, "it is in a mail")
    case.go(case.at(days, 1) - back)
    case.go(case.at(days, 60))
    case.go(case.at(days + 1))
    assert [what for what, _ in case.told()] == [stage]
    assert case.mails() == 1


@pytest.mark.parametrize("days, expected", [(52, ["rotation"]), (55, ["week"]), (59.5, ["day"]), (400, ["expired"])])
def test_a_clock_that_leaps_tells_the_most_urgent_alone(case, days, expected):
    case.go(case.at(days))
    case.wait_until_told(expected)
    case.go(case.at(days, 5))
    assert [what for what, _ in case.told()] == expected
