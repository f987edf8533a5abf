"""Hygiene: the practices that tokens do not follow, as findings that their owner can dismiss."""

import pytest

from support.deadline import until


@pytest.fixture
def member(service, organization):
    return service.sign_in(organization.member)


def findings(api):
    return {(finding["practice"], finding["apiKeyId"]): finding for finding in api.pages("/api-keys/hygiene", 2)}


def mint(service, person, name="GitHub Actions — Production", days=90, age=0):
    token_id = service.mint(person, name, days)[0]
    service.database.age_token(token_id, days=age)
    return token_id


def test_a_good_token_has_no_findings(service, organization, member):
    service.use(mint(service, organization.member, age=10))
    assert findings(member) == {}


@pytest.mark.parametrize("name", ["test", "Token 7", "my key", "x", "api-key", "TMP", "new_token_2"])
def test_a_name_that_says_nothing(service, organization, member, name):
    token_id = mint(service, organization.member, name)
    assert set(findings(member)) == {("poor_name", token_id)}


@pytest.mark.parametrize("name", ["test run of the shop", "Local Dev — John", "API Script — Nightly Report", "keyboard", "名前です"])
def test_a_name_that_says_something(service, organization, member, name):
    mint(service, organization.member, name)
    assert findings(member) == {}


def test_a_token_that_is_not_used_any_more(service, organization, member):
    token_id = mint(service, organization.member, age=60)
    service.use(token_id, ago="31 days")
    service.use(token_id, ago="59 days")
    found = findings(member)
    assert set(found) == {("unused", token_id)}
    assert found["unused", token_id]["evidence"] == "It was last used 31 days ago."
    service.use(token_id, ago="1 day")
    assert findings(member) == {}


def test_a_token_that_was_never_used(service, organization, member):
    young, old = mint(service, organization.member, age=6), mint(service, organization.member, age=8)
    assert set(findings(member)) == {("never_used", old)} and young != old


def test_a_token_of_several_integrations(service, organization, member):
    token_id = mint(service, organization.member)
    for client, ago in (("curl/8.1", "1 hour"), ("curl/8.2", "2 hours"), ("", "1 hour"), ("k6/1", "8 days")):
        service.use(token_id, client, ago=ago)
    assert findings(member) == {}
    service.use(token_id, "Grafana/11")
    found = findings(member)
    assert set(found) == {("shared", token_id)}
    assert found["shared", token_id]["evidence"] == "Grafana and curl both used it in the last 7 days."
    for client in ("k6/1", "node/24", "oha/1", "wget/1", "xh/1"):
        service.use(token_id, client)
    assert findings(member)["shared", token_id]["evidence"] == ("Grafana, curl, k6, node, oha and 2 other clients all used it in "
                                                                "the last 7 days.")


def test_a_token_that_is_due_without_a_successor(service, organization, member):
    token_id = mint(service, organization.member, age=81)
    service.use(token_id)
    assert set(findings(member)) == {("rotation_due", token_id)}
    new = member.post(f"/api-keys/{token_id}/rotate", expect=201).json()["id"]
    service.use(new)
    assert findings(member) == {}


def test_a_persons_token_in_a_pipeline(service, organization, member):
    token_id = mint(service, organization.member)
    service.use(token_id, "testkase-reporter/0.1.0")
    assert set(findings(member)) == {("personal_token_in_ci", token_id)}
    robot = service.person(organization.id, kind="service")
    other, text = service.mint(robot, "Pipeline of the shop")
    service.use(other, "testkase-reporter/0.1.0")
    assert findings(service.server.bearer(text)) == {}


def test_an_admins_token_that_only_reads(service, organization):
    admin = service.sign_in(organization.admin)
    token_id = mint(service, organization.admin, age=10)
    service.use(token_id, calls=9)
    assert findings(admin) == {}
    service.use(token_id, calls=1)
    assert set(findings(admin)) == {("read_only_admin", token_id)}
    service.use(token_id, method="POST")
    assert findings(admin) == {}


def test_a_period_longer_than_its_use(service, organization, member):
    token_id = mint(service, organization.member, days=365, age=40)
    service.use(token_id, ago="22 days")
    service.use(token_id, ago="20 days")
    found = findings(member)
    assert set(found) == {("longer_than_needed", token_id)}
    assert found["longer_than_needed", token_id]["remedy"] == "Delete it; next time, 7 days are enough."


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_an_ended_token_that_is_still_presented(service, organization, member, end):
    """By real calls: the owner learns who, from where and since when, whether or not the hash is still there."""
    token_id, token = service.mint(organization.member, "GitHub Actions — Old", 7)
    if end == "expired":
        service.database.age_token(token_id, days=8)
    else:
        member.delete(f"/api-keys/{token_id}", 204)
    api = service.server.bearer(token)
    api.session.headers["User-Agent"] = "Jenkins/2.440 (Linux)"
    for _ in range(3):
        api.get("/session", 401)
    finding = until(lambda: findings(member).get(("ended_still_presented", token_id)), 15, "the finding")
    assert finding["evidence"].endswith(f"by Jenkins at {api.source or '127.0.0.1'}.")
    assert member.get(f"/api-keys/{token_id}", 200).json()["lastUsedAt"] is None


def test_an_ended_token_whose_secret_is_remembered_is_still_presented(service, organization, member):
    """A pipeline that used it until a moment ago: the server need not ask PostgreSQL whether its secret is right."""
    token_id, token = service.mint(organization.member, "GitHub Actions — Old", 7)
    api = service.server.bearer(token)
    api.get("/session", 200)
    member.delete(f"/api-keys/{token_id}", 204)
    for _ in range(3):
        api.get("/session", 401)
    finding = until(lambda: findings(member).get(("ended_still_presented", token_id)), 15, "the finding")
    assert "It was presented" in finding["evidence"]


def test_an_ended_token_under_thousands_of_names_costs_little(service, organization, member):
    """Whoever knows a look-up id can present it under any name; the finding must not grow with the square of them."""
    token_id = mint(service, organization.member)
    member.delete(f"/api-keys/{token_id}", 204)
    service.database.query(
        """insert into testkase.api_token_usage (token_id, hour, last_at, address, client, method, route, status, calls)
           select %s, date_trunc('hour', now(), 'UTC') - h * interval '1 hour', now() + interval '1 second', '10.0.0.7',
                  repeat('x', 50) || h || '-' || n || '/1', 'GET', 'none', 401, 1
           from generate_series(0, 99) h, generate_series(1, 100) n""", (token_id,))
    finding = findings(member)["ended_still_presented", token_id]
    assert "presented 10000 times" in finding["evidence"] and finding["evidence"].endswith("and 9999 other clients.")
    member.post(f"/api-keys/hygiene/{finding['id']}/dismiss", expect=204)
    assert findings(member) == {}
    assert service.database.value("select length(evidence_key) from testkase.dismissed_findings where token_id = %s",
                                  (token_id,)) <= 16


def test_a_dismissed_finding_comes_back_when_its_evidence_changes(service, organization, member):
    token_id = mint(service, organization.member)
    for client in ("curl/8", "k6/1"):
        service.use(token_id, client)
    finding = findings(member)["shared", token_id]
    stranger = service.sign_in(organization.admin)
    stranger.post(f"/api-keys/hygiene/{finding['id']}/dismiss", expect=404)
    member.post(f"/api-keys/hygiene/{finding['id']}/dismiss", expect=204)
    assert findings(member) == {}
    member.post(f"/api-keys/hygiene/{finding['id']}/dismiss", expect=204)
    service.use(token_id, "Grafana/11")
    again = findings(member)["shared", token_id]
    assert again["id"] != finding["id"]
    member.post(f"/api-keys/hygiene/{finding['id']}/dismiss", expect=404)


@pytest.mark.parametrize("finding", ["x", "unused-1-0", "x" * 300, "unused-1-%00", "unused-1-%FF"])
def test_an_unknown_finding_cannot_be_dismissed(member, finding):
    assert member.post(f"/api-keys/hygiene/{finding}/dismiss").status_code in (400, 404)


def test_findings_come_in_pages_the_most_urgent_first(service, organization, member):
    ids = [mint(service, organization.member, "test", age=81) for _ in range(3)]
    order = [(finding["practice"], finding["apiKeyId"]) for finding in member.pages("/api-keys/hygiene", 2)]
    assert order == [(practice, token_id) for practice in ("rotation_due", "never_used", "poor_name")
                     for token_id in reversed(ids)]
