"""E-mail addresses compare by one rule, whatever the locale of the database: the case of ASCII letters is ignored, and no other
character equals an ASCII letter. In Turkish, lower('I') is not 'i'; in most locales, lower() of the Kelvin sign is 'k'."""

import json

import psycopg2.errors
import pytest

from support.deadline import until
from support.postgres import Database, migrate
from support.process import run
from support.service import PASSWORD, Service

LOCALES = {"C": "locale_provider libc locale 'C.UTF-8'", "Turkish": "locale_provider icu locale 'C.UTF-8' icu_locale 'tr-TR'",
           "Lithuanian": "locale_provider icu locale 'C.UTF-8' icu_locale 'lt-LT'",
           "root": "locale_provider icu locale 'C.UTF-8' icu_locale 'und'"}


@pytest.fixture(scope="module", params=LOCALES)
def abroad(request, cluster):
    """A database of that locale."""
    name = f"abroad_{request.param.lower()}"
    cluster.execute(f"create database {name} owner testkase_owner template template0 encoding 'UTF8' {LOCALES[request.param]}")
    migrate(cluster, name)
    made = Database(cluster, name)
    yield made
    made.drop()


@pytest.fixture(scope="module")
def service(abroad, server_path):
    made = Service(server_path, abroad)
    yield made
    made.close()


@pytest.fixture
def admin(abroad, admin_path):
    def command(*arguments):
        done = run(admin_path, [*arguments, "--json"], {"TESTKASE_ADMIN_DATABASE_URL": abroad.url("testkase_owner")})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return command


def test_the_locale_is_another(abroad, request):
    """Or the tests below would show nothing."""
    if "Turkish" in request.node.name:
        assert abroad.value("select lower('INFO')") == "ınfo"
    if "root" in request.node.name:
        assert abroad.value("select lower(U&'\\212A')") == "k"


def test_one_address_in_any_case(abroad, service, admin):
    organization = service.organization()
    person = service.person(organization.id, email="INFO.Kiosk@Iris.example")
    spellings = ("info.kiosk@iris.example", "INFO.KIOSK@IRIS.EXAMPLE", "Info.KiosK@iRIS.example")
    for email in spellings:
        service.server.api().post("/session", {"email": email, "password": PASSWORD}, 201)
        with pytest.raises(psycopg2.errors.UniqueViolation) as caught:
            service.person(organization.id, email=email)
        assert caught.value.diag.constraint_name == "users_email_key"
        service.bearer(organization.admin).post("/users", {"email": email, "name": "N"}, 409)
    token = service.mint(person)[1]
    service.server.bearer(token).get("/session", 200)
    for email in spellings:
        service.server.api().post("/session", {"email": email, "password": "not-the-password-1"}, 401)
    refused = """select count(*) from testkase.audit_events where action = 'session.refused' and target_id = %s"""
    until(lambda: abroad.value(refused, (person.id,)) == len(spellings), 15, "each refused sign-in is recorded")
    admin("user", "deactivate", spellings[0])
    service.server.bearer(token).get("/session", 401)
    for email in spellings:
        service.server.api().post("/session", {"email": email, "password": PASSWORD}, 401)
    assert admin("user", "reactivate", spellings[1])["id"] == person.id
    admin("user", "delete", spellings[2])
    service.person(organization.id, email=spellings[0])


# Kelvin sign, dotless i, capital I with a dot, long s, full-width k, Cyrillic a and e.
LOOKALIKES = ["\u212aim@example.test", "k\u0131m@example.test", "k\u0130m@example.test", "kim@example.te\u017ft",
              "\uff4bim@example.test", "kim@ex\u0430mpl\u0435.test", "ki\u0307m@example.test"]


def test_letters_that_look_alike_are_others(abroad, service):
    organization = service.organization()
    kim = service.person(organization.id, email="kim@example.test")
    for email in LOOKALIKES:
        service.server.api().post("/session", {"email": email, "password": PASSWORD}, 401)
        service.bearer(organization.admin).post("/users", {"email": email, "name": "N"}, 422)
        with pytest.raises(psycopg2.errors.CheckViolation) as caught:
            service.person(organization.id, email=email)
        assert caught.value.diag.constraint_name == "users_email_is_ascii"
    service.sign_in(kim)
    abroad.query("update testkase.users set status = 'deleted' where id = %s", (kim.id,))
