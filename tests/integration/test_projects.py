"""Projects: who reaches which, and as what."""

import contextlib
import json
import random

import pytest

from support.http import field_errors


def projects(api):
    listed = api.get("/projects/user-projects", 200).json()
    assert set(listed) == {"data", "nextCursor"}
    for project in listed["data"]:
        assert set(project) == {"id", "name", "role"}
    return [(project["id"], project["role"]) for project in listed["data"]]


@pytest.mark.parametrize("who,role",
                         [("owner", "project_admin"), ("admin", "project_admin"), ("member", "user"), ("guest", "guest")])
def test_everybody_sees_their_role(service, organization, who, role):
    person = getattr(organization, who)
    for api in (service.sign_in(person), service.bearer(person)):
        assert projects(api) == [("PRJ-1", role)]


def test_a_token_reaches_all_that_its_owner_reaches_and_no_other(service, organization):
    second, third = (service.project(organization.id, name) for name in ("Second", "Third"))
    service.join(organization.id, third, organization.member, "project_admin")
    other = service.organization()
    assert projects(service.bearer(organization.member)) == [("PRJ-1", "user"), ("PRJ-3", "project_admin")]
    assert projects(service.bearer(organization.admin)) == [(f"PRJ-{n}", "project_admin") for n in (1, second, third)]
    assert projects(service.bearer(other.member)) == [("PRJ-1", "user")]


def test_an_account_without_a_project_sees_none(service, organization):
    assert projects(service.bearer(service.person(organization.id))) == []


def test_a_change_of_membership_counts_from_the_next_request(service, organization):
    bearer, person = service.bearer(organization.guest), service.sign_in(organization.guest)
    for role in ("guest", "project_admin", "user"):
        service.join(organization.id, 1, organization.guest, role)
        assert projects(bearer) == projects(person) == [("PRJ-1", role)]
    service.leave(organization.id, 1, organization.guest)
    assert projects(bearer) == projects(person) == []


def test_the_list_comes_in_pages(service, organization):
    for number in range(12):
        service.project(organization.id, f"Project {number}")
    api = service.bearer(organization.owner)
    for limit in (1, 5, 13, 200):
        assert [project["id"] for project in api.pages("/projects/user-projects", limit)] == [f"PRJ-{n}" for n in range(1, 14)]


def test_lists_asked_for_at_once_are_each_their_owners(service, organization):
    """They share a query: none may get a row of another, whatever their order, size and page."""
    others = [service.organization() for _ in range(3)]
    for number in range(2, 8):
        service.project(organization.id, f"Project {number}")
        service.join(organization.id, number, organization.member, "guest")
    loner = service.person(organization.id)
    asked = []
    for person, most in [(organization.member, 7), (loner, 0), (organization.owner, 7),
                         *[(other.member, 1) for other in others], *[(other.owner, 1) for other in others]]:
        token = service.mint(person)[1]
        service.server.bearer(token).get("/session", 200)
        for limit, cursor in ((50, 0), (3, 0), (3, 2), (1, 6), (200, 7)):
            expected = [f"PRJ-{n}" for n in range(cursor + 1, most + 1)][:limit]
            query = f"limit={limit}" + (f"&cursor={cursor}" if cursor else "")
            asked.append((token, query, expected, str(cursor + limit) if cursor + limit < most else None))
    asked *= 3
    random.Random(1).shuffle(asked)

    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(service.server.wire()) for _ in asked]
        for connection, (token, query, _, _) in zip(connections, asked):
            connection.send(f"GET /api/v1/projects/user-projects?{query} HTTP/1.1\r\nHost: x\r\n"
                            f"Authorization: Bearer {token}\r\n\r\n".encode())
        for connection, (_, _, expected, following) in zip(connections, asked):
            page = json.loads(connection.response().body)
            assert [project["id"] for project in page["data"]] == expected
            assert page["nextCursor"] == following


@pytest.mark.parametrize("query,field", [("limit=0", "limit"), ("limit=201", "limit"), ("cursor=%21", "cursor")])
def test_a_wrong_query_parameter_is_named(service, organization, query, field):
    assert field_errors(service.bearer(organization.owner).get(f"/projects/user-projects?{query}")) == {field}
