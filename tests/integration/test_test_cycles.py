"""The test cycles of a project: their counts, and the latest result of each case in them."""

import concurrent.futures

import pytest

from support.http import TIME, field_errors

NONE = {"total": 0, "notExecuted": 0, "pass": 0, "fail": 0, "blocked": 0, "skipped": 0}
STATUSES = ["pass", "fail", "blocked", "skipped"]


@pytest.fixture
def member(service, organization):
    return service.bearer(organization.member)


def cycle(api, number=1):
    return api.get(f"/test-cycles/TCYCLE-{number}?projectId=PRJ-1", 200).json()


def create(api, name="Nightly"):
    return api.post("/test-cycles?projectId=PRJ-1", {"name": name}, 201).json()


def executions(api, query="", number=1):
    return api.get(f"/test-cycles/TCYCLE-{number}/executions?projectId=PRJ-1{query}", 200).json()["data"]


def by_case(api, query="", number=1):
    return [(one["caseId"], one["status"]) for one in executions(api, query, number)]


def events(service, organization):
    return service.database.query("""select action, actor_user_id, detail from testkase.audit_events
                                     where organization_id = %s and target_kind = 'test_cycle' order by id""", (organization.id,))


def test_the_master_cycle_comes_with_the_project_and_stays(member):
    master = cycle(member)
    assert master == {"id": "TCYCLE-1", "name": "Master cycle", "master": True, "status": "active", "archivedAt": None,
                      "createdAt": master["createdAt"], "counts": NONE}
    assert TIME.fullmatch(master["createdAt"])
    assert member.delete("/test-cycles/TCYCLE-1?projectId=PRJ-1", 409).json()["code"] == "conflict"
    assert cycle(member) == master
    assert member.patch("/test-cycles/TCYCLE-1?projectId=PRJ-1", {"name": "Main"}, 200).json() == {**master, "name": "Main"}


def test_a_cycle_is_made_read_changed_and_archived(service, organization, member):
    service.add_cases(organization.id, 2)
    made = create(member)
    assert made == {"id": "TCYCLE-2", "name": "Nightly", "master": False, "status": "active", "archivedAt": None,
                    "createdAt": made["createdAt"], "counts": {**NONE, "total": 2, "notExecuted": 2}}
    place = "/test-cycles/TCYCLE-2?projectId=PRJ-1"
    assert member.get(place, 200).json() == made
    service.report(organization.member, 1, {1: "pass"}, cycle_number=2)
    changed = {**made, "name": "Weekly", "counts": {**NONE, "total": 2, "notExecuted": 1, "pass": 1}}
    for body in ({"name": "Weekly"}, {"name": "Weekly"}, {}):
        assert member.patch(place, body, 200).json() == changed
    member.delete(place, 204)
    archived = member.get(place, 200).json()
    assert archived == {**changed, "status": "archived", "archivedAt": archived["archivedAt"]}
    assert TIME.fullmatch(archived["archivedAt"])
    member.delete(place, 404)
    member.patch(place, {"name": "Late"}, 409)
    assert by_case(member, number=2) == [("TC-2", "not_executed"), ("TC-1", "pass")]
    shared = {"project": 1, "number": 2}
    assert events(service, organization) == [
        ("test_cycle.created", organization.member.id, {**shared, "name": "Nightly"}),
        ("test_cycle.updated", organization.member.id, {**shared, "name": ["Nightly", "Weekly"]}),
        ("test_cycle.archived", organization.member.id, {**shared, "name": "Weekly"})]


def test_the_list_is_filtered_and_comes_in_pages(member):
    for name in ("Two", "Three", "Four"):
        create(member, name)
    member.delete("/test-cycles/TCYCLE-3?projectId=PRJ-1", 204)

    def ids(query):
        return [one["id"] for one in member.get(f"/test-cycles?projectId=PRJ-1{query}", 200).json()["data"]]
    assert ids("") == ["TCYCLE-4", "TCYCLE-2", "TCYCLE-1"]
    assert ids("&status=archived") == ["TCYCLE-3"]
    assert ids("&status=all") == [f"TCYCLE-{number}" for number in (4, 3, 2, 1)]
    for limit in (1, 2, 3):
        assert [one["id"] for one in member.pages("/test-cycles?projectId=PRJ-1", limit)] == ids("")


@pytest.mark.parametrize("path,field", [
    ("/test-cycles", "projectId"), ("/test-cycles?projectId=TC-1", "projectId"),
    ("/test-cycles?projectId=PRJ-1&status=x", "status"),
    ("/test-cycles/TCYCLE-1", "projectId"), ("/test-cycles/TCYCLE-1/executions?projectId=PRJ-1&status=failed", "status"),
    ("/test-cycles/TCYCLE-1/executions?projectId=PRJ-1&limit=0", "limit"), ("/test-cycles/TCYCLE-1/runs", "projectId")])
def test_a_wrong_query_parameter_is_named(member, path, field):
    assert field_errors(member.get(path)) == {field}


@pytest.mark.parametrize("body,field", [({}, "name"), ({"name": " "}, "name"), ({"name": "x" * 101}, "name"),
                                        ({"name": "Fine", "master": True}, "master")])
def test_a_wrong_cycle_is_refused(member, body, field):
    assert field_errors(member.post("/test-cycles?projectId=PRJ-1", body)) == {field}


def test_roles(service, organization, member):
    create(member)
    place = "/test-cycles/TCYCLE-2?projectId=PRJ-1"
    reads = ["/test-cycles?projectId=PRJ-1", place, "/test-cycles/TCYCLE-2/executions?projectId=PRJ-1",
             "/test-cycles/TCYCLE-2/runs?projectId=PRJ-1"]
    guest, stranger = service.bearer(organization.guest), service.bearer(service.person(organization.id))
    for path in reads:
        guest.get(path, 200)
        service.bearer(organization.owner).get(path, 200)
        assert stranger.get(path, 404).json()["detail"] == stranger.get(
            path.replace("PRJ-1", "PRJ-9"), 404).json()["detail"]
    for api, status in ((guest, 403), (stranger, 404)):
        api.post("/test-cycles?projectId=PRJ-1", {"name": "Mine"}, status)
        api.patch(place, {"name": "Mine"}, status)
        api.delete(place, status)
        api.delete("/test-cycles/TCYCLE-1?projectId=PRJ-1", status)
    member.get("/test-cycles/TCYCLE-9?projectId=PRJ-1", 404)
    member.get("/test-cycles/TCYCLE-9/executions?projectId=PRJ-1", 404)
    member.get("/test-cycles/TCYCLE-9/runs?projectId=PRJ-1", 404)
    member.patch("/test-cycles/TCYCLE-9?projectId=PRJ-1", {"name": "Mine"}, 404)


# --- counts and executions ---


def test_the_counts_are_of_the_latest_results(service, organization, member):
    service.add_cases(organization.id, 6)
    create(member)
    service.report(organization.member, 1, {1: "pass", 2: "fail", 3: "blocked", 4: "skipped"})
    assert cycle(member)["counts"] == {"total": 6, "notExecuted": 2, "pass": 1, "fail": 1, "blocked": 1, "skipped": 1}
    service.report(organization.member, 1, {2: "pass", 3: "pass", 4: "skipped", 5: "fail"})
    assert cycle(member)["counts"] == {"total": 6, "notExecuted": 1, "pass": 3, "fail": 1, "blocked": 0, "skipped": 1}
    assert cycle(member, 2)["counts"] == {**NONE, "total": 6, "notExecuted": 6}
    service.report(organization.member, 1, {1: "fail"}, cycle_number=2)
    assert cycle(member, 2)["counts"] == {**NONE, "total": 6, "notExecuted": 5, "fail": 1}


def test_the_executions_of_a_cycle(service, organization, member):
    service.add_cases(organization.id, 6)
    service.report(organization.member, 1, {1: "fail", 2: "fail", 3: "blocked", 4: "skipped"}, ago="1 day")
    service.report(organization.member, 1, {1: "pass"}, build={"number": "7"})
    assert by_case(member) == [("TC-6", "not_executed"), ("TC-5", "not_executed"), ("TC-4", "skipped"), ("TC-3", "blocked"),
                               ("TC-2", "fail"), ("TC-1", "pass")]
    assert by_case(member, "&status=not_executed") == [("TC-6", "not_executed"), ("TC-5", "not_executed")]
    for status, case in (("pass", "TC-1"), ("fail", "TC-2"), ("blocked", "TC-3"), ("skipped", "TC-4")):
        assert by_case(member, f"&status={status}") == [(case, status)]
    first = executions(member)[-1]
    assert first == {"caseId": "TC-1", "title": "Case 1", "automationId": 10001, "status": "pass",
                     "executedAt": first["executedAt"], "durationMs": 1250, "message": "Told pass",
                     "build": {"id": None, "number": "7", "url": None, "branch": None, "commit": None, "provider": None}}
    assert executions(member)[0] == {"caseId": "TC-6", "title": "Case 6", "automationId": 10006, "status": "not_executed",
                                     "executedAt": None, "durationMs": None, "message": None, "build": None}
    member.delete("/test-cases/TC-2?projectId=PRJ-1", 204)
    member.delete("/test-cases/TC-5?projectId=PRJ-1", 204)
    assert by_case(member) == [("TC-6", "not_executed"), ("TC-4", "skipped"), ("TC-3", "blocked"), ("TC-1", "pass")]
    assert by_case(member, "&status=fail") == [] and by_case(member, "&status=not_executed") == [("TC-6", "not_executed")]


def test_the_executions_come_in_pages(service, organization, member):
    service.add_cases(organization.id, 20)
    service.report(organization.member, 1, {number: STATUSES[number % 4] for number in range(1, 17)})
    for query in ["", *(f"&status={status}" for status in ("not_executed", *STATUSES))]:
        whole = executions(member, query + "&limit=200")
        assert len(whole) == (4 if query else 20)
        for limit in (1, 3, 4, 20):
            assert list(member.pages(f"/test-cycles/TCYCLE-1/executions?projectId=PRJ-1{query}", limit)) == whole


# --- uploads ---


def runs(api, query="", number=1):
    return api.get(f"/test-cycles/TCYCLE-{number}/runs?projectId=PRJ-1{query}", 200).json()["data"]


def upload(api, organization, results, **more):
    return api.post("/automation/results",
                    {"orgId": organization.id, "projectId": "PRJ-1",
                     "results": [{"automationId": case, "status": status, "name": "x"} for case, status in results], **more}, 200)


def test_an_upload_is_listed_with_its_build_and_counts(service, organization, member):
    service.add_cases(organization.id, 4)
    create(member)
    build = {"id": "17", "number": "18", "url": "https://ci.example.test/17", "branch": "main", "commit": "abc", "provider": "X"}
    token = member.get("/session", 200).json()["apiKey"]
    assert runs(member) == []
    upload(member, organization, [(10001, "pass"), (10002, "fail"), (10002, "pass"), (10003, "blocked"), (99999, "pass")],
           build=build)
    upload(member, organization, [(10001, "skipped")], cycleId="TCYCLE-2")
    upload(member, organization, [(10001, "fail")], dryRun=True)
    [run] = runs(member)
    assert run == {"id": run["id"], "at": run["at"], "build": build, "received": 5, "matched": 3, "unmatched": 1,
                   "reportedBy": {"userId": organization.member.id, "name": organization.member.name},
                   "apiKey": {"id": token["id"], "name": token["name"]},
                   "counts": {"pass": 2, "fail": 0, "blocked": 1, "skipped": 0}}
    assert TIME.fullmatch(run["at"])
    [other] = runs(member, number=2)
    assert other["build"] is None and other["counts"] == {"pass": 0, "fail": 0, "blocked": 0, "skipped": 1}


def test_who_uploaded_is_told_to_those_who_may_know(service, organization, member):
    """Guests may not see the members of the project, and a token is its owner's and the organization's admins' to see."""
    colleague = service.person(organization.id)
    service.join(organization.id, 1, colleague, "project_admin")
    upload(member, organization, [])

    def told(person):
        [run] = runs(service.bearer(person))
        return run["reportedBy"] is not None, run["apiKey"] is not None
    assert told(organization.member) == told(organization.owner) == told(organization.admin) == (True, True)
    assert told(colleague) == (True, False)
    assert told(organization.guest) == (False, False)
    service.join(organization.id, 1, organization.member, "guest")
    assert told(organization.member) == (True, True)


def test_an_upload_by_a_session_has_no_token(service, organization):
    visitor = service.sign_in(organization.member)
    upload(visitor, organization, [])
    [run] = runs(visitor)
    assert run["apiKey"] is None and run["reportedBy"]["userId"] == organization.member.id


def test_the_uploads_come_in_pages(service, organization, member):
    service.add_cases(organization.id, 1)
    for number in range(12):
        service.report(organization.member, 1, {1: STATUSES[number % 4]}, build={"number": str(number)})
    whole = runs(member, "&limit=200")
    assert [run["build"]["number"] for run in whole] == [str(number) for number in range(11, -1, -1)]
    assert [run["counts"][STATUSES[number % 4]] for number, run in zip(range(11, -1, -1), whole)] == [1] * 12
    for limit in (1, 5, 12):
        assert list(member.pages("/test-cycles/TCYCLE-1/runs?projectId=PRJ-1", limit)) == whole


# --- at once ---


def test_counts_stay_exact_while_results_come_and_cases_go(service, organization, member):
    """Uploads hold the project's row as report_results() does; archiving and creation go on meanwhile."""
    service.add_cases(organization.id, 60)
    member.get("/session", 200)

    def upload(number):
        connection = service.database.connect()
        with connection, connection.cursor() as cursor:
            cursor.execute("select p.id from testkase.projects p where p.organization_id = %s for share", (organization.id,))
            cursor.execute("""insert into testkase.test_latest_results as l (cycle_id, case_id, run_id, executed_at, status)
                              select y.id, c.id, 1, now(), (array['pass', 'fail', 'blocked', 'skipped'])[1 + (c.number + %s) %% 4]
                              from testkase.test_cases c
                              join testkase.test_cycles y on y.project_id = c.project_id and y.number = 1
                              join testkase.projects p on p.id = c.project_id
                              where p.organization_id = %s and c.archived_at is null
                              order by c.id
                              on conflict (cycle_id, case_id) do update set status = excluded.status""",
                           (number, organization.id))
        connection.close()

    def change(number):
        member.delete(f"/test-cases/TC-{number}?projectId=PRJ-1", 204)
        member.post("/test-cases?projectId=PRJ-1", {"title": "More"}, 201)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, number) for number in range(1, 31) for work in (upload, change)]:
            done.result(60)
    truth = dict(service.database.query(
        """select coalesce(l.status, 'notExecuted'), count(*)::integer
           from testkase.test_cases c
           join testkase.projects p on p.id = c.project_id and p.organization_id = %s
           left join testkase.test_latest_results l on l.case_id = c.id
           where c.archived_at is null group by 1""", (organization.id,)))
    assert cycle(member)["counts"] == {**NONE, "total": 60, **truth}
