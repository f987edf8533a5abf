"""Everybody reads the settings of the own organization; its owner and admins change them."""

import pytest

from support import token as tokens
from support.http import field_errors

BEGINNING = {"tokensMayCreateTokens": True, "maxExpiryDays": None, "defaultRateLimit": None, "executionMonths": None}


def described(organization, **changes):
    described = {"id": organization.id, "name": organization.name, **BEGINNING, **changes}
    longest = described["maxExpiryDays"] or 365
    return {**described, "periods": [{"days": days, "rotateOn": day} for days, day in tokens.PERIODS.items() if days <= longest]}


def events(service, organization):
    return service.database.query("""select actor_user_id, target_id, detail from testkase.audit_events
                                     where organization_id = %s and action = 'organization.updated' order by id""",
                                  (organization.id,))


def test_everybody_reads_it(service, organization):
    for person in (organization.owner, organization.member, organization.guest):
        assert service.sign_in(person).get("/organization", 200).json() == described(organization)
        assert service.bearer(person).get("/organization", 200).json() == described(organization)
    service.server.api().get("/organization", 401)


@pytest.mark.parametrize("change", [
    {"name": "Another Ltd"}, {"tokensMayCreateTokens": False}, {"maxExpiryDays": 90}, {"defaultRateLimit": 1},
    {"defaultRateLimit": 1000000}, {"executionMonths": 1}, {"executionMonths": 120},
    {"tokensMayCreateTokens": False, "maxExpiryDays": 7, "defaultRateLimit": 100}])
def test_a_change_is_made_audited_and_taken_back(service, organization, change):
    admin = service.sign_in(organization.admin)
    before = described(organization)
    assert admin.patch("/organization", change, 200).json() == described(organization, **change)
    assert admin.get("/organization", 200).json() == described(organization, **change)
    assert events(service, organization) == [
        (organization.admin.id, organization.id, {name: [before[name], value] for name, value in change.items()})]
    assert admin.patch("/organization", {name: before[name] for name in change}, 200).json() == before
    assert events(service, organization)[1][2] == {name: [value, before[name]] for name, value in change.items()}


def test_what_is_absent_stays_and_null_is_a_value(service, organization):
    owner = service.bearer(organization.owner)
    settings = {"tokensMayCreateTokens": False, "maxExpiryDays": 30, "defaultRateLimit": 50}
    owner.patch("/organization", settings, 200)
    assert owner.patch("/organization", {}, 200).json() == described(organization, **settings)
    assert owner.patch("/organization", {"maxExpiryDays": None}, 200).json() == described(
        organization, **{**settings, "maxExpiryDays": None})
    assert owner.patch("/organization", {"defaultRateLimit": None}, 200).json() == described(
        organization, tokensMayCreateTokens=False)


def test_no_change_is_no_event(service, organization):
    admin = service.sign_in(organization.admin)
    admin.patch("/organization", {}, 200)
    admin.patch("/organization", {"name": f"  {organization.name} ", **BEGINNING}, 200)
    assert events(service, organization) == []


@pytest.mark.parametrize("body,detail", [
    ({"name": None}, "must be a string"), ({"tokensMayCreateTokens": None}, "must be true or false"),
    ({"tokensMayCreateTokens": "true"}, "must be true or false"), ({"tokensMayCreateTokens": 1}, "must be true or false"),
    ({"maxExpiryDays": 8}, "must be 7, 30, 60, 90, 180 or 365, or null"),
    ({"maxExpiryDays": "7"}, "must be 7, 30, 60, 90, 180 or 365, or null"),
    ({"maxExpiryDays": False}, "must be 7, 30, 60, 90, 180 or 365, or null"),
    ({"executionMonths": 0}, "must be a whole number from 1 to 120, or null"),
    ({"executionMonths": 121}, "must be a whole number from 1 to 120, or null"),
    ({"defaultRateLimit": 0}, "must be a whole number from 1 to 1000000, or null"),
    ({"defaultRateLimit": 1000001}, "must be a whole number from 1 to 1000000, or null"),
    ({"defaultRateLimit": 2**70}, "must be a whole number from 1 to 1000000, or null"),
    ({"defaultRateLimit": 1.5}, "must be a whole number from 1 to 1000000, or null"),
    ({"id": 1}, "is not a property of this request"),
    ({"maxExpiryDays_given": True}, "is not a property of this request")])
def test_a_wrong_value_is_refused(service, organization, body, detail):
    answer = service.sign_in(organization.admin).patch("/organization", {"name": "Not This One", **body})
    assert field_errors(answer) == set(body)
    assert answer.json()["errors"][0]["detail"] == detail
    assert service.sign_in(organization.admin).get("/organization", 200).json() == described(organization)


def test_members_do_not_change_it(service, organization):
    for person in (organization.member, organization.guest):
        answer = service.sign_in(person).patch("/organization", {"name": "Ours Now"}, 403)
        assert answer.json()["code"] == "forbidden"
        service.bearer(person).patch("/organization", {"name": "Ours Now"}, 403)
    assert service.sign_in(organization.member).get("/organization", 200).json() == described(organization)


def test_an_admin_changes_the_own_organization_alone(service, organization):
    other = service.organization()
    service.sign_in(organization.admin).patch("/organization", {"maxExpiryDays": 7}, 200)
    assert service.sign_in(other.admin).get("/organization", 200).json() == described(other)


def test_the_settings_count_from_the_next_request_on_every_server(service, organization):
    admin, bearer = service.sign_in(organization.admin), service.bearer(organization.member)
    second = service.start_server()
    there = bearer.at(second.base)
    draft = {"name": "Of a token", "expiresInDays": 30}
    for api in (bearer, there):
        api.post("/api-keys", draft, 201)
    admin.patch("/organization", {"tokensMayCreateTokens": False}, 200)
    for api in (bearer, there):
        api.post("/api-keys", draft, 403)
    admin.patch("/organization", {"tokensMayCreateTokens": True, "maxExpiryDays": 7, "defaultRateLimit": 90}, 200)
    for api in (bearer, there):
        assert field_errors(api.post("/api-keys", draft)) == {"expiresInDays"}
        assert api.get("/session", 200).headers["RateLimit-Policy"].startswith('"default";q=90;')
    second.terminate()
    service.servers.remove(second)
