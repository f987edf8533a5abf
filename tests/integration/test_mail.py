"""Mails to people, by a real SMTP server."""

import re
import signal
import socket
import threading
import time
from email.header import decode_header, make_header

import pytest

from support.deadline import until
from support.mail_server import MailServer, parts
from support.service import PASSWORD
from support.compose import free_port
from support.tls import Authority

FROM = "testkase@example.test"

# How many mails wait for their next attempt.
FAILED = "select count(*) from testkase.mails where error is not null and state = 'queued'"


@pytest.fixture
def mail_server():
    made = MailServer()
    yield made
    made.close()


@pytest.fixture
def start_worker(service, start, worker_path):
    """start_worker(url) starts one that sends there, and waits until it is ready."""
    def begin(url, **variables):
        program = start(worker_path, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker"), "TESTKASE_SMTP_URL": url,
                                      "TESTKASE_MAIL_FROM": FROM, "TESTKASE_PUBLIC_URL": "https://testkase.example.test",
                                      **variables})
        program.wait_ready()
        return program
    return begin


@pytest.fixture
def quiet(service):
    """No mail of an earlier test is open."""
    service.database.query("delete from testkase.notices")
    service.database.query("update testkase.outbox set routed_at = now() where routed_at is null")
    service.database.query("update testkase.mails set state = 'parked', ended_at = now() where state = 'queued'")


@pytest.fixture
def member(service, organization, quiet):
    return service.sign_in(organization.member)


def mint(service, person, name="GitHub Actions", age=0.0):
    token_id = service.mint(person, name, 90)[0]
    service.database.age_token(token_id, days=age)
    return token_id


def of(mails, person):
    return [mail for mail in mails if mail["To"].addresses[0].addr_spec == person.email]


def retry_now(service):
    service.database.query("update testkase.mails set attempt_at = now() where state = 'queued'")


# --- content ---


def test_a_generated_token_is_told_to_its_owner(service, organization, member, mail_server, start_worker):
    start_worker(mail_server.url)
    made = member.post("/api-keys", {"name": "GitHub Actions", "expiresInDays": 90}, 201).json()
    mail, = mail_server.wait_for(1)
    assert mail["Subject"] == "GitHub Actions was generated"
    assert mail["From"].addresses[0].addr_spec == FROM
    assert mail["To"].addresses[0].addr_spec == organization.member.email
    assert re.fullmatch(r"<[0-9a-f-]{36}@example\.test>", mail["Message-ID"])
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] is None, "notices of security cannot be stopped"
    assert mail["Date"].datetime.utcoffset().total_seconds() == 0
    for body in parts(mail):
        assert made["tokenPreview"] in body
        assert f"https://testkase.example.test/settings/api-keys/{made['id']}" in body
        assert "It was generated in a session of its owner." in body
    assert made["token"] not in str(mail), "never the token itself"
    until(lambda: service.database.query("select state, attempts, error from testkase.mails where user_id = %s",
                                         (organization.member.id,)) == [("sent", 1, None)], 10, "it is recorded")


NAMES = ["<img src=x onerror=alert(1)>", 'A" <x@example.test>, "',
         "Nächtliche Läufe — Überprüfung und Auslieferung der Anwendungen",
         "=?UTF-8?Q?Bcc:_x?=", "日本語のパイプラインのためのとても長い名前のトークンです。それでも一行に収まります",
         "a: b; c, d%0d%0aBcc: x@example.test"]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_data(service, organization, member, mail_server, start_worker, name):
    service.database.query("update testkase.users set name = %s where id = %s", (name, organization.member.id))
    member.post("/api-keys", {"name": name, "expiresInDays": 90}, 201)
    start_worker(mail_server.url)
    mail, = mail_server.wait_for(1)
    assert mail["Subject"] == f"{name} was generated"
    raw = dict(mail.raw_items())["To"]
    assert str(make_header(decode_header(raw.rsplit("<", 1)[0].strip()))) == name
    assert mail["To"].addresses[0].addr_spec == organization.member.email and len(mail["To"].addresses) == 1
    assert set(mail.keys()) == {"Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted", "Content-Type", "Mime-Version"}
    text, html = parts(mail)
    assert name in text
    assert "<img" not in html and "onerror=alert(1)>" not in html
    for line in mail.as_bytes().splitlines():
        assert len(line) <= 998


def test_who_ended_it_and_why(service, organization, member, mail_server, start_worker):
    own, by_admin = mint(service, organization.member, "Own"), mint(service, organization.member, "Lost")
    member.delete(f"/api-keys/{own}", 204)
    start_worker(mail_server.url)
    service.database.query("""with ended as (
                                  update testkase.api_tokens set ended_at = now(), ended_reason = 'revoked', ended_by = %(admin)s,
                                                                 ended_note = 'found in a log' where id = %(token)s)
                              insert into testkase.outbox (organization_id, user_id, topic, payload)
                              values (%(organization)s, %(member)s, 'api_key.revoked',
                                      jsonb_build_object('apiKeyId', %(token)s::bigint, 'byUserId', %(admin)s::bigint))""",
                           {"organization": organization.id, "member": organization.member.id, "token": by_admin,
                            "admin": organization.admin.id})
    mail, = mail_server.wait_for(1)
    assert mail["Subject"] == "Lost was revoked", "nobody is told of what they did themselves"
    text, _ = parts(mail)
    assert re.search(r"  Admin \d+ ended it on .* UTC\.", text) and "The reason given: found in a log." in text


def test_a_new_password_is_told(service, organization, member, mail_server, start_worker):
    start_worker(mail_server.url)
    member.post("/account/password", {"currentPassword": PASSWORD, "newPassword": "another long enough one"}, 204)
    mail, = mail_server.wait_for(1)
    assert mail["Subject"] == "Your password was changed"
    assert "https://testkase.example.test/account" in parts(mail)[0]
    assert "All sessions but the one that changed it have ended." in parts(mail)[0]


# --- reminders ---


def test_one_mail_a_day_lists_all_that_is_due(service, organization, member, mail_server, start_worker):
    names = {mint(service, organization.member, f"Pipeline {n}", age): age for n, age in enumerate((81.0, 84.0, 89.5))}
    service.use(min(names), client="curl/8.1", address="10.0.0.7", ago="2 hours")
    worker = start_worker(mail_server.url)
    mail, = mail_server.wait_for(1)
    assert mail["Subject"] == "3 tokens need your attention"
    assert re.fullmatch(r"<https://testkase\.example\.test/api/v1/mail/unsubscribe/[0-9a-f-]{36}>", mail["List-Unsubscribe"])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text, _ = parts(mail)
    assert [line for line in text.splitlines() if line.startswith("* ")] == [
        "* Pipeline 2 expires in 11 hours", "* Pipeline 1 expires in 5 days", "* Pipeline 0 is due for rotation"]
    assert "It was last used 2 hours ago by curl/8.1 from 10.0.0.7." in text and "It was never used." in text
    assert f"/settings/api-keys/{min(names)}/rotate" in text
    # What becomes due on the same day waits for the next one.
    late = mint(service, organization.member, "Late", 81.0)
    service.database.query("update testkase.rotation_reminders set state = state where token_id = %s", (late,))
    until(lambda: service.database.value("select count(*) from testkase.notices") == 1, 20, "the late one is noticed")
    worker.terminate(10)
    assert len(mail_server.accepted) == 1
    service.database.query("update testkase.mails set created_at = created_at - interval '1 day' where user_id = %s",
                           (organization.member.id,))
    start_worker(mail_server.url)
    assert mail_server.wait_for(2)[1]["Subject"] == "Late is due for rotation"


def test_what_becomes_due_later_on_the_day_is_in_the_mail(service, organization, member, mail_server, start_worker):
    left = service.database.value(
        "select extract(epoch from date_trunc('day', now(), 'UTC') + interval '1 day' - now())::float")
    if left < 120:
        pytest.skip("this machine's day ends just now")
    mint(service, organization.member, "Now", 80.01)
    soon = mint(service, organization.member, "Soon", 80 - min(left - 60, 3600) / 86400)
    worker = start_worker(mail_server.url)
    mail, = mail_server.wait_for(1)
    assert mail["Subject"] == "2 tokens need your attention"
    service.database.query("""update testkase.rotation_reminders set due_at = now() where token_id = %s""", (soon,))
    until(lambda: service.database.value("select state from testkase.rotation_reminders where token_id = %s", (soon,)) == "due",
          20, "its time has come")
    worker.terminate(10)
    assert service.database.value("select count(*) from testkase.notices") == 0, "it was told already"


def test_reminders_can_be_stopped_by_one_click(service, organization, member, mail_server, start_worker):
    assert member.get("/account/mail", 200).json()["reminders"] is True
    mint(service, organization.member, "First", 81.0)
    worker = start_worker(mail_server.url)
    address = mail_server.wait_for(1)[0]["List-Unsubscribe"].strip("<>")
    path = address.removeprefix("https://testkase.example.test/api/v1")
    anybody = service.server.api()
    secret = path.rsplit("/", 1)[1]
    for wrong in (secret.upper(), secret[:-1], secret + "0", secret.replace("-", "0"), "0" * 8 + secret[8:]):
        anybody.post(f"/mail/unsubscribe/{wrong}", expect=404)
    assert anybody.get(path, 405).headers["Allow"] == "POST", "a program that follows links stops nothing"
    assert member.get("/account/mail", 200).json()["reminders"] is True
    for _ in range(2):
        anybody.post(path, data="List-Unsubscribe=One-Click", expect=204,
                     headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert member.get("/account/mail", 200).json()["reminders"] is False
    worker.terminate(10)
    service.database.query("update testkase.mails set created_at = created_at - interval '1 day'")
    mint(service, organization.member, "Second", 81.0)
    member.post("/api-keys", {"name": "Third", "expiresInDays": 90}, 201)
    start_worker(mail_server.url)
    assert mail_server.wait_for(2)[1]["Subject"] == "Third was generated", "mails of security come all the same"
    assert service.database.value("select count(*) from testkase.notices") == 0
    assert member.patch("/account/mail", {"reminders": True}, 200).json()["reminders"] is True


def test_custodians_get_the_mail_of_their_service_account(service, organization, member, mail_server, start_worker):
    admin = service.sign_in(organization.admin)
    account = {"email": f"ci-{organization.id}@example.test", "name": "CI", "kind": "service"}
    robot = admin.post("/users", account, 201).json()["id"]
    admin.put(f"/users/{robot}/custodians/{organization.member.id}", expect=200)
    mint(service, type("Person", (), {"id": robot}), "Nightly", 81.0)
    start_worker(mail_server.url)
    mail, = mail_server.wait_for(1)
    assert mail["To"].addresses[0].addr_spec == organization.member.email
    assert " of CI." in parts(mail)[0]


def test_a_mail_to_one_custodian_is_none_to_another(service, organization, member, mail_server, start_worker):
    admin = service.sign_in(organization.admin)
    account = {"email": f"ci-{organization.id}@example.test", "name": "CI", "kind": "service"}
    robot = admin.post("/users", account, 201).json()["id"]
    for person in (organization.member, organization.admin):
        admin.put(f"/users/{robot}/custodians/{person.id}", expect=200)
    mint(service, organization.member, "Own", 81.0)
    soon = mint(service, type("Person", (), {"id": robot}), "Nightly", 80 - 10 / 86400)
    start_worker(mail_server.url)
    mail_server.wait_for(1)
    service.database.query("update testkase.rotation_reminders set due_at = now() where token_id = %s", (soon,))
    until(lambda: of(list(mail_server.accepted), organization.admin), 30, "the other custodian is told of the token")
    assert "Nightly is due for rotation" in parts(of(mail_server.accepted, organization.admin)[0])[0]


# --- the server's ways to fail ---


def test_a_server_that_fails_for_now_gets_the_same_mail_again(service, organization, member, mail_server, start_worker):
    mail_server.answers = ["451 4.3.0 Try again later", "drop"]
    member.post("/api-keys", {"name": "One", "expiresInDays": 90}, 201)
    start_worker(mail_server.url)
    for count in (1, 2):
        until(lambda: len(mail_server.attempts) == count and service.database.value(
            "select attempts = %s and leased_until is null from testkase.mails where state = 'queued'", (count,)), 20,
              f"attempt {count} has failed")
        retry_now(service)
    until(lambda: len(mail_server.attempts) == 3, 20, "the third attempt")
    assert len({mail["Message-ID"] for mail in mail_server.attempts}) == 1
    until(lambda: service.database.value("select state from testkase.mails where user_id = %s",
                                         (organization.member.id,)) == "sent", 10, "it is recorded")


def test_a_refused_reader_holds_up_no_other(service, organization, member, mail_server, start_worker):
    mail_server.unknown = {organization.member.email}
    member.post("/api-keys", {"name": "One", "expiresInDays": 90}, 201)
    service.sign_in(organization.admin).post("/api-keys", {"name": "Two", "expiresInDays": 90}, 201)
    start_worker(mail_server.url)
    mail, = mail_server.wait_for(1)
    assert mail["Subject"] == "Two was generated"
    until(lambda: service.database.query("select state, status from testkase.mails where user_id = %s",
                                         (organization.member.id,)) == [("parked", 550)], 20, "the refused one is parked")


def test_a_server_that_hangs_holds_up_nothing_else(service, organization, member, mail_server, start_worker):
    mail_server.answers = ["hang"] * 6
    silent = socket.create_server(("127.0.0.1", 0))  # takes connections, and never says a word
    with silent:
        member.post("/api-keys", {"name": "One", "expiresInDays": 90}, 201)
        worker = start_worker(f"smtp://127.0.0.1:{silent.getsockname()[1]}")
        until(lambda: service.database.value("select count(*) from testkase.mails where leased_until > now()"), 20, "it is sent")
        token_id = mint(service, organization.guest, age=90)
        service.database.query("notify testkase_tokens, '{}'")
        until(lambda: service.database.value("select ended_at is not null from testkase.api_tokens where id = %s",
                                             (token_id,)), 5, "the worker ends a token meanwhile")
        begun = time.monotonic()
        worker.terminate(20)
        assert time.monotonic() - begun < 12
    service.database.query("""update testkase.mails set leased_until = null, attempt_at = now(), error = null
                              where state = 'queued'""")
    worker = start_worker(mail_server.url)
    until(lambda: len(mail_server.attempts) == 1, 20, "a mail has come and is not answered")
    begun = time.monotonic()
    worker.terminate(20)
    assert time.monotonic() - begun < 12
    service.database.query("""update testkase.mails set leased_until = null, attempt_at = now(), error = null
                              where state = 'queued'""")
    worker = start_worker(mail_server.url)
    # After 20 s of silence, or 60 s in all when libcurl tries the second one again on a connection of its own.
    until(lambda: service.database.value(FAILED) == 2, 90, "the worker gives up waiting")
    mail_server.answers = []
    retry_now(service)
    until(lambda: len(mail_server.accepted) == len({mail["Message-ID"] for mail in mail_server.attempts}), 20,
          "it comes all the same")
    mail_server.is_deaf_to_quit = True
    begun = time.monotonic()
    worker.terminate(20)
    assert time.monotonic() - begun < 12, "it takes no leave of a server that does not answer"


def test_what_nobody_could_send_for_days_is_not_sent_late(service, organization, member, mail_server, start, worker_path,
                                                          start_worker):
    member.post("/api-keys", {"name": "Old", "expiresInDays": 90}, 201)
    without = start(worker_path, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker")})
    without.wait_ready()
    until(lambda: service.database.value("select count(*) from testkase.mails where state = 'queued'") == 1, 20, "it is made")
    without.terminate(10)
    service.database.query("""update testkase.mails
                              set created_at = now() - interval '73 hours', attempt_at = now() - interval '73 hours'
                              where state = 'queued'""")
    without = start(worker_path, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker")})
    without.wait_ready()
    without.terminate(10)
    assert service.database.query("""select kind, state, failed, last_error from ops.mails
                                     where organization_id = %s""", (organization.id,)) == [
        ("security", "parked", 1, "no worker sent it within 3 days")]
    start_worker(mail_server.url)
    service.sign_in(organization.admin).post("/api-keys", {"name": "New", "expiresInDays": 90}, 201)
    mail, = mail_server.wait_for(1)
    assert mail["Subject"] == "New was generated"


def test_no_server_at_all(service, organization, member, start_worker):
    member.post("/api-keys", {"name": "One", "expiresInDays": 90}, 201)
    worker = start_worker(f"smtp://127.0.0.1:{free_port()}")
    until(lambda: service.database.value("""select count(*) from testkase.mails
                                            where state = 'queued' and attempts = 1 and error is not null
                                              and attempt_at > now() + interval '20 seconds'"""), 20, "it is tried again later")
    assert worker.is_running()


def test_a_mail_that_was_taken_is_sent_once_when_the_worker_is_killed(service, organization, member, mail_server, start_worker):
    mail_server.answers = ["drop"]
    member.post("/api-keys", {"name": "One", "expiresInDays": 90}, 201)
    worker = start_worker(mail_server.url)
    mail_server.wait_for(1)
    worker.kill()
    worker.wait(10)
    service.database.query("update testkase.mails set leased_until = null, attempt_at = now() where state = 'queued'")
    start_worker(mail_server.url)
    first, second = mail_server.wait_for(2)
    assert first["Message-ID"] == second["Message-ID"]


def test_who_lost_the_lease_does_not_end_the_next(service, member, mail_server, start_worker):
    """As of webhooks: the first attempt fails after another worker has begun the next."""
    ends = threading.Event(), threading.Event()
    mail_server.answers = [*ends]
    member.post("/api-keys", {"name": "One", "expiresInDays": 90}, 201)
    late = start_worker(mail_server.url)
    until(lambda: len(mail_server.attempts) == 1, 20, "the first attempt")
    late.signal(signal.SIGSTOP)
    service.database.query("update testkase.mails set leased_until = now() where state = 'queued'")
    start_worker(mail_server.url)
    until(lambda: len(mail_server.attempts) == 2, 20, "the second attempt")
    late.signal(signal.SIGCONT)
    ends[0].set()
    late.wait_for_line("could not deliver")
    late.terminate()
    assert service.database.query("""select attempts, error, leased_until > now() from testkase.mails
                                     where state = 'queued'""") == [(2, None, True)]
    ends[1].set()
    until(lambda: service.database.value(FAILED) == 1, 20, "the second attempt is recorded")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("ca"))
    return authority.bundle, authority.certify("localhost")


def test_credentials_go_over_tls_only(service, organization, member, start_worker, certificate):
    bundle, pair = certificate
    member.post("/api-keys", {"name": "One", "expiresInDays": 90}, 201)
    plain = MailServer()
    tls = MailServer(tls=pair, password="it's secret")
    try:
        worker = start_worker(f"smtp://testkase:it%27s%20secret@localhost:{plain.port}", SSL_CERT_FILE=str(bundle))
        until(lambda: service.database.value(FAILED), 20, "a server without TLS gets nothing")
        worker.terminate(10)
        assert plain.attempts == []
        retry_now(service)
        worker = start_worker(f"smtp://testkase:it%27s%20secret@localhost:{tls.port}", SSL_CERT_FILE=str(bundle))
        tls.wait_for(1)
        assert "secret" not in worker.tail()
    finally:
        plain.close()
        tls.close()


def test_a_certificate_that_nobody_vouches_for(service, organization, member, start_worker, certificate):
    member.post("/api-keys", {"name": "One", "expiresInDays": 90}, 201)
    tls = MailServer(tls=certificate[1])
    try:
        start_worker(f"smtp://localhost:{tls.port}")
        until(lambda: service.database.value(FAILED), 20, "it is refused")
        assert tls.attempts == []
    finally:
        tls.close()
