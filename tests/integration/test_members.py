"""Projects are made and renamed, and their members are changed, by API."""

import concurrent.futures

import pytest

from support.deadline import until
from support.http import TIME, field_errors


@pytest.fixture
def admin(service, organization):
    """A project admin who is a plain member of the organization."""
    person = service.person(organization.id, name="Lead")
    service.join(organization.id, 1, person, "project_admin")
    return service.bearer(person)


def members(api, project=1):
    return {one["userId"]: one["role"] for one in api.get(f"/projects/PRJ-{project}/members", 200).json()["data"]}


def events(service, organization):
    return service.database.query("""select action, actor_user_id, detail from testkase.audit_events
                                     where organization_id = %s and target_kind = 'project' order by id""", (organization.id,))


# --- projects ---


def test_an_organization_admin_makes_a_project(service, organization):
    api = service.bearer(organization.admin)
    assert api.post("/projects", {"name": " Mobile app "}, 201).json() == {
        "id": "PRJ-2", "name": "Mobile app", "role": "project_admin"}
    assert api.get("/test-cycles/TCYCLE-1?projectId=PRJ-2", 200).json()["master"] is True
    assert members(api, 2) == {}
    assert events(service, organization) == [("project.created", organization.admin.id, {"number": 2, "name": "Mobile app"})]
    service.bearer(organization.member).get("/test-cycles?projectId=PRJ-2", 404)


def test_members_make_no_project(service, organization, admin):
    for api in (service.bearer(organization.member), admin):
        api.post("/projects", {"name": "Mine"}, 403)
    service.server.api().post("/projects", {"name": "Mine"}, 401)


@pytest.mark.parametrize("body,field", [({}, "name"), ({"name": ""}, "name"), ({"name": "x" * 101}, "name"),
                                        ({"name": "Fine", "id": 1}, "id")])
def test_a_wrong_project_is_refused(service, organization, body, field):
    assert field_errors(service.bearer(organization.owner).post("/projects", body)) == {field}


def test_a_project_is_renamed_by_its_admins(service, organization, admin):
    for body in ({"name": "Shop"}, {"name": "Shop"}, {}):
        assert admin.patch("/projects/PRJ-1", body, 200).json() == {"id": "PRJ-1", "name": "Shop", "role": "project_admin"}
    assert [action for action, _, detail in events(service, organization) if detail["name"] == ["Web shop", "Shop"]] == [
        "project.updated"]
    service.bearer(organization.owner).patch("/projects/PRJ-1", {"name": "Store"}, 200)
    for person, status in ((organization.member, 403), (organization.guest, 403), (service.person(organization.id), 404)):
        service.bearer(person).patch("/projects/PRJ-1", {"name": "Mine"}, status)
    admin.patch("/projects/PRJ-9", {"name": "Mine"}, 404)
    service.bearer(service.organization().owner).patch("/projects/PRJ-2", {"name": "Mine"}, 404)
    assert field_errors(admin.patch("/projects/PRJ-1", {"name": " "})) == {"name"}


# --- members ---


def test_the_members_are_listed(service, organization, admin):
    found = admin.get("/projects/PRJ-1/members", 200).json()["data"]
    assert [one["userId"] for one in found] == sorted(one["userId"] for one in found) and len(found) == 3
    member = organization.member
    assert found[0] == {"userId": member.id, "name": member.name, "email": member.email, "kind": "person", "status": "active",
                        "role": "user", "addedAt": found[0]["addedAt"]}
    assert TIME.fullmatch(found[0]["addedAt"])
    for limit in (1, 2, 3):
        assert list(admin.pages("/projects/PRJ-1/members", limit)) == found
    service.bearer(member).get("/projects/PRJ-1/members", 200)
    service.bearer(organization.owner).get("/projects/PRJ-1/members", 200)
    service.bearer(organization.guest).get("/projects/PRJ-1/members", 403)
    service.bearer(service.person(organization.id)).get("/projects/PRJ-1/members", 404)
    service.bearer(organization.owner).get("/projects/PRJ-9/members", 404)


def test_deleted_accounts_are_not_listed_and_deactivated_ones_are(service, organization, admin):
    owner = service.sign_in(organization.owner)
    owner.patch(f"/users/{organization.member.id}", {"status": "deactivated"}, 200)
    owner.delete(f"/users/{organization.guest.id}", 204)
    found = {one["userId"]: one["status"] for one in admin.get("/projects/PRJ-1/members", 200).json()["data"]}
    assert found[organization.member.id] == "deactivated" and organization.guest.id not in found
    admin.put(f"/projects/PRJ-1/members/{organization.guest.id}", {"role": "user"}, 404)


def test_a_member_is_added_changed_and_removed(service, organization, admin):
    person = service.person(organization.id)
    api, place = service.bearer(person), f"/projects/PRJ-1/members/{person.id}"
    for role in ("guest", "user", "user", "project_admin"):
        told = admin.put(place, {"role": role}, 200).json()
        assert told == {"userId": person.id, "name": person.name, "email": person.email, "kind": "person", "status": "active",
                        "role": role, "addedAt": told["addedAt"]}
        assert [one["role"] for one in api.get("/projects/user-projects", 200).json()["data"]] == [role]
        assert members(admin)[person.id] == role
    admin.delete(place, 204)
    assert api.get("/projects/user-projects", 200).json()["data"] == []
    admin.delete(place, 404)
    told = [(action, detail) for action, _, detail in events(service, organization)]
    assert told == [*(("project.member_set", {"userId": person.id, "role": role}) for role in ("guest", "user", "project_admin")),
                    ("project.member_removed", {"userId": person.id, "role": "project_admin"})]


def test_only_admins_of_the_project_change_members(service, organization):
    other = service.person(organization.id)
    before = members(service.bearer(organization.owner))
    for person, status in ((organization.member, 403), (organization.guest, 403), (other, 404)):
        api = service.bearer(person)
        api.put(f"/projects/PRJ-1/members/{other.id}", {"role": "guest"}, status)
        api.put(f"/projects/PRJ-1/members/{person.id}", {"role": "project_admin"}, status)
        api.delete(f"/projects/PRJ-1/members/{organization.guest.id}", status)
    assert members(service.bearer(organization.owner)) == before


def test_accounts_of_other_organizations_are_no_members(service, organization, admin):
    stranger = service.organization().member
    admin.put(f"/projects/PRJ-1/members/{stranger.id}", {"role": "guest"}, 404)
    admin.delete(f"/projects/PRJ-1/members/{stranger.id}", 404)


def test_the_rights_of_organization_admins_are_not_the_projects_to_give(service, organization, admin):
    for person in (organization.owner, organization.admin):
        assert admin.put(f"/projects/PRJ-1/members/{person.id}", {"role": "guest"}, 409).json()["code"] == "conflict"
        admin.delete(f"/projects/PRJ-1/members/{person.id}", 404)
        assert service.bearer(person).get("/projects/user-projects", 200).json()["data"][0]["role"] == "project_admin"
    service.join(organization.id, 1, organization.admin, "guest")
    assert members(admin)[organization.admin.id] == "guest"
    service.bearer(organization.admin).patch("/projects/PRJ-1", {"name": "Still an admin"}, 200)
    admin.delete(f"/projects/PRJ-1/members/{organization.admin.id}", 204)
    service.bearer(organization.admin).patch("/projects/PRJ-1", {"name": "An admin as before"}, 200)


@pytest.mark.parametrize("body,field", [({}, "role"), ({"role": "owner"}, "role"), ({"role": None}, "role"),
                                        ({"role": "user", "userId": 1}, "userId")])
def test_a_wrong_role_is_refused(organization, admin, body, field):
    assert field_errors(admin.put(f"/projects/PRJ-1/members/{organization.guest.id}", body)) == {field}


def test_two_admins_who_lower_each_other_do_not_wait_for_each_other(service, organization):
    """One comes first, and the other one's right is gone."""
    people = [service.person(organization.id, name=name) for name in ("Ada", "Bob")]
    apis = [service.bearer(person) for person in people]
    for person, api in zip(people, apis):
        service.join(organization.id, 1, person, "project_admin")
        api.get("/session", 200)
    with service.database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select from testkase.projects p where p.organization_id = %s for share", (organization.id,))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            done = [pool.submit(api.put, f"/projects/PRJ-1/members/{person.id}", {"role": "guest"})
                    for api, person in zip(apis, reversed(people))]
            until(lambda: service.database.value("""select count(*) from pg_stat_activity where datname = current_database()
                                                    and wait_event_type = 'Lock'""") == 2, 10, "both wait")
            connection.commit()
            assert sorted(one.result(10).status_code for one in done) == [200, 403]
    connection.close()
    assert sorted(members(service.bearer(organization.owner))[person.id] for person in people) == ["guest", "project_admin"]
