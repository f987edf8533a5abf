"""People type the same password and address in several ways."""

import unicodedata

import pytest

from support import token as tokens
from support.process import run

PASSWORD = "Blåbærsyltetøy für Zoë"
FORMS = {
    "composed": unicodedata.normalize("NFC", PASSWORD),
    "decomposed": unicodedata.normalize("NFD", PASSWORD),
    "no-break spaces": PASSWORD.replace(" ", "\u00a0"),
    "ideographic spaces": unicodedata.normalize("NFD", PASSWORD).replace(" ", "\u3000"),
    "partly decomposed": PASSWORD.replace("å", "\u0061\u030a"),
}


@pytest.fixture
def person(service, organization):
    """Signs in a new account of that password."""
    def make(password):
        body = {"email": f"{tokens.random_text(8)}@example.test", "name": "Zoë", "password": password}
        service.sign_in(organization.admin).post("/users", body, 201)
        return body["email"]
    return make


def sign_in(service, email, password, status):
    return service.server.api().post("/session", {"email": email, "password": password}, status)


@pytest.mark.parametrize("made", FORMS)
def test_a_password_opens_in_every_form(service, person, made):
    email = person(FORMS[made])
    for form in FORMS.values():
        sign_in(service, email, form, 201)
    for other in (PASSWORD.lower(), PASSWORD.replace("å", "a"), PASSWORD + " ", f" {PASSWORD}", PASSWORD.replace(" ", "")):
        sign_in(service, email, other, 401)


def test_compatibility_forms_are_other_passwords(service, person):
    """NFC, not NFKC."""
    email = person("ﬁne-fullwidth-Ａ")
    sign_in(service, email, "ﬁne-fullwidth-Ａ", 201)
    sign_in(service, email, "fine-fullwidth-A", 401)


@pytest.mark.parametrize("old", FORMS)
def test_an_old_password_still_opens_as_it_was_typed(service, organization, old):
    """Its hash is that of what was typed, in whichever form."""
    service.database.query("update testkase.users set password_hash = %s where id = %s",
                           (tokens.argon2id(FORMS[old]), organization.member.id))
    sign_in(service, organization.member.email, FORMS[old], 201)
    sign_in(service, organization.member.email, FORMS[old] + "x", 401)


def test_the_stored_hash_is_that_of_the_normal_form(service, person):
    email = person(FORMS["ideographic spaces"])
    encoded = service.database.value("select password_hash from testkase.users where email = %s", (email,))
    assert tokens.argon2id_matches(encoded, FORMS["composed"])


def test_the_length_is_that_of_the_normal_form(service, organization):
    """128 characters, whether composed or not. (The schema of the document cannot say that, so it does not check here.)"""
    admin = service.sign_in(organization.admin, checked=False)
    for letter in ("é", "\u1f82", "각"):
        email = f"{tokens.random_text(8)}@example.test"
        decomposed = unicodedata.normalize("NFD", letter * 128)
        admin.post("/users", {"email": email, "name": "A", "password": decomposed}, 201)
        sign_in(service, email, letter * 128, 201)
        sign_in(service, email, decomposed, 201)
        admin.post("/users", {"email": "b@example.test", "name": "A", "password": decomposed + "x"}, 422)
    admin.post("/users", {"email": "b@example.test", "name": "A", "password": "e\u0301" * 7}, 422)
    for letter in ("\U0001f600", "a", "\u0301"):
        admin.post("/users", {"email": "b@example.test", "name": "A", "password": letter * 1200}, 422)
        sign_in(service, email, letter * 1200, 401)


@pytest.mark.parametrize("form", FORMS)
def test_the_command_line_normalizes_too(admin_path, service, organization, form):
    variables = {"TESTKASE_ADMIN_DATABASE_URL": service.database.url("testkase_owner"), "TESTKASE_ARGON2_MEMORY_KIB": "8192",
                 "TESTKASE_ARGON2_TIME": "1"}
    done = run(admin_path, ["user", "set-password", organization.member.email], variables, FORMS[form] + "\n")
    assert done.returncode == 0, done.stderr
    for other in FORMS.values():
        sign_in(service, organization.member.email, other, 201)


@pytest.mark.parametrize("blanks", [" {}", "{} ", "\t{}\r\n", "\u00a0{}\u3000"])
def test_blanks_around_an_address_are_cut(service, organization, blanks):
    person = organization.member
    answer = sign_in(service, blanks.format(person.email), person.password, 201)
    assert answer.json()["user"]["email"] == person.email


def test_blanks_make_no_new_budget_of_guesses(service, organization):
    api = service.server.api()
    statuses = [api.post("/session", {"email": " " * number + organization.member.email + " ", "password": "wrong-guess-1"}
                         ).status_code for number in range(8)]
    assert statuses == [401] * 5 + [429] * 3
