"""Projects: who reaches which, and as what."""

import pytest

from support.http import field_errors


def projects(api):
    listed = api.get("/projects/user-projects", 200).json()
    assert set(listed) == {"data", "nextCursor"}
    for project in listed["data"]:
        assert set(project) == {"id", "name", "role"}
    return [(project["id"], project["role"]) for project in listed["data"]]


@pytest.mark.parametrize("who,role", [("owner", "project_admin"), ("admin", "project_admin"), ("member", "user"), ("guest", "guest")])
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


@pytest.mark.parametrize("query,field", [("limit=0", "limit"), ("limit=201", "limit"), ("cursor=%21", "cursor")])
def test_a_wrong_query_parameter_is_named(service, organization, query, field):
    assert field_errors(service.bearer(organization.owner).get(f"/projects/user-projects?{query}")) == {field}


def test_admins_make_projects_numbered_per_organization(service, organization):
    other = service.organization()
    for person, expected in ((organization.admin, "PRJ-2"), (organization.owner, "PRJ-3"), (other.admin, "PRJ-2")):
        made = service.bearer(person).post("/projects", {"name": " Mobile "}, 201).json()
        assert made["id"] == expected and made["name"] == "Mobile"
    assert ("PRJ-3", "project_admin") in projects(service.bearer(organization.admin))


def test_members_make_none(service, organization):
    for person in (organization.member, organization.guest):
        assert service.bearer(person).post("/projects", {"name": "Mine"}, 403).json()["code"] == "forbidden"
    service.join(organization.id, 1, organization.member, "project_admin")
    service.bearer(organization.member).post("/projects", {"name": "Mine"}, 403)


@pytest.mark.parametrize("body,fields", [
    ({}, {"name"}), ({"name": ""}, {"name"}), ({"name": "x" * 101}, {"name"}), ({"name": "a\u202eb"}, {"name"}), ({"name": 1}, {"name"}),
    ({"name": "ok", "number": 7}, {"number"}), ({"name": "ok", "id": "PRJ-9"}, {"id"})])
def test_a_wrong_field_is_named(service, organization, body, fields):
    assert field_errors(service.bearer(organization.admin).post("/projects", body)) == fields


# --- members ---

def member_path(person, project="PRJ-1"):
    return f"/projects/{project}/members/{person.id}"


def test_admins_set_and_change_a_role(service, organization):
    newcomer = service.person(organization.id)
    admin = service.bearer(organization.admin)
    for role in ("guest", "user", "project_admin"):
        assert admin.put(member_path(newcomer), {"role": role}).status_code in (200, 201, 204)
        assert projects(service.bearer(newcomer)) == [("PRJ-1", role)]


def test_project_admins_set_roles_in_their_project(service, organization):
    newcomer = service.person(organization.id)
    service.project(organization.id, "Another")
    service.join(organization.id, 1, organization.member, "project_admin")
    api = service.bearer(organization.member)
    assert api.put(member_path(newcomer), {"role": "user"}).status_code in (200, 201, 204)
    assert api.put(member_path(newcomer, "PRJ-2"), {"role": "user"}).status_code == 404


def test_users_and_guests_set_no_roles(service, organization):
    for person in (organization.member, organization.guest):
        service.bearer(person).put(member_path(organization.guest), {"role": "project_admin"}, 403)
    assert projects(service.bearer(organization.guest)) == [("PRJ-1", "guest")]


def test_a_project_that_is_not_the_callers_looks_like_a_missing_one(service, organization):
    outsider = service.bearer(service.person(organization.id))
    missing = outsider.put(member_path(organization.guest, "PRJ-77"), {"role": "user"}, 404).json()
    assert outsider.put(member_path(organization.guest), {"role": "user"}, 404).json() == missing


def test_members_are_of_the_organization(service, organization):
    stranger = service.organization().member
    api = service.bearer(organization.admin)
    api.put(member_path(stranger), {"role": "user"}, 404)
    api.put("/projects/PRJ-1/members/987654321", {"role": "user"}, 404)


@pytest.mark.parametrize("body,fields", [({}, {"role"}), ({"role": "owner"}, {"role"}), ({"role": 1}, {"role"}),
                                         ({"role": "user", "x": 1}, {"x"})])
def test_a_wrong_role_is_named(service, organization, body, fields):
    assert field_errors(service.bearer(organization.admin).put(member_path(organization.guest), body)) == fields


@pytest.mark.parametrize("project", ["1", "prj-1", "PRJ-", "PRJ-0", "PRJ-01", "PRJ-1x", "PRJ-99999999999999999999", "PRJ--1"])
def test_what_is_no_project_is_not_found(service, organization, project):
    service.bearer(organization.admin).put(member_path(organization.guest, project), {"role": "user"}, 404)
