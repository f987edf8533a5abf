"""Reporter, server, PostgreSQL or the network end at any moment of a report: after `testkase-reporter resume`, every result is
there exactly once."""

import pytest

from support.cutter import Cutter
from support.deadline import until
from support.reporter import Reporter, junit

pytestmark = pytest.mark.no_second_chance

FIRST_ID = 20000
PATIENCE = 300  # seconds that a report of 16 MiB may take when sanitizers and other tests slow it down
WAITS_FOR_LOCK = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = %s"


class Pipeline(Reporter):
    """A reporter with a member's token, and a project with a case for each result of its report."""

    def __init__(self, service, binaries, folder, uploads=1):
        super().__init__(binaries / "reporter" / "testkase-reporter", folder)
        self.service, self.uploads = service, uploads
        self.cases, padding = (300, "x" * 300) if uploads == 1 else (4200, "x" * 3900)  # names that fill two uploads
        organization = service.organization()
        self.token = service.mint(organization.member)[1]
        self.environment.update({"NO_PROXY": "*", "TESTKASE_PAT": self.token, "TESTKASE_URL": service.server.base})
        self.project = service.database.value("select id from testkase.projects where organization_id = %s and number = 1",
                                              (organization.id,))
        service.database.query("""insert into testkase.test_cases (project_id, number, title, automation_id)
            select %s, n, 'Case ' || n, %s + n from generate_series(1, %s) n""", (self.project, FIRST_ID, self.cases))
        # Every third one fails, so that counts say something.
        self.write("junit.xml", junit(*((f"case [{FIRST_ID + n}] {padding}", "<failure/>" if n % 3 == 0 else "")
                                        for n in range(1, self.cases + 1))))
        self.words = ("report", "--project-id", "PRJ-1", "--org-id", str(organization.id), "--results-file", "junit.xml",
                      "--quiet")

    def executions(self):
        return self.service.database.value("""select count(*) from testkase.test_executions e
            join testkase.test_cases c on c.id = e.case_id where c.project_id = %s""", (self.project,))

    def check_each_once(self):
        """Nothing waits in the spool, every case has one execution, and the counts of the cycle are exact."""
        assert self.spooled() == []
        database = self.service.database
        assert database.query("""select count(*), count(distinct e.case_id) from testkase.test_executions e
            join testkase.test_cases c on c.id = e.case_id where c.project_id = %s""",
                              (self.project,)) == [(self.cases, self.cases)]
        assert database.query("select pass, fail from testkase.test_cycles where project_id = %s and number = 1",
                              (self.project,)) == [(self.cases - self.cases // 3, self.cases // 3)]
        assert database.query("select count(*), sum(received) from testkase.test_runs where project_id = %s",
                              (self.project,)) == [(self.uploads, self.cases)]

    def end(self, process, *statuses):
        """Waits for a run that was started; returns its exit status, one of those."""
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode in statuses, errors
        return process.returncode


@pytest.fixture
def pipeline(database, start_service, binaries, tmp_path):
    return Pipeline(start_service(database), binaries, tmp_path)


def lock_cycle(pipeline):
    """A connection that makes the next upload wait within its statement."""
    lock = pipeline.service.database.connect()
    with lock.cursor() as cursor:
        cursor.execute("select 1 from testkase.test_cycles where project_id = %s for update", (pipeline.project,))
    return lock


def wait_for_statement(pipeline, process):
    name = pipeline.service.database.name
    until(lambda: process.poll() is not None or pipeline.service.database.value(WAITS_FOR_LOCK, (name,)) > 0, PATIENCE,
          "the upload's statement waits for the lock")
    assert process.poll() is None, process.communicate()


# --- the reporter ---

@pytest.mark.parametrize("spooled", [1, 2])
def test_reporter_killed_while_it_spools_and_sends(database, start_service, binaries, tmp_path, spooled):
    """After so many of its two uploads are in the spool."""
    pipeline = Pipeline(start_service(database), binaries, tmp_path, uploads=2)
    process = pipeline.start(*pipeline.words)
    until(lambda: process.poll() is not None or len(pipeline.spooled()) >= spooled, PATIENCE, "the spool holds them")
    process.kill()
    process.communicate()
    if len(pipeline.spooled()) < pipeline.uploads and pipeline.executions() == 0:
        # It had not written down all, so it had sent nothing: whoever runs the pipeline has to run it again.
        for file in pipeline.spooled():
            file.unlink()
        pipeline.run(*pipeline.words, seconds=PATIENCE)
    pipeline.run("resume", seconds=PATIENCE)
    pipeline.check_each_once()


def test_reporter_killed_while_the_server_writes(pipeline):
    """The server finishes what it got; the same upload comes again and changes nothing."""
    lock = lock_cycle(pipeline)
    process = pipeline.start(*pipeline.words)
    wait_for_statement(pipeline, process)
    process.kill()
    process.communicate()
    assert len(pipeline.spooled()) == pipeline.uploads
    lock.rollback()
    lock.close()
    pipeline.run("resume", seconds=PATIENCE)
    pipeline.check_each_once()


# --- the server, and PostgreSQL ---

def test_server_killed_while_it_writes(pipeline):
    """The reporter tries again until the server is back."""
    lock = lock_cycle(pipeline)
    process = pipeline.start(*pipeline.words, "--retries", "20")
    wait_for_statement(pipeline, process)
    pipeline.service.server.kill()
    lock.rollback()
    lock.close()
    pipeline.service.restart()
    pipeline.end(process, 0)
    pipeline.check_each_once()


def test_server_stays_away(pipeline):
    pipeline.service.server.kill()
    pipeline.run(*pipeline.words, "--retries", "1", status=4)
    pipeline.run("resume", "--retries", "0", status=4)
    assert len(pipeline.spooled()) == pipeline.uploads
    pipeline.service.restart()
    pipeline.run("resume", seconds=PATIENCE)
    pipeline.check_each_once()


def test_postgresql_killed_while_it_writes(own_cluster, start_service, binaries, tmp_path):
    pipeline = Pipeline(start_service(own_cluster.create_database()), binaries, tmp_path)
    lock = lock_cycle(pipeline)
    process = pipeline.start(*pipeline.words, "--retries", "20")
    wait_for_statement(pipeline, process)
    own_cluster.kill9()
    lock.close()
    pipeline.service.database.close()
    own_cluster.start()
    pipeline.end(process, 0)
    pipeline.check_each_once()


# --- the network ---

@pytest.mark.parametrize("cuts", [
    [0], [100], [1000], [1500, 500, 1200], [Cutter.ANSWER], [Cutter.ANSWER, 1500, Cutter.ANSWER],
])
def test_network_cut_within_a_request(pipeline, cuts):
    cutter = Cutter(pipeline.service.server.address)
    cutter.cuts = list(cuts)
    pipeline.run(*pipeline.words, environment={"TESTKASE_URL": cutter.base}, seconds=PATIENCE)
    assert cutter.done == len(cuts)
    cutter.close()
    pipeline.check_each_once()


def test_network_cut_for_longer_than_the_reporter_tries(pipeline):
    cutter = Cutter(pipeline.service.server.address)
    cutter.cuts = [1500, Cutter.ANSWER]
    pipeline.run(*pipeline.words, "--retries", "1", environment={"TESTKASE_URL": cutter.base}, status=4)
    pipeline.run("resume", "--url", cutter.base, seconds=PATIENCE)
    cutter.close()
    pipeline.check_each_once()
