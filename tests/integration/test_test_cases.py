"""The test cases of a project: numbers, automation ids, archiving, and what became of each over time."""

import concurrent.futures

import pytest

from support.deadline import until
from support.http import TIME, field_errors

BUILD = {"id": "8123", "number": "42", "url": "https://ci.example.com/8123", "branch": "main", "commit": "9fceb02",
         "provider": "GitLab"}


@pytest.fixture
def member(service, organization):
    return service.bearer(organization.member)


def create(api, title="A visitor pays", project="PRJ-1"):
    return api.post(f"/test-cases?projectId={project}", {"title": title}, 201).json()


def listed(api, query="", project="PRJ-1"):
    return [case["id"] for case in api.get(f"/test-cases?projectId={project}{query}", 200).json()["data"]]


def counts(api, cycle=1):
    return api.get(f"/test-cycles/TCYCLE-{cycle}?projectId=PRJ-1", 200).json()["counts"]


def events(service, organization):
    return service.database.query("""select action, actor_user_id, detail from testkase.audit_events
                                     where organization_id = %s and target_kind = 'test_case' order by id""", (organization.id,))


def test_a_case_is_made_read_changed_and_archived(service, organization, member):
    made = create(member, "  A visitor pays ")
    assert made == {"id": "TC-1", "title": "A visitor pays", "automationId": made["automationId"], "status": "active",
                    "createdAt": made["createdAt"], "archivedAt": None}
    assert 10000 <= made["automationId"] <= 99999 and TIME.fullmatch(made["createdAt"])
    place = "/test-cases/TC-1?projectId=PRJ-1"
    assert member.get(place, 200).json() == made
    changed = {**made, "title": "A guest pays"}
    assert member.patch(place, {"title": "A guest pays"}, 200).json() == changed
    assert member.patch(place, {"title": "A guest pays"}, 200).json() == member.patch(place, {}, 200).json() == changed
    member.delete(place, 204)
    archived = member.get(place, 200).json()
    assert archived == {**changed, "status": "archived", "archivedAt": archived["archivedAt"]}
    assert TIME.fullmatch(archived["archivedAt"])
    member.delete(place, 404)
    assert member.patch(place, {"title": "Late"}, 409).json()["code"] == "conflict"
    shared = {"project": 1, "number": 1}
    first = {**shared, "title": "A visitor pays", "automationId": made["automationId"]}
    assert events(service, organization) == [
        ("test_case.created", organization.member.id, first),
        ("test_case.updated", organization.member.id, {**shared, "title": ["A visitor pays", "A guest pays"]}),
        ("test_case.archived", organization.member.id, {**shared, "title": "A guest pays"})]


def test_the_list_is_filtered_and_comes_in_pages(member):
    made = [create(member, title) for title in ("Card", "Invoice", "CARD again", "Refund", "Login")]
    member.delete("/test-cases/TC-4?projectId=PRJ-1", 204)
    assert listed(member) == ["TC-5", "TC-3", "TC-2", "TC-1"]
    assert listed(member, "&status=archived") == ["TC-4"]
    assert listed(member, "&status=all") == ["TC-5", "TC-4", "TC-3", "TC-2", "TC-1"]
    assert listed(member, "&search=card") == ["TC-3", "TC-1"]
    assert listed(member, "&search=TC-2") == ["TC-2"]
    assert listed(member, f"&search=%5B{made[1]['automationId']}%5D") == ["TC-2"]
    assert listed(member, "&search=none") == []
    assert listed(member, f"&automationId={made[2]['automationId']}") == ["TC-3"]
    assert listed(member, f"&automationId={made[3]['automationId']}") == []
    assert listed(member, f"&automationId={made[3]['automationId']}&status=all") == ["TC-4"]
    for limit in (1, 2, 4, 200):
        pages = member.pages("/test-cases?projectId=PRJ-1", limit)
        assert [case["id"] for case in pages] == ["TC-5", "TC-3", "TC-2", "TC-1"]


def test_a_project_without_cases_has_an_empty_list(member):
    assert member.get("/test-cases?projectId=PRJ-1", 200).json() == {"data": [], "nextCursor": None}


@pytest.mark.parametrize("query,field", [
    ("", "projectId"), ("projectId=1", "projectId"), ("projectId=PRJ-1&projectId=PRJ-1", "projectId"),
    ("projectId=PRJ-1&automationId=9999", "automationId"), ("projectId=PRJ-1&automationId=1000000", "automationId"),
    ("projectId=PRJ-1&automationId=x", "automationId"), ("projectId=PRJ-1&status=open", "status"),
    ("projectId=PRJ-1&limit=201", "limit"), ("projectId=PRJ-1&cursor=x", "cursor")])
def test_a_wrong_query_parameter_is_named(member, query, field):
    assert field_errors(member.get(f"/test-cases?{query}")) == {field}


@pytest.mark.parametrize("body,field", [
    ({}, "title"), ({"title": ""}, "title"), ({"title": "   "}, "title"), ({"title": "x" * 201}, "title"),
    ({"title": 7}, "title"), ({"title": "a\nb"}, "title"), ({"title": "Fine", "automationId": 12345}, "automationId"),
    ({"title": "Fine", "projectId": "PRJ-1"}, "projectId")])
def test_a_wrong_case_is_refused(member, body, field):
    assert field_errors(member.post("/test-cases?projectId=PRJ-1", body)) == {field}
    assert listed(member) == []


def test_the_longest_title(member):
    assert create(member, "ü" * 200)["title"] == "ü" * 200


def test_roles(service, organization, member):
    """Who may see the project may read; a guest may not write; for everybody else there is no such project."""
    create(member)
    place = "/test-cases/TC-1?projectId=PRJ-1"
    reads = ["/test-cases?projectId=PRJ-1", place, "/test-cases/TC-1/history?projectId=PRJ-1"]
    guest, stranger = service.bearer(organization.guest), service.bearer(service.person(organization.id))
    for path in reads:
        guest.get(path, 200)
        service.bearer(organization.admin).get(path, 200)
        missing = stranger.get(path, 404).json()
        assert missing["detail"] == stranger.get(path.replace("PRJ-1", "PRJ-9"), 404).json()["detail"]
        service.server.api().get(path, 401)
    for api, status in ((guest, 403), (stranger, 404)):
        api.post("/test-cases?projectId=PRJ-1", {"title": "Mine"}, status)
        api.patch(place, {"title": "Mine"}, status)
        api.delete(place, status)
    guest.patch("/test-cases/TC-9?projectId=PRJ-1", {"title": "Mine"}, 403)
    assert [case["title"] for case in member.get(reads[0], 200).json()["data"]] == ["A visitor pays"]


def test_a_case_belongs_to_its_project(service, organization, member):
    create(member)
    second = service.project(organization.id, "Second")
    service.join(organization.id, second, organization.member, "user")
    member.get(f"/test-cases/TC-1?projectId=PRJ-{second}", 404)
    member.delete(f"/test-cases/TC-1?projectId=PRJ-{second}", 404)
    assert create(member, "Other", f"PRJ-{second}")["id"] == "TC-1"
    other = service.organization()
    assert listed(service.bearer(other.member)) == []


def test_cases_made_at_once_have_numbers_and_automation_ids_of_their_own(service, organization):
    people = [service.bearer(person) for person in (organization.owner, organization.admin, organization.member)]
    for api in people:
        api.get("/session", 200)
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        made = list(pool.map(lambda number: create(people[number % 3], f"Case {number}"), range(30)))
    assert sorted(int(case["id"].removeprefix("TC-")) for case in made) == list(range(1, 31))
    assert len({case["automationId"] for case in made}) == 30
    assert counts(people[0])["total"] == 30


def test_a_project_goes_on_with_six_digits(service, organization, member):
    """When 90 000 cases have used all automation ids of five; archived ones keep theirs."""
    first = create(member)["automationId"]
    member.delete("/test-cases/TC-1?projectId=PRJ-1", 204)
    left = 10000 if first != 10000 else 10001
    service.database.query(
        """insert into testkase.test_cases (project_id, number, title, automation_id)
           select p.id, n, 'Case', n from testkase.projects p, generate_series(10000, 99999) n
           where p.organization_id = %s and n not in (%s, %s)""", (organization.id, first, left))
    assert create(member, "The last one")["automationId"] == left
    assert 100000 <= create(member, "The first one")["automationId"] <= 999999
    assert counts(member)["total"] == 90000


# --- archiving and counting ---


def test_archiving_takes_a_cases_results_from_the_counts_of_every_cycle(service, organization, member):
    for number in range(3):
        create(member, f"Case {number}")
    member.post("/test-cycles?projectId=PRJ-1", {"name": "Nightly"}, 201)
    service.report(organization.member, 1, {1: "pass", 2: "fail"})
    service.report(organization.member, 1, {1: "blocked", 3: "skipped"}, cycle_number=2)
    member.delete("/test-cases/TC-1?projectId=PRJ-1", 204)
    assert counts(member, 1) == {"total": 2, "notExecuted": 1, "pass": 0, "fail": 1, "blocked": 0, "skipped": 0}
    assert counts(member, 2) == {"total": 2, "notExecuted": 1, "pass": 0, "fail": 0, "blocked": 0, "skipped": 1}
    assert len(member.get("/test-cases/TC-1/history?projectId=PRJ-1", 200).json()["data"]) == 2


def waits(service):
    return service.database.value("""select count(*) from pg_stat_activity
                                     where datname = current_database() and wait_event_type = 'Lock'""")


def test_an_archive_counts_the_upload_that_it_waited_for(service, organization, member):
    """The upload has the project's row; its results are committed after the archiving statement has begun."""
    for number in range(2):
        create(member, f"Case {number}")
    service.report(organization.member, 1, {1: "fail"})
    with service.database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select p.id from testkase.projects p where p.organization_id = %s for share", (organization.id,))
        [project] = cursor.fetchone()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            archived = pool.submit(member.delete, "/test-cases/TC-1?projectId=PRJ-1")
            until(lambda: waits(service), 10, "the archiving waits for the upload")
            cursor.execute("""insert into testkase.test_latest_results as l (cycle_id, case_id, run_id, executed_at, status)
                              select y.id, c.id, 1, now(), 'pass'
                              from testkase.test_cases c join testkase.test_cycles y on y.project_id = c.project_id
                              where c.project_id = %s
                              on conflict (cycle_id, case_id) do update set status = excluded.status""", (project,))
            connection.commit()
            assert archived.result(10).status_code == 204
    connection.close()
    assert counts(member) == {"total": 1, "notExecuted": 0, "pass": 1, "fail": 0, "blocked": 0, "skipped": 0}


def test_a_case_archived_twice_at_once_is_counted_once(service, organization, member):
    create(member)
    admin = service.bearer(organization.admin)
    for api in (member, admin):
        api.get("/session", 200)
    with service.database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select from testkase.projects p where p.organization_id = %s for share", (organization.id,))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            done = [pool.submit(api.delete, "/test-cases/TC-1?projectId=PRJ-1") for api in (member, admin)]
            until(lambda: waits(service) == 2, 10, "both wait")
            connection.commit()
            assert sorted(one.result(10).status_code for one in done) == [204, 404]
    connection.close()
    assert counts(member)["total"] == 0


# --- history ---


def test_the_history_of_a_case(service, organization, member):
    create(member)
    create(member, "Another")
    member.post("/test-cycles?projectId=PRJ-1", {"name": "Nightly"}, 201)
    service.report(organization.member, 1, {1: "pass", 2: "pass"}, build=BUILD, ago="2 days")
    service.report(organization.member, 1, {1: "fail"}, cycle_number=2, build={"id": "7"}, ago="1 day")
    service.report(organization.member, 1, {1: "skipped"})
    path = "/test-cases/TC-1/history?projectId=PRJ-1"
    found = member.get(path, 200).json()["data"]
    assert [(one["cycleId"], one["status"], one["build"]) for one in found] == [
        ("TCYCLE-1", "skipped", None), ("TCYCLE-2", "fail", {**dict.fromkeys(BUILD), "id": "7"}), ("TCYCLE-1", "pass", BUILD)]
    assert found[2] == {"at": found[2]["at"], "cycleId": "TCYCLE-1", "status": "pass", "durationMs": 1250,
                        "name": "A visitor pays works", "message": "Told pass", "build": BUILD}
    for limit in (1, 2, 3):
        assert list(member.pages(path, limit)) == found
    create(member)
    assert member.get("/test-cases/TC-3/history?projectId=PRJ-1", 200).json() == {"data": [], "nextCursor": None}
    member.get("/test-cases/TC-9/history?projectId=PRJ-1", 404)
