"""Bearer authentication (RFC 6750)."""

import pytest

from support import token as tokens
from support.http import Api

BARE = 'Bearer realm="testkase"'


def assert_refused(response, status=401):
    assert response.status_code == status, f"{response.status_code} {response.text}"
    challenge = response.headers["WWW-Authenticate"]
    assert challenge.startswith(BARE) and 'error="invalid_token"' in challenge
    return response.json()


def test_no_credentials_get_a_bare_challenge(service):
    response = service.server.api().get("/session", 401)
    assert response.headers["WWW-Authenticate"] == BARE
    assert response.json()["code"] == "authentication_required"


@pytest.mark.parametrize("path", ["/session", "/api-keys", "/api-keys/current", "/api-keys/1", "/users", "/users/1",
                                  "/projects/user-projects"])
def test_every_resource_asks_for_credentials(service, path):
    service.server.api().get(path, 401)


def test_a_token_gets_in(service, organization):
    body = service.bearer(organization.member).get("/session", 200).json()
    assert body["user"]["email"] == organization.member.email


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_ignores_case(service, organization, scheme):
    token = service.mint(organization.member)[1]
    Api(service.server.base, {"Authorization": f"{scheme} {token}"}).get("/session", 200)


def test_the_token_does_not_ignore_case(service, organization):
    token = service.mint(organization.member)[1]
    assert_refused(service.server.bearer(token.swapcase()).get("/session"))


def broken(token):
    """Tokens that are almost `token`."""
    return {
        "cut": token[:-1], "longer": token + "a", "checksum": token[:-1] + ("a" if token[-1] != "a" else "b"),
        "other prefix": "tk_pax_" + token[7:], "only the look-up id": token[:15], "preview": tokens.preview(token),
        "secret of another": tokens.make(tokens.lookup(token)), "unknown": tokens.make(), "noise": "abc", "long": "a" * 4000,
        "jwt": "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "two": f"{token},{token}", "quoted": f'"{token}"',
        "sql": "tk_pat_'; select 1; --", "percent": token[:-1] + "%41", "slash": "/" * 61,
    }


@pytest.mark.parametrize("how", broken(tokens.make()))
def test_a_bad_token_is_refused(service, organization, how):
    token = service.mint(organization.member)[1]
    problem = assert_refused(service.server.bearer(broken(token)[how]).get("/session"))
    assert problem["code"] == "invalid_token"


def test_all_bad_tokens_look_alike(service, organization):
    revoked_id, revoked = service.mint(organization.member)
    service.sign_in(organization.member).delete(f"/api-keys/{revoked_id}", 204)
    leaver = service.mint(organization.guest)[1]
    service.database.query("update testkase.users set status = 'deactivated' where id = %s", (organization.guest.id,))
    bad = [revoked, leaver, *broken(service.mint(organization.member)[1]).values()]
    answers = []
    for token in bad:
        response = service.server.bearer(token).get("/session", 401)
        fields = {name: value for name, value in response.headers.items() if name not in ("Date", "X-Request-Id")}
        answers.append((response.text, fields))
    assert all(answer == answers[0] for answer in answers)


def test_a_bad_token_never_falls_back_to_the_cookie(service, organization):
    api = service.sign_in(organization.member)
    api.get("/session", 200)
    for value in ("Bearer abc", f"Bearer {tokens.make()}", "bearer abc"):
        assert_refused(api.get("/session", headers={"Authorization": value}))


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer  \t"])
def test_a_bearer_without_token_never_falls_back_to_the_cookie(service, organization, value):
    api = service.sign_in(organization.member)
    assert api.get("/session", headers={"Authorization": value}).status_code in (400, 401)


@pytest.mark.parametrize("value", ["Basic YTpi", "Digest x", "Bearers abc", "Token abc"])
def test_another_scheme_falls_back_to_the_cookie(service, organization, value):
    service.sign_in(organization.member).get("/session", 200, headers={"Authorization": value})
    response = service.server.api().get("/session", 401, headers={"Authorization": value})
    assert response.headers["WWW-Authenticate"] == BARE


def test_a_token_goes_before_the_cookie(service, organization):
    api = service.sign_in(organization.member)
    token_id, token = service.mint(organization.admin)
    body = api.get("/session", 200, headers={"Authorization": f"Bearer {token}"}).json()
    assert body["user"]["id"] == organization.admin.id and body["apiKey"]["id"] == token_id


def test_two_authorization_fields_are_a_bad_request(service, organization):
    token = service.mint(organization.member)[1]
    with service.server.wire() as wire:
        answer = wire.ask(f"GET /api/v1/session HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                          f"Authorization: Bearer {token}\r\n\r\n")
        assert answer.status == 400
        assert answer.field("content-type") == "application/problem+json"


def test_a_token_in_the_query_is_ignored(service, organization):
    token = service.mint(organization.member)[1]
    response = service.server.api().get(f"/session?access_token={token}")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == BARE


def test_a_token_in_a_form_is_ignored(service, organization):
    token = service.mint(organization.member)[1]
    response = service.server.api().post("/api-keys", data={"access_token": token})
    assert response.status_code in (401, 415)


def test_a_token_in_a_cookie_is_ignored(service, organization):
    token = service.mint(organization.member)[1]
    for name in ("testkase_session", "__Host-testkase_session", "token"):
        service.server.api().get("/session", 401, headers={"Cookie": f"{name}={token}"})


def test_a_lacking_role_is_forbidden(service, organization):
    for person in (organization.member, organization.guest):
        assert service.bearer(person).get("/users", 403).json()["code"] == "forbidden"
    for person in (organization.owner, organization.admin):
        service.bearer(person).get("/users", 200)


@pytest.mark.parametrize("method,path,status", [
    ("GET", "/session", 200), ("HEAD", "/session", 200), ("GET", "/api-keys/987654321", 404), ("GET", "/users", 403),
    ("POST", "/api-keys", 400), ("POST", "/users", 403), ("DELETE", "/api-keys/987654321", 404)])
def test_every_answer_to_a_token_says_when_it_expires(service, organization, method, path, status):
    api = service.bearer(organization.member)
    expected = api.get("/api-keys/current", 200).json()["expiresAt"]
    response = api.request(method, path, status, headers={"Content-Type": "application/json"} if method == "POST" else {})
    assert response.headers["X-Token-Expires-At"] == expected


def test_an_answer_to_a_cookie_says_nothing_of_a_token(service, organization):
    response = service.sign_in(organization.member).get("/session", 200)
    assert "X-Token-Expires-At" not in response.headers


def test_a_token_needs_no_origin(service, organization):
    """No browser sends it by itself, so no cross-site check applies."""
    api = service.bearer(organization.member)
    api.post("/api-keys", {"name": "CI", "expiresInDays": 7}, 201,
             headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"})


def test_a_guess_costs_no_more_than_a_few_bytes_of_memory(service, organization):
    """Many unknown tokens, then a good one at once."""
    api = service.server.api()
    for _ in range(300):
        api.get("/session", 401, headers={"Authorization": f"Bearer {tokens.make()}"})
    service.bearer(organization.member, source=api.source).get("/session", 200)
