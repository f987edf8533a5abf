"""Rate limits per token, session and account (draft-ietf-httpapi-ratelimit-headers, RFC 6585)."""

import concurrent.futures
import re
import time

import pytest

from support import token as tokens
from support.deadline import until
from support.http import fresh_address
from support.metrics import metrics, value

pytestmark = pytest.mark.alone


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
    start = time.monotonic()
    allowed, refusal = spend(api)
    assert 5 <= allowed <= 6 + time.monotonic() - start, "the burst, and what came back meanwhile"
    assert refusal.status_code == 429 and refusal.json()["code"] == "rate_limited"
    assert refusal.headers["RateLimit-Policy"] == '"default";q=60;w=60, "burst";q=5;w=5'
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
    statuses = [api.post("/api-keys", {"name": "CI", "expiresInDays": 7}).status_code for _ in range(10)]
    assert statuses.count(429) and statuses.count(201) + statuses.count(429) == 10
    assert limited.database.value("select count(*) from testkase.api_tokens") == before + statuses.count(201)


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
    assert response.headers["RateLimit-Policy"] == '"default";q=6000;w=60, "burst";q=500;w=5'


def test_a_session_is_limited_as_a_token(limited):
    organization = limited.organization()
    api = limited.sign_in(organization.member)
    start = time.monotonic()
    allowed, refusal = spend(api)
    assert 5 <= allowed <= 6 + time.monotonic() - start
    assert refusal.status_code == 429 and refusal.json()["code"] == "rate_limited"
    assert refusal.headers["RateLimit-Policy"].startswith('"default";q=60;w=60, ') and left(refusal) == 0
    wait = int(refusal.headers["Retry-After"])
    # Another session of the person, and another person's, have their own.
    limited.sign_in(organization.member).get("/session", 200)
    limited.sign_in(organization.admin).get("/session", 200)
    until(lambda: api.get("/session").status_code == 200, wait + 3, "allowed again")


def test_an_account_is_limited_to_ten_callers(limited):
    """However many tokens it makes: 5 at once each, 50 together; another account is not concerned."""
    organization = limited.organization()
    callers = [limited.bearer(organization.member) for _ in range(16)]
    start = time.monotonic()
    answers = [api.get("/session") for _ in range(5) for api in callers]
    statuses = [answer.status_code for answer in answers]
    assert 50 <= statuses.count(200) <= 51 + 10 * (time.monotonic() - start)
    refusal = next(answer for answer in answers if answer.status_code == 429)
    assert left(refusal) == 0 and int(refusal.headers["Retry-After"]) >= 1
    limited.bearer(organization.guest).get("/session", 200)
    until(lambda: callers[0].get("/session").status_code == 200, 10, "allowed again")


def test_a_token_with_a_high_limit_does_not_use_up_the_others(limited):
    """Its requests count for less: the limit of an account is that of ten callers, whatever theirs is."""
    organization = limited.organization()
    token_id, token = limited.mint(organization.member)
    limited.database.query("update testkase.api_tokens set rate_limit = 100000 where id = %s", (token_id,))
    api = limited.server.bearer(token)
    for _ in range(200):
        api.get("/session", 200)
    limited.bearer(organization.member).get("/session", 200)


CREATIONS = {
    "tokens": lambda api, number: api.post("/api-keys", {"name": f"CI {number}", "expiresInDays": 7}),
    "accounts": lambda api, number: api.post("/users", {"email": f"new-{number}@example.test", "name": "New"}),
}


@pytest.mark.parametrize("what", CREATIONS)
def test_an_account_has_a_budget_of_creations(database, start_service, what):
    """Half the burst at once and a tenth of the quota a minute, by whatever token or session."""
    service = start_service(database, TESTKASE_RATE_LIMIT="600", TESTKASE_RATE_BURST="40")
    organization = service.organization()
    callers = [service.bearer(organization.admin), service.bearer(organization.admin), service.sign_in(organization.admin)]
    start = time.monotonic()
    answers = [CREATIONS[what](callers[number % 3], number) for number in range(36)]
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {201, 429}
    assert 20 <= statuses.count(201) <= 21 + (time.monotonic() - start)
    assert int(answers[statuses.index(429)].headers["Retry-After"]) >= 1
    made = database.value("""select count(*) from testkase.audit_events
                             where action in ('api_key.created', 'user.created')""")
    assert made == statuses.count(201), "a refused creation makes nothing"
    CREATIONS["tokens"](service.bearer(organization.member), 1000).raise_for_status()


def test_an_account_has_a_budget_of_sign_ins(database, start_service):
    """Which only its owner can use: wrong passwords do not count."""
    service = start_service(database, TESTKASE_RATE_LIMIT="60", TESTKASE_RATE_BURST="10")
    member = service.organization().member

    def sign_in(password):
        api = service.server.api(source=fresh_address())
        return api.post("/session", {"email": member.email, "password": password}).status_code
    assert {sign_in("wrong-harbour-46-lantern") for _ in range(8)} == {401}
    statuses = [sign_in(member.password) for _ in range(10)]
    assert statuses[:5] == [201] * 5 and 429 in statuses and set(statuses) == {201, 429}


def test_each_request_counts_once(service, organization):
    api = service.bearer(organization.member)
    counts = [left(api.get("/session", 200)) for _ in range(10)]
    assert counts == list(range(999999, 999989, -1))
    api.post("/api-keys", {"name": "CI", "expiresInDays": 7}, 201)
    assert left(api.get("/session", 200)) == 999988


def test_what_is_of_no_route_counts_as_well(service, organization):
    token_id, token = service.mint(organization.member)
    api = service.server.bearer(token)
    assert left(api.get("/session", 200)) == 999999
    for number, (method, path, status) in enumerate([
            ("GET", "/nothing", 404), ("PATCH", f"/api-keys/{token_id}", 405), ("PUT", f"/api-keys/{token_id}", 405),
            ("POST", "/nothing", 404), ("DELETE", "/users", 405)]):
        response = api.request(method, path, status)
        assert left(response) == 999998 - number
        assert response.headers["RateLimit-Policy"] == '"default";q=1000000;w=60, "burst";q=100000;w=6'
        assert response.headers["X-Token-Expires-At"]
    assert api.request("DELETE", "/users", 405).headers["Allow"] == "GET, HEAD, POST"


def test_over_the_limit_nothing_is_found_either(limited):
    api = limited.bearer(limited.organization().member)
    spend(api)
    statuses = {api.get("/nothing").status_code for _ in range(10)}
    assert 429 in statuses and statuses <= {404, 429}


def test_a_bad_token_comes_before_a_bad_path(service, organization):
    token_id, token = service.mint(organization.member)
    service.sign_in(organization.member).delete(f"/api-keys/{token_id}", 204)
    for bad in (token, "nonsense"):
        for method, path in (("GET", "/nothing"), ("PATCH", "/api-keys/1")):
            response = service.server.bearer(bad).request(method, path, 401)
            assert response.json()["code"] == "invalid_token" and "Allow" not in response.headers


def test_the_quota_holds_over_a_minute(database, start_service):
    """With a burst as large as the quota, the quota itself is what ends it; it says when there is more."""
    service = start_service(database, TESTKASE_RATE_LIMIT="20", TESTKASE_RATE_BURST="20")
    api = service.bearer(service.organization().member)
    start = time.monotonic()
    allowed, refusal = spend(api)
    assert allowed == 20
    assert 59 - (time.monotonic() - start) <= int(refusal.headers["Retry-After"]) <= 60
    assert refusal.headers["RateLimit"] == f'"default";r=0;t={refusal.headers["Retry-After"]}'


def test_threads_share_the_count(database, start_service):
    """New connections reach any thread."""
    service = start_service(database, TESTKASE_RATE_LIMIT="30", TESTKASE_RATE_BURST="30", TESTKASE_THREADS="4")
    token = service.mint(service.organization().member)[1]
    statuses = [service.server.bearer(token).get("/session").status_code for _ in range(60)]
    assert statuses.count(200) == 30 and statuses.count(429) == 30


# --- guesses ---

def guess(server, lookup, source=None):
    return server.bearer(tokens.make(lookup), source=source).get("/session")


def test_wrong_secrets_of_a_token_are_slowed_per_address(service, organization):
    token = service.mint(organization.member)[1]
    lookup = tokens.lookup(token)
    here, elsewhere = fresh_address(), fresh_address()
    answers = [guess(service.server, lookup, here) for _ in range(14)]
    statuses = [answer.status_code for answer in answers]
    assert statuses[:10] == [401] * 10 and statuses[10:] == [429] * 4
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 10
    assert answers[-1].json()["code"] == "rate_limited"
    assert guess(service.server, lookup, elsewhere).status_code == 401
    # The owner is not locked out: not from elsewhere, and not here once the token has been proven.
    service.server.bearer(token, source=elsewhere).get("/session", 200)
    service.server.bearer(token, source=here).get("/session", 200)


def test_wrong_secrets_of_many_tokens_are_slowed_per_address(service, organization):
    lookups = [tokens.lookup(service.mint(organization.member)[1]) for _ in range(8)]
    here = fresh_address()
    start = time.monotonic()
    statuses = [guess(service.server, lookup, here).status_code for _ in range(9) for lookup in lookups]
    elapsed = time.monotonic() - start
    assert set(statuses) == {401, 429}
    assert 60 <= statuses.count(401) <= 61 + elapsed, "60 at once, and one more a second"


def test_the_same_wrong_token_again_costs_nothing_and_stays_401(service, organization):
    wrong = tokens.make(tokens.lookup(service.mint(organization.member)[1]))
    api = service.server.bearer(wrong, source=fresh_address())
    assert {api.get("/session").status_code for _ in range(100)} == {401}


def proofs(server):
    """How often argon2 was done so far."""
    return value(metrics(server.base), "argon2_duration_seconds_count")


def at_once(count, call):
    """The answers to `count` calls of different threads."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


def test_wrong_secrets_at_once_are_slowed_as_well(service, organization):
    """A client that sends many before the first is checked gets no more of them checked."""
    lookup = tokens.lookup(service.mint(organization.member)[1])
    here = fresh_address()
    before = proofs(service.server)
    answers = at_once(60, lambda _: guess(service.server, lookup, here))
    statuses = [answer.status_code for answer in answers]
    checked = statuses.count(401)
    assert checked in (10, 11) and statuses.count(429) == 60 - checked, "one more each 10 s"
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers if answer.status_code == 429)
    assert proofs(service.server) == before + checked


def test_wrong_tokens_at_once_overdraw_no_budget_for_long(service, organization):
    """What one volley had checked beyond the budget of its address is made up for."""
    lookups = [tokens.lookup(service.mint(organization.member)[1]) for _ in range(100)]
    here = fresh_address()
    answers = at_once(100, lambda number: guess(service.server, lookups[number], here))
    checked = [answer.status_code for answer in answers].count(401)
    assert checked >= 60
    last = guess(service.server, lookups[0], here)
    assert last.status_code == 429
    assert checked - 60 - 20 <= int(last.headers["Retry-After"]) <= 100


def test_one_wrong_token_many_times_at_once_is_one_guess(service, organization):
    wrong = tokens.make(tokens.lookup(service.mint(organization.member)[1]))
    here = fresh_address()
    assert {answer.status_code for answer in
            at_once(80, lambda _: service.server.bearer(wrong, source=here).get("/session"))} == {401}
    # Others behind the same address have their tokens checked.
    service.server.bearer(service.mint(organization.member)[1], source=here).get("/session", 200)


def test_many_tokens_at_once_from_one_address_are_proven(service, organization):
    """As after a restart, behind one gateway."""
    minted = [service.mint(organization.member)[1] for _ in range(20)]
    here = fresh_address()
    assert {answer.status_code for answer in at_once(
        100, lambda number: service.server.bearer(minted[number % 20], source=here).get("/session"))} == {200}
    assert guess(service.server, tokens.lookup(minted[0]), here).status_code == 401


def test_unknown_tokens_stay_401(service):
    source = fresh_address()
    assert {guess(service.server, None, source).status_code for _ in range(100)} == {401}
