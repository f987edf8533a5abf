"""Unsafe methods with a cookie come from our own pages, or not at all."""

import pytest

from support.deadline import until
from support.http import Api
from support.service import PASSWORD

COOKIE = "testkase_session"
SAME = {"Sec-Fetch-Site": "same-origin"}

# What a browser would send when another site makes it speak to us.
FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "nonsense"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"},
    {"Origin": "http://127.0.0.1.evil.example"}, {"Origin": "http://evil.example:8080"}, {"Origin": ""},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://other.example.test"},
]


@pytest.fixture
def cookie(service, organization):
    return {"Cookie": f"{COOKIE}={service.sign_in(organization.member).session.cookies.get(COOKIE)}"}


def describe(fields):
    return ", ".join(f"{name}: {value}" for name, value in fields.items()) or "nothing"


@pytest.mark.parametrize("fields", FOREIGN, ids=describe)
@pytest.mark.parametrize("method,path,body", [
    ("POST", "/api-keys", {"name": "CI", "expiresInDays": 7}), ("DELETE", "/session", None), ("DELETE", "/api-keys/1", None),
    ("PATCH", "/users/1", {"name": "x"}), ("POST", "/session/confirm", {"password": PASSWORD}),
    ("POST", "/account/password", {"currentPassword": PASSWORD, "newPassword": "long enough for it"}),
    ("DELETE", "/account/sessions/1", None), ("DELETE", "/account/sessions", None), ("PATCH", "/organization", {"name": "x"})])
def test_another_site_is_refused(service, cookie, fields, method, path, body):
    response = service.server.api().request(method, path, 403, headers={**cookie, **fields}, json=body)
    assert response.json()["code"] == "cross_site"
    service.server.api().get("/session", 200, headers=cookie)


def test_without_a_word_of_its_origin_a_cookie_is_refused(service, cookie):
    response = service.server.api().post("/api-keys", {"name": "CI", "expiresInDays": 7}, 403, headers=cookie)
    assert response.json()["code"] == "cross_site"


def test_nothing_is_made_for_another_site(service, cookie):
    before = service.database.value("select count(*) from testkase.api_tokens")
    service.server.api().post("/api-keys", {"name": "CI", "expiresInDays": 7}, 403,
                              headers={**cookie, "Sec-Fetch-Site": "cross-site"})
    assert service.database.value("select count(*) from testkase.api_tokens") == before


def test_our_own_pages_may(service, cookie):
    own = [SAME, {"Origin": service.server.base}, {"Origin": "http://127.0.0.1:8080"},
           {**SAME, "Origin": service.server.base}]
    for fields in own:
        service.server.api().post("/api-keys", {"name": "CI", "expiresInDays": 7}, 201, headers={**cookie, **fields})


def test_the_origin_is_the_public_urls_or_the_hosts(database, start_service):
    service = start_service(database, TESTKASE_PUBLIC_URL="http://pat.example.test")
    organization = service.organization()
    value = service.sign_in(organization.member).session.cookies.get(COOKIE)
    ask = {"Cookie": f"{COOKIE}={value}"}
    body = {"name": "CI", "expiresInDays": 7}
    service.server.api().post("/api-keys", body, 201, headers={**ask, "Origin": "http://pat.example.test"})
    for origin in ("http://pat.example.test.evil.example", "http://pat.example.test:81", "http://xpat.example.test"):
        service.server.api().post("/api-keys", body, 403, headers={**ask, "Origin": origin})


def test_reading_needs_no_origin(service, cookie):
    """A page that makes a browser read cannot see the answer."""
    for fields in [{}, *FOREIGN]:
        service.server.api().get("/session", 200, headers={**cookie, **fields})
        service.server.api().request("HEAD", "/session", 200, headers={**cookie, **fields})


@pytest.mark.parametrize("fields", FOREIGN, ids=describe)
def test_another_site_cannot_sign_a_person_in(service, organization, fields):
    response = service.server.api().post("/session", {"email": organization.member.email, "password": PASSWORD}, 403,
                                         headers=fields)
    assert response.json()["code"] == "cross_site" and "Set-Cookie" not in response.headers


def test_a_script_without_origin_can_sign_in(service, organization):
    service.server.api().post("/session", {"email": organization.member.email, "password": PASSWORD}, 201)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_what_a_form_can_send_is_refused(service, organization, cookie, content_type):
    """Sign-in included."""
    api = service.server.api()
    body = b'{"name":"CI","expiresInDays":7}'
    api.post("/api-keys", None, 415, headers={**cookie, **SAME, "Content-Type": content_type}, data=body)
    sign_in = f'{{"email":"{organization.member.email}","password":"{PASSWORD}"}}'
    response = api.post("/session", None, 415, headers={"Content-Type": content_type}, data=sign_in)
    assert "Set-Cookie" not in response.headers


def test_no_answer_invites_other_sites(service, organization):
    """No CORS: neither to a simple request nor to a preflight."""
    api = Api(service.server.base, checked=False)
    for method in ("GET", "OPTIONS"):
        response = api.request(method, "/session", headers={
            "Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
        assert not [name for name in response.headers if name.lower().startswith("access-control-")]


# --- a public URL that is not what browsers use ---

def mismatches(service):
    return [line for line in service.server.log().splitlines() if "TESTKASE_PUBLIC_URL" in line]


@pytest.fixture
def misnamed(database, start_service):
    return start_service(database, TESTKASE_PUBLIC_URL="https://pat.example.test")


def test_a_wrong_public_url_is_told(misnamed):
    """In the refusal, and once a minute in the log."""
    body = {"email": "ann@example.test", "password": PASSWORD}
    for _ in range(3):
        answer = misnamed.server.api().post("/session", body, 403, headers={"Origin": "http://pat.example.test:8080"})
        assert answer.json()["code"] == "cross_site"
        for word in ("http://pat.example.test:8080", "https://pat.example.test;", "TESTKASE_PUBLIC_URL"):
            assert word in answer.json()["detail"]
    line, = until(lambda: mismatches(misnamed), 10, "the server warns")
    assert "level=warning" in line and "origin=http://pat.example.test:8080" in line
    assert "public_url=https://pat.example.test " in line


def test_a_wrong_public_url_is_told_when_the_browser_vouches(misnamed):
    person = misnamed.organization().member
    for _ in range(2):
        misnamed.server.api().post("/session", {"email": person.email, "password": PASSWORD}, 201,
                                   headers={**SAME, "Origin": "https://other.example.test"})
    line, = until(lambda: mismatches(misnamed), 10, "the server warns")
    assert "origin=https://other.example.test" in line


@pytest.mark.parametrize("fields", [
    SAME, {**SAME, "Origin": "https://pat.example.test"}, {"Origin": "https://pat.example.test"}, {},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, {"Origin": "null"},
    {"Origin": "https://" + "x" * 200}, {"Origin": "https://a\u00e4b"}, {"Origin": "https://ghp_" + "0a" * 18}], ids=describe)
def test_the_public_url_is_not_blamed_without_a_sign(misnamed, fields):
    fields = {name: value.encode("latin-1") for name, value in fields.items()}
    answer = misnamed.server.api().post("/session", {"email": "ann@example.test", "password": PASSWORD}, headers=fields)
    assert answer.status_code in (401, 403) and "TESTKASE_PUBLIC_URL" not in answer.text
    assert not mismatches(misnamed)
