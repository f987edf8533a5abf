"""POST /auth/introspect (RFC 7662): what another service may know of a token that it was shown."""

import concurrent.futures
import datetime

import pytest

from support import token as tokens
from support.deadline import until
from support.http import field_errors
from support.metrics import metrics, value

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
INACTIVE = {"active": False}


def introspect(api, token, expect=200):
    return api.request("POST", "/auth/introspect", expect, data={"token": token, "token_type_hint": "access_token"})


@pytest.fixture
def asker(service, organization):
    """A service account, as other services are."""
    return service.bearer(service.person(organization.id, kind="service"))


def seconds(time):
    return int(datetime.datetime.fromisoformat(time).timestamp())


def test_a_live_token_is_told(service, organization, asker):
    member = service.sign_in(organization.member)
    made = member.post("/api-keys", {"name": "GitHub Actions", "expiresInDays": 90}, 201).json()
    told = {"active": True, "sub": str(organization.member.id), "username": organization.member.email, "token_type": "Bearer",
            "exp": seconds(made["expiresAt"]), "iat": seconds(made["createdAt"]), "apiKeyId": made["id"],
            "name": "GitHub Actions", "kind": "person", "orgRole": "member", "organizationId": organization.id}
    for _ in range(2):  # proven by argon2, and remembered
        answer = introspect(asker, made["token"])
        assert answer.json() == told and answer.headers["Cache-Control"] == "no-store"
    assert introspect(service.sign_in(organization.admin), made["token"]).json() == told
    assert introspect(service.bearer(organization.owner), made["token"]).json() == told
    assert member.get(f"/api-keys/{made['id']}", 200).json()["lastUsedAt"] is None, "to be asked about is no use"


def test_who_may_not_ask(service, organization):
    token = service.mint(organization.member)[1]
    introspect(service.bearer(organization.member), token, 403)
    introspect(service.server.bearer(tokens.make()), token, 401)
    introspect(service.server.api(), token, 401)
    elsewhere = {"Sec-Fetch-Site": "cross-site", **FORM}
    service.sign_in(organization.admin).request("POST", "/auth/introspect", 403, data=f"token={token}", headers=elsewhere)


def test_why_a_token_is_not_active_is_not_told(service, organization, asker):
    foreign = service.organization()
    wrong = service.mint(organization.member)[1]
    shown = [tokens.make(), "nonsense", "x" * 9000, "tk_pat_", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "é" * 40,
             service.mint(foreign.member)[1], tokens.make(tokens.lookup(wrong))]
    for token in shown:
        assert introspect(asker, token).json() == INACTIVE, token
    assert introspect(asker, wrong).json()["active"], "a wrong secret harms nobody"


def test_the_end_of_a_token_is_told_by_the_next_answer(service, organization, asker):
    ended, expired, left = ((number, token) for number, token in (service.mint(organization.member) for _ in range(3)))
    for _, token in (ended, expired, left):
        assert introspect(asker, token).json()["active"]
    service.bearer(organization.member).delete(f"/api-keys/{ended[0]}", 204)
    service.database.age_token(expired[0], days=400)
    assert introspect(asker, ended[1]).json() == introspect(asker, expired[1]).json() == INACTIVE
    service.sign_in(organization.admin).patch(f"/users/{organization.member.id}", {"status": "deactivated"}, 200)
    assert introspect(asker, left[1]).json() == INACTIVE


def test_a_token_that_ends_while_it_is_proven(service, organization, asker):
    """No answer that was asked for after the deletion says that the token is active."""
    for _ in range(5):
        number, token = service.mint(organization.member)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            early = pool.submit(introspect, asker, token)
            service.bearer(organization.member).delete(f"/api-keys/{number}", 204)
            assert introspect(asker, token).json() == INACTIVE
            early.result()


@pytest.mark.parametrize("body, field", [
    ("", None), ("token=", "token"), ("tokens=x", "token"), ("token=a&token=b", "token"), ("token=%zz", "token"),
    ("token=%00", "token")])
def test_a_wrong_form_is_refused(asker, body, field):
    answer = asker.request("POST", "/auth/introspect", 422 if field else 400, data=body, headers=FORM)
    assert not field or set(field_errors(answer)) == {field}


def test_another_body_is_refused(asker):
    asker.post("/auth/introspect", {"token": "x"}, 415)
    asker.request("POST", "/auth/introspect", 413, data="token=" + "x" * 20000, headers=FORM)
    asker.request("GET", "/auth/introspect", 405)


def test_wrong_secrets_are_slowed_down(service, organization, asker):
    token = service.mint(organization.member)[1]
    answers = [asker.request("POST", "/auth/introspect", None, data={"token": tokens.make(tokens.lookup(token))})
               for _ in range(14)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused and all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    assert {answer.status_code for answer in answers} == {200, 429}


def test_one_client_locks_nobody_out(service, organization, asker):
    """Who shows wrong tokens to a service is not known here, so the wrong ones of many tokens slow down no other token."""
    for _ in range(100):
        wrong = tokens.make(tokens.lookup(service.mint(organization.guest)[1]))
        assert introspect(asker, wrong).json() == INACTIVE
    token = service.mint(organization.member)[1]
    assert introspect(asker, token).json()["active"]
    service.server.bearer(service.mint(organization.member)[1]).get("/session", 200)


def test_many_ask_about_one_token_at_once(service, organization, asker):
    """As after a restart of the server, when no token is known to be right: they are one guess."""
    token = service.mint(organization.member, cost=(65536, 3))[1]
    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        asked = [pool.submit(introspect, asker, token) for _ in range(30)]
    assert all(answer.result().json()["active"] for answer in asked)


def begun(service):
    """How many secrets of tokens argon2 has begun with."""
    return value(metrics(service.server.base), 'argon2_wait_seconds_count{share="tokens"}')


@pytest.mark.alone  # argon2 must still be at work when the caller's token ends
def test_a_caller_that_ends_meanwhile_learns_nothing(service, organization):
    number, token = service.mint(service.person(organization.id, kind="service"))
    asker, other = service.server.bearer(token), service.server.bearer(token)
    asked = service.mint(organization.member, cost=(262144, 3))[1]
    other.get("/session", 200)
    before = begun(service)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(introspect, asker, asked, None)
        until(lambda: begun(service) > before, 10, "argon2 works on the token that is asked about")
        other.delete(f"/api-keys/{number}", 204)
    assert answer.result().status_code == 401
