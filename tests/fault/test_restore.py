"""PostgreSQL goes back to an earlier state while servers run: a backup is restored, or a standby takes over that lacks the last
commits. Ids and epochs are then given again, to others."""

import shutil
import subprocess

import pytest

from support.deadline import until

pytestmark = pytest.mark.no_second_chance


@pytest.fixture
def service(own_cluster, start_service):
    return start_service(own_cluster.create_database(), TESTKASE_THREADS="1")


def prepare(service):
    """(the people, a client of an old token, that token's id)"""
    organization = service.organization()
    token_id, token = service.mint(organization.member)
    caller = service.server.bearer(token)
    caller.get("/session", 200)
    return organization, caller, token_id


def take_backup(database):
    return b"drop schema testkase cascade; drop schema ops cascade;\n" + database.dump()


def restore(database, backup):
    subprocess.run([str(database.cluster.bin / "psql"), "--quiet", "--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1",
                    database.url("postgres")], input=backup, stdout=subprocess.DEVNULL, timeout=60, check=True)


def settle(service, organization, caller):
    """Until nothing is answered by 503 any more: connections and statements of the past have been made anew."""
    def settled():
        asked = service.server.api(checked=False)
        password = {"email": organization.owner.email, "password": organization.owner.password}
        return all(asked.post("/session", password).status_code == 201 and caller.get("/session").status_code != 503
                   for _ in range(10))
    until(settled, 20, "the server answers again")


def end_and_make(service, organization, token_id):
    """What will have never been: a token ends, two are made, which moves the epoch as far as below."""
    service.sign_in(organization.member).delete(f"/api-keys/{token_id}", 204)
    made = [service.mint(organization.owner) for _ in range(2)]
    clients = [service.server.bearer(token) for _, token in made]
    for client in clients:
        client.get("/session", 200)
    return made, clients


def check_after(service, organization, caller, token_id, made, clients):
    settle(service, organization, caller)
    caller.get("/session", 200)
    for client in clients:
        assert client.get("/session", 401).json()["code"] == "invalid_token"
    service.database.query("delete from testkase.api_token_last_used")
    caller.get("/session", 200)
    until(lambda: service.database.value("select count(*) from testkase.api_token_last_used where token_id = %s", (token_id,)),
          10,
          "use is written, although some of it was of tokens that are no more")
    again = [service.mint(organization.member) for _ in range(2)]
    assert [token for token, _ in again] == [token for token, _ in made], "the ids have been given again"
    for client in clients:
        assert client.get("/session", 401).json()["code"] == "invalid_token"
    other_id, other = again[0]
    fresh = service.server.bearer(other)
    assert fresh.get("/session", 200).json()["user"]["id"] == organization.member.id
    service.sign_in(organization.member).delete(f"/api-keys/{other_id}", 204)
    fresh.get("/session", 401)
    caller.get("/session", 200)
    service.sign_in(organization.member).delete(f"/api-keys/{token_id}", 204)
    caller.get("/session", 401)


def test_a_backup_is_restored_in_place(service):
    """Connections stay."""
    organization, caller, token_id = prepare(service)
    backup = take_backup(service.database)
    made, clients = end_and_make(service, organization, token_id)
    caller.get("/session", 401)
    restore(service.database, backup)
    check_after(service, organization, caller, token_id, made, clients)


def test_a_standby_without_the_last_commits_takes_over(service):
    """At the same address, which is what clients see of it."""
    cluster = service.database.cluster
    organization, caller, token_id = prepare(service)
    service.database.close()
    cluster.stop()
    copy = cluster.folder / "copy"
    subprocess.run(["cp", "--archive", cluster.data, copy], check=True)
    cluster.start()
    settle(service, organization, caller)
    made, clients = end_and_make(service, organization, token_id)
    caller.get("/session", 401)
    service.database.close()
    cluster.kill9()
    shutil.rmtree(cluster.data)
    copy.rename(cluster.data)
    cluster.start()
    check_after(service, organization, caller, token_id, made, clients)


@pytest.mark.parametrize("beyond", [0, 1])
def test_other_changes_reach_the_same_epoch_before_it_is_asked(service, beyond):
    """The restored database counts up to the number that the server knows, or beyond, while no token asks."""
    organization, caller, token_id = prepare(service)
    lost, other = (service.mint(organization.member)[0] for _ in range(2))
    backup = take_backup(service.database)
    service.sign_in(organization.member).delete(f"/api-keys/{lost}", 204)
    caller.get("/session", 200)
    restore(service.database, backup)
    asked = service.server.api(checked=False)
    password = {"email": organization.member.email, "password": organization.member.password}
    until(lambda: all(asked.post("/session", password).status_code == 201 for _ in range(6)), 20, "sign-in works")
    session = service.sign_in(organization.member)
    for ended in [token_id, other][:1 + beyond]:
        session.delete(f"/api-keys/{ended}", 204)
    caller.get("/session", 401)
