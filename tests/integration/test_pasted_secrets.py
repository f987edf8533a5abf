"""A secret that is pasted where a name belongs becomes no name: it reaches neither a table nor a log."""

import pytest

from support import token as tokens
from support.deadline import until
from support.http import field_errors
from support.postgres import Cluster
from support.process import run
from support.service import PASSWORD, Service

# Made here, so that scanners of this repository do not find them.
SECRETS = {
    "ours": tokens.make(),
    "ours, mistyped": tokens.make()[:-1] + "!",
    "GitHub": "ghp_" + tokens.random_text(36),
    "GitHub, fine-grained": "github_pat_" + tokens.random_text(22) + "_" + tokens.random_text(59),
    "GitLab": "glpat-" + tokens.random_text(20),
    "AWS, id": "AKIA" + "IOSFODNN7EXAMPLE",
    "AWS, secret": "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYEXAMPLEKEY",
}


@pytest.fixture(scope="module")
def logged(server_path):
    """A service whose PostgreSQL logs every statement and parameter, as does the service."""
    cluster = Cluster({"log_statement": "all", "log_min_duration_statement": "0", "log_parameter_max_length": "-1",
                       "log_parameter_max_length_on_error": "-1"})
    database = cluster.create_database()
    service = Service(server_path, database, TESTKASE_LOG_LEVEL="debug")
    try:
        yield service
        service.close()
    finally:
        database.close()
        cluster.remove()


def assert_absent(service, secret):
    """In no table and no log. `secret` may have been cut, so a part of it is looked for."""
    part = secret[8:24].encode()
    assert part not in service.database.dump(), "a table"
    assert part not in service.server.log().encode(), "the server's log"
    assert part not in service.database.cluster.log.read_bytes(), "PostgreSQL's log"


@pytest.fixture(params=SECRETS)
def secret(request):
    return SECRETS[request.param]


@pytest.mark.parametrize("around", ["{}", "CI ({})."])
def test_not_as_a_name(logged, secret, around):
    organization = logged.organization()
    name = around.format(secret)
    admin = logged.sign_in(organization.admin)
    answers = [admin.post("/api-keys", {"name": name, "expiresInDays": 7}),
               admin.post("/users", {"email": "ann@example.test", "name": name}),
               admin.patch(f"/users/{organization.member.id}", {"name": name})]
    for answer in answers:
        assert field_errors(answer) == {"name"} and "secret" in answer.json()["errors"][0]["detail"]
        assert secret not in answer.text
    assert_absent(logged, secret)


def test_not_as_an_address(logged, secret):
    admin = logged.sign_in(logged.organization().admin)
    answer = admin.post("/users", {"email": f"{secret[:64]}@example.test", "name": "Ann"})
    assert field_errors(answer) == {"email"}
    assert_absent(logged, secret)


def test_not_at_a_sign_in(logged, secret):
    logged.server.api().post("/session", {"email": secret, "password": PASSWORD}, 401)
    assert_absent(logged, secret)


def test_not_as_client_or_request(logged, secret):
    organization = logged.organization()
    token_id, token = logged.mint(organization.member)
    fields = {"User-Agent": f"ci/1 {secret}", "X-Request-Id": secret}
    api = logged.server.bearer(token)
    answer = api.get("/session", 200, headers=fields)
    assert answer.headers["X-Request-Id"] != secret
    person = {"email": organization.member.email, "password": PASSWORD}
    assert logged.server.api().post("/session", person, 201, headers=fields).headers["X-Request-Id"] != secret
    made = api.post("/api-keys", {"name": "CI", "expiresInDays": 7}, 201, headers=fields)
    assert made.headers["X-Request-Id"] != secret
    clients = until(lambda: logged.database.query("select distinct client from testkase.api_token_usage where token_id = %s",
                                                  (token_id,)), 15, "the usage is written")
    assert len(clients) == 1 and clients[0][0].startswith("ci/1")
    assert_absent(logged, secret)


@pytest.mark.parametrize("arguments", [
    ["org", "create", "SECRET", "--owner", "a@example.test"],
    ["org", "create", "Fjord", "--owner", "a@example.test", "--owner-name", "SECRET"],
    ["user", "create", "a@example.test", "--org", "1173", "--name", "SECRET"],
    ["project", "create", "SECRET", "--org", "1173"],
    ["token", "create", "a@example.test", "--expires-in-days", "7", "--name", "SECRET"]], ids=" ".join)
def test_not_by_the_command_line(admin_path, database, secret, arguments):
    """Refused before anything is sent."""
    done = run(admin_path, [argument.replace("SECRET", secret) for argument in arguments],
               {"TESTKASE_ADMIN_DATABASE_URL": database.url("testkase_owner")}, "")
    assert done.returncode == 2 and "must not contain a secret" in done.stderr
    assert secret not in done.stdout + done.stderr
    assert secret[8:24].encode() not in database.dump()


@pytest.mark.parametrize("name", ["tk_pat_ rotation", "GitHub Actions v2", "ghp_ is the prefix", "commit " + "0a" * 20])
def test_ordinary_names_are_taken(service, organization, name):
    service.sign_in(organization.member).post("/api-keys", {"name": name, "expiresInDays": 7}, 201)
