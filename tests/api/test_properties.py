"""A server is driven by the document: requests are made from its schemas, right ones and wrong ones, and every answer must be
as it says, for every kind of caller."""

import subprocess

import pytest

from support.openapi import PATH
from support.postgres import ROOT

# Far from the ids that examples and generated requests have.
FIRST_ID = 700_000_001

# The examples' ids are there, as the admin's own: nothing is lost when they are deleted.
EXAMPLES = """
    with other as (
        insert into testkase.users (id, organization_id, email, name) overriding system value
        values (43, %(organization)s, 'ben@example.com', 'Ben Example') returning id),
    joined as (
        insert into testkase.project_members (project_id, user_id, organization_id, role)
        select p.id, o.id, p.organization_id, 'user'
        from testkase.projects p, other o where p.organization_id = %(organization)s and p.number = 1),
    numbered as (
        update testkase.projects set next_case_number = 2 where organization_id = %(organization)s returning id),
    cases as (
        insert into testkase.test_cases (project_id, number, title, automation_id)
        select id, 1, 'A visitor pays by card', 48271 from numbered)
    insert into testkase.api_tokens (id, user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days)
    overriding system value
    values (1001, %(admin)s, 1, 'a1b2c3d4', '$argon2id$', 'tk_pat_a1b2c3d4...000000', 'GitHub Actions', 30)"""

# A run may find its own token among the tokens that it deletes, its own session, and every account of its organization. To
# the server, they look as if they had just gone. And it may give its organization settings that refuse its next calls.
SPARE = """
    create function spare() returns trigger language plpgsql as 'begin return null; end';
    create trigger spare before update of ended_at on testkase.api_tokens for each row when (old.name = 'Driver')
        execute function spare();
    create trigger spare before delete on testkase.sessions for each row execute function spare();
    create trigger spare before update on testkase.organizations for each row
        when (old.next_project_number = new.next_project_number) execute function spare();"""


@pytest.fixture
def driven(database, start_service):
    service = start_service(database)
    for table in ("users", "api_tokens"):
        database.query(f"alter table testkase.{table} alter column id restart with {FIRST_ID}")
    return service


def fields_of_token(service, person):
    return {"Authorization": f"Bearer {service.mint(person, 'Driver')[1]}"}


def fields_of_session(service, person):
    cookies = service.sign_in(person).session.cookies
    return {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies), "Sec-Fetch-Site": "same-origin"}


CALLERS = {
    "an admin": lambda service, people: fields_of_token(service, people.admin),
    "a member": lambda service, people: fields_of_token(service, people.member),
    "an admin's session": lambda service, people: fields_of_session(service, people.admin),
    "nobody": lambda service, people: {},
}

# A cookie counts beside an Authorization field of another scheme, so a random one in its place proves nothing.
# And a stream of events does not end.
EXCLUDED = {"an admin's session": ["--exclude-checks", "ignored_auth", "--exclude-operation-id", "streamEvents"]}


@pytest.mark.parametrize("caller", CALLERS)
def test_the_server_is_as_the_document_says(tools, driven, tmp_path, caller):
    people = driven.organization()
    fields = CALLERS[caller](driven, people)
    driven.database.query(EXAMPLES, {"organization": people.id, "admin": people.admin.id})
    driven.database.query(SPARE)
    options = [option for name, value in fields.items() for option in ("--header", f"{name}:{value}")]
    done = subprocess.run(
        [tools / "st", "--config-file", ROOT / "tests" / "api" / "schemathesis.toml", "run", PATH, "--url", driven.server.base,
         "--no-color", *options, *EXCLUDED.get(caller, [])], cwd=tmp_path, capture_output=True, text=True, timeout=500,
        check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert driven.server.is_running()
    if fields:
        driven.server.api(fields=fields).get("/session", 200)
