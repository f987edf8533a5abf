"""The people and service accounts of an organization, managed by its owner and admins."""

import re
import pytest

from support.http import TIME, field_errors
from support.service import PASSWORD
from support import token as tokens

FIELDS = {"id", "email", "name", "kind", "orgRole", "status", "createdAt"}


def address():
    return f"{tokens.random_text(10).lower()}@example.test"


@pytest.fixture
def admin(service, organization):
    return service.sign_in(organization.admin)


def body(**fields):
    return {"email": address(), "name": "Ann Example", "password": PASSWORD, **fields}


def test_the_list_shows_the_organizations_accounts(service, organization, admin):
    service.organization()
    listed = admin.get("/users", 200).json()
    assert [user["id"] for user in listed["data"]] == [
        organization.owner.id, organization.admin.id, organization.member.id, organization.guest.id]
    for user in listed["data"]:
        assert FIELDS <= set(user) and TIME.fullmatch(user["createdAt"])
        assert not [name for name in user if name != "hasPassword" and re.search("password|hash", name.lower())]
    assert [user["orgRole"] for user in listed["data"]] == ["owner", "admin", "member", "member"]


def test_the_list_comes_in_pages(service, organization, admin):
    for _ in range(9):
        service.person(organization.id)
    everyone = [user["id"] for user in admin.get("/users?limit=200", 200).json()["data"]]
    assert len(everyone) == 13
    for limit in (1, 5, 13):
        assert [user["id"] for user in admin.pages("/users", limit)] == everyone


def test_an_account_is_made(admin):
    fields = body()
    made = admin.post("/users", fields, 201).json()
    assert FIELDS <= set(made)
    assert (made["email"], made["name"], made["kind"], made["orgRole"], made["status"]) == (
        fields["email"], "Ann Example", "person", "member", "active")
    assert admin.get(f"/users/{made['id']}", 200).json() == {**made, "linkRefusal": None}


def test_a_new_person_can_sign_in(service, admin):
    fields = body()
    admin.post("/users", fields, 201)
    service.server.api().post("/session", {"email": fields["email"], "password": PASSWORD}, 201)


def test_a_person_without_password_is_made_by_a_token_that_is_proven_first(service, organization):
    """The proof of the token is not taken for a hash of the password."""
    fields = body()
    del fields["password"]
    service.bearer(organization.admin).post("/users", fields, 201)


def test_a_person_without_password_cannot_sign_in(service, admin):
    fields = body()
    del fields["password"]
    admin.post("/users", fields, 201)
    service.server.api().post("/session", {"email": fields["email"], "password": PASSWORD}, 401)


def test_a_password_is_stored_as_argon2id_hash(service, admin):
    made = admin.post("/users", body(), 201).json()
    stored = service.database.value("select password_hash from testkase.users where id = %s", (made["id"],))
    assert stored.startswith("$argon2id$v=19$m=8192,t=1,p=1$") and tokens.argon2id_matches(stored, PASSWORD)


def test_a_service_account_is_made_without_password(admin):
    fields = body(kind="service")
    assert field_errors(admin.post("/users", fields)) == {"password"}
    del fields["password"]
    assert admin.post("/users", fields, 201).json()["kind"] == "service"


def test_an_admin_is_made(service, admin):
    fields = body(orgRole="admin")
    admin.post("/users", fields, 201)


GOOD_PASSWORDS = ["vbn-82xq", "ü" * 8, "ordinary words are fine", "x" * 64 + "y" * 64, "𝒫" * 100 + "q" * 28, "  spaces around  "]


@pytest.mark.parametrize("password", GOOD_PASSWORDS)
def test_a_password_counts_whole(service, admin, password):
    fields = body(password=password)
    admin.post("/users", fields, 201)
    ask = service.server.api().post
    ask("/session", {"email": fields["email"], "password": password}, 201)
    ask("/session", {"email": fields["email"], "password": password[:-1]}, 401)
    ask("/session", {"email": fields["email"], "password": password.strip() + "!"}, 401)


@pytest.mark.parametrize("password",
                         ["", "short-7", "x" * 129, "ü" * 7, "password", "password1", "qwertyuiop", "12345678", 12345678,
                          True, []])
def test_a_bad_password_is_refused(admin, password):
    assert field_errors(admin.post("/users", body(password=password))) == {"password"}


def test_a_password_is_not_the_address_nor_the_name(admin):
    fields = body(name="Ann Example")
    for password in (fields["email"], fields["email"].upper(), "ann example"):
        assert field_errors(admin.post("/users", {**fields, "password": password})) == {"password"}


@pytest.mark.parametrize("field,value", [
    ("email", "no address"), ("email", ""), ("email", "a@"), ("email", "@example.test"), ("email", "a b@example.test"),
    ("email", "a@example.test\n"), ("email", "a" * 250 + "@example.test"), ("email", 7), ("email", None),
    ("name", ""), ("name", "x" * 101), ("name", "a\u202eb"), ("name", 7), ("name", "a\r\nb"),
    ("kind", "robot"), ("kind", 1), ("orgRole", "owner"), ("orgRole", "root"), ("orgRole", None)])
def test_a_wrong_field_is_named(admin, field, value):
    assert field_errors(admin.post("/users", body(**{field: value}))) == {field}


@pytest.mark.parametrize("field", ["email", "name"])
def test_a_missing_field_is_named(admin, field):
    fields = body()
    del fields[field]
    assert field_errors(admin.post("/users", fields)) == {field}


@pytest.mark.parametrize("extra", ["id", "organizationId", "status", "passwordHash", "credentialGeneration"])
def test_an_unknown_property_is_refused(admin, extra):
    assert field_errors(admin.post("/users", body(**{extra: 1}))) == {extra}


def test_an_address_is_taken_once(service, organization, admin):
    fields = body()
    admin.post("/users", fields, 201)
    assert admin.post("/users", {**body(), "email": fields["email"].upper()}, 409).json()["code"] == "conflict"
    stranger = service.sign_in(service.organization().admin)
    assert stranger.post("/users", {**body(), "email": fields["email"]}, 409).json()["code"] == "conflict"


# --- who may ---

@pytest.mark.parametrize("method,path", [("GET", "/users"), ("POST", "/users"), ("GET", "/users/{id}"), ("PATCH", "/users/{id}"),
                                         ("DELETE", "/users/{id}")])
def test_only_owner_and_admins_manage_people(service, organization, method, path):
    for person in (organization.member, organization.guest):
        for api in (service.sign_in(person), service.bearer(person)):
            fields = body() if method == "POST" else {"name": "x"} if method == "PATCH" else None
            response = api.request(method, path.format(id=organization.admin.id), 403, json=fields)
            assert response.json()["code"] == "forbidden"


def test_owner_and_admin_may_by_token_too(service, organization):
    for person in (organization.owner, organization.admin):
        api = service.bearer(person)
        made = api.post("/users", body(), 201).json()
        api.patch(f"/users/{made['id']}", {"name": "Other"}, 200)
        api.delete(f"/users/{made['id']}", 204)


def test_another_organizations_account_looks_exactly_like_a_missing_one(service, organization, admin):
    stranger = service.organization().member
    for method, fields in (("GET", None), ("PATCH", {"name": "x"}), ("PATCH", {"status": "deactivated"}), ("DELETE", None)):
        missing = admin.request(method, "/users/987654321", 404, json=fields).json()
        assert admin.request(method, f"/users/{stranger.id}", 404, json=fields).json() == missing
    assert service.database.value("select status from testkase.users where id = %s", (stranger.id,)) == "active"


# --- changes ---

def test_a_name_and_a_role_change(service, organization, admin):
    path = f"/users/{organization.member.id}"
    changed = admin.patch(path, {"name": " New Name ", "orgRole": "admin"}, 200).json()
    assert (changed["name"], changed["orgRole"]) == ("New Name", "admin")
    assert admin.get(path, 200).json() == {**changed, "linkRefusal": "is_admin"}


def test_a_changed_role_counts_from_the_next_request(service, organization, admin):
    bearer, person = service.bearer(organization.member), service.sign_in(organization.member)
    admin.patch(f"/users/{organization.member.id}", {"orgRole": "admin"}, 200)
    for api in (bearer, person):
        api.get("/users", 200)
    admin.patch(f"/users/{organization.member.id}", {"orgRole": "member"}, 200)
    for api in (bearer, person):
        api.get("/users", 403)


def test_deactivation_ends_everything_at_once_and_for_good(service, organization, admin):
    """No worker runs here."""
    other = service.start_server()
    token_id, token = service.mint(organization.member)
    clients = [service.server.bearer(token), other.bearer(token), service.sign_in(organization.member)]
    for api in clients:
        api.get("/session", 200)
    changed = admin.patch(f"/users/{organization.member.id}", {"status": "deactivated"}, 200).json()
    assert changed["status"] == "deactivated"
    for api in clients:
        api.get("/session", 401)
    service.server.api().post("/session", {"email": organization.member.email, "password": PASSWORD}, 401)
    admin.patch(f"/users/{organization.member.id}", {"status": "active"}, 200)
    for api in clients:
        api.get("/session", 401)
    key = service.sign_in(organization.member).get(f"/api-keys/{token_id}", 200).json()
    assert key["status"] == "revoked" and key["endedReason"] == "owner_deactivated"
    other.terminate()
    service.servers.remove(other)


def test_deletion_ends_everything_and_frees_the_address(service, organization, admin):
    api = service.bearer(organization.member)
    admin.delete(f"/users/{organization.member.id}", 204)
    api.get("/session", 401)
    for method, fields in (("GET", None), ("PATCH", {"status": "active"}), ("DELETE", None)):
        admin.request(method, f"/users/{organization.member.id}", 404, json=fields)
    assert organization.member.id not in [user["id"] for user in admin.get("/users", 200).json()["data"]]
    again = admin.post("/users", {**body(), "email": organization.member.email}, 201).json()
    assert again["id"] != organization.member.id
    api.get("/session", 401)


def test_the_owner_stays(service, organization, admin):
    owner = service.sign_in(organization.owner)
    for api in (admin, owner):
        for fields in ({"status": "deactivated"}, {"orgRole": "member"}, {"orgRole": "admin"}):
            assert api.patch(f"/users/{organization.owner.id}", fields).status_code in (403, 409, 422)
        assert api.delete(f"/users/{organization.owner.id}").status_code in (403, 409)
    assert owner.get("/session", 200).json()["user"]["orgRole"] == "owner"


def test_nobody_becomes_a_second_owner(service, organization, admin):
    assert field_errors(admin.patch(f"/users/{organization.member.id}", {"orgRole": "owner"})) == {"orgRole"}


def test_an_admin_cannot_shut_themselves_out(service, organization, admin):
    for fields in ({"status": "deactivated"}, {"orgRole": "member"}):
        assert admin.patch(f"/users/{organization.admin.id}", fields).status_code in (403, 409)
    assert admin.delete(f"/users/{organization.admin.id}").status_code in (403, 409)
    admin.get("/users", 200)


@pytest.mark.parametrize("field,value", [("status", "deleted"), ("status", "gone"), ("status", 1), ("name", ""), ("name", None),
                                         ("orgRole", "root"), ("email", "new@example.test"), ("kind", "service"), ("id", 7),
                                         ("password", PASSWORD)])
def test_a_wrong_change_is_named(service, organization, admin, field, value):
    assert field_errors(admin.patch(f"/users/{organization.member.id}", {field: value})) == {field}


def test_what_is_no_id_is_not_found(admin):
    for key in ("0", "-1", "abc", "1.5", "99999999999999999999", "01"):
        assert admin.get(f"/users/{key}").status_code == 404


def test_changes_are_audited(service, organization, admin):
    made = admin.post("/users", body(), 201).json()
    for fields in ({"name": "Other"}, {"status": "deactivated"}, {"status": "active"}):
        admin.patch(f"/users/{made['id']}", fields, 200)
    admin.delete(f"/users/{made['id']}", 204)
    rows = service.database.query("""select action, actor_user_id, host(address) from testkase.audit_events
                                     where target_kind = 'user' and target_id = %s order by id""", (made["id"],))
    assert rows == [(f"user.{action}", organization.admin.id, admin.source)
                    for action in ("created", "updated", "deactivated", "reactivated", "deleted")]
    detail = service.database.value("""select string_agg(detail::text, ' ') from testkase.audit_events
                                       where target_kind = 'user' and target_id = %s""", (made["id"],))
    assert PASSWORD not in detail and "argon2" not in detail
