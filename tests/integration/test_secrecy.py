"""A secret is where it must be and nowhere else."""

import math
import os
import pathlib

import pytest

from support import token as tokens
from support.http import Api
from support.postgres import Cluster
from support.service import Service

pytestmark = pytest.mark.no_second_chance

# Unlike anything else in a dump or a log.
PASSWORD = "Needle-In-Haystack-5531"


class Secrets:
    """What one round of use has brought forth."""

    def __init__(self, service):
        self.found = {}
        organization = service.organization()
        admin = service.sign_in(organization.admin)
        self.add("cookie", admin.session.cookies.get("testkase_session"))
        self.add("password", PASSWORD)
        email = f"{tokens.random_text(8)}@example.test"
        admin.post("/users", {"email": email, "name": "Ann", "password": PASSWORD}, 201)
        person = Api(service.server.base, {"Sec-Fetch-Site": "same-origin"})
        person.post("/session", {"email": email, "password": PASSWORD}, 201)
        self.add("second cookie", person.session.cookies.get("testkase_session"))
        wrong = "Wrong-Needle-In-Haystack-9917"
        self.add("wrong password", wrong)
        service.server.api().post("/session", {"email": email, "password": wrong}, 401)
        new = "Newer-Needle-In-Haystack-3308"
        self.add("new password", new)
        person.post("/session/confirm", {"password": wrong}, 401)
        person.post("/session/confirm", {"password": PASSWORD}, 204)
        person.post("/account/password", {"currentPassword": PASSWORD, "newPassword": new}, 204)
        self.add("third cookie", person.session.cookies.get("testkase_session"))
        kept, deleted, expired = (person.post("/api-keys", {"name": name, "expiresInDays": 7}, 201).json()
                                  for name in ("kept", "deleted", "expired"))
        for made in (kept, deleted, expired):
            self.add_token(made["name"], made["token"])
            service.server.bearer(made["token"]).get("/session", 200)
        service.database.age_token(expired["id"], days=8)
        service.server.bearer(expired["token"]).get("/session", 401)
        service.server.bearer(deleted["token"]).delete("/api-keys/current", 204)
        service.server.bearer(deleted["token"]).get("/session", 401)
        guess, unknown = tokens.make(tokens.lookup(kept["token"])), tokens.make()
        for name, token in (("guess", guess), ("unknown", unknown)):
            self.add_token(name, token)
            service.server.bearer(token).get("/session", 401)
        self.misplace(service, kept["token"])

    def misplace(self, service, token):
        """Tokens where they don't belong, as people put them."""
        api = Api(service.server.base, checked=False)
        for path in (f"/session?access_token={token}", f"/{token}", f"/api-keys/{token}"):
            api.get(path)
        for fields in ({"X-Request-Id": token}, {"User-Agent": token}, {"Referer": f"http://x/{token}"}, {"Cookie": token},
                       {"Authorization": f"Basic {token}"}, {"Authorization": token}, {"Origin": token}):
            api.get("/session", headers=fields)
        api.post("/session", {"email": "nobody@example.test", "password": token})
        api.post("/session", {token: token})

    def add(self, name, value):
        assert value and len(value) > 12
        self.found[name] = value

    def add_token(self, name, token):
        self.add(f"token {name}", token)
        self.add(f"secret part of {name}", tokens.secret(token))

    def assert_absent(self, data, where):
        for name, value in self.found.items():
            for form in (value.encode(), value.encode().hex().encode(), value.encode().hex().upper().encode()):
                position = data.find(form)
                assert position < 0, f"{name} is in {where}"


@pytest.fixture(scope="module")
def used(server_path):
    """A service after a round of use, in a cluster that logs everything it can."""
    cluster = Cluster({"log_statement": "all", "log_min_messages": "debug5", "log_min_duration_statement": "0",
                       "log_parameter_max_length": "-1", "log_parameter_max_length_on_error": "-1", "log_connections": "on",
                       "log_error_verbosity": "verbose", "log_duration": "on"})
    database = cluster.create_database()
    service = Service(server_path, database, TESTKASE_LOG_LEVEL="debug")
    try:
        yield service, Secrets(service)
        service.close()
    finally:
        database.close()
        cluster.remove()


def test_no_secret_in_any_table(used):
    service, secrets = used
    dump = service.database.dump()
    assert b"testkase.api_tokens" in dump and b"$argon2id$" in dump
    secrets.assert_absent(dump, "a dump of the database")


def test_no_secret_in_the_servers_log_at_debug(used):
    service, secrets = used
    log = service.server.log().encode()
    assert b"level=debug" in log
    secrets.assert_absent(log, "the server's log")
    assert b"argon2id$" not in log


def test_no_secret_in_postgresqls_log(used):
    """Not even with every statement and every parameter logged."""
    service, secrets = used
    log = service.database.cluster.log.read_bytes()
    assert b"api_tokens" in log and b"parameters" in log.lower()
    secrets.assert_absent(log, "PostgreSQL's log")


def test_no_secret_on_postgresqls_disk(used):
    """Tables, indexes, write-ahead log and temporary files alike."""
    service, secrets = used
    service.database.query("checkpoint")
    seen = 0
    for path in pathlib.Path(service.database.cluster.data).rglob("*"):
        if path.is_file():
            seen += 1
            secrets.assert_absent(path.read_bytes(), path)
    assert seen > 500


def test_no_secret_in_what_other_processes_see(used):
    service, secrets = used
    for name in ("cmdline", "environ"):
        data = pathlib.Path(f"/proc/{service.server.pid}/{name}").read_bytes()
        assert data
        secrets.assert_absent(data, name)


def test_no_core_can_be_left(used):
    service, _ = used
    limits = pathlib.Path(f"/proc/{service.server.pid}/limits").read_text()
    line = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert line.split()[4:6] == ["0", "0"]


def test_no_file_of_the_server_holds_a_secret(used):
    service, secrets = used
    for link in pathlib.Path(f"/proc/{service.server.pid}/fd").iterdir():
        target = os.readlink(link)
        if target.startswith("/") and os.path.isfile(target) and not target.startswith("/dev/"):
            secrets.assert_absent(pathlib.Path(target).read_bytes(), target)


def test_a_database_password_in_the_url_is_not_shown(database, start_service):
    url = database.url("testkase_server") + "&password=Needle-In-The-Url-77"
    service = start_service(database, TESTKASE_DATABASE_URL=url, TESTKASE_LOG_LEVEL="debug")
    service.server.api().get("/session", 401)
    assert "Needle" not in service.server.log()


def test_the_preview_hides_at_least_128_bits():
    """62^k combinations for the k characters that a preview does not show, less what the checksum tells of them."""
    token = tokens.make()
    hidden = len(token) - len("tk_pat_") - 8 - 6
    told = 6 * math.log2(62)
    assert hidden * math.log2(62) - told >= 128
