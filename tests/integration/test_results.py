"""Uploads of test results: matched, counted, repeated without harm, refused as a whole."""

import concurrent.futures
import gzip
import json
import zlib

import pytest

from support import token as tokens
from support.http import field_errors


class Project:
    """PRJ-1 of an organization, with cases of automation ids 10001, 10002 …"""

    def __init__(self, service, organization, cases):
        self.service, self.organization = service, organization
        self.id = service.database.value("select id from testkase.projects where organization_id = %s and number = 1",
                                         (organization.id,))
        service.database.query(
            """insert into testkase.test_cases (project_id, number, title, automation_id)
               select %s, n, 'Case ' || n, 10000 + n from generate_series(1, %s) n""", (self.id, cases))

    def body(self, results, **more):
        return {"orgId": self.organization.id, "projectId": "PRJ-1",
                "results": [dict(zip(("automationId", "status", "name"), result)) for result in results], **more}

    def counts(self, cycle=1):
        return self.service.database.query(
            "select pass, fail, blocked, skipped from testkase.test_cycles where project_id = %s and number = %s",
            (self.id, cycle))[0]

    def executions(self):
        return self.service.database.value(
            """select count(*) from testkase.test_executions e join testkase.test_cases c on c.id = e.case_id
               where c.project_id = %s""", (self.id,))


@pytest.fixture
def project(service, organization):
    return Project(service, organization, 20)


@pytest.fixture
def user(service, organization):
    return service.bearer(organization.member)


def report(api, body, expect=200, **fields):
    return api.post("/automation/results", body, expect, headers=fields).json()


def test_results_are_matched_by_their_automation_id(project, user):
    results = [(10001, "pass", "a"), (10002, "fail", "b"), (10003, "blocked", "c"), (10004, "skipped", "d"), (99999, "pass", "e"),
               (10001, "fail", "again"), ("10005", "pass", "f")]
    assert report(user, project.body(results)) == {"cycleId": "TCYCLE-1", "received": 7, "matched": 5, "unmatched": [99999],
                                                   "duplicates": 1}
    assert project.counts() == (1, 2, 1, 1)  # of a repeated id, the last result counts
    assert project.executions() == 5


def test_the_latest_result_counts(project, user):
    for status, counts in (("fail", (0, 1, 0, 0)), ("pass", (1, 0, 0, 0)), ("pass", (1, 0, 0, 0)), ("skipped", (0, 0, 0, 1))):
        report(user, project.body([(10001, status, "a")]))
        assert project.counts() == counts
    assert project.executions() == 4


def test_build_and_message_are_kept(project, user):
    build = {"id": "17", "number": "17", "url": "https://ci.example.test/17", "branch": "main", "commit": "abc",
             "provider": "GitHub"}
    body = project.body([], build=build)
    body["results"] = [{"automationId": 10001, "status": "fail", "name": 'a "quoted" \\ {name}, with, commas', "durationMs": 12,
                        "message": "line 1\nline 2 \U0001F600 NULL"}]
    report(user, body)
    assert project.service.database.query("""select e.name, e.message, e.duration_ms, r.build from testkase.test_executions e
        join testkase.test_runs r on r.id = e.run_id where r.project_id = %s""", (project.id,)) == [
            (body["results"][0]["name"], body["results"][0]["message"], 12, build)]


def test_secrets_in_texts_are_masked(project, user):
    """Output of tests has them now and then; every member of the project reads it."""
    ours, theirs = tokens.make(), "glpat-" + tokens.random_text(20)
    body = project.body([], build={"branch": f"fix {ours}", "number": theirs})
    body["results"] = [{"automationId": 10001, "status": "fail", "name": f"signs in with {ours}",
                        "message": f"401 for {theirs}, and\nfor {ours}."}]
    report(user, body)
    kept = project.service.database.query("""select e.name, e.message, r.build from testkase.test_executions e
        join testkase.test_runs r on r.id = e.run_id where r.project_id = %s""", (project.id,))
    assert kept == [("signs in with ***", "401 for ***, and\nfor ***.", {"branch": "fix ***", "number": "***"})]


def test_nothing_to_report(project, user):
    assert report(user, project.body([])) == {"cycleId": "TCYCLE-1", "received": 0, "matched": 0, "unmatched": [],
                                              "duplicates": 0}


def test_digits_that_are_no_id_are_unmatched(project, user):
    results = [("00042", "pass", "test[00042]"), ("00000", "pass", "test[00000]"), ("10001", "pass", "a")]
    answer = report(user, project.body(results))
    assert (answer["matched"], answer["unmatched"]) == (1, [0, 42])


def test_a_run_keeps_its_counts(service, project, user, organization):
    """Of what it reported itself, whatever comes later; a repeated id counts once, as its last result."""
    report(user, project.body([(10001, "pass", "a"), (10002, "fail", "b"), (10003, "fail", "c"), (10004, "blocked", "d"),
                               (10005, "skipped", "e"), (10001, "fail", "again"), (99999, "pass", "f"), (99998, "pass", "g")]))
    report(user, project.body([(10002, "pass", "b")]))
    report(user, {**project.body([(10003, "pass", "c")]), "dryRun": True})
    assert service.database.query("""select received, matched, unmatched, pass, fail, blocked, skipped from testkase.test_runs
                                     where project_id = %s order by id""", (project.id,)) == [
                                         (8, 5, 2, 0, 3, 1, 1), (1, 1, 0, 1, 0, 0, 0)]


def test_a_dry_run_answers_the_same_and_writes_nothing(service, project, user, organization):
    body = project.body([(10001, "pass", "a"), (10001, "fail", "a"), (99999, "pass", "b")])
    key = {"Idempotency-Key": "k" * 20}
    answer = report(user, {**body, "dryRun": True}, **key)
    assert answer == {"cycleId": "TCYCLE-1", "received": 3, "matched": 1, "unmatched": [99999], "duplicates": 1}
    assert (project.counts(), project.executions()) == ((0, 0, 0, 0), 0)
    assert service.database.value("select count(*) from testkase.test_runs where project_id = %s", (project.id,)) == 0
    assert report(service.bearer(organization.guest), {**body, "dryRun": True}, 403)["code"] == "forbidden"
    assert report(user, body, **key) == answer  # the key is still unused


def test_archived_cases_are_unmatched(project, user):
    project.service.database.query("update testkase.test_cases set archived_at = now() where project_id = %s and number = 2",
                                   (project.id,))
    assert report(user, project.body([(10001, "pass", ""), (10002, "pass", "")]))["unmatched"] == [10002]


# --- who may, and where ---

def test_guests_may_not_and_others_do_not_see(service, project, organization):
    body = project.body([(10001, "pass", "a")])
    assert report(service.bearer(organization.guest), body, 403)["code"] == "forbidden"
    stranger = service.bearer(service.person(organization.id))
    assert report(stranger, body, 404)["code"] == "not_found"
    for who in (organization.owner, organization.admin, organization.member):
        report(service.bearer(who), body)


@pytest.mark.parametrize("change", [{"projectId": "PRJ-99"}, {"cycleId": "TCYCLE-99"}])
def test_an_unknown_project_or_cycle_is_404(project, user, change):
    assert report(user, {**project.body([(10001, "pass", "a")]), **change}, 404)["code"] == "not_found"
    assert project.executions() == 0


def test_a_wrong_organization_is_told(project, user):
    answer = user.post("/automation/results", {**project.body([(10001, "pass", "a")]), "orgId": 1})
    assert field_errors(answer) == {"orgId"}
    assert f"which is {project.organization.id}" in answer.json()["errors"][0]["detail"]


# --- bodies ---

@pytest.mark.parametrize("change,field", [
    ({"orgId": None}, "orgId"), ({"orgId": "1173"}, "orgId"), ({"projectId": "prj-1"}, "projectId"),
    ({"projectId": 1}, "projectId"), ({"cycleId": "5"}, "cycleId"), ({"results": {}}, "results"),
    ({"results": None}, "results"), ({"build": []}, "build"),
    ({"build": {"url": "javascript:x"}}, "build.url"), ({"build": {"x": 1}}, "build.x"), ({"build": {"id": 1}}, "build.id"),
    ({"build": {"branch": "x" * 501}}, "build.branch"), ({"more": 1}, "more"), ({"results": [1]}, "results[0]"),
    ({"results": [{"status": "pass"}]}, "results[0].automationId"), ({"results": [{"automationId": 1}]}, "results[0].status"),
    ({"results": [{"automationId": 10001, "status": "passed"}]}, "results[0].status"),
    ({"results": [{"automationId": -1, "status": "pass"}]}, "results[0].automationId"),
    ({"results": [{"automationId": "x", "status": "pass"}]}, "results[0].automationId"),
    ({"results": [{"automationId": 10001, "status": "pass", "durationMs": -1}]}, "results[0].durationMs"),
    ({"results": [{"automationId": 10001, "status": "pass", "durationMs": 1.5}]}, "results[0].durationMs"),
    ({"results": [{"automationId": 10001, "status": "pass", "name": "x" * 4097}]}, "results[0].name"),
    ({"results": [{"automationId": 10001, "status": "pass", "name": "a\0b"}]}, "results[0].name"),
    ({"results": [{"automationId": 10001, "status": "pass", "message": "x" * 4097}]}, "results[0].message"),
    ({"results": [{"automationId": 10001, "status": "pass", "extra": 1}]}, "results[0].extra")])
def test_one_wrong_value_refuses_all(project, user, change, field):
    body = {**project.body([(10001, "pass", "a")]), **change}
    if change == {"orgId": None}:
        del body["orgId"]
    assert field_errors(user.post("/automation/results", body, 422)) == {field}
    assert project.executions() == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"results":[{"status":"pass","status":"fail"}]}', b"\xff", b'"x"'])
def test_what_is_no_json_object(user, body):
    answer = user.request("POST", "/automation/results", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)


def send_gzip(api, body, expect):
    return api.request("POST", "/automation/results", expect, data=body,
                       headers={"Content-Type": "application/json", "Content-Encoding": "gzip"}).json()


def test_gzip(project, user):
    plain = json.dumps(project.body([(10001, "pass", "a")])).encode()
    assert send_gzip(user, gzip.compress(plain), 200)["matched"] == 1
    for broken in (plain, zlib.compress(plain), gzip.compress(plain)[:-4], gzip.compress(plain) + b"x"):
        assert send_gzip(user, broken, 400)["code"] == "bad_request"


def test_a_bomb_inflates_to_the_limit_and_no_further(user):
    assert send_gzip(user, gzip.compress(b" " * (64 << 20)), 413)["code"] == "payload_too_large"


def test_other_codings_and_calls_take_no_coding(user):
    for path, coding in (("/automation/results", "br"), ("/automation/results", "gzip, gzip"), ("/api-keys", "gzip")):
        user.request("POST", path, 415, data=b"{}", headers={"Content-Type": "application/json", "Content-Encoding": coding})


def test_fifty_thousand_results_in_one_upload(service, organization, user):
    project = Project(service, organization, 50000)
    results = [(10000 + n, ("pass", "fail", "skipped", "blocked")[n % 4], f"test {n}") for n in range(1, 50001)]
    assert report(user, project.body(results))["matched"] == 50000
    assert project.counts() == (12500, 12500, 12500, 12500)
    too_many = user.post("/automation/results", project.body(results + [(10001, "pass", "x")]), 422)
    assert field_errors(too_many) == {"results"}


# --- sent again, and at once ---

def test_a_repeated_upload_writes_nothing_twice(project, user):
    body = project.body([(10001, "pass", "a"), (77777, "pass", "b")])
    first = report(user, body, **{"Idempotency-Key": "upload-1"})
    assert report(user, body, **{"Idempotency-Key": "upload-1"}) == first
    assert project.executions() == 1
    other = user.post("/automation/results", project.body([(10002, "pass", "a")]), 422, headers={"Idempotency-Key": "upload-1"})
    assert field_errors(other) == {"Idempotency-Key"}
    report(user, body, **{"Idempotency-Key": "upload-2"})
    assert project.executions() == 2


def test_uploads_at_once_are_both_whole(project, service, organization):
    """Two people, one cycle, the same cases: the counts are those of the results that came last."""
    apis = [service.bearer(person) for person in (organization.member, organization.admin, organization.owner)]

    def send(n):
        return report(apis[n % 3], project.body([(10000 + i, ("pass", "fail", "blocked")[n % 3], "x") for i in range(1, 21)]))
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        assert {answer["matched"] for answer in pool.map(send, range(18))} == {20}
    assert project.executions() == 18 * 20
    latest = project.service.database.query(
        """select count(*) filter (where l.status = 'pass'), count(*) filter (where l.status = 'fail'),
                  count(*) filter (where l.status = 'blocked'), count(*) filter (where l.status = 'skipped')
           from testkase.test_latest_results l join testkase.test_cycles c on c.id = l.cycle_id where c.project_id = %s""",
        (project.id,))[0]
    assert project.counts() == latest and sum(latest) == 20


def test_the_same_key_at_once_writes_once(project, user):
    body = project.body([(10001, "pass", "a")])
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: report(user, body, **{"Idempotency-Key": "race"}), range(5)))
    assert all(answer == answers[0] for answer in answers) and project.executions() == 1
