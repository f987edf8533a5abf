"""Guessing is slowed without locking others out, and leaves a trace."""

import pytest

from support.deadline import until
from support.http import fresh_address
from support.service import PASSWORD


def lines(service, message):
    return [line for line in service.server.log().splitlines() if f'msg="{message}' in line]


# --- one client and everybody else behind its address ---

def spend_address(api):
    """Spends the budget of the client's address, and nothing else: 20 guesses at five accounts."""
    for number in range(5):
        for _ in range(4):
            api.post("/session", {"email": f"spent-{number}@example.test", "password": "wrong-guess-1"}, 401)
    api.post("/session", {"email": "spent-0@example.test", "password": "wrong-guess-1"}, 429)


def test_one_client_does_not_lock_out_its_address(service, organization):
    api = service.server.api()
    spend_address(api)
    for person in (organization.member, organization.admin, organization.owner):
        api.post("/session", {"email": person.email, "password": PASSWORD}, 201)
    refused = api.post("/session", {"email": "spent-1@example.test", "password": "wrong-guess-1"}, 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_the_reserve_is_small_and_for_first_tries(service, organization):
    api = service.server.api()
    spend_address(api)
    member = {"email": organization.member.email, "password": "wrong-guess-1"}
    assert [api.post("/session", member).status_code for _ in range(3)] == [401, 429, 429]
    statuses = [api.post("/session", {"email": f"fresh-{number}@example.test", "password": "wrong-guess-1"}).status_code
                for number in range(30)]
    assert statuses == [401] * 9 + [429] * 21


UNTRUSTED = "a peer that is not trusted"


@pytest.mark.parametrize("field", ["X-Forwarded-For", "Forwarded"])
def test_a_proxy_that_is_not_trusted_is_named(database, start_service, field):
    service = start_service(database, TESTKASE_TRUSTED_PROXIES="192.0.2.0/24")
    api = service.server.api()
    api.get("/session", 401)
    assert not lines(service, UNTRUSTED)
    for _ in range(5):
        api.get("/session", 401, headers={field: "for=203.0.113.9"})
        service.server.api().get("/session", 401, headers={field: "203.0.113.9"})
    line, = until(lambda: lines(service, UNTRUSTED), 10, "the server warns")
    assert "level=warning" in line and f"peer={api.source}" in line and "TESTKASE_TRUSTED_PROXIES" in line
    assert "203.0.113.9" not in line


def test_a_trusted_proxy_is_not_warned_of(database, start_service):
    address = fresh_address()
    service = start_service(database, TESTKASE_TRUSTED_PROXIES=f"{address}/32")
    service.server.api(source=address).get("/session", 401, headers={"X-Forwarded-For": "203.0.113.9"})
    assert not lines(service, UNTRUSTED)
