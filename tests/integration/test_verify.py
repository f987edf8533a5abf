"""/auth/verify: the call for reverse proxies."""

import pytest

from support import token as tokens

FIELDS = {"X-Testkase-User-Id", "X-Testkase-User-Email", "X-Testkase-Org-Id", "X-Testkase-Org-Role", "X-Testkase-Api-Key-Id"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_any_method_tells_who_it_is(service, organization, method):
    token_id, token = service.mint(organization.admin)
    response = service.server.bearer(token).request(method, "/auth/verify", 200)
    assert response.content == b"" and response.headers["Content-Length"] == "0"
    told = {name: response.headers[name] for name in FIELDS}
    assert told == {
        "X-Testkase-User-Id": str(organization.admin.id), "X-Testkase-User-Email": organization.admin.email,
        "X-Testkase-Org-Id": str(organization.id), "X-Testkase-Org-Role": "admin", "X-Testkase-Api-Key-Id": str(token_id)}
    assert response.headers["Cache-Control"] == "no-store" and "X-Token-Expires-At" in response.headers


def test_a_body_is_not_looked_at(service, organization):
    """A proxy may send the body of the request along."""
    api = service.bearer(organization.member)
    for body in (b"<not json>", b"x" * 100_000):
        api.request("POST", "/auth/verify", 200, data=body, headers={"Content-Type": "text/xml"})
    api.get("/session", 200)


def test_a_session_is_told_without_a_token(service, organization):
    response = service.sign_in(organization.member).get("/auth/verify", 200)
    assert response.headers["X-Testkase-User-Id"] == str(organization.member.id)
    assert "X-Testkase-Api-Key-Id" not in response.headers and "RateLimit" not in response.headers


def test_who_may_not_pass_learns_nothing_of_anybody(service, organization):
    token_id, token = service.mint(organization.member)
    service.bearer(organization.member).delete(f"/api-keys/{token_id}", 204)
    for api in (service.server.api(), service.server.bearer(token), service.server.bearer(tokens.make())):
        response = api.get("/auth/verify", 401)
        assert not FIELDS & set(response.headers)
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_changed_role_is_told_by_the_next_call(service, organization):
    api = service.bearer(organization.member)
    assert api.get("/auth/verify", 200).headers["X-Testkase-Org-Role"] == "member"
    service.sign_in(organization.owner).patch(f"/users/{organization.member.id}", {"orgRole": "admin"}, 200)
    assert api.get("/auth/verify", 200).headers["X-Testkase-Org-Role"] == "admin"
