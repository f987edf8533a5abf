"""Invitations and resets: links that set a password, by mail, by an admin, and by the operator."""

import concurrent.futures
import hashlib
import json
import re
import socket
import statistics
import time

import pytest

from support.deadline import until
from support.mail_server import MailServer, parts
from support.process import run
from support.service import PASSWORD, Person

NEW = "copper-meadow-58-violin"
PUBLIC = "https://testkase.example.test"
LINK = re.compile(re.escape(PUBLIC) + r"/set-password#([0-9A-Za-z]{43})")
MAILS = "select count(*) from testkase.mails where carries_link and user_id = %s"


@pytest.fixture
def mail_server():
    made = MailServer()
    yield made
    made.close()


def worker_environment(service, url):
    return {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker"), "TESTKASE_SMTP_URL": url,
            "TESTKASE_MAIL_FROM": "testkase@example.test", "TESTKASE_PUBLIC_URL": PUBLIC}


@pytest.fixture
def start_worker(service, start, worker_path):
    """start_worker(url) starts one that sends there. Mails of earlier tests do not wait for it."""
    service.database.query("delete from testkase.notices")
    service.database.query("update testkase.outbox set routed_at = now() where routed_at is null")
    service.database.query("update testkase.mails set state = 'parked', ended_at = now() where state = 'queued'")

    def begin(url):
        program = start(worker_path, worker_environment(service, url))
        program.wait_ready()
        return program
    return begin


@pytest.fixture
def without_mail(service):
    service.database.query("delete from testkase.worker_heartbeats")


@pytest.fixture
def anyone(service):
    return service.server.api()


@pytest.fixture
def invited(service, organization):
    """A person without a password."""
    person = service.person(organization.id, name="Invited")
    service.database.query("update testkase.users set password_hash = null where id = %s", (person.id,))
    return person


@pytest.fixture
def invite(service, admin_path):
    def begin(email, *options, status=0):
        done = run(admin_path, ["user", "invite", email, *options],
                   {"TESTKASE_DATABASE_URL": service.database.url("testkase_owner"), "TESTKASE_PUBLIC_URL": PUBLIC})
        assert done.returncode == status, done.stderr
        return done
    return begin


def link_for(admin, person, status=201):
    """The answer. Before, the account says whether it will be a refusal because of who asks about whom."""
    account = admin.request("GET", f"/users/{person.id}")
    answer = admin.post(f"/users/{person.id}/password-link", {"deliver": "link"}, status).json()
    if account.status_code == 200:
        is_told = re.search("is shown to|Change your own", answer.get("detail", "")) is not None
        assert (account.json()["linkRefusal"] is not None) == is_told, answer
    return answer


def secret_of(link):
    return link.split("#")[1]


def set_password(api, secret, status=204, password=NEW):
    answer = api.post("/password-resets/confirm", {"secret": secret, "newPassword": password}, status)
    return answer.json() if status != 204 else None


def sign_in(service, person, password=NEW):
    return service.server.sign_in(Person(**{**person.__dict__, "password": password}))


def mails_with_links(mail_server, count):
    """[(mail, secret)] once there are that many of them."""
    def found():
        return [(mail, match.group(1)) for mail in list(mail_server.accepted) if (match := LINK.search(parts(mail)[0]))]
    until(lambda: len(found()) >= count, 20, f"{count} mails with links")
    return found()


def told(mail_server, subject):
    return [parts(mail)[0] for mail in list(mail_server.accepted) if mail["Subject"] == subject]


def live(service, person):
    """[(purpose, requested)] of the links of a person."""
    return service.database.query("select purpose, is_requested from testkase.password_links where user_id = %s order by 1, 2",
                                  (person.id,))


def lifetime(service, person):
    """Of the person's only link, in seconds."""
    return service.database.value("select extract(epoch from expires_at - created_at)::int from testkase.password_links "
                                  "where user_id = %s", (person.id,))


def audited(service, person):
    return [row[0] for row in service.database.query(
        "select action from testkase.audit_events where target_kind = 'user' and target_id = %s order by id", (person.id,))]


# --- shown by an admin ---


def test_an_invitation_sets_the_password_once(service, organization, invited, anyone):
    admin = service.bearer(organization.admin)
    assert admin.get(f"/users/{invited.id}", 200).json()["hasPassword"] is False
    made = link_for(admin, invited)
    assert made["purpose"] == "invitation" and made["mailedTo"] is None
    assert made["link"].startswith(service.server.base + "/set-password#") or "/set-password#" in made["link"]
    assert lifetime(service, invited) == 7 * 86400
    set_password(anyone, secret_of(made["link"]))
    sign_in(service, invited)
    assert admin.get(f"/users/{invited.id}", 200).json()["hasPassword"] is True
    assert "Request another" in set_password(anyone, secret_of(made["link"]), 404)["detail"]
    assert audited(service, invited)[:2] == ["user.password_link_made", "user.password_changed"]
    by = service.database.query("""select actor_user_id, detail ->> 'by' from testkase.audit_events
                                   where target_id = %s and action = 'user.password_changed'""", (invited.id,))
    assert by == [(invited.id, "invitation")]


def test_a_reset_ends_sessions_and_links_but_no_token(service, organization, anyone):
    admin, member = service.sign_in(organization.admin), service.sign_in(organization.member)
    token = service.bearer(organization.member)
    first, second = link_for(admin, organization.member), link_for(admin, organization.member)
    assert second["purpose"] == "reset" and lifetime(service, organization.member) == 86400
    set_password(anyone, secret_of(first["link"]), 404)
    set_password(anyone, secret_of(second["link"]))
    member.get("/session", 401)
    token.get("/session", 200)
    anyone.post("/session", {"email": organization.member.email, "password": PASSWORD}, 401)
    sign_in(service, organization.member)
    assert live(service, organization.member) == []


@pytest.mark.parametrize("how", ["password", "deactivation", "deletion", "expiry"])
def test_what_ends_a_link(service, organization, anyone, how):
    person = service.person(organization.id)
    admin = service.sign_in(organization.admin)
    secret = secret_of(link_for(admin, person)["link"])
    if how == "password":
        service.sign_in(person).post("/account/password", {"currentPassword": PASSWORD, "newPassword": NEW + "!"}, 204)
    elif how == "deactivation":
        admin.patch(f"/users/{person.id}", {"status": "deactivated"}, 200)
        set_password(anyone, secret, 404)
        admin.patch(f"/users/{person.id}", {"status": "active"}, 200)
    elif how == "deletion":
        admin.delete(f"/users/{person.id}", 204)
    else:
        service.database.query("update testkase.password_links set expires_at = now() where user_id = %s", (person.id,))
    before = service.database.value("select password_hash from testkase.users where id = %s", (person.id,))
    set_password(anyone, secret, 404)
    assert service.database.value("select password_hash from testkase.users where id = %s", (person.id,)) == before


def test_a_refused_password_leaves_the_link_valid(service, organization, invited, anyone):
    secret = secret_of(link_for(service.bearer(organization.admin), invited)["link"])
    for password in ("short", "password1", invited.email, "x" * 129):
        assert set_password(anyone, secret, 422, password)["errors"][0]["field"] == "newPassword"
    anyone.post("/password-resets/confirm", {"secret": secret, "newPassword": NEW, "id": 1}, 422)
    set_password(anyone, secret)


@pytest.mark.parametrize("attempt", range(3))
def test_of_requests_at_the_same_time_one_wins(service, organization, attempt):
    person = service.person(organization.id)
    secret = secret_of(link_for(service.sign_in(organization.admin), person)["link"])
    passwords = [f"{NEW}-{attempt}-{n}" for n in range(8)]

    def use(password):
        return service.server.api().request("POST", "/password-resets/confirm", json={
            "secret": secret, "newPassword": password}).status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(use, passwords))
    assert sorted(statuses) == [204] + [404] * 7
    sign_in(service, person, passwords[statuses.index(204)])


def test_the_right_to_see_a_link(service, organization, invited, anyone):
    owner, admin = service.sign_in(organization.owner), service.sign_in(organization.admin)
    other_admin = service.person(organization.id, "admin")
    assert link_for(admin, organization.owner, 403)["code"] == "forbidden"
    link_for(owner, organization.owner, 403)
    link_for(admin, organization.admin, 403)
    link_for(admin, other_admin, 403)
    link_for(owner, other_admin, 201)
    link_for(admin, organization.member, 201)
    link_for(service.sign_in(organization.member), organization.guest, 403)
    anyone.post(f"/users/{organization.guest.id}/password-link", {"deliver": "link"}, 401)
    # A token invites, and takes over no account.
    by_token = service.bearer(organization.admin)
    link_for(by_token, invited, 201)
    assert "token" in link_for(by_token, organization.member, 403)["detail"]
    service.database.query("""set local session_replication_role = replica;
                              update testkase.sessions set confirmed_at = now() - interval '16 minutes' where user_id = %s""",
                           (organization.admin.id,))
    link_for(admin, invited, 201)
    assert link_for(admin, organization.member, 403)["code"] == "recent_sign_in_required"


@pytest.mark.parametrize("change, whom", [
    ("status = 'deactivated'", "maker"), ("org_role = 'member'", "maker"), ("org_role = 'admin'", "reader")])
def test_a_link_that_was_shown_lives_no_longer_than_the_right_to_see_it(service, organization, anyone, change, whom):
    secret = secret_of(link_for(service.sign_in(organization.admin), organization.member)["link"])
    changed = organization.admin if whom == "maker" else organization.member
    service.database.query(f"update testkase.users set {change} where id = %s", (changed.id,))
    set_password(anyone, secret, 404)
    sign_in(service, organization.member, PASSWORD)


def made_member_before(service, person, days):
    service.database.query("update testkase.users set was_admin_at = now() - %s * interval '1 day' where id = %s",
                           (days, person.id))


def test_a_role_that_is_taken_away_for_a_moment_shows_no_link(service, organization, anyone):
    owner, admin = service.sign_in(organization.owner), service.sign_in(organization.admin)
    other = service.person(organization.id, "admin")
    admin.patch(f"/users/{other.id}", {"orgRole": "member"}, 200)
    assert "within the last 7 days" in link_for(admin, other, 403)["detail"]
    secret = secret_of(link_for(owner, other)["link"])
    made_member_before(service, other, 6.9)
    link_for(admin, other, 403)
    admin.patch(f"/users/{other.id}", {"orgRole": "admin"}, 200)
    set_password(anyone, secret)
    made_member_before(service, other, 8)
    link_for(admin, other, 403)
    admin.patch(f"/users/{other.id}", {"orgRole": "member"}, 200)
    link_for(admin, other, 403)
    made_member_before(service, other, 7.1)
    link_for(admin, other, 201)


def test_a_link_of_a_member_is_over_with_a_moment_as_admin(service, organization, anyone):
    admin, person = service.sign_in(organization.admin), organization.member
    secret = secret_of(link_for(admin, person)["link"])
    for role in ("admin", "member"):
        admin.patch(f"/users/{person.id}", {"orgRole": role}, 200)
    set_password(anyone, secret, 404)
    sign_in(service, person, PASSWORD)


def test_an_invitation_of_an_admin_is_shown_to_the_one_who_made_the_account(service, organization, anyone):
    owner, admin = service.sign_in(organization.owner), service.sign_in(organization.admin)
    other = service.sign_in(service.person(organization.id, "admin"))
    account = {"email": f"new-admin-{organization.id}@example.test", "name": "New", "orgRole": "admin"}
    made = admin.post("/users", account, 201).json()
    person = Person(made["id"], made["email"], made["name"], "admin", "person", organization.id)
    assert "made the account" in link_for(other, person, 403)["detail"]
    other.patch(f"/users/{person.id}", {"orgRole": "member"}, 200)
    link_for(other, person, 403)
    other.patch(f"/users/{person.id}", {"orgRole": "admin"}, 200)
    link_for(owner, person, 201)
    set_password(anyone, secret_of(link_for(admin, person)["link"]))
    link_for(admin, person, 403)
    by_operator = service.person(organization.id, "admin")
    service.database.query("update testkase.users set password_hash = null where id = %s", (by_operator.id,))
    link_for(admin, by_operator, 403)
    link_for(owner, by_operator, 201)


def test_accounts_without_links(service, organization):
    admin = service.sign_in(organization.admin)
    robot = service.person(organization.id, kind="service", name="Robot")
    stranger = service.organization().member
    assert "service account" in link_for(admin, robot, 409)["detail"]
    link_for(admin, stranger, 404)
    admin.post("/users/999999999/password-link", {"deliver": "link"}, 404)
    admin.patch(f"/users/{organization.guest.id}", {"status": "deactivated"}, 200)
    assert "deactivated" in link_for(admin, organization.guest, 409)["detail"]
    for deliver in (None, "pigeon", 7):
        admin.post(f"/users/{organization.member.id}/password-link", {"deliver": deliver}, 422)
    assert service.database.value("select count(*) from testkase.password_links where user_id in (%s, %s, %s)",
                                  (robot.id, stranger.id, organization.guest.id)) == 0


# --- without mail ---


def test_nothing_is_promised_without_mail(service, organization, anyone, without_mail):
    assert anyone.post("/password-resets", {"email": organization.member.email}, 202).json() == {"sendsMail": False}
    admin = service.sign_in(organization.admin)
    refusal = admin.post(f"/users/{organization.member.id}/password-link", {"deliver": "mail"}, 409).json()
    assert "sends no mail" in refusal["detail"]
    assert service.database.value("select count(*) from testkase.password_requests") == 0
    assert service.database.value(MAILS, (organization.member.id,)) == 0


def test_a_worker_without_smtp_sends_no_mail(service, organization, anyone, without_mail, start, worker_path):
    start(worker_path, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker")}).wait_ready()
    assert anyone.post("/password-resets", {"email": organization.member.email}, 202).json() == {"sendsMail": False}


# --- by mail ---


def test_a_forgotten_password(service, organization, anyone, mail_server, start_worker):
    start_worker(mail_server.url)
    member = organization.member
    assert anyone.post("/password-resets", {"email": member.email.upper()}, 202).json() == {"sendsMail": True}
    (mail, secret), = mails_with_links(mail_server, 1)
    assert mail["Subject"] == "Set a new password" and mail["To"].addresses[0].addr_spec == member.email
    assert mail["List-Unsubscribe"] is None
    text, html = parts(mail)
    assert text.count(secret) == 1 and html.count(secret) == 1 and f'href="{PUBLIC}/set-password#{secret}"' in html
    assert "If you do not want a new password, ignore this mail" in text
    assert lifetime(service, member) == 3600
    session = service.sign_in(member)
    set_password(anyone, secret)
    session.get("/session", 401)
    sign_in(service, member)
    until(lambda: told(mail_server, "Your password was changed"), 20, "it is told")
    assert "All your sessions have ended. Your tokens are still valid." in told(mail_server, "Your password was changed")[0]
    assert audited(service, member)[:1] == ["user.password_link_requested"]


def test_an_invitation_by_mail(service, organization, invited, anyone, mail_server, start_worker):
    start_worker(mail_server.url)
    admin = service.sign_in(organization.admin)
    made = admin.post(f"/users/{invited.id}/password-link", {"deliver": "mail"}, 201).json()
    assert made["link"] is None and made["mailedTo"] == invited.email and made["purpose"] == "invitation"
    (mail, secret), = mails_with_links(mail_server, 1)
    assert mail["Subject"] == f"Your account at {organization.name}"
    assert f"{organization.admin.name} made an account for you" in parts(mail)[0]
    set_password(anyone, secret)
    sign_in(service, invited)
    until(lambda: told(mail_server, "Your password was set"), 20, "it is told")
    text, = told(mail_server, "Your password was set")
    assert "It was set by the link of your invitation." in text and "session" not in text


def test_whoever_was_invited_gets_the_invitation_again(service, organization, invited, anyone, mail_server, start_worker):
    start_worker(mail_server.url)
    given = link_for(service.sign_in(organization.admin), invited)
    anyone.post("/password-resets", {"email": invited.email}, 202)
    (mail, secret), = mails_with_links(mail_server, 1)
    assert mail["Subject"] == f"Your account at {organization.name}"
    assert live(service, invited) == [("invitation", False), ("invitation", True)], "a request ends no link that was given"
    set_password(anyone, secret)
    set_password(anyone, secret_of(given["link"]), 404)


def test_a_person_is_told_of_a_link_that_was_shown(service, organization, mail_server, start_worker):
    start_worker(mail_server.url)
    link = link_for(service.sign_in(organization.admin), organization.member)
    until(lambda: mail_server.accepted, 20, "a mail")
    mail = mail_server.accepted[0]
    assert mail["Subject"] == "A link that sets your password was given out"
    assert organization.admin.name in parts(mail)[0] and secret_of(link["link"]) not in str(mail)


NOTICES = "select count(*) from testkase.mails where user_id = %s and subject = 'A link that sets your password was given out'"


def test_a_flood_of_links_that_are_shown(service, organization, anyone, mail_server, start_worker):
    start_worker(mail_server.url)
    admin, person = service.sign_in(organization.admin), organization.member
    links = [link_for(admin, person) for _ in range(8)]
    assert service.database.value(NOTICES, (person.id,)) == 3
    set_password(anyone, secret_of(links[-1]["link"]))
    service.database.query("update testkase.mails set created_at = now() - interval '61 minutes' where user_id = %s",
                           (person.id,))
    link_for(admin, person)
    assert service.database.value(NOTICES, (person.id,)) == 4, "another hour"


def test_no_link_is_shown_of_which_its_person_cannot_be_told(service, organization, invited, mail_server, start_worker, invite):
    start_worker(mail_server.url)
    admin, told_person, other = service.sign_in(organization.admin), organization.member, service.person(organization.id)
    fill_the_hour(service, organization, False, count=99)
    link_for(admin, told_person)
    assert "100 mails" in link_for(admin, other, 409)["detail"], "a notice counts"
    assert live(service, other) == [] and service.database.value(NOTICES, (other.id,)) == 0
    assert "100 mails" in admin.post(f"/users/{invited.id}/password-link", {"deliver": "mail"}, 409).json()["detail"]
    link_for(admin, told_person)
    assert service.database.value(NOTICES, (told_person.id,)) == 1, "already told"
    link_for(admin, invited)
    invite(other.email)
    assert service.database.value(NOTICES, (other.id,)) == 1, "no admin keeps an operator from it"


def test_who_gets_no_mail(service, organization, anyone, mail_server, start_worker):
    start_worker(mail_server.url)
    robot = service.person(organization.id, kind="service", name="Robot")
    service.database.query("update testkase.users set status = 'deactivated' where id = %s", (organization.guest.id,))
    answers = [anyone.post("/password-resets", {"email": email}, 202)
               for email in ("nobody@example.test", robot.email, organization.guest.email, organization.member.email)]
    assert len({answer.text for answer in answers}) == 1
    assert len({tuple(sorted(set(answer.headers) - {"Date", "X-Request-Id"})) for answer in answers}) == 1
    mails_with_links(mail_server, 1)
    until(lambda: service.database.value("select count(*) from testkase.password_requests") == 0, 10, "all are read")
    assert {mail["To"].addresses[0].addr_spec for mail in mail_server.accepted} == {organization.member.email}
    for body in ({}, {"email": "not an address"}, {"email": 7}, {"email": "a@b.c", "id": 1}):
        anyone.post("/password-resets", body, 422)


def test_a_flood_for_one_address(service, organization, mail_server, start_worker):
    start_worker(mail_server.url)
    person = organization.member
    for _ in range(12):
        service.server.api().post("/password-resets", {"email": person.email}, 202)
    until(lambda: service.database.value("select count(*) from testkase.password_requests") == 0, 10, "all are read")
    assert service.database.value(MAILS, (person.id,)) == 3
    service.sign_in(organization.admin).post(f"/users/{person.id}/password-link", {"deliver": "mail"}, 201)
    until(lambda: service.database.value("select count(*) from testkase.mails where state = 'queued'") == 0, 20, "all are sent")
    # Of those that were replaced before they were sent, none was sent.
    works = [secret for _, secret in mails_with_links(mail_server, 2)
             if service.database.value("""select count(*) from testkase.password_link_secrets where digest = %s""",
                                       (hashlib.blake2b(secret.encode(), digest_size=32).digest(),))]
    assert len(works) == 2, "the newest that was requested, and the one of the admin"


def answered(service):
    until(lambda: service.database.value("select count(*) from testkase.password_requests") == 0, 20, "all are read")


def test_a_flood_from_one_client(service, organization, mail_server, start_worker):
    start_worker(mail_server.url)
    people = [service.person(organization.id) for _ in range(24)]
    client = service.server.api()
    answers = [client.post("/password-resets", {"email": email}, 202)
               for email in [person.email for person in people] + ["nobody@example.test"]]
    assert {answer.text for answer in answers} == {answers[0].text}
    answered(service)
    mailed = "select count(*) from testkase.mails where carries_link and organization_id = %s"
    assert service.database.value(mailed, (organization.id,)) == 20
    service.server.api().post("/password-resets", {"email": people[-1].email}, 202)
    answered(service)
    assert service.database.value(mailed, (organization.id,)) == 21, "another client's budget is another"


def test_a_client_uses_up_no_request_of_another_organization(service, organization, mail_server, start_worker):
    worker = start_worker(mail_server.url)
    client, stranger = service.server.api(), service.organization().member
    for _ in range(22):
        client.post("/password-resets", {"email": service.person(organization.id).email}, 202)
    client.post("/password-resets", {"email": stranger.email}, 202)
    answered(service)
    assert service.database.value(MAILS, (stranger.id,)) == 1
    for _ in range(4):
        service.server.api().post("/password-resets", {"email": organization.member.email}, 202)
    answered(service)

    def refused():
        """What the log says: for the person, the organization and the network."""
        lines = re.findall(r'level=warning .*msg="requested links were not mailed" job=password_requests '
                           r"of_person=(\d+) of_organization=(\d+) of_network=(\d+)$", worker.log(), re.MULTILINE)
        return tuple(sum(map(int, numbers)) for numbers in zip(*lines, strict=True))
    until(lambda: refused() == (1, 0, 2), 20, "the operator is told")
    assert "@" not in worker.log()


def fill_the_hour(service, organization, is_requested, before="1 minute", count=100):
    service.database.query("""insert into testkase.mails (organization_id, user_id, kind, subject, carries_link, is_requested,
                                                         state, ended_at, created_at)
                              select %s, %s, 'security', 'Set a new password', true, %s, 'sent', now(), now() - %s::interval
                              from generate_series(1, %s)""",
                           (organization.id, organization.guest.id, is_requested, before, count))


def test_a_flood_for_one_organization(service, organization, mail_server, start_worker):
    start_worker(mail_server.url)
    admin, person = service.sign_in(organization.admin), organization.member
    for is_requested in (False, True):
        fill_the_hour(service, organization, is_requested, "61 minutes")
    fill_the_hour(service, organization, True)
    service.server.api().post("/password-resets", {"email": person.email}, 202)
    answered(service)
    assert service.database.value(MAILS, (person.id,)) == 0
    admin.post(f"/users/{person.id}/password-link", {"deliver": "mail"}, 201)
    fill_the_hour(service, organization, False)
    refusal = admin.post(f"/users/{person.id}/password-link", {"deliver": "mail"}, 409).json()
    assert "100 mails" in refusal["detail"]
    stranger = service.organization().member
    service.server.api().post("/password-resets", {"email": stranger.email}, 202)
    answered(service)
    assert service.database.value(MAILS, (stranger.id,)) == 1


def test_one_client_is_throttled(service, anyone):
    statuses = [anyone.request("POST", "/password-resets", json={"email": "a@example.test"}).status_code for _ in range(7)]
    assert statuses == [202] * 5 + [429] * 2
    guesser = service.server.api()
    guesses = [guesser.request("POST", "/password-resets/confirm", json={"secret": f"{n:043d}", "newPassword": NEW})
               for n in range(32)]
    assert [guess.status_code for guess in guesses].count(429) >= 2
    assert {guess.status_code for guess in guesses} == {404, 429}
    assert all(int(guess.headers["Retry-After"]) <= 60 for guess in guesses if guess.status_code == 429)


def test_a_wrong_secret_costs_no_argon2(service):
    for secret in ("", "x" * 43, "x" * 44, "tk", "é" * 43):
        service.server.api().post("/password-resets/confirm", {"secret": secret, "newPassword": NEW}, 404)
    api = service.server.api()
    begun = time.monotonic()
    for _ in range(4):
        api.post("/password-resets/confirm", {"secret": "y" * 43, "newPassword": NEW}, 404)
    assert time.monotonic() - begun < 2


def test_a_page_of_another_site_is_refused(service, invited):
    for path, body in (("/password-resets", {"email": invited.email}),
                       ("/password-resets/confirm", {"secret": "x" * 43, "newPassword": NEW})):
        for fields in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            answer = service.server.api(fields=fields).request("POST", path, json=body)
            assert answer.status_code == 403 and answer.json()["code"] == "cross_site"
        form = service.server.api().request("POST", path, data=json.dumps(body), headers={"Content-Type": "text/plain"})
        assert form.status_code == 415


@pytest.mark.alone  # measures times
def test_the_time_does_not_tell_an_account(service, organization, mail_server, start_worker):
    start_worker(mail_server.url)
    times = {"known": [], "unknown": []}
    for n in range(150):
        for which, email in (("known", organization.member.email), ("unknown", f"nobody-{n}@example.test")):
            api = service.server.api()
            api.get("/session", 401)  # the connection is there
            begun = time.perf_counter()
            api.post("/password-resets", {"email": email}, 202)
            times[which].append(time.perf_counter() - begun)
    known, unknown = (statistics.median(values) for values in times.values())
    assert abs(known - unknown) < 0.25 * max(known, unknown), (known, unknown)
    # The path is the same: the server itself cannot tell.
    assert not service.database.value("select has_column_privilege('testkase_server', 'testkase.password_requests', 'email', "
                                      "'select')")


# --- secrets at rest, and a worker that dies ---


def test_no_secret_is_at_rest(service, organization, invited, anyone, mail_server, start_worker):
    worker = start_worker(mail_server.url)
    shown = secret_of(link_for(service.sign_in(organization.admin), invited)["link"])
    anyone.post("/password-resets", {"email": organization.member.email}, 202)
    (_, mailed), = mails_with_links(mail_server, 1)
    until(lambda: service.database.value("select count(*) from testkase.mails where state = 'queued'") == 0, 20, "it is recorded")
    dump = service.database.dump().decode()
    logs = "\n".join(worker.lines() + service.server.lines())
    for secret in (shown, mailed):
        assert secret not in dump and secret not in logs
        assert hashlib.blake2b(secret.encode(), digest_size=32).hexdigest() in dump, "the digest is"
    set_password(anyone, mailed)
    set_password(anyone, shown)


class Silent:
    """A mail server that accepts connections and says nothing."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtp://127.0.0.1:{self.socket.getsockname()[1]}"

    def close(self):
        self.socket.close()


def test_a_worker_killed_between_the_digest_and_the_mail(service, organization, anyone, mail_server, start_worker):
    silent = Silent()
    worker = start_worker(silent.url)
    anyone.post("/password-resets", {"email": organization.member.email}, 202)
    secrets = """select count(*) from testkase.password_link_secrets s join testkase.password_links l on l.id = s.link_id
                 where l.user_id = %s"""
    until(lambda: service.database.value(secrets, (organization.member.id,)) == 1, 20, "the digest is kept")
    worker.kill()
    silent.close()
    retry = "update testkase.mails set leased_until = now(), attempt_at = now() where state = 'queued'"
    start_worker(mail_server.url)
    service.database.query(retry)
    (_, secret), = mails_with_links(mail_server, 1)
    assert service.database.value(secrets, (organization.member.id,)) == 2
    set_password(anyone, secret)
    assert service.database.value(secrets, (organization.member.id,)) == 0


def test_each_mail_that_may_have_arrived_works(service, organization, anyone, mail_server, start_worker):
    mail_server.answers = ["drop"]
    start_worker(mail_server.url)
    anyone.post("/password-resets", {"email": organization.member.email}, 202)
    mails_with_links(mail_server, 1)
    until(lambda: service.database.query("""update testkase.mails set attempt_at = now()
                                            where state = 'queued' and error is not null returning 1"""), 10, "it failed")
    (_, first), (_, second) = mails_with_links(mail_server, 2)
    assert first != second
    set_password(anyone, first)
    set_password(anyone, second, 404)


def test_a_mail_whose_link_is_over_is_not_sent(service, organization, anyone, mail_server, start_worker):
    mail_server.answers = ["451 later"]
    start_worker(mail_server.url)
    anyone.post("/password-resets", {"email": organization.member.email}, 202)
    until(lambda: mail_server.attempts, 20, "an attempt")
    service.sign_in(organization.member).post("/account/password", {"currentPassword": PASSWORD, "newPassword": NEW}, 204)
    until(lambda: service.database.query("""update testkase.mails set attempt_at = now()
                                            where state = 'queued' and carries_link and error is not null returning 1"""),
          10, "it failed")
    until(lambda: service.database.query("select state, error from testkase.mails where carries_link and user_id = %s",
                                         (organization.member.id,)) == [("parked", "no longer wanted")], 20, "it is given up")
    assert not [mail for mail in mail_server.accepted if LINK.search(parts(mail)[0])]


# --- the operator ---


def test_the_operator_prints_a_link(service, organization, invited, anyone, invite, admin_path):
    made = json.loads(invite(invited.email, "--json").stdout)
    assert made["purpose"] == "invitation" and made["email"] == invited.email
    set_password(anyone, LINK.fullmatch(made["link"]).group(1))
    unset = run(admin_path, ["user", "invite", invited.email], {"TESTKASE_DATABASE_URL": service.database.url("testkase_owner")})
    assert "http://127.0.0.1:8080/set-password#" in unset.stdout and "set TESTKASE_PUBLIC_URL" in unset.stderr
    again = invite(organization.owner.email).stdout
    assert "reset" in again
    set_password(anyone, LINK.search(again).group(1))
    sign_in(service, organization.owner)
    robot = service.person(organization.id, kind="service", name="Robot")
    assert "token create" in invite(robot.email, status=1).stderr
    missing = invite("nobody@example.test", status=1).stderr
    assert "no account" in missing and "make it first: `testkase-admin user create EMAIL --org ID`" in missing
    service.database.query("update testkase.users set status = 'deactivated' where id = %s", (organization.guest.id,))
    assert "reactivate" in invite(organization.guest.email, status=1).stderr
    actors = service.database.query("""select actor_kind from testkase.audit_events
                                       where target_id = %s and action = 'user.password_link_made'""", (organization.owner.id,))
    assert actors == [("operator",)]
