"""Rate limits per token (draft-ietf-httpapi-ratelimit-headers, RFC 6585)."""

import re

import pytest

from support.deadline import until


@pytest.fixture
def limited(database, start_service):
    """A service that allows 60 requests a minute, 5 at once."""
    return start_service(database, TESTKASE_RATE_LIMIT="60", TESTKASE_RATE_BURST="5")


def left(response):
    match = re.fullmatch(r'"default";r=(\d+);t=(\d+)', response.headers["RateLimit"])
    assert match, response.headers["RateLimit"]
    return int(match[1])


def spend(api, most=40):
    """Calls until refused; returns how many were allowed and the refusal."""
    for count in range(most):
        response = api.get("/session")
        if response.status_code != 200:
            return count, response
        left(response)
    raise AssertionError(f"{most} requests and no refusal")


def test_over_the_limit_is_429_with_a_time_to_wait(limited):
    organization = limited.organization()
    api = limited.bearer(organization.member)
    allowed, refusal = spend(api)
    assert 5 <= allowed <= 8, "the burst, and what came back meanwhile"
    assert refusal.status_code == 429 and refusal.json()["code"] == "rate_limited"
    assert refusal.headers["RateLimit-Policy"] == '"default";q=60;w=60'
    assert left(refusal) == 0
    wait = int(refusal.headers["Retry-After"])
    assert 1 <= wait <= 60
    until(lambda: api.get("/session").status_code == 200, wait + 3, "allowed again")


def test_a_limit_is_one_tokens(limited):
    organization = limited.organization()
    spend(limited.bearer(organization.member))
    limited.bearer(organization.member).get("/session", 200)


def test_a_refused_request_does_nothing(limited):
    organization = limited.organization()
    api = limited.bearer(organization.member)
    spend(api)
    before = limited.database.value("select count(*) from testkase.api_tokens")
    response = api.post("/api-keys", {"name": "CI", "expiresInDays": 7})
    if response.status_code == 429:
        assert limited.database.value("select count(*) from testkase.api_tokens") == before


def test_a_dead_token_is_401_also_over_the_limit(limited):
    organization = limited.organization()
    token_id, token = limited.mint(organization.member)
    api = limited.server.bearer(token)
    spend(api)
    limited.sign_in(organization.member).delete(f"/api-keys/{token_id}", 204)
    api.get("/session", 401)


def test_a_token_can_have_a_limit_of_its_own(limited):
    organization = limited.organization()
    token_id, token = limited.mint(organization.member)
    limited.database.query("update testkase.api_tokens set rate_limit = 6000 where id = %s", (token_id,))
    response = limited.server.bearer(token).get("/session", 200)
    assert response.headers["RateLimit-Policy"] == '"default";q=6000;w=60'


def test_a_person_is_not_limited_as_a_token(limited):
    organization = limited.organization()
    api = limited.sign_in(organization.member)
    for _ in range(20):
        api.get("/session", 200)


def test_each_request_counts_once(limited):
    organization = limited.organization()
    token_id, token = limited.mint(organization.member)
    limited.database.query("update testkase.api_tokens set rate_limit = 1 where id = %s", (token_id,))
    api = limited.server.bearer(token)
    first, second = left(api.get("/session")), left(api.get("/session"))
    assert first - second == 1
