"""A right that is taken away while a request is under way takes the request's change with it: after the head and before the body,
while argon2 works, and while the statement itself waits."""

import json
import re
import subprocess

import pytest

from support.deadline import until
from support.metrics import metrics, value
from support.service import PASSWORD, Service

ARGON2 = 19456, 64  # KiB and passes: half a second a hash

DRAFT = {"name": "Late", "expiresInDays": 365}
ACCOUNT = {"email": "late@example.test", "name": "Late", "password": "late but long enough"}

NEW_PASSWORD = {"currentPassword": PASSWORD, "newPassword": "late but long enough"}
SETTINGS = {"name": "Late", "tokensMayCreateTokens": False, "maxExpiryDays": 7}

WEBHOOK = {"name": "Late", "platform": "custom", "url": "https://hooks.example.com/", "events": ["api_key.created"]}
RESULTS = {"orgId": 0, "projectId": "PRJ-1", "results": [{"automationId": 12345, "status": "fail"}]}

# Method, path and body; {token} and {person} are others of the actor's own organization, {session} is another of the actor's own.
WRITES = {
    "make a token": ("POST", "/api-keys", DRAFT),
    "delete a token": ("DELETE", "/api-keys/{token}", None),
    "rotate a token": ("POST", "/api-keys/{token}/rotate", None),
    "delete all tokens": ("DELETE", "/api-keys", {"except": []}),
    "delete a token with a note": ("DELETE", "/api-keys/{token}", {"note": "Late"}),
    "rotate the current token": ("POST", "/api-keys/current/rotate", None),
    "dismiss a finding": ("POST", "/api-keys/hygiene/{finding}/dismiss", None),
    "delete the current token": ("DELETE", "/api-keys/current", None),
    "sign out": ("DELETE", "/session", None),
    "confirm the session": ("POST", "/session/confirm", {"password": PASSWORD}),
    "change the password": ("POST", "/account/password", NEW_PASSWORD),
    "end a session": ("DELETE", "/account/sessions/{session}", None),
    "end all other sessions": ("DELETE", "/account/sessions", None),
    "make a calendar feed": ("POST", "/calendar", None),
    "delete a calendar feed": ("DELETE", "/calendar", None),
    "say which mails one wants": ("PATCH", "/account/mail", {"reminders": False}),
    "change the organization": ("PATCH", "/organization", SETTINGS),
    "make an account": ("POST", "/users", ACCOUNT),
    "change an account": ("PATCH", "/users/{person}", {"name": "Late", "orgRole": "admin"}),
    "make a password link": ("POST", "/users/{invited}/password-link", {"deliver": "link"}),
    "delete an account": ("DELETE", "/users/{person}", None),
    "make a token of a service account": ("POST", "/users/{robot}/api-keys", DRAFT),
    "delete a token of an account": ("DELETE", "/users/{person}/api-keys/{theirs}", {"note": "Late"}),
    "add a custodian": ("PUT", "/users/{robot}/custodians/{guest}", None),
    "remove a custodian": ("DELETE", "/users/{robot}/custodians/{person}", None),
    "acknowledge a reminder": ("POST", "/reminders/{reminder}/acknowledge", None),
    "make a project": ("POST", "/projects", {"name": "Late"}),
    "rename a project": ("PATCH", "/projects/PRJ-1", {"name": "Late"}),
    "set a member": ("PUT", "/projects/PRJ-1/members/{guest}", {"role": "project_admin"}),
    "remove a member": ("DELETE", "/projects/PRJ-1/members/{guest}", None),
    "make a test case": ("POST", "/test-cases?projectId=PRJ-1", {"title": "Late"}),
    "change a test case": ("PATCH", "/test-cases/TC-1?projectId=PRJ-1", {"title": "Late"}),
    "archive a test case": ("DELETE", "/test-cases/TC-1?projectId=PRJ-1", None),
    "make a test cycle": ("POST", "/test-cycles?projectId=PRJ-1", {"name": "Late"}),
    "change a test cycle": ("PATCH", "/test-cycles/TCYCLE-2?projectId=PRJ-1", {"name": "Late"}),
    "report results": ("POST", "/automation/results", RESULTS),
    "make a webhook": ("POST", "/webhooks", WEBHOOK),
    "change a webhook": ("PATCH", "/webhooks/{webhook}", {"name": "Late"}),
    "delete a webhook": ("DELETE", "/webhooks/{webhook}", None),
    "rotate a webhook's secret": ("POST", "/webhooks/{webhook}/rotate-secret", None),
    "test a webhook": ("POST", "/webhooks/{webhook}/test", None),
    "redeliver": ("POST", "/webhooks/{webhook}/deliveries/{delivery}/redeliver", None),
    "archive a test cycle": ("DELETE", "/test-cycles/TCYCLE-2?projectId=PRJ-1", None),
}
BODIES = [name for name, (_, _, body) in WRITES.items() if body]
HASHES = ["make a token", "make a token of a service account", "rotate a token", "rotate the current token", "make an account",
          "change the password"]
FOR_ADMINS = [name for name, (_, path, _) in WRITES.items()
              if path.startswith(("/users", "/organization", "/webhooks")) or path == "/projects"]
IN_PROJECT = [name for name, (_, path, body) in WRITES.items() if "PRJ-1" in path or body is RESULTS]
BY_SESSION = ["sign out", "confirm the session", "change the password"]

# What takes the right away, with the status that the request then gets.
LOSSES = {
    "token revoked": (401, """update testkase.api_tokens set ended_at = now(), ended_reason = 'revoked', secret_hash = null
                              where id = %(credential)s"""),
    "token expired": (401, """set local session_replication_role = replica;
                              update testkase.api_tokens set created_at = created_at - interval '40 days',
                                  rotate_at = rotate_at - interval '40 days', expires_at = expires_at - interval '40 days'
                              where id = %(credential)s;
                              update testkase.auth_epoch set epoch = epoch + 1;
                              set local session_replication_role = origin"""),
    "session ended": (401, "delete from testkase.sessions where user_id = %(actor)s"),
    "actor deactivated": (401, "update testkase.users set status = 'deactivated' where id = %(actor)s"),
    "actor deleted": (401, "update testkase.users set status = 'deleted' where id = %(actor)s"),
    "actor demoted": (403, "update testkase.users set org_role = 'member' where id = %(actor)s"),
    "role in project taken": (404, "delete from testkase.project_members where user_id = %(actor)s"),
    "role in project lowered": (403, "update testkase.project_members set role = 'guest' where user_id = %(actor)s"),
}


def cases(writes):
    for write in writes:
        for loss in LOSSES:
            by_session = loss == "session ended" or (write in BY_SESSION and not loss.startswith("token"))
            if write in BY_SESSION and not by_session or "the current token" in write and by_session:
                continue
            if loss == "actor demoted" and write not in FOR_ADMINS or "in project" in loss and write not in IN_PROJECT:
                continue
            yield pytest.param(write, loss, by_session, id=f"{write}, {loss}")


class Late:
    """A request of an admin, of the organization or of a project, that is under way, and what must not change."""

    def __init__(self, service, write, loss, by_session, cost=(8192, 1)):
        self.service, self.database = service, service.database
        people = service.organization()
        self.actor = people.member if write in IN_PROJECT else people.admin
        service.join(people.id, 1, people.member, "project_admin")
        self.database.query("""
            with project as (
                update testkase.projects set next_case_number = 2, next_cycle_number = 3 where organization_id = %s returning id),
            cases as (
                insert into testkase.test_cases (project_id, number, title, automation_id) select id, 1, 'A', 12345 from project)
            insert into testkase.test_cycles (project_id, number, name) select id, 2, 'A' from project""", (people.id,))
        self.credential, token = service.mint(self.actor, cost=cost)
        other, _ = service.mint(self.actor)
        theirs, _ = service.mint(people.member)
        service.sign_in(self.actor)
        session = self.database.value("select id from testkase.sessions where user_id = %s", (self.actor.id,))
        method, path, self.body = WRITES[write]
        if self.body is RESULTS:
            self.body = {**RESULTS, "orgId": people.id}
        reminder = self.database.value("""update testkase.rotation_reminders set state = 'due', stage = 'rotation'
                                          where token_id = %s returning id""", (other,))
        self.database.query("""insert into testkase.calendar_feeds (user_id, digest) values (%s, sha256(%s::text::bytea))""",
                            (self.actor.id, self.actor.id))
        robot = self.database.value(
            """with robot as (
                   insert into testkase.users (organization_id, email, name, kind)
                   values (%s, 'robot-' || %s || '@example.test', 'Robot', 'service') returning id, organization_id)
               insert into testkase.custodians (organization_id, service_id, user_id)
               select organization_id, id, %s from robot returning service_id""", (people.id, people.id, people.member.id))
        webhook, delivery = self.database.query(
            """with webhook as (
                   insert into testkase.webhooks (organization_id, name, platform, url, topics, secret)
                   values (%s, 'W', 'custom', 'https://hooks.example.com/', '{user.deactivated}', 'whsec_AAAA') returning id)
               insert into testkase.webhook_deliveries (webhook_id, topic, message, state, ended_at)
               select id, 'user.deactivated', '{}', 'parked', now() from webhook returning webhook_id, id""", (people.id,))[0]
        invited = self.database.value("""insert into testkase.users (organization_id, email, name)
                                         values (%s, 'invited-' || %s || '@example.test', 'Invited') returning id""",
                                      (people.id, people.id))
        finding = self.database.value("select testkase.finding_id('poor_name', %s, 'Test')", (other,))
        places = {"token": other, "person": people.member.id, "guest": people.guest.id, "session": session, "finding": finding,
                  "reminder": reminder, "robot": robot, "webhook": webhook, "delivery": delivery,
                  "invited": invited, "theirs": theirs}
        self.robot = robot
        self.method, self.path = method, "/api/v1" + path.format(**places)
        if by_session:
            session = service.sign_in(self.actor).session
            cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
            self.fields = f"Cookie: {cookies}\r\nSec-Fetch-Site: same-origin\r\n"
        else:
            self.fields = f"Authorization: Bearer {token}\r\n"
            service.server.bearer(token).get("/session", 200)  # argon2 is over with it
        self.status, self.sql = LOSSES[loss]
        self.wire = service.server.wire()

    def lose(self, cursor=None):
        parameters = {"credential": self.credential, "actor": self.actor.id}
        if cursor:
            cursor.execute(self.sql, parameters)
        else:
            connection = self.database.connect()
            with connection, connection.cursor() as own:
                own.execute(self.sql, parameters)
            connection.close()

    def state(self):
        return self.database.query("""
            select (select array_agg((t.id, t.ended_at is null)::text order by t.id) from testkase.api_tokens t
                    join testkase.users u on u.id = t.user_id
                    where u.organization_id = %(organization)s),
                   (select array_agg((u.id, u.name, u.org_role, u.status)::text order by u.id) from testkase.users u
                    where u.organization_id = %(organization)s),
                   (select count(*) from testkase.audit_events a
                    where a.organization_id = %(organization)s and a.action <> 'session.created'
                      and a.action not like '%%.hash_renewed'), -- done behind, after a sign-in or a token's first use
                   (select array_agg((c.service_id, c.user_id)::text order by c.user_id) from testkase.custodians c
                    where c.organization_id = %(organization)s),
                   (select f.digest from testkase.calendar_feeds f where f.user_id = %(actor)s),
                   (select (w.reminders, w.changed_at)::text from testkase.mail_wishes w where w.user_id = %(actor)s),
                   (select array_agg((r.id, r.state)::text order by r.id) from testkase.rotation_reminders r
                    where r.user_id = %(actor)s),
                   (select count(*) from testkase.dismissed_findings d join testkase.api_tokens t on t.id = d.token_id
                    where t.user_id = %(actor)s),
                   (select array_agg((s.id, s.confirmed_at)::text order by s.id) from testkase.sessions s
                    where s.user_id = %(actor)s),
                   (select (o.name, o.tokens_may_create_tokens, o.max_expiry_days)::text from testkase.organizations o
                    where o.id = %(organization)s),
                   (select array_agg((p.number, p.name, p.next_case_number, p.next_cycle_number, p.active_cases)::text
                                     order by p.number)
                    from testkase.projects p where p.organization_id = %(organization)s),
                   (select array_agg((m.user_id, m.role)::text order by m.user_id) from testkase.project_members m
                    where m.organization_id = %(organization)s),
                   (select array_agg((c.number, c.title, c.archived_at)::text order by c.number)
                    from testkase.test_cases c join testkase.projects p on p.id = c.project_id
                    where p.organization_id = %(organization)s),
                   (select array_agg((y.number, y.name, y.archived_at)::text order by y.number)
                    from testkase.test_cycles y join testkase.projects p on p.id = y.project_id
                    where p.organization_id = %(organization)s),
                   (select array_agg(h::text order by h.id) from testkase.webhooks h where h.organization_id = %(organization)s),
                   (select array_agg(d::text order by d.id) from testkase.webhook_deliveries d
                    join testkase.webhooks h on h.id = d.webhook_id where h.organization_id = %(organization)s),
                   (select u.password_hash from testkase.users u where u.id = %(actor)s),
                   (select count(*) from testkase.outbox o where o.organization_id = %(organization)s)""",
            {"actor": self.actor.id, "organization": self.actor.organization_id})

    def send_head(self, *more):
        body = json.dumps(self.body).encode() if self.body else b""
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        self.wire.send(f"{self.method} {self.path} HTTP/1.1\r\nHost: a\r\n{self.fields}{length}{''.join(more)}\r\n")
        return body

    def assert_refused(self, before):
        answer = self.wire.response()
        assert answer.status == self.status, answer.body
        assert self.state() == before


@pytest.fixture(scope="module")
def slow(cluster, server_path):
    """A server whose argon2 takes long enough to see it at work."""
    database = cluster.create_database()
    service = Service(server_path, database, TESTKASE_ARGON2_MEMORY_KIB=str(ARGON2[0]), TESTKASE_ARGON2_TIME=str(ARGON2[1]))
    yield service
    service.close()
    database.drop()


def test_every_writing_route_is_tried(slow):
    done = subprocess.run([slow.path, "--routes"], capture_output=True, text=True, timeout=30, check=True)
    writing = {(route["method"], re.sub(r"\{\w+\}", "", route["path"])) for route in json.loads(done.stdout)
               if route["method"] not in ("GET", "any") and route["access"] != "anyone"}
    tried = {(method, "/api/v1" + re.sub(r"\{\w+\}|(PRJ|TC|TCYCLE)-\d|\?.*", "", path)) for method, path, _ in WRITES.values()}
    # A form keeps the token that is asked about out of the address; it changes nothing.
    assert writing == tried | {("POST", "/api/v1/auth/introspect")}


@pytest.mark.parametrize("write,loss,by_session", cases(BODIES))
def test_between_head_and_body(service, write, loss, by_session):
    late = Late(service, write, loss, by_session)
    body = late.send_head("Expect: 100-continue\r\n")
    assert late.wire.response().status == 100
    late.wire.send(body[:1])
    late.lose()
    before = late.state()
    late.wire.send(body[1:])
    late.assert_refused(before)


def argon2_begun(service):
    text = metrics(service.server.base)
    return sum(value(text, f'argon2_wait_seconds_count{{share="{share}"}}') for share in ("tokens", "passwords", "creations"))


@pytest.mark.alone  # argon2 must still be at work when the right is taken away
@pytest.mark.parametrize("write,loss,by_session", cases(HASHES))
def test_while_argon2_works(slow, write, loss, by_session):
    late = Late(slow, write, loss, by_session, cost=ARGON2)
    begun = argon2_begun(slow)
    late.wire.send(late.send_head())
    until(lambda: argon2_begun(slow) > begun, 10, "argon2 works on the request's secret")
    late.lose()
    late.assert_refused(late.state())


@pytest.mark.alone
@pytest.mark.parametrize("status,answer", [("deactivated", 409), ("deleted", 404)])
def test_a_service_account_that_leaves_while_argon2_works_gets_no_token(slow, status, answer):
    late = Late(slow, "make a token of a service account", "actor demoted", False, cost=ARGON2)
    begun = argon2_begun(slow)
    late.wire.send(late.send_head())
    until(lambda: argon2_begun(slow) > begun, 10, "argon2 works on the request's secret")
    late.database.query("update testkase.users set status = %s where id = %s", (status, late.robot))
    late.status = answer
    late.assert_refused(late.state())


@pytest.mark.parametrize("write,loss,by_session", cases(WRITES))
def test_while_the_statement_waits(service, write, loss, by_session):
    late = Late(service, write, loss, by_session)
    connection = late.database.connect()
    with connection.cursor() as cursor:
        cursor.execute("select from testkase.users where id = %s for update", (late.actor.id,))
        late.wire.send(late.send_head())
        until(lambda: late.database.value("""select count(*) from pg_stat_activity
                                             where datname = current_database() and wait_event_type = 'Lock'"""), 5,
              "the statement waits")
        late.lose(cursor)
        connection.commit()
    connection.close()
    late.assert_refused(late.state())


@pytest.mark.parametrize("write", WRITES)
def test_a_right_that_stays_lets_the_change_through(service, write):
    late = Late(service, write, "actor deactivated", write in BY_SESSION)
    late.wire.send(late.send_head())
    assert late.wire.response().status in (200, 201, 204)
