"""testkase-reporter and the real service: doctor, and a pipeline that rotates its own token."""

import pytest

from support.deadline import until
from support.reporter import Reporter

STORE = "cat > stored"


@pytest.fixture(name="pipeline")
def _pipeline(service, organization, binaries, tmp_path):
    """A reporter with a member's token."""
    reporter = Reporter(binaries / "reporter" / "testkase-reporter", tmp_path)
    reporter.id, reporter.token = service.mint(organization.member)
    reporter.environment.update({"NO_PROXY": "*", "TESTKASE_PAT": reporter.token, "TESTKASE_URL": service.server.base})
    return reporter


def stored(pipeline):
    return (pipeline.folder / "stored").read_text().strip()


# --- report ---

JUNIT = '''<testsuites><testsuite name="shop">
<testcase classname="Checkout" name="pays [{0}]" time="1.5"/>
<testcase classname="Checkout" name="refunds [{1}]" time="0.2"><failure message="expected 200, got 500"/></testcase>
<testcase classname="Checkout" name="unknown [99999]"/>
</testsuite></testsuites>'''


def test_a_report_arrives(pipeline, service, organization):
    member = service.bearer(organization.member)
    cases = [member.post("/test-cases?projectId=PRJ-1", {"title": title}, 201).json()
             for title in ("Pays", "Refunds", "Untested")]
    pipeline.write("junit.xml", JUNIT.format(*(case["automationId"] for case in cases)))
    words = ("report", "--project-id", "PRJ-1", "--org-id", str(organization.id), "--format", "junit", "--build-id", "17",
             "--results-file", "junit.xml")
    done = pipeline.run(*words)
    assert "reported 3 results to TCYCLE-1: 2 matched, 1 unmatched (exit status 0)" in done.stderr.splitlines()[-1]
    assert "no test case of the project has the id 99999" in done.stderr
    cycle = member.get("/test-cycles/TCYCLE-1?projectId=PRJ-1", 200).json()
    assert cycle["counts"] == {"total": 3, "notExecuted": 1, "pass": 1, "fail": 1, "blocked": 0, "skipped": 0}
    [refund] = member.get("/test-cycles/TCYCLE-1/executions?projectId=PRJ-1&status=fail", 200).json()["data"]
    assert (refund["title"], refund["message"], refund["durationMs"]) == ("Refunds", "expected 200, got 500", 200)
    assert refund["build"]["id"] == "17"


def test_a_report_of_a_guest_is_refused(pipeline, service, organization):
    pipeline.environment["TESTKASE_PAT"] = service.mint(organization.guest)[1]
    pipeline.write("junit.xml", JUNIT.format(10001, 10002))
    pipeline.run("report", "--project-id", "PRJ-1", "--org-id", str(organization.id), "--format", "junit", "--results-file",
                 "junit.xml", status=1)


def test_a_dry_run_asks_the_server_and_reports_nothing(pipeline, service, organization):
    member = service.bearer(organization.member)
    case = member.post("/test-cases?projectId=PRJ-1", {"title": "Pays"}, 201).json()
    pipeline.write("junit.xml", JUNIT.format(case["automationId"], "00042"))
    words = ("report", "--dry-run", "--project-id", "PRJ-1", "--org-id", str(organization.id), "--results-file", "junit.xml")
    done = pipeline.run(*words)
    assert "dry run: 3 results would be reported to TCYCLE-1: 1 matched, 2 unmatched" in done.stderr.splitlines()[-1]
    assert "no test case of the project has the id 00042: refunds [00042], in junit.xml" in done.stderr
    assert member.get("/test-cycles/TCYCLE-1?projectId=PRJ-1", 200).json()["counts"]["pass"] == 0
    assert pipeline.spooled() == []
    assert "refuse" in pipeline.run(*words, environment={"TESTKASE_PAT": service.mint(organization.guest)[1]}, status=1).stderr
    assert "not reached" in pipeline.run(*words, "--url", "http://127.0.0.1:1", "--retries", "0", status=4).stderr
    done = pipeline.run(*words, environment={"TESTKASE_PAT": ""})  # nobody is asked
    assert "dry run: 3 results of 3 tests would be reported" in done.stderr.splitlines()[-1]


def test_ids_of_six_digits(pipeline, service, organization):
    member = service.bearer(organization.member)
    member.post("/test-cases?projectId=PRJ-1", {"title": "Pays"}, 201)
    service.database.query("""update testkase.test_cases set automation_id = 482711 where project_id =
        (select id from testkase.projects where organization_id = %s and number = 1)""", (organization.id,))
    pipeline.write("junit.xml", JUNIT.format(482711, 10001))
    words = ("report", "--project-id", "PRJ-1", "--org-id", str(organization.id), "--results-file", "junit.xml")
    assert "reported 2 results to TCYCLE-1: 0 matched" in pipeline.run(*words).stderr.splitlines()[-1]
    assert "reported 3 results to TCYCLE-1: 1 matched" in pipeline.run(*words, "--six-digit-ids").stderr.splitlines()[-1]


# --- doctor ---

def test_doctor_is_content(pipeline, organization):
    done = pipeline.run("doctor", "--org-id", str(organization.id), "--project-id", "PRJ-1")
    lines = [line.split()[:2] for line in done.stdout.splitlines()]
    assert lines == [["ok", "address"], ["ok", "connection"], ["ok", "clock"], ["ok", "token"], ["ok", "organization"],
                     ["ok", "project"]]
    assert "PRJ-1, with the role user" in done.stdout


@pytest.mark.parametrize("words, says", [
    (("--org-id", "1"), "FAIL organization"),
    (("--project-id", "PRJ-77"), "has no project PRJ-77"),
])
def test_doctor_finds_what_is_wrong(pipeline, words, says):
    assert says in pipeline.run("doctor", *words, status=1).stdout


def test_doctor_of_a_guest(pipeline, service, organization):
    pipeline.environment["TESTKASE_PAT"] = service.mint(organization.guest)[1]
    assert "a guest of PRJ-1 may not report" in pipeline.run("doctor", "--project-id", "PRJ-1", status=1).stdout


def test_doctor_without_a_server_or_a_token(pipeline, service, organization):
    assert "FAIL connection" in pipeline.run("doctor", "--url", "http://127.0.0.1:1", status=4).stdout
    assert "FAIL token" in pipeline.run("doctor", environment={"TESTKASE_PAT": ""}, status=2).stdout
    service.bearer(organization.member).delete(f"/api-keys/{pipeline.id}", 204)
    assert "FAIL token         401" in pipeline.run("doctor", status=1).stdout


# --- rotate ---

def test_rotate(pipeline, service):
    done = pipeline.run("rotate", "--exec", STORE)
    new = stored(pipeline)
    assert new not in done.stdout + done.stderr
    for token in (pipeline.token, new):
        service.server.bearer(token).get("/api-keys/current", 200)
    # The new one was used, so that the old one does it no harm.
    until(lambda: service.server.bearer(new).get("/api-keys/current", 200).json()["lastUsedAt"], 20, "its use is known")
    assert "in use: present that one" in pipeline.run("rotate", "--exec", STORE, status=1).stderr
    service.server.bearer(new).get("/api-keys/current", 200)


def test_rotate_and_end_the_old_one(pipeline, service):
    pipeline.run("rotate", "--delete-old", "--exec", STORE)
    service.server.bearer(pipeline.token).get("/api-keys/current", 401)
    service.server.bearer(stored(pipeline)).get("/api-keys/current", 200)


def test_rotate_by_options_alone(pipeline, service):
    """The token from standard input, which the command does not share."""
    done = pipeline.run("rotate", "--url", service.server.base, "--token-file", "-", "--quiet", "--exec", STORE,
                        environment={"TESTKASE_PAT": "", "TESTKASE_URL": ""}, standard_input=pipeline.token.encode())
    assert len(done.stderr.splitlines()) == 1
    service.server.bearer(stored(pipeline)).get("/api-keys/current", 200)


def test_a_command_that_fails(pipeline, service):
    done = pipeline.run("rotate", "--delete-old", "--exec", STORE + "; exit 7", status=1)
    assert "the command failed, with status 7" in done.stderr and "the new token was ended" in done.stderr
    service.server.bearer(stored(pipeline)).get("/api-keys/current", 401)
    pipeline.run("rotate", "--exec", STORE)  # and again, at once
    service.server.bearer(stored(pipeline)).get("/api-keys/current", 200)


def test_the_command_sees_no_token(pipeline):
    pipeline.run("rotate", "--exec", "cat > stored; env > environment; tr '\\0' ' ' < /proc/$PPID/cmdline > arguments")
    for name in ("environment", "arguments"):
        text = (pipeline.folder / name).read_text()
        assert text and pipeline.token not in text and stored(pipeline) not in text


def test_a_successor_that_nobody_got(pipeline, service):
    lost = service.server.bearer(pipeline.token).post("/api-keys/current/rotate", expect=201).json()
    assert "has just made a successor" in pipeline.run("rotate", "--exec", STORE, status=1).stderr
    times = ", ".join(f"{column} = {column} - interval '1 hour'" for column in ("created_at", "expires_at", "rotate_at"))
    service.database.query("set session_replication_role = replica;"
                           f"update testkase.api_tokens set {times} where id = {lost['id']};"
                           "set session_replication_role = origin")
    pipeline.run("rotate", "--exec", STORE)
    assert stored(pipeline) != lost["token"]
    service.server.bearer(lost["token"]).get("/api-keys/current", 401)


def test_not_due(pipeline):
    assert "not due" in pipeline.run("rotate", "--if-due", "--exec", STORE).stderr
    assert not (pipeline.folder / "stored").exists()
