"""testkase-admin backup check: each thing that can be wrong with a restored database is found, and an export of the audit log
ends again what had ended."""

import contextlib
import json
import re

import pytest

from support.admin import Admin
from support.postgres import ROOT
from support.schema import without_noise
from support.service import Service

pytestmark = pytest.mark.no_second_chance

OTHER_CLUSTER = "update testkase.histories set cluster = 'another'"
AN_ORGANIZATION = "insert into testkase.organizations (name) values ('Fjord')"
A_LEAVER = (f"{AN_ORGANIZATION}; insert into testkase.users (organization_id, email, name, kind) "
            "select id, 'bot@example.test', 'Bot', 'service' from testkase.organizations; ")
ITS_TOKEN = ("insert into testkase.api_tokens (user_id, lookup_id, secret_hash, preview, name, expires_in_days) "
             "select id, 'aaaaaaaa', '$argon2id$x', 'tk_pat_aaaaaaaa...bbbbbb', 'Pipeline', 30 from testkase.users; ")
ITS_HASH = ("alter table testkase.api_tokens drop constraint api_tokens_hash_while_alive; "
            "update testkase.api_tokens set ended_at = now(), ended_reason = 'revoked'; "
            "set session_replication_role = replica; update testkase.api_tokens set secret_hash = '$argon2id$x'; "
            "reset session_replication_role")

# What is done to a database, as a superuser → the check that fails, and what it says. THIS is this month, NEXT the next one.
BROKEN = {
    "delete from testkase.schema_migrations where version = 3": ("schema", "lacks 0003_accounts"),
    "delete from testkase.schema_migrations where version > 3": ("schema", "version 3"),
    OTHER_CLUSTER: ("history", "another cluster"),
    "update testkase.histories set timeline = '00000009'": ("history", "recovered to a point in time"),
    "update testkase.histories set database = '1/2'": ("history", "restored in its cluster"),
    "delete from testkase.histories": ("history", "nothing says"),
    "delete from testkase.auth_epoch": ("epoch", "is missing"),
    "insert into testkase.auth_changes (epoch) values (9000000)": ("epoch", "later than the epoch"),
    f"{AN_ORGANIZATION}; select setval('testkase.organizations_id_seq', 1000)":
        ("sequences", "organizations.id gives 1001 next, and the greatest there is 1173"),
    "drop table testkase.audit_events_NEXT": ("partitions", "audit_events has no partition for "),
    "alter table testkase.api_token_usage detach partition testkase.api_token_usage_THIS":
        ("partitions", "is not attached to api_token_usage"),
    "drop table testkase.test_executions_default": ("partitions", "test_executions has no default partition"),
    "delete from testkase.partitioned_tables": ("partitions", "is empty"),
    "alter table testkase.users disable trigger users_changed":
        ("structure", "trigger users users_changed: disabled, not always"),
    "alter table testkase.users enable trigger users_changed": ("structure", "enabled, not always"),
    "alter table testkase.api_tokens disable trigger all": ("structure", "is not of the migrations: disabled"),
    "drop trigger audit_events_append_only on testkase.audit_events": ("structure", "audit_events_append_only is missing"),
    "drop index testkase.users_email_key": ("structure", "index testkase.users_email_key is missing"),
    "update pg_index set indisvalid = false where indexrelid = 'testkase.users_email_key'::regclass":
        ("structure", "index testkase.users_email_key: invalid, not valid"),
    "alter table testkase.sessions drop constraint sessions_end_in_time": ("structure", "sessions_end_in_time is missing"),
    "alter table testkase.users drop constraint users_email_is_ascii, "
    "add constraint users_email_is_ascii check (email ~ '^[!-~]+@[!-~]+$') not valid":
        ("structure", "users_email_is_ascii: not validated, not valid"),
    "drop view ops.workers": ("structure", "view ops.workers is missing"),
    "alter function testkase.rfc3339 security definer": ("structure", "owner's rights, not caller's rights"),
    "alter table testkase.sessions set unlogged": ("structure", "table testkase.sessions: unlogged"),
    "alter function testkase.bump_auth_epoch owner to postgres": ("owners", "belongs to postgres"),
    "alter table testkase.audit_events_THIS owner to postgres": ("owners", "belongs to postgres"),
    "grant select on testkase.api_tokens to testkase_ops":
        ("rights", "api_tokens for testkase_ops is not of the migrations: SELECT"),
    "grant select (secret_hash) on testkase.api_tokens to testkase_worker":
        ("rights", "api_tokens.secret_hash for testkase_worker"),
    "grant select on testkase.audit_events_THIS to public": ("rights", "for PUBLIC is not of the migrations"),
    "grant execute on function testkase.bump_auth_epoch to public": ("rights", "for PUBLIC is not of the migrations: EXECUTE"),
    "grant create on schema testkase to testkase_server": ("rights", "CREATE, USAGE, not USAGE"),
    "revoke update (status) on testkase.users from testkase_server":
        ("rights", "column testkase.users.status for testkase_server is missing"),
    "revoke all on all tables in schema ops from testkase_ops": ("rights", "view ops.tokens for testkase_ops is missing"),
    "grant select on ops.tokens to testkase_ops with grant option": ("rights", "SELECT with grant option, not SELECT"),
    "grant connect on database {database} to public": ("roles", "every role of the cluster may connect"),
    "revoke connect on database {database} from testkase_worker": ("roles", "testkase_worker may not connect"),
    f"{A_LEAVER}{ITS_TOKEN} set session_replication_role = replica; alter table testkase.users disable trigger all; "
    "update testkase.users set status = 'deactivated'; alter table testkase.users enable trigger all; "
    "reset session_replication_role": ("rows", "1 token(s) of accounts that are not active would be accepted"),
    f"{A_LEAVER}{ITS_TOKEN} alter table testkase.api_tokens disable trigger all; "
    "update testkase.api_tokens set owner_generation = 2":
        ("rows", "1 token(s) are of a generation that their owner has not reached"),
    f"{A_LEAVER}{ITS_TOKEN}{ITS_HASH}": ("rows", "1 token(s) that have ended still have a hash"),
    f"{A_LEAVER}{ITS_TOKEN} set session_replication_role = replica; delete from testkase.users; "
    "reset session_replication_role": ("rows", "1 token(s) have no owner"),
    f"{AN_ORGANIZATION}; insert into testkase.audit_events (organization_id, occurred_at, actor_kind, action, target_kind, "
    "target_id) select id, now() + interval '1 hour', 'system', 'user.created', 'user', 1 from testkase.organizations":
        ("clock", "the latest audit event is of "),
    "update pg_database set datcollversion = '1' where datname = current_database()": ("collation", "has version 1"),
}
WARNINGS = {"collation"}


class Check(Admin):
    """Runs the subcommand."""

    def report(self, *options, status, **more):
        """What it prints with --json; it must end with this exit status."""
        done = self.run("backup", "check", *options, "--json", **more)
        assert done.returncode == status, (done.stdout, done.stderr)
        assert (status == 0) == json.loads(done.stdout)["healthy"]
        return json.loads(done.stdout)


def close_database(database):
    """What sql/roles.sql does to a new database."""
    database.query(f"revoke connect, temporary on database {database.name} from public; "
                   f"grant connect on database {database.name} to testkase_server, testkase_worker, testkase_ops")


@pytest.fixture
def check(admin_path, database):
    """On a database that is in order. It is a copy of another one, of which the history says nothing."""
    close_database(database)
    database.query("insert into testkase.histories (cluster, timeline, database) "
                   "select h.cluster, h.timeline, h.database from testkase.present_history() h")
    return Check(admin_path, database)


def found(report):
    """{check: its findings} of the checks that have some."""
    return {one["name"]: one["findings"] for one in report["checks"] if one["findings"]}


def content(database, but_sequences=False):
    """All that it holds. No rollback takes the numbers back that sequences have given."""
    text = without_noise(database.dump())
    return re.sub(r"SELECT pg_catalog\.setval.*", "", text) if but_sequences else text


def month(database, ahead=0):
    return database.value("select to_char(now() at time zone 'UTC' + %s * interval '1 month', 'YYYY_MM')", (ahead,))


# --- what the checks find ---

def test_a_database_in_order(check):
    report = check.report(status=0)
    assert report["changes"] is None and found(report) == {}
    assert {one["state"] for one in report["checks"]} == {"ok"} and len(report["checks"]) > 10
    text = check.run("backup", "check")
    assert text.returncode == 0 and text.stderr == "" and text.stdout.startswith("ok       schema\nok       history\n")


@pytest.mark.parametrize("change", BROKEN)
def test_each_fault_is_found(check, database, change):
    name, sentence = BROKEN[change]
    sql = change.replace("THIS", month(database)).replace("NEXT", month(database, 1)).replace("{database}", database.name)
    database.query(sql)
    database.close()
    report = check.report(status=0 if name in WARNINGS else 1)
    assert sentence in " ".join(found(report)[name]), found(report)
    assert [one["remedy"] for one in report["checks"] if one["name"] == name] != [None]


def test_a_failure_says_what_to_do(check, database):
    database.query(f"{AN_ORGANIZATION}; select setval('testkase.organizations_id_seq', 1000)")
    text = check.run("backup", "check")
    assert text.returncode == 1 and "not run" not in text.stdout
    assert ("FAILED   sequences\n           organizations.id gives 1001 next, and the greatest there is 1173\n         To do:\n"
            "           testkase-admin backup check --after-restore moves them on.\n") in text.stdout
    assert text.stderr == "testkase-admin: 1 check failed; do not start the servers before all pass\n"


def test_it_changes_nothing(check, database):
    before = content(database)
    check.report(status=0)
    assert content(database) == before


def test_another_database_of_the_cluster_says_nothing_about_ours(check, cluster):
    """Another role's own objects, in a schema of its own, are its own business."""
    check.database.query("create schema mine; create table mine.notes (id int); grant select on mine.notes to public")
    check.report(status=0)


def test_attributes_and_memberships_of_roles(own_cluster, admin_path):
    database = own_cluster.create_database()
    own_cluster.execute((ROOT / "sql" / "roles.sql").read_text())
    own_cluster.execute("alter role testkase_worker bypassrls")
    own_cluster.execute("grant testkase_owner to testkase_server")
    own_cluster.execute("alter role testkase_ops reset default_transaction_read_only")
    report = Check(admin_path, database).report("--after-restore", status=1)
    assert found(report)["roles"] == [
        "testkase_ops may write: default_transaction_read_only is not on for it",
        "testkase_server is a member of testkase_owner", "testkase_worker has the attribute bypassrls"]


def test_after_a_restore_makes_good_what_it_can(check, database):
    database.query(f"{AN_ORGANIZATION}; select setval('testkase.organizations_id_seq', 1000); "
                   f"drop table testkase.audit_events_{month(database)}; delete from testkase.auth_epoch; {OTHER_CLUSTER}")
    assert set(found(check.report(status=1))) == {"history", "epoch", "sequences", "partitions"}
    epoch = check.report("--after-restore", status=0)["changes"]["epoch"]
    assert epoch == database.value("select epoch from testkase.auth_epoch") >= 1_000_000
    check.done("org", "create", "Next", "--owner", "ada@example.test")
    assert database.value("select count(*) from only testkase.audit_events_default") == 0


def test_a_rehearsal_changes_nothing(check, database):
    database.query(f"{AN_ORGANIZATION}; select setval('testkase.organizations_id_seq', 1000); {OTHER_CLUSTER}")
    before = content(database, but_sequences=True)
    report = check.report("--after-restore", "--revoke-all", "--dry-run", status=0)
    assert report["changes"]["made"] is False and report["checks"] is None
    assert content(database, but_sequences=True) == before


# --- what had ended ends again ---

class Lost:
    """A service; its database as it was when it was backed up, restored beside it; and the audit log since."""

    def __init__(self, service, admin_path):
        self.service = service
        self.admin_path = admin_path
        self.organization = service.organization()
        self.owner = service.sign_in(self.organization.owner)
        self.restored = self.check = None

    def back_up(self):
        cluster = self.service.database.cluster
        self.restored = cluster.create_database("template1")
        close_database(self.restored)
        self.restored.restore(self.service.database.dump("--format=custom", role="testkase_owner"))
        self.check = Check(self.admin_path, self.restored)

    def export(self):
        """The audit log as RUNBOOK.md has it kept, from the first event on."""
        with contextlib.closing(self.service.database.connect("testkase_ops")) as connection, connection.cursor() as cursor:
            cursor.execute("select to_jsonb(e)::text from ops.audit_trail e order by id")
            return "".join(f"{line}\n" for line, in cursor.fetchall())

    def end(self, export=None, status=0):
        """{(action, id): outcome}, and the report."""
        report = self.check.report("--revoked-since", "-", status=status, standard_input=export or self.export())
        return {(one["action"], one["id"]): one["outcome"] for one in report["changes"]["events"]}, report

    def state(self, sql, *parameters):
        return self.restored.query(sql, parameters)


@pytest.fixture
def lost(database, admin_path, start_service):
    made = Lost(start_service(database, TESTKASE_THREADS="1"), admin_path)
    yield made
    if made.restored:
        made.restored.drop()


def test_tokens_that_had_ended_end_again(lost, start_service):
    """By their owner, as leaked, by time; one that is not in the backup; and one whose id was given to another since."""
    member = lost.organization.member
    kept, revoked, leaked, expired, before = (lost.service.mint(member, name) for name in
                                              ("Kept", "Revoked", "Leaked", "Expired", "Before"))
    session = lost.service.sign_in(member)
    session.delete(f"/api-keys/{before[0]}", 204)
    lost.back_up()
    session.delete(f"/api-keys/{revoked[0]}", 204)
    admin = Admin(lost.admin_path, lost.service.database)
    admin.done("token", "revoke", str(leaked[0]), "--leaked")
    lost.service.database.query("insert into testkase.audit_events (organization_id, actor_kind, action, target_kind, target_id) "
                                "values (%s, 'system', 'api_key.expired', 'api_key', %s)", (lost.organization.id, expired[0]))
    new = session.post("/api-keys", {"name": "Made since", "expiresInDays": 7}, 201).json()
    session.delete(f"/api-keys/{new['id']}", 204)
    given_again = Service.mint(Again(lost.restored), member, "Given again")
    assert given_again[0] == new["id"]
    outcomes, report = lost.end()
    assert outcomes == {("api_key.revoked", before[0]): "already", ("api_key.revoked", revoked[0]): "ended",
                        ("api_key.revoked", leaked[0]): "ended", ("api_key.expired", expired[0]): "ended",
                        ("api_key.revoked", new["id"]): "unknown"}
    assert found(report) == {}
    assert dict(lost.state("select name, ended_reason from testkase.api_tokens")) == {
        "Kept": None, "Revoked": "revoked", "Leaked": "leaked", "Expired": "expired", "Before": "revoked", "Given again": None}
    service = start_service(lost.restored, TESTKASE_THREADS="1")
    for token, status in ((kept, 200), (revoked, 401), (leaked, 401), (expired, 401), (before, 401), (given_again, 200)):
        service.server.bearer(token[1]).get("/session", status)
    service.close()
    again = content(lost.restored)
    outcomes, report = lost.end()
    assert set(outcomes.values()) == {"already", "unknown"} and report["changes"]["epoch"] is None
    assert content(lost.restored) == again, "a second run changes nothing"


class Again:
    """Stands for a service whose database is another one."""

    def __init__(self, database):
        self.database = database


def test_accounts_and_roles_that_had_been_taken_away(lost):
    """People who left, came back, changed their password, lost a role in the organization or in a project."""
    people = {name: lost.service.person(lost.organization.id, name=name)
              for name in ("Left", "Gone", "Back", "Fresh", "Out", "Less")}
    demoted = lost.organization.admin
    tokens = {name: lost.service.mint(person)[0] for name, person in people.items()}
    for name in ("Out", "Less"):
        lost.service.join(lost.organization.id, 1, people[name], "project_admin")
    sessions = {name: lost.service.sign_in(person) for name, person in people.items()}
    lost.back_up()
    lost.owner.patch(f"/users/{people['Left'].id}", {"status": "deactivated"}, 200)
    lost.owner.delete(f"/users/{people['Gone'].id}", 204)
    lost.owner.patch(f"/users/{people['Back'].id}", {"status": "deactivated"}, 200)
    lost.owner.patch(f"/users/{people['Back'].id}", {"status": "active"}, 200)
    lost.owner.patch(f"/users/{demoted.id}", {"orgRole": "member"}, 200)
    sessions["Fresh"].post("/account/password", {"currentPassword": people["Fresh"].password,
                                                 "newPassword": "copper-meadow-73-sailing"}, 204)
    lost.owner.delete(f"/projects/PRJ-1/members/{people['Out'].id}", 204)
    lost.owner.put(f"/projects/PRJ-1/members/{people['Less'].id}", {"role": "guest"}, 200)
    lost.owner.put(f"/projects/PRJ-1/members/{people['Back'].id}", {"role": "user"}, 200)
    lost.restored.query("insert into testkase.audit_events (organization_id, actor_kind, action, target_kind, target_id, detail) "
                        "values (%s, 'system', 'user.updated', 'user', %s, %s)",
                        (lost.organization.id, demoted.id, json.dumps({"email": demoted.email, "name": ["A", "B"]})))
    outcomes, report = lost.end(lost.export() * 3)
    assert len(report["changes"]["events"]) == len(outcomes), "a copy of the log has events more than once"
    assert outcomes == {
        ("user.deactivated", people["Left"].id): "ended", ("user.deleted", people["Gone"].id): "ended",
        ("user.deactivated", people["Back"].id): "ended", ("user.reactivated", people["Back"].id): "already",
        ("user.updated", demoted.id): "ended", ("user.password_changed", people["Fresh"].id): "ended",
        ("project.member_removed", people["Out"].id): "ended", ("project.member_set", people["Less"].id): "ended",
        ("project.member_set", people["Back"].id): "unknown"}
    assert report["changes"]["sessionsEnded"] == len(people) + 1
    assert dict(lost.state("select name, status from testkase.users where name in ('Left', 'Gone', 'Back', 'Fresh')")) == {
        "Left": "deactivated", "Gone": "deleted", "Back": "active", "Fresh": "active"}
    assert lost.state("select org_role from testkase.users where id = %s", demoted.id) == [("member",)]
    assert lost.state("select password_hash from testkase.users where id = %s", people["Fresh"].id) == [(None,)]
    assert dict(lost.state("select user_id, role from testkase.project_members where user_id = any (%s)",
                           [people["Out"].id, people["Less"].id])) == {people["Less"].id: "guest"}
    valid = {row[0] for row in lost.state("select id from testkase.api_token_states where status = 'active'")}
    assert valid == {tokens["Fresh"], tokens["Out"], tokens["Less"]}, "nobody's who left, even for a while"
    admin = Admin(lost.admin_path, lost.restored)
    admin.done("user", "set-password", people["Fresh"].email, standard_input="a-new-one-for-fresh-27\n")
    admin.done("user", "reactivate", people["Left"].email)
    before = content(lost.restored)
    assert "ended" not in lost.end()[0].values()
    assert content(lost.restored) == before, "what was decided since stays so"


def test_an_owner_is_not_deactivated(lost):
    """Its role was given to another account in the lost time."""
    lost.back_up()
    database, old, new = lost.service.database, lost.organization.owner, lost.organization.admin
    database.query("update testkase.users set org_role = 'member' where id = %s", (old.id,))
    database.query("update testkase.users set org_role = 'owner' where id = %s", (new.id,))
    lost.service.sign_in(new).delete(f"/users/{old.id}", 204)
    done = lost.check.run("backup", "check", "--revoked-since", "-", standard_input=lost.export())
    assert done.returncode == 1 and "is the owner of its organization" in done.stderr
    assert re.search(rf"user\.deleted +{old.id} +{old.email} +is_owner\n", done.stdout)


@pytest.mark.parametrize("member,value", [("organization_id", 1), ("preview", "tk_pat_zzzzzzzz...zzzzzz"), ("owner_id", 1)])
def test_the_export_of_another_database_is_refused(lost, member, value):
    token_id, _ = lost.service.mint(lost.organization.member)
    other_id, _ = lost.service.mint(lost.organization.member)
    lost.back_up()
    session = lost.service.sign_in(lost.organization.member)
    session.delete(f"/api-keys/{other_id}", 204)
    session.delete(f"/api-keys/{token_id}", 204)
    events = [json.loads(line) for line in lost.export().splitlines()]
    events[-1][member] = value
    before = content(lost.restored, but_sequences=True)
    outcomes, report = lost.end(json.dumps(events), status=1)
    assert outcomes == {("api_key.revoked", other_id): "ended", ("api_key.revoked", token_id): "mismatch"}
    assert report["changes"]["made"] is False
    assert lost.state("select count(*) from testkase.api_tokens where ended_at is not null") == [(0,)]
    assert content(lost.restored, but_sequences=True) == before


def test_without_an_export_all_tokens_end(lost):
    for _ in range(3):
        lost.service.mint(lost.organization.member)
    lost.back_up()
    report = lost.check.report("--revoke-all", status=0)
    assert report["changes"]["tokensRevoked"] == 3 and report["changes"]["epoch"] > 1_000_000
    assert lost.state("select distinct status from testkase.api_token_states") == [("revoked",)]
    assert lost.state("select count(*) from testkase.outbox where topic = 'api_key.revoked'") == [(3,)]


# --- exports ---

EVENT = {"action": "api_key.revoked", "organization_id": 1, "target_id": 7, "occurred_at": "2026-01-02T03:04:05+00:00"}
API_EVENT = {"action": "api_key.revoked", "organizationId": 1, "targetId": 7, "occurredAt": "2026-01-02T03:04:05Z",
             "detail": {"ownerId": 3, "reason": "leaked", "name": "CI"}}


@pytest.mark.parametrize("text", [
    json.dumps(EVENT), json.dumps([EVENT]), json.dumps({"data": [EVENT], "nextCursor": None}), json.dumps([EVENT], indent=2),
    json.dumps({"data": [EVENT]}) + "\r\n\n" + json.dumps({"data": []}) + "\n", json.dumps(API_EVENT) + "\n",
    json.dumps({"action": "session.created"}) + "\n" + json.dumps(EVENT)],
    ids=["line", "array", "list", "pretty", "pages", "api", "others"])
def test_forms_of_an_export(check, text, tmp_path):
    (tmp_path / "audit.json").write_text(text)
    report = check.report("--revoked-since", str(tmp_path / "audit.json"), status=0)
    assert [one["outcome"] for one in report["changes"]["events"]] == ["unknown"]


@pytest.mark.parametrize("text,sentence", [
    ("", "has no events"), ("\n\n", "has no events"), ("[]", "has no events"), ("no json", "is not JSON, after 0 events"),
    (json.dumps(EVENT) + "\n{", "is not JSON, after 1 events"), ("7", "event 1 of the export lacks action"),
    (json.dumps([EVENT, {}]), "event 2 of the export lacks action"),
    (json.dumps({**EVENT, "target_id": None}), "event 1 of the export lacks target_id"),
    (json.dumps({**EVENT, "target_id": "7"}), "event 1 of the export has another type of value than the audit log: target_id"),
    (json.dumps({**EVENT, "occurred_at": "yesterday or so"}), "invalid input syntax for type timestamp")])
def test_what_is_no_export_is_refused(check, text, sentence):
    assert sentence in check.refused("backup", "check", "--revoked-since", "-", standard_input=text)


def test_an_export_that_cannot_be_read(check, tmp_path):
    assert "cannot open the export" in check.refused("backup", "check", "--revoked-since", str(tmp_path / "none"))
    assert "cannot be read" in check.refused("backup", "check", "--revoked-since", str(tmp_path))


def test_a_schema_of_another_version_is_not_changed(check, database):
    database.query("delete from testkase.schema_migrations where version > 3")
    assert "the schema is behind" in check.refused("backup", "check", "--after-restore")
