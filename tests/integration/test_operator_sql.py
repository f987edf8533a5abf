"""What an operator does by SQL beside running servers takes effect on them, or is refused."""

import json
import re

import pytest

from support.process import run
from support.service import server_environment

pytestmark = pytest.mark.no_second_chance


@pytest.fixture
def warm(database, start_service):
    """(a service, a token's id, its owner, a client whose token the server knows)"""
    service = start_service(database)
    member = service.organization().member
    token_id, token = service.mint(member)
    bearer = service.server.bearer(token)
    for _ in range(2):
        bearer.get("/session", 200)
    return service, token_id, member, bearer


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize("change", [
    "truncate testkase.api_tokens cascade", "truncate testkase.users cascade", "truncate testkase.organizations cascade",
    "delete from testkase.api_token_last_used; delete from testkase.rotation_reminders; delete from testkase.api_tokens",
    "update testkase.api_tokens set ended_at = now(), ended_reason = 'revoked', secret_hash = null where id = {token}",
    "update testkase.users set status = 'deactivated' where id = {user}",
    "update testkase.users set status = 'deleted' where id = {user}"])
def test_what_takes_tokens_away_takes_them_from_running_servers(warm, role, change):
    """Also while session_replication_role is replica, as tools set it that load data."""
    service, token_id, member, bearer = warm
    service.database.query(f"set session_replication_role = {role}; {change.format(token=token_id, user=member.id)}; "
                           "reset session_replication_role")
    assert bearer.get("/session", 401).json()["code"] == "invalid_token"


@pytest.mark.parametrize("table", ["users", "organizations"])
def test_rows_deleted_past_their_foreign_keys(warm, table):
    service, _, _, bearer = warm
    service.database.without_triggers(f"delete from testkase.{table}")
    bearer.get("/session", 401)


def test_a_leaver_of_a_session_without_triggers_stays_away(warm):
    """The next generation begins whatever the session's role."""
    service, _, member, bearer = warm
    change = "update testkase.users set status = %s where id = %s"
    service.database.without_triggers(change, ("deactivated", member.id))
    service.database.query(change, ("active", member.id))
    bearer.get("/session", 401)


@pytest.mark.parametrize("change", ["truncate testkase.auth_epoch", "delete from testkase.auth_epoch",
                                    "drop table testkase.auth_epoch cascade", "drop schema testkase cascade"])
def test_without_an_epoch_no_token_is_accepted(warm, change):
    service, _, _, bearer = warm
    service.database.query(change)
    assert bearer.get("/session").status_code == 503


@pytest.mark.parametrize("table,trigger,change", [
    ("api_tokens", "api_tokens_changed", "alter table testkase.api_tokens disable trigger user"),
    ("users", "users_guard", "alter table testkase.users disable trigger users_guard"),
    ("users", "users_changed", "alter table testkase.users enable replica trigger users_changed"),
    ("api_tokens", "api_tokens_truncated", "drop trigger api_tokens_truncated on testkase.api_tokens")])
def test_a_schema_without_its_triggers_is_refused(database, admin_path, start, server_path, worker_path, table, trigger, change):
    database.query(change)
    words = f"_[a-z]+ of {table} is disabled or missing" if "disable trigger user" in change else f"{trigger} of {table} is"
    variables = {"TESTKASE_ADMIN_DATABASE_URL": database.url("testkase_owner")}
    told = run(admin_path, ["status", "--json"], variables)
    assert told.returncode == 1 and f" of {table} is disabled or missing" in json.loads(told.stdout)["schema"]["problem"]
    server = start(server_path, server_environment(database))
    server.wait_for_line(words)
    worker = run(worker_path, environment={"TESTKASE_DATABASE_URL": database.url("testkase_worker")})
    assert worker.returncode == 1 and re.search(words, worker.stderr)
    if "drop" not in change:
        database.query(f"alter table testkase.{table} enable trigger user")
        server.wait_ready()
        told = run(admin_path, ["status", "--json"], variables)
        assert json.loads(told.stdout)["schema"]["problem"] is None
