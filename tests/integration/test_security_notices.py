"""Notices about the security of tokens and accounts: reported leaks, calls after the end of a token, networks and sign-ins that
are new. And events that only programs are told of."""

import json
import re

import pytest

from support import token as tokens
from support.deadline import until
from support.mail_server import MailServer, parts
from support.metrics import metrics, value
from support.token import make


@pytest.fixture
def mail_server():
    made = MailServer()
    yield made
    made.close()


@pytest.fixture
def start_worker(service, start, worker_path, mail_server):
    """start_worker() starts one that sends to mail_server, and waits until it is ready."""
    def begin():
        program = start(worker_path, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker"),
                                      "TESTKASE_SMTP_URL": mail_server.url, "TESTKASE_MAIL_FROM": "testkase@example.test",
                                      "TESTKASE_PUBLIC_URL": "https://testkase.example.test"})
        program.wait_ready()
        return program
    return begin


@pytest.fixture
def quiet(service):
    """No mail of an earlier test is open."""
    service.database.query("delete from testkase.notices")
    service.database.query("update testkase.outbox set routed_at = now() where routed_at is null")
    service.database.query("update testkase.mails set state = 'parked', ended_at = now() where state = 'queued'")


def readers(mails):
    return sorted(mail["To"].addresses[0].addr_spec for mail in mails)


def wait_for(mail_server, person, count):
    """The person's mails about security, once there are that many. Calls of an earlier test may be written
    late, and told to others."""
    def mails():
        return [mail for mail in list(mail_server.accepted) if readers([mail]) == [person.email] and not mail["List-Unsubscribe"]]
    until(lambda: len(mails()) >= count, 20, f"{count} mails")
    return mails()


def events(service, topic, **about):
    """The payloads of that topic whose members are `about`, in order."""
    return [row[0] for row in service.database.query(
        "select payload from testkase.outbox where topic = %s and payload @> %s order by sequence", (topic, json.dumps(about)))]


def flushed(service, token_id, calls):
    """Waits until the servers have written that many calls with the token."""
    until(lambda: service.database.value("select coalesce(sum(calls), 0) from testkase.api_token_usage where token_id = %s",
                                         (token_id,)) == calls, 20, f"{calls} calls are written")


def report(service, token, expect=202, **options):
    return service.server.api(**options).post("/api-keys/report-leak", {"token": token}, expect)


def reason(service, token_id):
    return service.database.value("select ended_reason from testkase.api_tokens where id = %s", (token_id,))


# --- a leak is reported ---


def test_a_reported_token_is_revoked_at_once_and_its_owner_told(service, organization, quiet, mail_server, start_worker):
    start_worker()
    other = service.start_server()
    token_id, token = service.mint(organization.member, "GitHub Actions")
    made = service.database.query("""insert into testkase.api_tokens (user_id, lookup_id, secret_hash, preview, name,
                                                                     expires_in_days, created_by, created_by_token)
                                     select user_id, %s, secret_hash, %s, 'Child', 30, user_id, id from testkase.api_tokens
                                     where id = %s returning id""",
                                  (tokens.lookup(child := make()), tokens.preview(child), token_id))
    for server in (service.server, other):
        server.bearer(token).get("/session", 200)
    answer = report(service, f" curl -H 'Authorization: Bearer {token}' http://127.0.0.1/\n")
    assert answer.content == b""
    for server in (service.server, other):
        server.bearer(token).get("/session", 401)
    assert reason(service, token_id) == "leaked" and reason(service, made[0][0]) is None
    mail, = wait_for(mail_server, organization.member, 1)
    assert mail["Subject"] == "GitHub Actions has leaked and is revoked" and mail["List-Unsubscribe"] is None
    for body in parts(mail):
        assert tokens.preview(token) in body and f"/settings/api-keys/{token_id}" in body
        assert "A token that it made is still valid" in body
    assert token not in str(mail) and token[15:55] not in service.server.tail() + other.tail()
    assert service.database.query("""select actor_kind, detail from testkase.audit_events
                                     where action = 'api_key.revoked' and target_id = %s""", (token_id,)) == [
        ("system", {"name": "GitHub Actions", "ownerId": organization.member.id, "reason": "leaked"})]
    for _ in range(2):
        report(service, token)
    assert len(events(service, "api_key.leaked", apiKeyId=token_id)) == 1, "once"


def test_a_token_that_no_server_knows_is_proven_by_its_secret(service, organization):
    token_id, token = service.mint(organization.member)
    forged = token[:15] + make()[15:55]
    before = value(metrics(service.server.base), "argon2_duration_seconds_count")
    answers = [report(service, text) for text in (
        make(), "tk_pat_", "no token", forged + tokens.checksum(forged), token[:-1] + ("a" if token[-1] != "a" else "b"))]
    assert {(answer.status_code, answer.content, tuple(sorted(set(answer.headers) - {"Date", "X-Request-Id"})))
            for answer in answers} == {(202, b"", tuple(sorted(set(answers[0].headers) - {"Date", "X-Request-Id"})))}
    assert value(metrics(service.server.base), "argon2_duration_seconds_count") == before + 1, "only for our look-up id"
    assert reason(service, token_id) is None
    report(service, token)
    assert reason(service, token_id) == "leaked"


def test_what_has_ended_stays_as_it_is(service, organization):
    expired, revoked = service.mint(organization.member), service.mint(organization.member)
    service.database.age_token(expired[0], days=31)
    service.sign_in(organization.member).delete(f"/api-keys/{revoked[0]}", 204)
    before = value(metrics(service.server.base), "argon2_duration_seconds_count")
    for _, token in (expired, revoked):
        report(service, token)
    assert value(metrics(service.server.base), "argon2_duration_seconds_count") == before
    assert reason(service, expired[0]) is None and reason(service, revoked[0]) == "revoked"
    for token_id in (expired[0], revoked[0]):
        assert events(service, "api_key.leaked", apiKeyId=token_id) == []


@pytest.mark.parametrize("body", [{}, {"token": 7}, {"token": "tk_pat_", "more": 1}, []])
def test_a_report_that_is_none(service, body):
    service.server.api().post("/api-keys/report-leak", body, 422)


def test_reports_are_limited_by_address_and_cost_tokens_nothing(service, organization):
    flooder, secret = service.server.api(), service.mint(organization.member)[1]
    answers = [flooder.post("/api-keys/report-leak", {"token": make()}) for _ in range(60)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 15 <= len(refused) <= 30 and all(1 <= int(answer.headers["Retry-After"]) <= 60 for answer in refused)
    flooder.session.headers["Authorization"] = f"Bearer {secret}"
    flooder.get("/session", 200)
    report(service, make())


def test_a_leaked_token_of_a_service_account_is_told_to_its_custodians(service, organization, quiet, mail_server, start_worker):
    start_worker()
    admin = service.sign_in(organization.admin)
    account = {"email": f"ci-{organization.id}@example.test", "name": "CI", "kind": "service"}
    robot = admin.post("/users", account, 201).json()["id"]
    admin.put(f"/users/{robot}/custodians/{organization.member.id}", expect=200)
    report(service, service.mint(type("Person", (), {"id": robot}), "Nightly")[1])
    mail, = wait_for(mail_server, organization.member, 1)
    assert " of CI." in parts(mail)[0]


# --- a token that is presented after its end ---

HOSTILE = "evil%0d%0aBcc:/1 (<img src=x onerror=alert(1)>)"


def test_a_dead_token_that_is_still_presented(service, organization, quiet, mail_server, start_worker):
    start_worker()
    expired, revoked, forged = (service.mint(organization.member, name) for name in ("Expired", "Revoked", "Forged"))
    client = service.server.bearer(revoked[1])
    client.get("/session", 200)
    flushed(service, revoked[0], 1)
    service.sign_in(organization.member).delete(f"/api-keys/{revoked[0]}", 204)
    for token_id in (expired[0], forged[0]):
        service.database.age_token(token_id, days=31)
    wrong = forged[1][:15] + make()[15:55]
    dead = service.server.bearer(expired[1])
    for number in range(1, 4):
        dead.get("/session", 401, headers={"User-Agent": HOSTILE})
        client.get("/session", 401)
        service.server.bearer(wrong + tokens.checksum(wrong)).get("/session", 401)
        flushed(service, expired[0], number)
        flushed(service, revoked[0], 1 + number)
    until(lambda: sum(parts(mail)[0].count("\n* ") for mail in wait_for(mail_server, organization.member, 1)) == 2, 20, "both")
    mails = wait_for(mail_server, organization.member, 1)
    text = "".join(parts(mail)[0] for mail in mails).replace("\n  ", " ")
    assert "* Expired is still presented, but has expired" in text and "* Revoked is still presented, but was revoked" in text
    assert all(f" from {client.source}, and refused." in text for client in (dead, client))
    for mail in mails:
        assert "<img" not in parts(mail)[1] and "Bcc" not in mail
    for token_id, count in ((expired[0], 1), (revoked[0], 1), (forged[0], 0)):
        told = events(service, "api_key.presented_after_end", apiKeyId=token_id)
        assert len(told) == count, "once a day, and only once the secret is proven"
    # The next day, and five times in all.
    for told in range(2, 8):
        service.database.query("update testkase.api_token_alerts set told_at = told_at - interval '25 hours' where token_id = %s",
                               (expired[0],))
        dead.get("/session", 401)
        flushed(service, expired[0], 2 + told)
        assert len(events(service, "api_key.presented_after_end", apiKeyId=expired[0])) == min(told, 5)


def test_a_flood_of_a_dead_token_is_one_notice(service, organization):
    token_id, token = service.mint(organization.member)
    service.database.age_token(token_id, days=31)
    servers = [service.server, service.start_server()]
    clients = [server.bearer(token) for server in servers]
    for _ in range(100):
        for client in clients:
            client.get("/session", 401)
    flushed(service, token_id, 200)
    assert len(events(service, "api_key.presented_after_end", apiKeyId=token_id)) == 1
    assert service.database.value("select told from testkase.api_token_alerts where token_id = %s", (token_id,)) == 1


# --- networks ---


def test_a_token_that_is_used_from_a_new_network(service, organization, quiet, mail_server, start_worker):
    start_worker()
    server = service.start_server(TESTKASE_THREADS="1")  # which writes one batch after the other
    token_id, token = service.mint(organization.member, "Pipeline")
    for calls, source in enumerate(("127.150.1.1", "127.150.1.99"), 1):
        server.bearer(token, source=source).get("/session", 200)
        flushed(service, token_id, calls)
    assert events(service, "api_key.new_network", apiKeyId=token_id) == [], "neither the first network nor the same one"
    for calls in (3, 4):
        server.bearer(token, source="127.150.2.1").get("/session", 200, headers={"User-Agent": "curl/8.1"})
        flushed(service, token_id, calls)
    mail, = wait_for(mail_server, organization.member, 1)
    assert mail["Subject"] == "Pipeline was used from a new network"
    assert re.search(r"on \d+ \w+ \d+ at \S+ UTC by curl/8\.1 from 127\.150\.2\.1\.", parts(mail)[0].replace("\n  ", " "))
    assert "(127.150.2.0/24)" in parts(mail)[0]
    # Three in a day, and fifty that are remembered.
    for number in range(3, 60):
        server.bearer(token, source=f"127.150.{number}.1").get("/session", 200)
    flushed(service, token_id, 61)
    assert len(events(service, "api_key.new_network", apiKeyId=token_id)) == 2, "of the first three networks of a day"
    assert service.database.value("select count(*) from testkase.api_token_networks where token_id = %s", (token_id,)) == 50
    server.bearer(token, source="127.151.1.1").delete("/api-keys/current", 204)


def test_a_refused_call_is_no_use(service, organization):
    token_id, token = service.mint(organization.member)
    service.server.bearer(token, source="127.150.1.1").get("/session", 200)
    flushed(service, token_id, 1)
    service.database.age_token(token_id, days=31)
    service.server.bearer(token, source="127.150.9.1").get("/session", 401)
    flushed(service, token_id, 2)
    assert events(service, "api_key.new_network", apiKeyId=token_id) == []


def test_a_sign_in_from_a_new_network(service, organization, quiet, mail_server, start_worker):
    start_worker()
    for source in ("127.160.1.1", "127.160.1.7"):
        service.sign_in(organization.member, source=source)
    service.server.api(source="127.160.3.1").post(
        "/session", {"email": organization.member.email, "password": "wrong wrong"}, 401)
    for _ in range(2):
        service.server.api(source="127.160.2.1").post(
            "/session", {"email": organization.member.email, "password": organization.member.password}, 201,
            headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"})
    mail, = wait_for(mail_server, organization.member, 1)
    assert mail["Subject"] == "A sign-in from a new network"
    text = parts(mail)[0].replace("\n  ", " ")
    assert "Firefox" in text and "from 127.160.2.1." in text and "https://testkase.example.test/account" in text
    assert len(events(service, "user.signed_in", userId=organization.member.id)) == 1
    # The latest fifty are remembered.
    service.database.query("""insert into testkase.user_networks (user_id, network, seen_at)
                              select %s, ('10.0.' || n || '.0/24')::cidr, now() - n * interval '1 day'
                              from generate_series(1, 60) n""", (organization.member.id,))
    service.sign_in(organization.member, source="127.160.2.2")
    assert service.database.query("""select count(*), count(*) filter (where network <<= '127.160.0.0/16')
                                     from testkase.user_networks where user_id = %s""", (organization.member.id,)) == [(49, 2)]


def test_two_kinds_of_news_of_one_token_are_both_told(service, organization, quiet, mail_server, start_worker):
    token_id, token = service.mint(organization.member, "Pipeline")
    for calls, source in enumerate(("127.150.1.1", "127.150.2.1"), 1):
        service.server.bearer(token, source=source).get("/session", 200)
        flushed(service, token_id, calls)
    report(service, token)
    start_worker()
    mail, = wait_for(mail_server, organization.member, 1)
    assert mail["Subject"] == "2 changes to your account and tokens"
    assert "* Pipeline has leaked and is revoked" in parts(mail)[0] and "* Pipeline was used from a new network" in parts(mail)[0]


# --- for programs ---


def test_a_token_over_its_limit_is_one_event_an_hour(service, organization):
    token_id, token = service.mint(organization.member, "Busy")
    service.database.query("update testkase.api_tokens set rate_limit = 1 where id = %s", (token_id,))
    client = service.server.bearer(token)
    assert 429 in {client.get("/session").status_code for _ in range(20)}
    flushed(service, token_id, 20)
    for _ in range(10):
        client.get("/session")
    flushed(service, token_id, 30)
    event, = events(service, "api_key.rate_limited", apiKeyId=token_id)
    assert event["name"] == "Busy" and "at" in event
    service.database.query("update testkase.api_token_alerts set told_at = told_at - interval '61 minutes' where token_id = %s",
                           (token_id,))
    client.get("/session", 429)
    flushed(service, token_id, 31)
    assert len(events(service, "api_key.rate_limited", apiKeyId=token_id)) == 2


def test_an_upload_and_the_completion_of_a_cycle_are_events(service, organization):
    service.add_cases(organization.id, 2)
    member = service.bearer(organization.member)

    def upload(*results, cycle="TCYCLE-1", **more):
        return member.post("/automation/results", {"orgId": organization.id, "projectId": "PRJ-1", "cycleId": cycle, "results": [
            {"automationId": number, "status": status} for number, status in results], **more}, 200)

    mine = {"projectId": "PRJ-1", "cycleId": "TCYCLE-1"}

    def told(topic):
        return [row[0] for row in service.database.query(
            """select payload from testkase.outbox where organization_id = %s and topic = %s and payload @> %s
               order by sequence""", (organization.id, topic, json.dumps(mine)))]

    upload((10001, "pass"), (99999, "fail"), (10001, "fail"))
    received, = told("automation.results_received")
    assert {name: number for name, number in received.items() if name != "runId"} == {
        **mine, "received": 3, "matched": 1, "unmatched": 1, "duplicates": 1, "pass": 0, "fail": 1, "blocked": 0, "skipped": 0}
    assert told("test_cycle.completed") == [], "a case has no result yet"
    upload((10002, "pass"))
    upload((10001, "pass"), (10002, "pass"))
    completed, = told("test_cycle.completed")
    assert completed["counts"] == {"total": 2, "notExecuted": 0, "pass": 1, "fail": 1, "blocked": 0, "skipped": 0}
    service.add_cases(organization.id, 1)
    upload((10003, "skipped"))
    assert len(told("test_cycle.completed")) == 2, "a new case was missing"
    assert len(told("automation.results_received")) == 4


# --- for admins ---


def refuse_mails(service, person, count=2, status=550):
    service.database.query("""insert into testkase.mails (organization_id, user_id, kind, subject, state, status, created_at,
                                                          ended_at)
                              select %s, %s, 'reminder', 'Refused', 'parked', %s, now() - interval '2 days',
                                     now() - interval '2 days'
                              from generate_series(1, %s)""", (person.organization_id, person.id, status, count))


@pytest.mark.parametrize("count, status, is_told", [(2, 550, True), (1, 550, False), (2, 451, False)])
def test_admins_get_the_reminders_of_people_whose_mails_are_refused(service, organization, quiet, mail_server, start_worker,
                                                                    count, status, is_told):
    mail_server.unknown = {organization.member.email}
    refuse_mails(service, organization.member, count, status)
    token_id = service.mint(organization.member, "Nightly", 90)[0]
    service.database.age_token(token_id, days=81)
    marker = service.mint(organization.guest, "Marker", 90)[0]
    service.database.age_token(marker, days=81)
    start_worker()
    until(lambda: organization.guest.email in readers(mail_server.accepted), 20, "the worker has come so far")
    until(lambda: service.database.value("""select count(*) from testkase.mails
                                            where user_id = %s and state = 'parked' and status = 550 and subject <> 'Refused'""",
                                         (organization.member.id,)) == 1, 20, "it was tried with the person, too")
    admins = {organization.owner.email, organization.admin.email}
    if is_told:
        until(lambda: admins <= set(readers(mail_server.accepted)), 20, "the admins have mail")
        mail = next(mail for mail in mail_server.accepted if readers([mail]) == [organization.admin.email])
        assert mail["Subject"] == "Nightly is due for rotation" and f" of {organization.member.name}." in parts(mail)[0]
    assert (admins & set(readers(mail_server.accepted)) == admins) == is_told
    assert bool(admins & set(readers(mail_server.accepted))) == is_told


def test_what_concerns_the_person_alone_is_told_to_no_admin(service, organization, quiet, mail_server, start_worker):
    refuse_mails(service, organization.member)
    for source in ("127.160.1.1", "127.160.2.1"):
        service.sign_in(organization.member, source=source)
    start_worker()
    assert wait_for(mail_server, organization.member, 1)[0]["Subject"] == "A sign-in from a new network"
    until(lambda: service.database.value("select count(*) from testkase.notices") == 0, 20, "nothing is left to tell")
    assert readers(mail_server.accepted) == [organization.member.email]


def test_the_weekly_digest(service, organization, quiet, mail_server, start_worker):
    admin, member = service.sign_in(organization.admin), service.sign_in(organization.member)
    assert admin.get("/account/mail", 200).json() == {"reminders": True, "weeklyDigest": False}
    assert "owner and admins" in member.patch("/account/mail", {"weeklyDigest": True}, 403).json()["detail"]
    assert admin.patch("/account/mail", {"weeklyDigest": True}, 200).json() == {"reminders": True, "weeklyDigest": True}
    hostile = "<img src=x onerror=alert(1)>"
    for name, age in (("Due", 81), (hostile, 85), ("Gone", 91), ("Fresh", 0)):
        token_id = service.mint(organization.member, name, 90)[0]
        service.database.age_token(token_id, days=age)
        if name != "Fresh":
            service.use(token_id)
    for number in range(12):
        service.database.age_token(service.mint(organization.guest, f"Idle {number}", 365)[0], days=8)
    service.mint(service.organization().member, "Of others", 90)
    service.database.query("update testkase.mail_wishes set reminders = false where user_id = %s", (organization.admin.id,))
    workers = [start_worker(), start_worker()]
    until(lambda: service.database.value("select ended_reason from testkase.api_tokens where name = 'Gone' and user_id = %s",
                                         (organization.member.id,)) == "expired", 20, "the workers have worked")
    assert wait_digests(mail_server, 0) == [], "the first one comes next Monday"
    for worker in workers:
        worker.terminate(10)
    service.database.query("update testkase.mail_wishes set digest_week = digest_week - 21 where user_id = %s",
                           (organization.admin.id,))
    workers = [start_worker(), start_worker()]
    mail, = wait_digests(mail_server, 1)
    assert readers([mail]) == [organization.admin.email]
    assert mail["Subject"] == f"The week in the tokens of {organization.name}"
    text, html = parts(mail)
    assert [line for line in text.splitlines() if line.startswith("* ")] == [
        "* 1 token due for rotation", "* 1 token within 7 days of expiry", "* 1 token expired in the last 7 days",
        "* 12 tokens never used", "* 2 accounts with valid tokens"]
    assert "And 2 more." in text and "Fresh of" not in text and "Of others" not in text and hostile in text
    assert "<img" not in html and "because you want the weekly digest" in text
    # Once a week, and stopped by one click, which leaves the reminders as they are.
    service.database.query("update testkase.mail_wishes set reminders = true where user_id = %s", (organization.admin.id,))
    path = mail["List-Unsubscribe"].strip("<>").removeprefix("https://testkase.example.test/api/v1")
    service.server.api().post(path, data="List-Unsubscribe=One-Click", expect=204,
                              headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert admin.get("/account/mail", 200).json() == {"reminders": True, "weeklyDigest": False}
    service.database.query("update testkase.mail_wishes set digest_week = digest_week - 7 where user_id = %s",
                           (organization.admin.id,))
    for worker in workers:
        worker.terminate(10)
    start_worker()
    service.sign_in(organization.owner).post("/api-keys", {"name": "Last", "expiresInDays": 7}, 201)
    until(lambda: organization.owner.email in readers(mail_server.accepted), 20, "the worker has come so far")
    assert len(wait_digests(mail_server, 1)) == 1


def wait_digests(mail_server, count):
    def digests():
        return [mail for mail in list(mail_server.accepted) if mail["Subject"].startswith("The week in the tokens of")]
    until(lambda: len(digests()) >= count, 20, f"{count} digests")
    return digests()
