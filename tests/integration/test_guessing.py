"""Guessing is slowed without locking others out, and leaves a trace."""

import re

import pytest

from support import token as tokens
from support.deadline import until
from support.http import fresh_address
from support.metrics import metrics, value
from support.postgres import ROOT
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


# --- the trace that failed sign-ins leave ---

# As docs/OPERATING.md tells fail2ban, which knows the expression of <HOST>.
FAILREGEX = re.search(r"(?m)^failregex = (.*)$", (ROOT / "docs" / "OPERATING.md").read_text()).group(1)
FAILED = re.compile(FAILREGEX.replace("<HOST>", r"(\S+)") + r" reason=(\w+) failures=(\d+)")


def failures(service):
    return [match.groups() for match in map(FAILED.search, service.server.lines()) if match]


def refused_events(service, person):
    return service.database.query("""select actor_kind, target_kind, host(address), detail, request_id
                                     from testkase.audit_events
                                     where action = 'session.refused' and target_id = %s order by id""", (person.id,))


def test_a_failed_sign_in_is_audited(service, organization):
    api = service.server.api()
    answer = api.post("/session", {"email": organization.member.email.upper(), "password": "wrong-guess-1"}, 401)
    event, = until(lambda: refused_events(service, organization.member), 10, "the event is written")
    assert event == ("system", "user", api.source, {"reason": "wrong_password"}, answer.headers["X-Request-Id"])
    api.post("/session", {"email": organization.member.email, "password": PASSWORD}, 201)
    assert len(refused_events(service, organization.member)) == 1


@pytest.mark.parametrize("change,reason", [("status = 'deactivated'", "deactivated"), ("password_hash = null", "no_password")])
def test_so_is_that_of_an_account_without_sign_in(service, organization, change, reason):
    service.database.query(f"update testkase.users set {change} where id = %s", (organization.member.id,))
    service.server.api().post("/session", {"email": organization.member.email, "password": PASSWORD}, 401)
    event, = until(lambda: refused_events(service, organization.member), 10, "the event is written")
    assert event[3] == {"reason": reason}


def test_the_events_of_an_account_are_bounded(database, start_service):
    """However many addresses guess. The next account's event is written after theirs, on the same connection."""
    service = start_service(database, TESTKASE_THREADS="1")
    organization = service.organization()

    def guess(person):
        service.server.api().post("/session", {"email": person.email, "password": "wrong-guess-1"}, 401)
    for _ in range(25):
        guess(organization.member)
    guess(organization.admin)
    until(lambda: refused_events(service, organization.admin), 10, "the event is written")
    assert len(refused_events(service, organization.member)) == 10
    database.query("""alter table testkase.audit_events disable trigger user;
                      update testkase.audit_events set occurred_at = occurred_at - interval '61 minutes'""")
    guess(organization.member)
    until(lambda: len(refused_events(service, organization.member)) == 11, 10, "an hour later there is room")


def test_a_stranger_leaves_no_event(service, organization):
    before = service.database.value("select count(*) from testkase.audit_events where action = 'session.refused'")
    for email in ("nobody@example.test", "x", "a@b' or true --"):
        service.server.api().post("/session", {"email": email, "password": "wrong-guess-1"}, 401)
    service.server.api().post("/session", {"email": organization.owner.email, "password": "wrong-guess-1"}, 401)
    until(lambda: refused_events(service, organization.owner), 10, "the event of a known account is written")
    assert service.database.value("select count(*) from testkase.audit_events where action = 'session.refused'") == before + 1


def test_one_log_line_a_minute_for_each_address(service, organization):
    api, other = service.server.api(), service.server.api()
    for _ in range(8):
        api.post("/session", {"email": organization.member.email, "password": "wrong-guess-1"})
    other.post("/session", {"email": "Swordfish-typed-here", "password": "wrong-guess-1"}, 401)
    until(lambda: other.source in [line[0] for line in failures(service)], 10, "the line is read")
    assert [line for line in failures(service) if line[0] == api.source] == [(api.source, "wrong_password", "1")]
    assert [line for line in failures(service) if line[0] == other.source] == [(other.source, "unknown_account", "1")]
    assert organization.member.email not in service.server.log() and "Swordfish" not in service.server.log()


def test_a_sign_in_that_works_is_not_logged(service, organization):
    api = service.server.api()
    api.post("/session", {"email": organization.member.email, "password": PASSWORD}, 201)
    api.post("/session", {"email": organization.member.email}, 422)
    other = service.server.api()
    other.post("/session", {"email": "nobody@example.test", "password": "wrong-guess-1"}, 401)
    until(lambda: other.source in [line[0] for line in failures(service)], 10, "a later line is read")
    assert api.source not in [line[0] for line in failures(service)]


def test_failures_are_counted_by_reason(service, organization):
    def counts():
        text = metrics(service.server.base)
        return {reason: value(text, f'sign_ins_failed_total{{reason="{reason}"}}')
                for reason in ("wrong_password", "unknown_account", "malformed", "throttled")}
    before, api = counts(), service.server.api()
    for _ in range(7):
        api.post("/session", {"email": organization.member.email, "password": "wrong-guess-1"})
    for email in ("nobody@example.test", "nobody2@example.test", "n" * 255, tokens.make()):
        api.post("/session", {"email": email, "password": "wrong-guess-1"}, 401)
    after = counts()
    assert {reason: after[reason] - before[reason] for reason in after} == {
        "wrong_password": 5, "unknown_account": 2, "malformed": 2, "throttled": 2}
