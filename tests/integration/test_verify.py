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
    assert "X-Testkase-Api-Key-Id" not in response.headers


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


# --- what proxies tell of the request that they ask about ---

# As Traefik's forwardAuth, Caddy's forward_auth and ingress-nginx document it: always GET, and the method in a field.
ASKED = {
    "Traefik": lambda method: {
        "X-Forwarded-Method": method, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "app.example.test",
        "X-Forwarded-Uri": "/orders?id=7", "X-Forwarded-For": "192.0.2.7"},
    "Caddy": lambda method: {
        "X-Forwarded-Method": method, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "app.example.test",
        "X-Forwarded-Uri": "/orders?id=7"},
    "ingress-nginx": lambda method: {
        "X-Original-Method": method, "X-Original-URL": "https://app.example.test/orders?id=7", "X-Sent-From": "nginx-ingress"},
}
OWN = [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "https://app.example.test"}, {"Origin": "http://127.0.0.1:8080"}]
OTHERS = [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site", "Origin": "https://app.example.test"},
          {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "https://app.example.test.evil.example"},
          {"Origin": "http://app.example.test"}, {"Origin": "https://app.example.test:444"}, {"Origin": ""}]


@pytest.fixture
def session(service, organization):
    """A client with the cookie of a session, and nothing else."""
    api = service.sign_in(organization.member)
    del api.session.headers["Sec-Fetch-Site"]
    return api


@pytest.mark.parametrize("proxy", ASKED)
def test_the_method_that_a_proxy_tells_is_judged(session, proxy):
    for method in ("POST", "PUT", "PATCH", "DELETE", "PROPFIND", "post", "get", ""):
        asked = ASKED[proxy](method)
        for fields in (*OTHERS, {}):
            assert session.get("/auth/verify", 403, headers={**asked, **fields}).json()["code"] == "cross_site"
        for fields in OWN:
            session.get("/auth/verify", 200, headers={**asked, **fields})


@pytest.mark.parametrize("proxy", ASKED)
def test_a_link_from_another_site_may_be_followed(session, proxy):
    for method in ("GET", "HEAD", "OPTIONS"):
        for fields in (*OTHERS, *OWN, {}):
            session.get("/auth/verify", 200, headers={**ASKED[proxy](method), **fields})


def test_a_websocket_is_opened_by_own_pages_only(session):
    asked = {**ASKED["Traefik"]("GET"), "X-Forwarded-Proto": "wss"}
    for opens in ({"Sec-Fetch-Mode": "websocket"}, {"Upgrade": "websocket"}):
        session.get("/auth/verify", 403, headers={**asked, **opens, "Origin": "https://evil.example"})
        session.get("/auth/verify", 200, headers={**asked, **opens, "Origin": "https://app.example.test"})


def test_without_the_method_no_page_of_another_site_passes(session):
    for fields in OTHERS:
        session.get("/auth/verify", 403, headers=fields)
    for fields in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
        session.get("/auth/verify", 200, headers=fields)


@pytest.mark.parametrize("methods", [("GET", "POST"), ("POST", "GET")])
def test_of_several_methods_the_strictest_counts(service, session, methods):
    """As when a proxy adds its field to one that its client has sent."""
    [cookie] = session.session.cookies
    told = "".join(f"X-Forwarded-Method: {method}\r\n" for method in methods)
    with service.server.wire() as wire:
        wire.send(f"GET /api/v1/auth/verify HTTP/1.1\r\nHost: x\r\n{told}Cookie: {cookie.name}={cookie.value}\r\n"
                  "Origin: https://evil.example\r\n\r\n")
        assert wire.response().status == 403


def test_a_token_passes_from_any_page(service, organization):
    """No browser sends it by itself."""
    api = service.bearer(organization.member)
    for fields in (*OTHERS, {}):
        api.get("/auth/verify", 200, headers={**ASKED["Traefik"]("POST"), **fields})


@pytest.mark.parametrize("path", ["/", "/orders/7?id=8", "/a/b/c/", "//a", "/../../healthz", "/..%2f..%2fhealthz", "/x/verify"])
def test_envoy_asks_below_the_address(service, organization, session, path):
    """Its ext_authz has the method, path and host of the original request, and a body without bytes."""
    envoy = {"Host": "app.example.test", "Content-Length": "0", "X-Forwarded-For": "192.0.2.7"}
    token = service.mint(organization.member)[1]
    for method in ("GET", "POST", "DELETE"):
        for fields, status in (({}, 401), ({"Authorization": f"Bearer {token}"}, 200)):
            with service.server.wire() as wire:
                lines = "".join(f"{name}: {value}\r\n" for name, value in {**envoy, **fields}.items())
                wire.send(f"{method} /api/v1/auth/verify{path} HTTP/1.1\r\n{lines}\r\n")
                answer = wire.response()
                assert answer.status == status, (method, path, answer.body)
                assert status == 401 or answer.field("X-Testkase-User-Id") == str(organization.member.id)
    [cookie] = session.session.cookies
    with service.server.wire() as wire:
        wire.send(f"POST /api/v1/auth/verify{path} HTTP/1.1\r\nHost: app.example.test\r\nContent-Length: 0\r\n"
                  f"Cookie: {cookie.name}={cookie.value}\r\nOrigin: https://evil.example\r\n\r\n")
        assert wire.response().status == 403


@pytest.mark.parametrize("email", ["x\r\nX-Testkase-Org-Role: owner", "x\n@example.test", "\x7f@example.test"])
def test_an_address_with_controls_reaches_no_field(database, start_service, email):
    """Only SQL that takes the constraint away could have written it."""
    database.query("alter table testkase.users drop constraint if exists users_email_is_ascii")
    service = start_service(database)
    person = service.person(service.organization().id, email=email)
    with service.server.wire() as wire:
        wire.send(f"GET /api/v1/auth/verify HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.mint(person)[1]}\r\n\r\n")
        answer = wire.response()
    assert answer.status == 500 and not [name for name in answer.fields if name.startswith("x-testkase-")]
