"""A running service for tests: a migrated database, a server, organizations with people in them, and clients for them."""

import dataclasses
import functools
import itertools
import json

from support import token as tokens
from support.http import Api, Wire
from support.process import Program, close_all

# Of nobody: long enough, and not among the common ones.
PASSWORD = "violet-harbour-46-lantern"

_numbers = itertools.count(1)


@functools.cache
def password_hash():
    """One hash for everybody, at the low costs that the test servers use."""
    return tokens.argon2id(PASSWORD)


@dataclasses.dataclass(frozen=True)
class Person:
    id: int
    email: str
    name: str
    role: str
    kind: str
    organization_id: int
    password: str = PASSWORD


@dataclasses.dataclass(frozen=True)
class Organization:
    """One with an owner, an admin, a member who is `user` in PRJ-1 and one who is `guest` there."""
    id: int
    name: str
    owner: Person
    admin: Person
    member: Person
    guest: Person


def server_environment(database, **variables):
    """What a test server is given: any free port, cheap hashes, no rate limit in the way of a test."""
    return {
        "TESTKASE_DATABASE_URL": database.url("testkase_server"), "TESTKASE_LISTEN": "127.0.0.1:0",
        "TESTKASE_THREADS": "2", "TESTKASE_ARGON2_MEMORY_KIB": "8192", "TESTKASE_ARGON2_TIME": "1",
        "TESTKASE_RATE_LIMIT": "1000000", "TESTKASE_RATE_BURST": "100000", **variables}


class Server(Program):
    """A testkase-server that is ready; `address` is host:port, `base` http://host:port."""

    def __init__(self, path, environment, **options):
        super().__init__(path, environment, **options)
        try:
            self.address = self.wait_ready()
            assert self.address, f"the ready line does not say address=\n{self.tail()}"
        except BaseException:
            self.kill()
            raise
        self.base = f"http://{self.address}"

    def wire(self, source=None):
        return Wire(self.address, source)

    def api(self, **options):
        """A client without credentials."""
        return Api(self.base, **options)

    def bearer(self, token, **options):
        """A client that presents this token."""
        return Api(self.base, {"Authorization": f"Bearer {token}"}, **options)

    def sign_in(self, person, **options):
        """A client with the person's session cookie, which behaves as a page of ours in a browser would."""
        api = Api(self.base, {"Sec-Fetch-Site": "same-origin"}, **options)
        api.post("/session", {"email": person.email, "password": person.password}, 201)
        return api


class Service:
    """A database and one server on it; more servers by start_server()."""

    def __init__(self, path, database, **variables):
        self.path = path
        self.database = database
        self.variables = variables
        self.servers = []
        self.server = self.start_server()

    def start_server(self, limits=None, **variables):
        server = Server(self.path, server_environment(self.database, **{**self.variables, **variables}), limits=limits)
        self.servers.append(server)
        return server

    def restart(self):
        """Another server at the address of the first, which has ended."""
        self.server = self.start_server(TESTKASE_LISTEN=self.server.address)

    def close(self):
        close_all(self.servers)

    # --- what is in the database, made by SQL ---

    def person(self, organization_id, role="member", name=None, kind="person", email=None):
        number = next(_numbers)
        email = email or f"{name or role}-{number}@example.test".lower().replace(" ", ".")
        name = name or f"{role.capitalize()} {number}"
        user_id = self.database.value(
            """insert into testkase.users (organization_id, email, name, kind, org_role, password_hash)
               values (%s, %s, %s, %s, %s, %s) returning id""",
            (organization_id, email, name, kind, role, password_hash() if kind == "person" else None))
        return Person(user_id, email, name, role, kind, organization_id)

    def organization(self):
        """A fresh organization, as Organization says."""
        name = f"Organization {next(_numbers)}"
        number = self.database.value("insert into testkase.organizations (name) values (%s) returning id", (name,))
        people = {role: self.person(number, role) for role in ("owner", "admin", "member")}
        guest = self.person(number, name="Guest")
        made = Organization(number, name, people["owner"], people["admin"], people["member"], guest)
        project = self.project(number, "Web shop")
        self.join(number, project, made.member, "user")
        self.join(number, project, made.guest, "guest")
        return made

    def project(self, organization_id, name):
        """A project under the organization's next number, which is returned."""
        return self.database.value(
            """with numbered as (
                   update testkase.organizations set next_project_number = next_project_number + 1
                   where id = %s returning id, next_project_number - 1 as number)
               insert into testkase.projects (organization_id, number, name) select id, number, %s from numbered
               returning number""", (organization_id, name))

    def join(self, organization_id, project_number, person, role):
        self.database.query(
            """insert into testkase.project_members (project_id, user_id, organization_id, role)
               select id, %s, organization_id, %s from testkase.projects where organization_id = %s and number = %s
               on conflict (project_id, user_id) do update set role = excluded.role""",
            (person.id, role, organization_id, project_number))

    def leave(self, organization_id, project_number, person):
        self.database.query(
            """delete from testkase.project_members m using testkase.projects p
               where p.id = m.project_id and p.organization_id = %s and p.number = %s and m.user_id = %s""",
            (organization_id, project_number, person.id))

    def add_cases(self, organization_id, count, project_number=1):
        """As many cases of a project; in a project without any, TC-1 … with the automation ids 10001 …"""
        self.database.query(
            """with numbered as (
                   update testkase.projects p set next_case_number = p.next_case_number + %(count)s
                   where p.organization_id = %(organization)s and p.number = %(project)s
                   returning p.id, p.next_case_number - %(count)s as first)
               insert into testkase.test_cases (project_id, number, title, automation_id)
               select p.id, p.first + n, 'Case ' || p.first + n, 10000 + p.first + n
               from numbered p, generate_series(0, %(count)s - 1) n""",
            {"organization": organization_id, "project": project_number, "count": count})

    def report(self, person, project_number, results, cycle_number=1, build=None, ago="0 seconds"):
        """A run with these results, {number of the case: status}, as the database knows it when it was uploaded."""
        self.database.query(
            """with made as (
                   insert into testkase.test_runs
                       (project_id, cycle_id, user_id, build, reported_at, received, matched, pass, fail, blocked, skipped)
                   select y.project_id, y.id, %(user)s, %(build)s, now() - %(ago)s::interval, %(count)s, %(count)s,
                          %(pass)s, %(fail)s, %(blocked)s, %(skipped)s
                   from testkase.test_cycles y join testkase.projects p on p.id = y.project_id
                   where p.organization_id = %(organization)s and p.number = %(project)s and y.number = %(cycle)s
                   returning id, project_id, cycle_id, reported_at), told as (
                   select c.id, r.status, c.title
                   from made m
                   cross join unnest(%(cases)s, %(statuses)s) r (number, status)
                   join testkase.test_cases c on c.project_id = m.project_id and c.number = r.number), executed as (
                   insert into testkase.test_executions
                       (executed_at, case_id, cycle_id, run_id, status, duration_ms, name, message)
                   select m.reported_at, t.id, m.cycle_id, m.id, t.status, 1250, t.title || ' works', 'Told ' || t.status
                   from made m, told t order by t.id)
               insert into testkase.test_latest_results as l
                   (cycle_id, case_id, run_id, executed_at, status, duration_ms, message)
               select m.cycle_id, t.id, m.id, m.reported_at, t.status, 1250, 'Told ' || t.status from made m, told t
               on conflict (cycle_id, case_id) do update
               set run_id = excluded.run_id, executed_at = excluded.executed_at, status = excluded.status,
                   duration_ms = excluded.duration_ms, message = excluded.message""",
            {"user": person.id, "organization": person.organization_id, "project": project_number, "cycle": cycle_number,
             "build": json.dumps(build or {}), "ago": ago, "count": len(results), "cases": list(results),
             "statuses": list(results.values()),
             **{status: list(results.values()).count(status) for status in ("pass", "fail", "blocked", "skipped")}})

    def mint(self, person, name="Test", days=30, cost=(8192, 1)):
        """(id, token) of a token that the database knows as if the service had made it, hashed at that cost."""
        token = tokens.make()
        token_id = self.database.value(
            """with made as (
                   insert into testkase.api_tokens
                       (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days)
                   select id, credential_generation, %s, %s, %s, %s, %s from testkase.users where id = %s
                   returning id, user_id, rotate_at), reminded as (
                   insert into testkase.rotation_reminders (token_id, user_id, due_at)
                   select id, user_id, rotate_at from made)
               select id from made""",
            (tokens.lookup(token), tokens.argon2id(token, *cost), tokens.preview(token), name, days, person.id))
        return token_id, token

    def use(self, token_id, client="curl/8.1", address="10.0.0.7", ago="1 minute", calls=1, method="GET", route="/api/v1/session",
            status=200):
        """Calls with a token some time ago, as the database knows them when a server has written them."""
        self.database.query(
            """with at as (select now() - %(ago)s::interval as moment), used as (
                   insert into testkase.api_token_usage as u
                       (token_id, hour, last_at, address, client, method, route, status, calls)
                   select %(id)s, date_trunc('hour', moment, 'UTC'), moment, %(address)s, %(client)s, %(method)s, %(route)s,
                          %(status)s, %(calls)s
                   from at
                   on conflict (token_id, hour, address, client, method, route, status)
                   do update set calls = u.calls + excluded.calls, last_at = greatest(u.last_at, excluded.last_at))
               insert into testkase.api_token_last_used as l (token_id, used_at, address, client)
               select %(id)s, moment, %(address)s, %(client)s from at where %(status)s not in (401, 429)
               on conflict (token_id) do update set used_at = excluded.used_at, address = excluded.address,
                                                    client = excluded.client
               where l.used_at < excluded.used_at""",
            {"id": token_id, "client": client, "address": address, "ago": ago, "calls": calls, "method": method, "route": route,
             "status": status})

    def bearer(self, person, **options):
        """A client with a fresh token of this person."""
        return self.server.bearer(self.mint(person)[1], **options)

    def sign_in(self, person, **options):
        return self.server.sign_in(person, **options)
