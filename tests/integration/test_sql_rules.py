"""The rules of the domain that the schema itself keeps, whoever writes to it."""

import datetime
import json
import re
import secrets

import psycopg2
import psycopg2.errors
import pytest

from support import token as tokens
from support.postgres import ROOT

PERIODS = tokens.PERIODS


@pytest.fixture(scope="module")
def shared(cluster):
    database = cluster.create_database()
    yield database
    database.drop()


@pytest.fixture
def connection(shared):
    """As superuser; what a test does is undone after it."""
    made = shared.connect()
    yield made
    made.rollback()
    made.close()


@pytest.fixture
def cursor(connection):
    with connection.cursor() as made:
        made.execute("set search_path = testkase, pg_temp")
        yield made


def one(cursor, sql, parameters=None):
    cursor.execute(sql, parameters)
    return cursor.fetchone()[0]


def make_organization(cursor):
    return one(cursor, "insert into organizations (name) values ('Acme') returning id")


def make_user(cursor, organization_id, role="member", kind="person"):
    email = f"{tokens.random_text(12)}@example.test"
    return one(cursor, """insert into users (organization_id, email, name, org_role, kind) values (%s, %s, 'N', %s, %s)
                          returning id""", (organization_id, email, role, kind))


def make_token(cursor, user_id, days=30, **columns):
    token = tokens.make()
    values = {"user_id": user_id, "owner_generation": 1, "lookup_id": tokens.lookup(token),
              "secret_hash": tokens.argon2id(token, 64), "preview": tokens.preview(token), "name": "CI",
              "expires_in_days": days, **columns}
    names = ", ".join(values)
    return one(cursor, f"insert into api_tokens ({names}) values ({', '.join(['%s'] * len(values))}) returning id",
               list(values.values()))


def end(cursor, token_id, reason="revoked"):
    cursor.execute("update api_tokens set ended_at = now(), ended_reason = %s, secret_hash = null where id = %s",
                   (reason, token_id))


def make_project(cursor, organization_id, number=1):
    return one(cursor, "insert into projects (organization_id, number, name) values (%s, %s, 'P') returning id",
               (organization_id, number))


@pytest.fixture
def user(cursor):
    return make_user(cursor, make_organization(cursor))


def refused(cursor, error, sql, parameters=None):
    """The statement fails with this error; what went before in the transaction stays. Returns the constraint's name."""
    cursor.execute("savepoint attempt")
    with pytest.raises(error) as caught:
        cursor.execute(sql, parameters)
    cursor.execute("rollback to attempt")
    return caught.value.diag.constraint_name


# --- periods and expiry ---

ZONES = ["UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati", "Pacific/Apia", "Australia/Lord_Howe",
         "Europe/Dublin", "Asia/Tehran"]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("days", PERIODS)
def test_lifetime_is_exactly_the_period(cursor, user, zone, days):
    cursor.execute("set local time zone %s", (zone,))
    token_id = make_token(cursor, user, days)
    cursor.execute("""select extract(epoch from expires_at) - extract(epoch from created_at),
                             extract(epoch from rotate_at) - extract(epoch from created_at), created_at = now()
                      from api_tokens where id = %s""", (token_id,))
    lifetime, until_rotation, is_now = cursor.fetchone()
    assert lifetime == days * 86400
    assert until_rotation == PERIODS[days] * 86400
    assert is_now


# A leap day, the end of February, both changes of the clock, a day that a zone skipped, the turn of the year.
MOMENTS = ["2028-02-28T23:59:59Z", "2028-02-29T12:00:00Z", "2027-02-28T00:00:00Z", "2027-03-14T09:59:59Z",
           "2027-11-07T05:30:00Z", "2011-12-29T10:00:00Z", "2027-12-31T23:59:59.999999Z"]


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Apia", "Europe/Dublin"])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("days", PERIODS)
def test_lifetime_is_the_period_whatever_the_calendar_says(cursor, user, zone, moment, days):
    cursor.execute("set local time zone %s", (zone,))
    token_id = make_token(cursor, user, days)
    start = datetime.datetime.fromisoformat(moment.replace("Z", "+00:00"))
    cursor.execute("set local session_replication_role = replica")
    change = "update api_tokens set created_at = %s, rotate_at = %s, expires_at = %s where id = %s"
    exact = start + datetime.timedelta(seconds=days * 86400)
    due = start + datetime.timedelta(days=1)
    for seconds in (-3600, -1, 1, 3600, 86400):
        assert refused(cursor, psycopg2.errors.CheckViolation, change,
                       (start, due, exact + datetime.timedelta(seconds=seconds), token_id)
                       ) == "api_tokens_expiry_is_the_period"
    cursor.execute(change, (start, due, exact, token_id))


@pytest.mark.parametrize("days", [-7, 0, 1, 6, 8, 29, 31, 89, 91, 364, 366, 3650, 32767])
def test_another_period_is_refused(cursor, user, days):
    token = tokens.make()
    refused(cursor, psycopg2.errors.CheckViolation,
            """insert into api_tokens (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days)
               values (%s, 1, %s, %s, %s, 'CI', %s)""",
            (user, tokens.lookup(token), tokens.argon2id(token, 64), tokens.preview(token), days))


def test_an_insert_cannot_choose_its_times(cursor, user):
    past = "2001-01-01T00:00:00Z"
    future = "2101-01-01T00:00:00Z"
    token_id = make_token(cursor, user, 7, created_at=past, expires_at=future, rotate_at=future)
    assert one(cursor, """select created_at = now() and expires_at = now() + interval '604800 seconds'
                          from api_tokens where id = %s""", (token_id,))


def test_rotation_policy_is_the_documented_one(cursor):
    cursor.execute("select expires_in_days, rotate_on_day from rotation_policy order by 1")
    assert dict(cursor.fetchall()) == PERIODS


def test_rotation_policy_is_data(cursor, user):
    cursor.execute("update rotation_policy set rotate_on_day = 20 where expires_in_days = 30")
    token_id = make_token(cursor, user, 30)
    assert one(cursor, "select rotate_at = created_at + interval '1728000 seconds' from api_tokens where id = %s", (token_id,))


# --- nothing about a token can be changed ---

CHANGES = {
    "id": "id + 1000000", "user_id": None, "owner_generation": "owner_generation + 1", "lookup_id": "'zzzzzzzz'",
    "preview": "'tk_pat_zzzzzzzz...zzzzzz'", "name": "'Another'",
    "expires_in_days": "365", "created_at": "created_at + interval '1 second'",
    "expires_at": "expires_at + interval '1 second'", "rotate_at": "rotate_at + interval '1 second'",
}


@pytest.mark.parametrize("column", CHANGES)
@pytest.mark.parametrize("ended", [False, True])
def test_no_column_of_a_token_can_change(cursor, user, column, ended):
    token_id = make_token(cursor, user)
    if ended:
        end(cursor, token_id)
    value = CHANGES[column] or str(make_user(cursor, make_organization(cursor)))
    cursor.execute("savepoint attempt")
    with pytest.raises((psycopg2.errors.IntegrityConstraintViolation, psycopg2.errors.GeneratedAlways)):
        cursor.execute(f"update api_tokens set {column} = {value} where id = %s", (token_id,))
    cursor.execute("rollback to attempt")


def test_a_longer_period_with_its_own_dates_is_refused(cursor, user):
    """The one change that no CHECK would see."""
    token_id = make_token(cursor, user, 7)
    assert refused(cursor, psycopg2.errors.IntegrityConstraintViolation,
                   """update api_tokens set expires_in_days = 365, expires_at = created_at + 365 * interval '86400 seconds'
                      where id = %s""", (token_id,)) == "api_tokens_immutable"


def test_the_predecessor_cannot_change(cursor, user):
    old, new = make_token(cursor, user), make_token(cursor, user)
    assert refused(cursor, psycopg2.errors.IntegrityConstraintViolation,
                   "update api_tokens set predecessor_id = %s where id = %s", (old, new)) == "api_tokens_immutable"


def test_a_token_has_one_successor(cursor, user):
    old = make_token(cursor, user)
    make_token(cursor, user, predecessor_id=old)
    with pytest.raises(psycopg2.errors.UniqueViolation):
        make_token(cursor, user, predecessor_id=old)


@pytest.mark.parametrize("role", ["postgres", "testkase_owner"])
@pytest.mark.parametrize("cost", [(64, 1), (128, 1), (64, 2)])
def test_the_hash_cannot_be_replaced(cursor, user, cost, role):
    """Not even at another cost, nor by marking the change as a renewal: a superuser could, the guard stops a mistake."""
    token_id = make_token(cursor, user)
    other = tokens.argon2id(tokens.make(), *cost)
    cursor.execute(f"set local role {role}")
    assert refused(cursor, psycopg2.errors.IntegrityConstraintViolation,
                   "update api_tokens set secret_hash = %s where id = %s", (other, token_id)) == "api_tokens_hash_immutable"
    cursor.execute("savepoint attempt")
    with pytest.raises(psycopg2.IntegrityError):
        cursor.execute("update api_tokens set secret_hash = null where id = %s", (token_id,))
    cursor.execute("rollback to attempt")


def hash_of(cursor, token_id):
    return one(cursor, "select secret_hash from api_tokens where id = %s", (token_id,))


def renew(cursor, token_id, old, new):
    return one(cursor, "select renew_token_hash(%s, %s, %s)", (token_id, old, new))


def test_a_renewal_changes_the_cost_of_the_hash_that_was_proven(cursor, user):
    token_id = make_token(cursor, user)
    old, same_cost, dearer = hash_of(cursor, token_id), tokens.argon2id("a", 64), tokens.argon2id("a", 128)
    assert not renew(cursor, token_id, old, same_cost), "the same cost"
    assert not renew(cursor, token_id, same_cost, dearer), "not the hash that is stored"
    assert hash_of(cursor, token_id) == old
    assert renew(cursor, token_id, old, dearer)
    assert hash_of(cursor, token_id) == dearer
    cursor.execute("""select actor_kind, organization_id = (select organization_id from users where id = %s), detail
                      from audit_events where action = 'api_key.hash_renewed' and target_id = %s""", (user, token_id))
    assert cursor.fetchall() == [("system", True, {"cost": ["m=64,t=1,p=1", "m=128,t=1,p=1"]})]
    # What the function may do ends with it, in the same transaction, too.
    refused(cursor, psycopg2.IntegrityError, "update api_tokens set secret_hash = %s where id = %s", (old, token_id))


def test_a_renewal_never_gives_an_ended_token_a_hash(cursor, user):
    for reason in ("expired", "revoked"):
        token_id = make_token(cursor, user)
        old = hash_of(cursor, token_id)
        end(cursor, token_id, reason)
        assert not renew(cursor, token_id, old, tokens.argon2id("a", 128))


# A program that was taken over: no role of a program gets a hash of its own into a live token, whatever it says of itself.
@pytest.mark.parametrize("role", ["testkase_server", "testkase_worker"])
@pytest.mark.parametrize("cost", [(64, 1), (128, 1)])
def test_no_program_puts_in_a_hash_of_its_own(cursor, user, cost, role):
    token_id = make_token(cursor, user)
    own = tokens.argon2id(tokens.make(), *cost)
    cursor.execute(f"set local role {role}")
    cursor.execute("select set_config('testkase.renewal', %s, true)", (f"api_token {token_id}",))
    for change in ("secret_hash = %s", "secret_hash = %s, ended_at = null"):
        refused(cursor, psycopg2.errors.InsufficientPrivilege, f"update api_tokens set {change} where id = %s", (own, token_id))
    if role == "testkase_worker":
        refused(cursor, psycopg2.errors.InsufficientPrivilege, "select renew_token_hash(%s, 'a', %s)", (token_id, own))
        refused(cursor, psycopg2.errors.InsufficientPrivilege, "select renew_password_hash(%s, 'a', %s)", (user, own))


@pytest.mark.parametrize("cost", [(64, 1), (128, 1)])
def test_a_password_that_is_no_renewal_ends_the_sessions(cursor, user, cost):
    """Whatever the server says of itself: only the function renews."""
    cursor.execute("update users set password_hash = %s where id = %s", (tokens.argon2id("one", 64), user))
    before = one(cursor, "select session_generation from users where id = %s", (user,))
    cursor.execute("set local role testkase_server")
    cursor.execute("select set_config('testkase.renewal', %s, true), set_config('testkase.renewed_user', %s, true)",
                   (f"user {user}", str(user)))
    cursor.execute("update users set password_hash = %s where id = %s returning session_generation",
                   (tokens.argon2id("two", *cost), user))
    assert cursor.fetchone()[0] == before + 1


def test_a_password_set_on_return_ends_the_sessions(cursor, user):
    cursor.execute("update users set password_hash = %s where id = %s", (tokens.argon2id("one", 64), user))
    _, before = status(cursor, user, "deactivated")
    cursor.execute("update users set status = 'active', password_hash = %s where id = %s returning session_generation",
                   (tokens.argon2id("two", 64), user))
    assert cursor.fetchone()[0] == before + 1


def test_a_renewed_password_is_recorded_and_ends_nothing(cursor, user):
    old, new = tokens.argon2id("one", 64), tokens.argon2id("one", 128)
    cursor.execute("update users set password_hash = %s where id = %s returning session_generation", (old, user))
    before = cursor.fetchone()[0]
    assert one(cursor, "select renew_password_hash(%s, %s, %s)", (user, old, new))
    assert one(cursor, "select session_generation from users where id = %s and password_hash = %s", (user, new)) == before
    assert one(cursor, """select detail from audit_events where action = 'user.hash_renewed' and target_id = %s
                          and actor_kind = 'system'""", (user,)) == {"cost": ["m=64,t=1,p=1", "m=128,t=1,p=1"]}


@pytest.mark.parametrize("role", ["postgres", "testkase_server", "testkase_worker"])
@pytest.mark.parametrize("reason", ["revoked", "leaked", "owner_deactivated", "owner_deleted"])
def test_the_end_erases_the_hash(cursor, user, reason, role):
    token_id = make_token(cursor, user)
    cursor.execute(f"set local role {role}")
    cursor.execute("update api_tokens set ended_at = now(), ended_reason = %s where id = %s", (reason, token_id))
    cursor.execute("reset role")
    assert hash_of(cursor, token_id) is None
    assert refused(cursor, psycopg2.IntegrityError, "update api_tokens set secret_hash = %s where id = %s",
                   (tokens.argon2id(tokens.make(), 64), token_id))


def test_the_worker_erases_old_hashes_and_sees_none(cursor, user):
    token_id = make_token(cursor, user)
    cursor.execute("update api_tokens set ended_at = now() - interval '31 days', ended_reason = 'expired' where id = %s",
                   (token_id,))
    young = make_token(cursor, user)
    cursor.execute("update api_tokens set ended_at = now() - interval '29 days', ended_reason = 'expired' where id = %s",
                   (young,))
    cursor.execute("set local role testkase_worker")
    refused(cursor, psycopg2.errors.InsufficientPrivilege, "select secret_hash from api_tokens")
    assert one(cursor, "select count(*) from hashes_to_erase where id in (%s, %s)", (token_id, young)) == 2
    assert one(cursor, "select erase_expired_hashes(1)") == 1
    assert one(cursor, "select min(id) from hashes_to_erase where id in (%s, %s)", (token_id, young)) == young
    cursor.execute("reset role")
    assert hash_of(cursor, token_id) is None and hash_of(cursor, young)


def test_an_expired_token_keeps_its_hash_until_it_is_erased(cursor, user):
    token_id = make_token(cursor, user)
    cursor.execute("update api_tokens set ended_at = expires_at, ended_reason = 'expired' where id = %s", (token_id,))
    refused(cursor, psycopg2.IntegrityError, "update api_tokens set secret_hash = %s where id = %s",
            (tokens.argon2id(tokens.make(), 64), token_id))
    cursor.execute("update api_tokens set secret_hash = null where id = %s", (token_id,))


@pytest.mark.parametrize("change", [
    "ended_at = null, ended_reason = null, ended_by = null", "ended_at = now() + interval '1 day'",
    "ended_reason = 'leaked'", "ended_by = user_id"])
def test_the_end_is_final(cursor, user, change):
    token_id = make_token(cursor, user)
    end(cursor, token_id)
    refused(cursor, psycopg2.IntegrityError, f"update api_tokens set {change} where id = %s", (token_id,))


def test_an_end_has_a_reason_and_a_reason_an_end(cursor, user):
    token_id = make_token(cursor, user)
    refused(cursor, psycopg2.errors.CheckViolation,
            "update api_tokens set ended_at = now(), secret_hash = null where id = %s", (token_id,))
    refused(cursor, psycopg2.errors.CheckViolation, "update api_tokens set ended_reason = 'expired' where id = %s", (token_id,))
    refused(cursor, psycopg2.errors.CheckViolation,
            "update api_tokens set ended_at = now(), ended_reason = 'bored', secret_hash = null where id = %s", (token_id,))


def test_there_is_no_cap_on_tokens(cursor, user):
    hash_of_one = tokens.argon2id(tokens.make(), 64)
    cursor.execute("""insert into api_tokens (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days)
                      select %s, 1, lpad(n::text, 8, '0'), %s, 'tk_pat_' || lpad(n::text, 8, '0') || '...abcdef', 'CI', 7
                      from generate_series(1, 5000) n""", (user, hash_of_one))
    assert one(cursor, "select count(*) from api_tokens where user_id = %s", (user,)) == 5000


def test_a_hash_is_argon2id(cursor, user):
    for wrong in ("plain", "$argon2i$v=19$m=8192,t=1,p=1$c2FsdHNhbHQ$aGFzaA", "$2b$12$abc", ""):
        cursor.execute("savepoint attempt")
        with pytest.raises(psycopg2.errors.CheckViolation):
            make_token(cursor, user, secret_hash=wrong)
        cursor.execute("rollback to attempt")
        refused(cursor, psycopg2.errors.CheckViolation, "update users set password_hash = %s where id = %s", (wrong, user))


# --- accounts ---

def status(cursor, user, new):
    cursor.execute("update users set status = %s where id = %s returning credential_generation, session_generation", (new, user))
    return cursor.fetchone()


def test_generations_move_when_somebody_leaves_and_not_when_they_return(cursor, user):
    assert status(cursor, user, "active") == (1, 1)
    assert status(cursor, user, "deactivated") == (2, 2)
    assert status(cursor, user, "active") == (2, 2)
    assert status(cursor, user, "deactivated") == (3, 3)
    assert status(cursor, user, "deleted") == (4, 4)


def test_leaving_cannot_be_written_without_the_next_generation(cursor, user):
    cursor.execute("""update users set status = 'deactivated', credential_generation = credential_generation where id = %s
                      returning credential_generation""", (user,))
    assert cursor.fetchone()[0] == 2


def test_a_generation_never_goes_back(cursor, user):
    status(cursor, user, "deactivated")
    for column in ("credential_generation", "session_generation"):
        assert refused(cursor, psycopg2.IntegrityError, f"update users set {column} = 1 where id = %s", (user,)
                       ) == "users_generation_grows"


def test_a_new_password_ends_sessions_and_no_tokens(cursor, user):
    cursor.execute("update users set password_hash = %s where id = %s returning credential_generation, session_generation",
                   (tokens.argon2id("one", 64), user))
    assert cursor.fetchone() == (1, 2)


def test_deletion_is_final_and_takes_the_password_along(cursor, user):
    cursor.execute("update users set password_hash = %s where id = %s", (tokens.argon2id("one", 64), user))
    status(cursor, user, "deleted")
    assert one(cursor, "select password_hash is null from users where id = %s", (user,))
    for back in ("active", "deactivated"):
        assert refused(cursor, psycopg2.IntegrityError, "update users set status = %s where id = %s", (back, user)
                       ) == "users_deleted_is_final"


def test_a_token_dies_with_its_owners_generation_and_stays_dead(cursor, user):
    token_id = make_token(cursor, user)
    state = "select status, ended_reason from api_token_states where id = %s"
    cursor.execute(state, (token_id,))
    assert cursor.fetchone() == ("active", None)
    status(cursor, user, "deactivated")
    cursor.execute(state, (token_id,))
    assert cursor.fetchone() == ("revoked", "owner_deactivated")
    status(cursor, user, "active")
    cursor.execute(state, (token_id,))
    assert cursor.fetchone()[0] == "revoked"


def test_an_account_keeps_id_organization_and_kind(cursor, user):
    other = make_organization(cursor)
    for change in (f"organization_id = {other}", "kind = 'service'", "created_at = created_at - interval '1 day'"):
        refused(cursor, psycopg2.IntegrityError, f"update users set {change} where id = %s", (user,))


def test_an_organization_has_one_owner(cursor):
    organization = make_organization(cursor)
    owner = make_user(cursor, organization, "owner")
    assert refused(cursor, psycopg2.errors.UniqueViolation,
                   "insert into users (organization_id, email, name, org_role) values (%s, 'second@example.test', 'N', 'owner')",
                   (organization,)) == "users_one_owner_key"
    for change in ("status = 'deactivated'", "status = 'deleted'"):
        assert refused(cursor, psycopg2.errors.CheckViolation, f"update users set {change} where id = %s", (owner,)
                       ) == "users_owner_is_active_person"
    refused(cursor, psycopg2.errors.CheckViolation,
            """insert into users (organization_id, email, name, org_role, kind)
               values (%s, 'bot@example.test', 'N', 'owner', 'service')""", (make_organization(cursor),))


def test_a_service_account_has_no_password(cursor):
    bot = make_user(cursor, make_organization(cursor), kind="service")
    assert refused(cursor, psycopg2.errors.CheckViolation, "update users set password_hash = %s where id = %s",
                   (tokens.argon2id("one", 64), bot)) == "users_service_has_no_password"


def test_an_address_is_one_accounts_whatever_its_case_until_deletion(cursor):
    organization = make_organization(cursor)
    insert = "insert into users (organization_id, email, name) values (%s, %s, 'N') returning id"
    first = one(cursor, insert, (organization, "Ann@Example.test"))
    assert refused(cursor, psycopg2.errors.UniqueViolation, insert, (make_organization(cursor), "ann@example.TEST")
                   ) == "users_email_key"
    status(cursor, first, "deactivated")
    refused(cursor, psycopg2.errors.UniqueViolation, insert, (organization, "ann@example.test"))
    status(cursor, first, "deleted")
    cursor.execute(insert, (organization, "ann@example.test"))


def test_members_and_projects_are_of_one_organization(cursor):
    one_organization, other = make_organization(cursor), make_organization(cursor)
    project = make_project(cursor, one_organization)
    stranger = make_user(cursor, other)
    for organization in (one_organization, other):
        refused(cursor, psycopg2.errors.ForeignKeyViolation,
                "insert into project_members (project_id, user_id, organization_id, role) values (%s, %s, %s, 'user')",
                (project, stranger, organization))


# --- what an INSERT may not state ---

def make_session(cursor, user_id, **columns):
    values = {"digest": secrets.token_bytes(32), "user_id": user_id, **columns}
    return one(cursor, f"insert into sessions ({', '.join(values)}) values ({', '.join(['%s'] * len(values))}) returning id",
               list(values.values()))


@pytest.mark.parametrize("stated", [0, 2, 99])
def test_a_token_is_of_its_owners_generation_whatever_is_stated(cursor, user, stated):
    """Else one stated under the next generation would become valid when its owner leaves and returns."""
    token_id = make_token(cursor, user, owner_generation=stated)
    assert one(cursor, "select owner_generation from api_tokens where id = %s", (token_id,)) == 1
    status(cursor, user, "deactivated")
    status(cursor, user, "active")
    assert one(cursor, "select owner_generation from api_tokens where id = %s", (make_token(cursor, user),)) == 2


def test_a_session_is_of_its_accounts_generation_and_of_now_whatever_is_stated(cursor, user):
    session = make_session(cursor, user, user_generation=2, created_at="2000-01-01Z", last_seen_at="2099-01-01Z",
                           expires_at="2099-01-01Z", confirmed_at="2099-01-01Z")
    cursor.execute("""select user_generation, created_at = now(), last_seen_at = now(), confirmed_at = now(),
                             extract(epoch from expires_at - created_at)::integer
                      from sessions where id = %s""", (session,))
    assert cursor.fetchone() == (1, True, True, True, 7 * 86400)


@pytest.mark.parametrize("left", ["deactivated", "deleted"])
def test_an_account_that_left_gets_neither_tokens_nor_sessions(cursor, user, left):
    """They would be of its current generation, and so valid when it returns."""
    status(cursor, user, left)
    for make, constraint in ((make_token, "api_tokens_of_active_accounts"), (make_session, "sessions_of_active_accounts")):
        cursor.execute("savepoint attempt")
        with pytest.raises(psycopg2.IntegrityError) as caught:
            make(cursor, user)
        cursor.execute("rollback to attempt")
        assert caught.value.diag.constraint_name == constraint


@pytest.mark.parametrize("change", [
    "expires_at = expires_at + interval '1 second'", "created_at = created_at + interval '1 day'", "user_generation = 2",
    "digest = sha256('a')", "user_id = user_id + 1", "confirmed_at = now() + interval '1 second'",
    "confirmed_at = now() - interval '1 second'"])
def test_a_session_cannot_be_changed(cursor, user, change):
    session = make_session(cursor, user)
    refused(cursor, psycopg2.IntegrityError, f"update sessions set {change} where id = %s", (session,))


def test_a_session_is_seen_now_and_not_later(cursor, user):
    session = make_session(cursor, user)
    cursor.execute("set local role testkase_server")
    cursor.execute("update sessions set last_seen_at = now() + interval '90 days' where id = %s returning last_seen_at = now()",
                   (session,))
    assert cursor.fetchone()[0]


@pytest.mark.parametrize("minutes,is_recent", [(0, True), (14, True), (15, False), (16, False)])
def test_a_session_is_confirmed_now_and_for_fifteen_minutes(cursor, user, minutes, is_recent):
    session = make_session(cursor, user)
    cursor.execute("set local session_replication_role = replica")
    cursor.execute("update sessions set confirmed_at = now() - %s * interval '1 minute'", (minutes,))
    cursor.execute("set local session_replication_role = origin")
    cursor.execute("set local role testkase_server")
    assert one(cursor, "select signed_in_recently(%s)", (session,)) is is_recent
    cursor.execute("update sessions set confirmed_at = now() where id = %s", (session,))
    assert one(cursor, "select signed_in_recently(%s)", (session,)) is True


def test_a_token_is_always_recent_and_an_unknown_session_never(cursor):
    assert one(cursor, "select signed_in_recently(null)") is True
    assert one(cursor, "select signed_in_recently(%s)", (2**40,)) is False


def test_an_account_has_at_most_50_sessions(cursor, user):
    """The ones seen least recently end."""
    other = make_session(cursor, make_user(cursor, make_organization(cursor)))
    made = [make_session(cursor, user) for _ in range(50)]
    cursor.execute("update sessions set last_seen_at = now() - interval '1 hour' where id = %s", (made[20],))
    assert one(cursor, "select count(*) from sessions where user_id = %s", (user,)) == 50
    latest = make_session(cursor, user)
    cursor.execute("select id from sessions where user_id = %s order by id", (user,))
    assert [row[0] for row in cursor.fetchall()] == made[:20] + made[21:] + [latest]
    cursor.execute("""insert into sessions (digest, user_id) select sha256(n::text::bytea), %s from generate_series(1, 200) n""",
                   (user,))
    assert one(cursor, "select count(*) from sessions where user_id = %s", (user,)) == 50
    assert one(cursor, "select count(*) from sessions where id = %s", (other,)) == 1


def test_a_preview_is_of_its_own_token(cursor, user):
    """It names the token that people then revoke."""
    other = tokens.make()
    cursor.execute("savepoint attempt")
    with pytest.raises(psycopg2.errors.CheckViolation) as caught:
        make_token(cursor, user, preview=tokens.preview(other))
    cursor.execute("rollback to attempt")
    assert caught.value.diag.constraint_name == "api_tokens_preview_is_its_own"


def test_a_token_succeeds_one_of_the_same_owner(cursor, user):
    """Else anybody's token could be kept from having a successor."""
    others = make_token(cursor, make_user(cursor, make_organization(cursor)))
    for predecessor in (others, 99_999_999):
        cursor.execute("savepoint attempt")
        with pytest.raises(psycopg2.IntegrityError) as caught:
            make_token(cursor, user, predecessor_id=predecessor)
        cursor.execute("rollback to attempt")
        assert caught.value.diag.constraint_name == "api_tokens_successor_of_own"


def test_no_program_makes_or_replaces_an_owner(cursor):
    """An owner can be neither deactivated nor deleted: it would survive the clean-up."""
    organization, empty = make_organization(cursor), make_organization(cursor)
    owner, member = make_user(cursor, organization, "owner"), make_user(cursor, organization)
    cursor.execute("set local role testkase_server")
    for change, parameters in (
            ("insert into users (organization_id, email, name, org_role) values (%s, 'me@example.test', 'N', 'owner')", (empty,)),
            ("update users set org_role = 'owner' where id = %s", (member,)),
            ("update users set org_role = 'member' where id = %s", (owner,))):
        assert refused(cursor, psycopg2.errors.InsufficientPrivilege, change, parameters) == "users_owner_by_operator"
    cursor.execute("update users set name = 'M' where id = %s", (owner,))
    cursor.execute("update users set org_role = 'admin' where id = %s", (member,))
    cursor.execute("set local role testkase_owner")
    cursor.execute("update users set org_role = 'admin' where id = %s", (owner,))
    cursor.execute("update users set org_role = 'owner' where id = %s", (member,))


@pytest.mark.parametrize("role", ["testkase_server", "testkase_worker"])
def test_no_program_records_that_an_operator_acted(cursor, role):
    organization = make_organization(cursor)
    insert = """insert into audit_events (organization_id, actor_kind, action, target_kind, target_id)
                values (%s, %s, 'api_key.created', 'api_key', 1)"""
    cursor.execute(f"set local role {role}")
    refused(cursor, psycopg2.errors.InsufficientPrivilege, insert, (organization, "operator"))
    cursor.execute(insert, (organization, "system"))
    cursor.execute("set local role testkase_owner")
    cursor.execute(insert, (organization, "operator"))


# What the server's statements give; ids, generations, times, states and ends come from the schema.
STATED = {
    "server_heartbeats": {"server", "version", "known"},
    "users": {"organization_id", "email", "name", "kind", "org_role", "password_hash", "created_by"},
    "sessions": {"digest", "user_id", "address", "client"},
    "projects": {"organization_id", "number", "name"},
    "project_members": {"project_id", "user_id", "organization_id", "role"},
    "api_tokens": {"user_id", "lookup_id", "secret_hash", "preview", "name", "expires_in_days", "predecessor_id", "purpose",
                   "link", "idempotency_key", "created_by", "created_by_token"},
    "api_token_last_used": {"token_id", "used_at", "address", "client"},
    "rotation_reminders": {"token_id", "user_id", "due_at"},
    "custodians": {"organization_id", "service_id", "user_id"},
    "mail_wishes": {"user_id", "reminders", "weekly_digest", "digest_week"},
    "calendar_feeds": {"user_id", "digest"},
    "password_requests": {"email", "request_id", "address"},
    "audit_events": {"organization_id", "actor_kind", "actor_user_id", "actor_token_id", "action", "target_kind", "target_id",
                     "request_id", "address", "detail"},
    "outbox": {"organization_id", "user_id", "topic", "payload"},
    "api_token_usage": {"token_id", "hour", "last_at", "address", "client", "method", "route", "status", "calls"},
    "api_token_usage_pairs": {"token_id", "hour", "pairs"},
    "api_token_alerts": {"token_id", "topic"},
    "api_token_networks": {"token_id", "network"},
    "user_networks": {"user_id", "network"},
    "dismissed_findings": {"token_id", "practice", "evidence_key"},
    "test_runs": {"project_id", "cycle_id", "user_id", "token_id", "build", "received", "matched"},
    "test_executions": {"executed_at", "case_id", "cycle_id", "run_id", "status", "duration_ms", "name", "message"},
    "test_latest_results": {"cycle_id", "case_id", "run_id", "executed_at", "status", "duration_ms", "message"},
    "result_uploads": {"user_id", "idempotency_key", "digest", "answer"},
    "test_cases": {"project_id", "number", "title", "automation_id"},
    "test_cycles": {"project_id", "number", "name"},
    "webhooks": {"organization_id", "name", "platform", "url", "topics", "secret", "created_by"},
    "webhook_deliveries": {"webhook_id", "topic", "message"},
}


def test_the_server_states_these_columns_and_no_others(shared):
    rows = shared.query("""select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
                           where c.relnamespace = 'testkase'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0
                             and not a.attisdropped and not c.relispartition
                             and has_column_privilege('testkase_server', c.oid, a.attnum, 'insert')""")
    stated = {}
    for table, column in rows:
        stated.setdefault(table, set()).add(column)
    assert stated == STATED


# --- the project for a caller ---

LEAST_ROLES = ["guest", "user", "project_admin"]


def project_for(cursor, organization, caller, number, least_role):
    """(id, role, outcome) of each row."""
    cursor.execute("select id, role, outcome from project_for(%s, %s, %s, %s)", (organization, caller, number, least_role))
    return cursor.fetchall()


@pytest.fixture
def project(cursor):
    """(organization, project id) of project 1; its organization and another one have more projects."""
    organization, other = make_organization(cursor), make_organization(cursor)
    made = make_project(cursor, organization)
    make_project(cursor, organization, 2)
    make_project(cursor, other, 1)
    make_project(cursor, other, 3)
    return organization, made


def join(cursor, project, user, role):
    organization, project_id = project
    cursor.execute("insert into project_members (project_id, user_id, organization_id, role) values (%s, %s, %s, %s)",
                   (project_id, user, organization, role))


@pytest.mark.parametrize("least_role", LEAST_ROLES)
@pytest.mark.parametrize("role", LEAST_ROLES)
def test_a_member_has_the_rights_of_its_role_and_of_lesser_ones(cursor, project, role, least_role):
    organization, project_id = project
    member = make_user(cursor, organization)
    join(cursor, project, member, role)
    may = LEAST_ROLES.index(role) >= LEAST_ROLES.index(least_role)
    assert project_for(cursor, organization, member, 1, least_role) == [
        (project_id, role, "allowed") if may else (None, role, "forbidden")]
    assert project_for(cursor, organization, member, 2, least_role) == []


@pytest.mark.parametrize("own", [None, *LEAST_ROLES])
@pytest.mark.parametrize("org_role", ["owner", "admin"])
def test_owner_and_admin_of_the_organization_are_project_admins_everywhere(cursor, project, org_role, own):
    organization, project_id = project
    caller = make_user(cursor, organization, org_role)
    if own:
        join(cursor, project, caller, own)
    for least_role in LEAST_ROLES:
        assert project_for(cursor, organization, caller, 1, least_role) == [(project_id, "project_admin", "allowed")]
        assert len(project_for(cursor, organization, caller, 2, least_role)) == 1
        assert project_for(cursor, organization, caller, 3, least_role) == []


@pytest.mark.parametrize("org_role", ["member", "admin", "owner"])
def test_a_project_of_another_organization_is_not_seen(cursor, project, org_role):
    organization, _ = project
    home = make_organization(cursor)
    stranger = make_user(cursor, home, org_role)
    for least_role in LEAST_ROLES:
        assert project_for(cursor, organization, stranger, 1, least_role) == []
        assert project_for(cursor, home, stranger, 1, least_role) == []


def test_a_project_is_not_seen_without_a_membership(cursor, project):
    organization, _ = project
    outsider = make_user(cursor, organization)
    for least_role in LEAST_ROLES:
        assert project_for(cursor, organization, outsider, 1, least_role) == []
    assert project_for(cursor, organization, None, 1, "guest") == []
    assert project_for(cursor, None, outsider, 1, "guest") == []


@pytest.mark.parametrize("left", ["deactivated", "deleted"])
@pytest.mark.parametrize("org_role", ["member", "admin"])
def test_an_account_that_left_sees_no_project(cursor, project, org_role, left):
    organization, _ = project
    caller = make_user(cursor, organization, org_role)
    join(cursor, project, caller, "project_admin")
    assert len(project_for(cursor, organization, caller, 1, "guest")) == 1
    status(cursor, caller, left)
    assert project_for(cursor, organization, caller, 1, "guest") == []


@pytest.mark.parametrize("least_role", ["admin", "owner", "Guest", "", None])
def test_an_unknown_least_role_allows_nothing(cursor, project, least_role):
    organization, _ = project
    owner = make_user(cursor, organization, "owner")
    assert project_for(cursor, organization, owner, 1, least_role) == [(None, "project_admin", "forbidden")]


def test_project_for_is_planned_as_part_of_the_statement(shared):
    """A function of its own would be planned and run apart, without the statement's conditions."""
    connection = shared.connect("testkase_server")
    with connection.cursor() as cursor:
        cursor.execute("""set search_path = testkase, pg_temp;
                          set plan_cache_mode = force_generic_plan;
                          set enable_seqscan = off; -- whatever is known of tables this small
                          prepare gives as
                          with project as (select p.id, p.outcome from project_for($1, $2, $3, $4) p)
                          select p.outcome, m.user_id from project p left join project_members m on m.project_id = p.id;
                          explain (costs off) execute gives (1, 2, 3, 'user')""")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    connection.close()
    assert "Function Scan" not in plan and "projects_organization_id_number_key" in plan


# --- tokens as they are shown ---

def shown(cursor, token_id):
    cursor.execute("select * from shown_tokens where id = %s", (token_id,))
    names = [column.name for column in cursor.description]
    return dict(zip(names, cursor.fetchone()))


def test_a_token_is_shown_as_it_is_stored(cursor, user):
    old = make_token(cursor, user)
    token_id = make_token(cursor, user, 90, predecessor_id=old, purpose="Nightly run", link="https://a.test/", created_by=user,
                          created_by_token=old)
    cursor.execute("update api_tokens set rate_limit = 5 where id = %s", (token_id,))
    cursor.execute("""insert into api_token_last_used (token_id, used_at, address, client)
                      values (%s, '2031-07-01 10:00:00.9+02', '2001:db8::1', 'curl/8.1')""", (token_id,))
    cursor.execute("select preview, rfc3339(created_at), rfc3339(expires_at), rfc3339(rotate_at) from api_tokens where id = %s",
                   (token_id,))
    preview, created, expires, rotate = cursor.fetchone()
    assert shown(cursor, token_id) == {
        "id": token_id, "user_id": user, "name": "CI", "tokenPreview": preview, "createdAt": created, "expiresAt": expires,
        "expiresInDays": 90, "rotateAt": rotate, "lastUsedAt": "2031-07-01T08:00:00Z", "lastUsedIp": "2001:db8::1",
        "lastUsedClient": "curl/8.1", "status": "active", "endedAt": None, "endedReason": None, "endedBy": None,
        "endedNote": None,
        "purpose": "Nightly run", "link": "https://a.test/", "createdBy": {"userId": user, "apiKeyId": old}, "predecessorId": old,
        "successorId": None, "rate_limit": 5,
        "rotation": {"state": "none", "rotateAt": rotate, "successorId": None, "predecessorId": old, "because": None}}
    assert shown(cursor, old)["successorId"] == token_id


def test_a_token_is_shown_as_ended_with_its_reason(cursor, user):
    revoked, left_behind = make_token(cursor, user), make_token(cursor, user)
    end(cursor, revoked, "leaked")
    status(cursor, user, "deactivated")
    now = one(cursor, "select rfc3339(now())")
    for token_id, reason in ((revoked, "leaked"), (left_behind, "owner_deactivated")):
        row = shown(cursor, token_id)
        assert (row["status"], row["endedAt"], row["endedReason"]) == ("revoked", now, reason)


# --- the actor of a change ---

def acting(cursor, user, token=None, session=None, needs="member"):
    cursor.execute("select kind, user_id, token_id, request_id, host(address), outcome from acting(%s::text::actor)",
                   (f"(user,{user},{token or ''},{session or ''},{needs},req-1,2001:db8::1)",))
    *origin, outcome = cursor.fetchone()
    assert origin == ["user", user, token, "req-1", "2001:db8::1"]
    return outcome


def test_an_actor_may_act_by_a_token_or_a_session(cursor, user):
    assert acting(cursor, user, token=make_token(cursor, user)) == "allowed"
    assert acting(cursor, user, session=make_session(cursor, user)) == "allowed"


def test_the_operator_may_act(cursor):
    cursor.execute("select kind, organization_id, user_id, token_id, request_id, address, outcome "
                   "from acting('(operator,,,,,,)'::text::actor)")
    assert cursor.fetchone() == ("operator", None, None, None, None, None, "allowed")


@pytest.mark.parametrize("loss", [
    "update users set status = 'deactivated' where id = %(user)s",
    "update users set status = 'deleted' where id = %(user)s",
    "update users set status = 'deactivated' where id = %(user)s; update users set status = 'active' where id = %(user)s",
    "update api_tokens set ended_at = now(), ended_reason = 'revoked', secret_hash = null where id = %(token)s; "
    "delete from sessions where id = %(session)s"])
def test_an_actor_whose_right_is_gone_may_not(cursor, user, loss):
    token, session = make_token(cursor, user), make_session(cursor, user)
    cursor.execute(loss, {"user": user, "token": token, "session": session})
    assert acting(cursor, user, token=token) == "actor_gone"
    assert acting(cursor, user, session=session) == "actor_gone"


def test_an_actor_by_what_is_not_its_own_may_not(cursor, user):
    other = make_user(cursor, make_organization(cursor))
    assert acting(cursor, user, token=make_token(cursor, other)) == "actor_gone"
    assert acting(cursor, user, session=make_session(cursor, other)) == "actor_gone"
    assert acting(cursor, user) == "actor_gone"
    assert acting(cursor, 2**40, token=make_token(cursor, other)) == "actor_gone"


def test_an_expired_actor_may_not(cursor, user):
    token, session = make_token(cursor, user), make_session(cursor, user)
    cursor.execute("set local session_replication_role = replica")
    cursor.execute("update api_tokens set created_at = created_at - interval '40 days', "
                   "rotate_at = rotate_at - interval '40 days', "
                   "expires_at = expires_at - interval '40 days'")
    cursor.execute("update sessions set expires_at = now() - interval '1 second'")
    cursor.execute("set local session_replication_role = origin")
    assert acting(cursor, user, token=token) == "actor_expired"
    assert acting(cursor, user, session=session) == "actor_gone"


@pytest.mark.parametrize("role,outcome", [("owner", "allowed"), ("admin", "allowed"), ("member", "actor_lacks_role")])
def test_an_actor_needs_the_role_of_the_call(cursor, role, outcome):
    person = make_user(cursor, make_organization(cursor), role)
    token = make_token(cursor, person)
    assert acting(cursor, person, token=token, needs="admin") == outcome
    assert acting(cursor, person, token=token) == "allowed"


def test_organizations_count_from_1173(empty_migrated):
    assert empty_migrated.value("insert into testkase.organizations (name) values ('First') returning id") == 1173


@pytest.fixture
def empty_migrated(database):
    return database


# --- the epoch ---

def epoch(cursor):
    return one(cursor, "select epoch from auth_epoch")


@pytest.mark.parametrize("change", [
    "update api_tokens set ended_at = now(), ended_reason = 'revoked', secret_hash = null where id = %(token)s",
    "update api_tokens set ended_at = expires_at, ended_reason = 'expired' where id = %(token)s",
    "update api_tokens set rate_limit = 5 where id = %(token)s",
    "update users set status = 'deactivated' where id = %(user)s",
    "update users set status = 'deleted' where id = %(user)s",
    "update users set org_role = 'admin' where id = %(user)s",
    "update users set name = 'Other' where id = %(user)s",
    "update organizations set tokens_may_create_tokens = false where id = %(organization)s",
    "update organizations set default_rate_limit = 5 where id = %(organization)s",
    "delete from api_tokens where id = %(token)s"])
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_a_change_of_rights_moves_the_epoch(cursor, change, role):
    organization = make_organization(cursor)
    user = make_user(cursor, organization)
    token_id = make_token(cursor, user)
    before = epoch(cursor)
    cursor.execute(f"set local session_replication_role = {role}")
    cursor.execute(change, {"token": token_id, "user": user, "organization": organization})
    assert cursor.rowcount == 1
    assert epoch(cursor) > before


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize("table", ["api_tokens", "users", "organizations"])
def test_truncating_moves_the_epoch(cursor, table, role):
    before = epoch(cursor)
    cursor.execute(f"set local session_replication_role = {role}")
    cursor.execute(f"truncate {table} cascade")
    assert noted(cursor, before)[-1][1] is None, "anything may have changed"


@pytest.mark.parametrize("change", [
    "insert into api_token_last_used (token_id, used_at) values (%(token)s, now())",
    "update api_tokens set secret_hash = null where id = %(expired)s",
    "update users set password_hash = null where id = %(user)s",
    "update organizations set next_project_number = next_project_number + 1 where id = %(organization)s"])
def test_what_takes_no_right_away_leaves_the_epoch(cursor, change):
    organization = make_organization(cursor)
    user = make_user(cursor, organization)
    token_id, expired = make_token(cursor, user), make_token(cursor, user)
    cursor.execute("update api_tokens set ended_at = expires_at, ended_reason = 'expired' where id = %s", (expired,))
    before = epoch(cursor)
    cursor.execute(change, {"token": token_id, "expired": expired, "user": user, "organization": organization})
    assert cursor.rowcount == 1
    assert epoch(cursor) == before


def noted(cursor, since):
    """What the epochs after that one were bumped for, in their order."""
    cursor.execute("select epoch - %s, token_ids from auth_changes where epoch > %s order by epoch", (since, since))
    return [(number, None if ids is None else sorted(ids)) for number, ids in cursor.fetchall()]


def test_each_epoch_is_noted_with_the_tokens_it_was_bumped_for(cursor):
    organization = make_organization(cursor)
    user = make_user(cursor, organization)
    first, second, third = (make_token(cursor, user) for _ in range(3))
    before = epoch(cursor)
    cursor.execute("update api_tokens set rate_limit = 5 where id in (%s, %s)", (first, second))
    cursor.execute("update api_tokens set rate_limit = rate_limit where id = %s", (first,))
    cursor.execute("update api_tokens set ended_at = expires_at, ended_reason = 'expired' where id = %s", (third,))
    cursor.execute("update users set name = 'Other' where id = %s", (user,))
    cursor.execute("update organizations set default_rate_limit = 5 where id = %s", (organization,))
    assert noted(cursor, before) == [(1, [first, second]), (2, [third]), (3, None), (4, None)]
    assert epoch(cursor) == before + 4


def test_very_many_tokens_are_noted_as_any(cursor):
    user = make_user(cursor, make_organization(cursor))
    before = epoch(cursor)
    for count in (1000, 1001):
        for _ in range(count):
            make_token(cursor, user)
        cursor.execute("update api_tokens set rate_limit = coalesce(rate_limit, 0) + 1 where user_id = %s and rate_limit is null",
                       (user,))
        assert cursor.rowcount == count
    (first, some), (second, anything) = noted(cursor, before)
    assert (first, second) == (1, 2) and len(some) == 1000 and anything is None


def test_the_last_thousand_epochs_stay_noted(cursor):
    user = make_user(cursor, make_organization(cursor))
    token_id = make_token(cursor, user)
    before = epoch(cursor)
    for number in range(1, 1206):
        cursor.execute("update api_tokens set rate_limit = %s where id = %s", (number, token_id))
    kept = noted(cursor, before)
    assert kept == [(number, [token_id]) for number in range(kept[0][0], 1206)]
    assert 1000 <= len(kept) < 1100 and one(cursor, "select count(*) from auth_changes") == len(kept)


def test_there_is_one_epoch(cursor):
    refused(cursor, psycopg2.IntegrityError, "insert into auth_epoch (epoch) values (9)")
    refused(cursor, psycopg2.IntegrityError, "insert into auth_epoch (only_row, epoch) values (false, 9)")


def test_channels_carry_ids_and_nothing_else(database):
    listener = database.connect()
    listener.autocommit = True
    with listener.cursor() as cursor:
        for channel in ("testkase_tokens", "testkase_users", "testkase_reminders", "testkase_outbox", "testkase_sessions"):
            cursor.execute(f"listen {channel}")
        organization = database.value("insert into testkase.organizations (name) values ('Acme') returning id")
        user = database.value("""insert into testkase.users (organization_id, email, name) values (%s, 'a@example.test', 'N')
                                 returning id""", (organization,))
        token = tokens.make()
        token_id = database.value(
            """insert into testkase.api_tokens (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days)
               values (%s, 1, %s, %s, %s, 'CI', 7) returning id""",
            (user, tokens.lookup(token), tokens.argon2id(token, 64), tokens.preview(token)))
        session = database.value("insert into testkase.sessions (digest, user_id) values (%s, %s) returning id",
                                 (bytes(32), user))
        database.query("delete from testkase.sessions")
        database.query("update testkase.users set status = 'deactivated' where id = %s", (user,))
        notice = database.value("""insert into testkase.outbox (organization_id, topic) values (%s, 'api_key.created')
                                   returning id""", (organization,))
        reminder = database.value("""insert into testkase.rotation_reminders (token_id, user_id, due_at) values (%s, %s, now())
                                     returning id""", (token_id, user))
        database.query("update testkase.rotation_reminders set state = 'due'")
        cursor.execute("select 1")
    listener.poll()
    heard = [(notify.channel, json.loads(notify.payload)) for notify in listener.notifies]
    listener.close()
    assert heard == [("testkase_tokens", {"tokenIds": [token_id]}), ("testkase_sessions", {"sessionIds": [session]}),
                     ("testkase_sessions", {"userIds": [user]}), ("testkase_users", {"userIds": [user]}),
                     ("testkase_outbox", {"outboxIds": [notice]}), ("testkase_reminders", {"reminderIds": [reminder]})]


def test_a_notification_names_50_at_most_and_without_rows_there_is_none(database):
    listener = database.connect()
    listener.autocommit = True
    with listener.cursor() as cursor:
        cursor.execute("listen testkase_outbox; listen testkase_users")
        organization = database.value("insert into testkase.organizations (name) values ('Acme') returning id")
        for count in (0, 120):
            database.query("""insert into testkase.outbox (organization_id, topic)
                              select %s, 'api_key.created' from generate_series(1, %s)""", (organization, count))
            database.query("""insert into testkase.users (organization_id, email, name)
                              select %s, n || '@example.test', 'N' from generate_series(1, %s) n""", (organization, count))
            database.query("update testkase.users set name = 'M'")
        cursor.execute("select 1")
    listener.poll()
    heard = [(notify.channel, json.loads(notify.payload)) for notify in listener.notifies]
    listener.close()
    assert [channel for channel, _ in heard] == ["testkase_outbox", "testkase_users"]
    assert [len(set(ids)) for _, payload in heard for ids in payload.values()] == [50, 50]


@pytest.mark.parametrize("usage,heard", [(0.49, ["testkase_tokens", "testkase_users"]), (0.5, []), (1, [])])
def test_from_a_half_full_queue_on_nothing_is_notified(database, usage, heard):
    """In a full one the commit would fail. The usage is made up: half of PostgreSQL's queue is 4 GB."""
    organization = database.value("insert into testkase.organizations (name) values ('Acme') returning id")
    user = database.value("""insert into testkase.users (organization_id, email, name) values (%s, 'a@example.test', 'N')
                             returning id""", (organization,))
    database.query(f"""create or replace function testkase.notification_queue_usage() returns double precision
                       language sql return {usage}""")
    listener = database.connect()
    listener.autocommit = True
    with listener.cursor() as cursor:
        cursor.execute("listen testkase_tokens; listen testkase_users")
        token = tokens.make()
        database.query(
            """insert into testkase.api_tokens (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days)
               values (%s, 1, %s, %s, %s, 'CI', 7)""",
            (user, tokens.lookup(token), tokens.argon2id(token, 64), tokens.preview(token)))
        database.query("update testkase.users set status = 'deactivated'")
        cursor.execute("select 1")
    listener.poll()
    assert [notify.channel for notify in listener.notifies] == heard
    listener.close()


def test_nothing_else_notifies(shared):
    """So that the rule above holds for every notification."""
    notifying = shared.query("""select proname from pg_proc where pronamespace = 'testkase'::regnamespace
                                and pg_get_functiondef(oid) ~* 'pg_notify|\\mnotify\\s'""")
    assert notifying == [("notify_ids",)]
    assert not [path for path in (ROOT / "sql" / "queries").rglob("*.sql")
                if re.search(r"(?im)^[^-]*(pg_notify|\bnotify\s)", path.read_text())]


def test_the_queue_that_is_asked_is_postgresqls(shared):
    assert shared.value("select testkase.notification_queue_usage() = pg_notification_queue_usage()") is True


# --- the audit log ---

# The owner may empty a whole partition, because that is how old months go.
@pytest.mark.parametrize("role,change", [
    (role, change)
    for change in ("update testkase.audit_events set action = 'a.b'", "delete from testkase.audit_events",
                   "update {partition} set action = 'a.b'", "delete from {partition}",
                   "truncate testkase.audit_events", "truncate {partition}")
    for role in ("testkase_owner", "testkase_server", "testkase_worker", "postgres")
    if role in ("testkase_server", "testkase_worker") or change != "truncate {partition}"])
def test_audit_events_are_append_only(shared, role, change):
    organization = shared.value("insert into testkase.organizations (name) values ('Acme') returning id")
    shared.query("""insert into testkase.audit_events (organization_id, actor_kind, action, target_kind, target_id)
                    values (%s, 'system', 'organization.created', 'organization', %s)""", (organization, organization))
    before = shared.value("select count(*) from testkase.audit_events")
    partition = shared.value("select max(tableoid::regclass::text) from testkase.audit_events")
    connection = shared.connect(role)
    try:
        with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(change.format(partition=partition))
    finally:
        connection.close()
    assert shared.value("select count(*) from testkase.audit_events") == before


def test_audit_events_name_a_user_exactly_when_a_user_acted(cursor):
    organization = make_organization(cursor)
    insert = """insert into audit_events (organization_id, actor_kind, actor_user_id, action, target_kind, target_id)
                values (%s, %s, %s, 'api_key.created', 'api_key', 1)"""
    refused(cursor, psycopg2.errors.CheckViolation, insert, (organization, "user", None))
    refused(cursor, psycopg2.errors.CheckViolation, insert, (organization, "system", 7))
    refused(cursor, psycopg2.errors.CheckViolation, insert, (organization, "robot", None))


def test_partitions_are_made_once_and_ahead(shared):
    made = "select count(*) from pg_inherits where inhparent = 'testkase.audit_events'::regclass"
    shared.query("select testkase.make_partitions(3)")  # a month may have begun since the schema was made
    before = shared.value(made)
    assert before >= 5, "this month, three more, and the default"
    assert shared.value("select testkase.make_partitions(3)") == 0
    tables = shared.value("select count(*) from testkase.partitioned_tables")
    assert shared.value("select testkase.make_partitions(5)") == 2 * tables
    assert shared.value(made) == before + 2


# --- least privilege ---

RIGHTS = [
    # role, statement, whether it may
    ("testkase_ops", "select secret_hash from testkase.api_tokens", False),
    ("testkase_ops", "select lookup_id from testkase.api_tokens", False),
    ("testkase_ops", "select id from testkase.api_tokens", False),
    ("testkase_ops", "select id from testkase.shown_tokens", False),
    ("testkase_ops", "select password_hash from testkase.users", False),
    ("testkase_ops", "select digest from testkase.sessions", False),
    ("testkase_ops", "select detail from testkase.audit_events", False),
    ("testkase_ops", "select version from testkase.schema_migrations", False),
    ("testkase_ops", "delete from ops.workers", False),
    ("testkase_ops", "create table ops.mine (a int)", False),
    ("testkase_ops", "create table public.mine (a int)", False),
    ("testkase_ops", "select testkase.make_partitions(24)", False),
    ("testkase_ops", "select id, owner_email, state, last_used_at from ops.tokens", True),
    ("testkase_ops", "select worker, silent_for from ops.workers", True),
    ("testkase_ops", "select version, name, applied_at from ops.schema", True),
    ("testkase_server", "delete from testkase.api_tokens", False),
    ("testkase_server", "truncate testkase.api_tokens", False),
    ("testkase_server", "update testkase.api_tokens set expires_at = expires_at", False),
    ("testkase_server", "update testkase.api_tokens set expires_in_days = 365", False),
    ("testkase_server", "update testkase.api_tokens set user_id = user_id", False),
    ("testkase_server", "update testkase.api_tokens set owner_generation = 9", False),
    ("testkase_server", "insert into testkase.api_tokens (ended_at) values (null)", False),
    ("testkase_server", "insert into testkase.api_tokens (owner_generation) values (2)", False),
    ("testkase_server", "update testkase.api_tokens set secret_hash = secret_hash", False),
    ("testkase_server", "select testkase.mark_renewal('user 1')", False),
    ("testkase_server", "select testkase.erase_expired_hashes(1)", False),
    ("testkase_server", "insert into testkase.sessions (user_generation) values (2)", False),
    ("testkase_server", "insert into testkase.sessions (expires_at) values (now())", False),
    ("testkase_server", "insert into testkase.sessions (confirmed_at) values (now())", False),
    ("testkase_worker", "update testkase.sessions set confirmed_at = now()", False),
    ("testkase_server", "update testkase.sessions set expires_at = expires_at", False),
    ("testkase_server", "update testkase.shadow_key set seed = 1", False),
    ("testkase_server", "delete from testkase.users", False),
    ("testkase_server", "update testkase.users set credential_generation = credential_generation", False),
    ("testkase_server", "update testkase.users set organization_id = organization_id", False),
    ("testkase_server", "insert into testkase.organizations (name) values ('x')", False),
    ("testkase_server", "delete from testkase.organizations", False),
    ("testkase_server", "delete from testkase.projects", False),
    ("testkase_server", "update testkase.projects set active_cases = 0", False),
    ("testkase_server", "update testkase.projects set organization_id = organization_id", False),
    ("testkase_server", "delete from testkase.test_cases", False),
    ("testkase_server", "update testkase.test_cases set automation_id = 10000", False),
    ("testkase_server", "insert into testkase.test_cases (archived_at) values (null)", False),
    ("testkase_server", "delete from testkase.test_cycles", False),
    ("testkase_server", "update testkase.test_cycles set pass = 0", False),
    ("testkase_server", "delete from testkase.test_executions", False),
    ("testkase_server", "update testkase.test_executions set status = 'pass'", False),
    ("testkase_server", "delete from testkase.test_latest_results", False),
    ("testkase_server", "select testkase.prune_executions(1)", False),
    ("testkase_worker", "delete from testkase.test_executions", False),
    ("testkase_worker", "select testkase.prune_executions(1)", True),
    ("testkase_ops", "select testkase.prune_executions(1)", False),
    ("testkase_server", "update testkase.audit_events set action = 'a.b'", False),
    ("testkase_server", "delete from testkase.audit_events", False),
    ("testkase_server", "insert into testkase.audit_events (occurred_at) values (now())", False),
    ("testkase_server", "update testkase.auth_epoch set epoch = 1", False),
    ("testkase_server", "select testkase.bump_auth_epoch(null)", False),
    ("testkase_server", "insert into testkase.auth_changes (epoch) values (99)", False),
    ("testkase_server", "delete from testkase.auth_changes", False),
    ("testkase_server", "update testkase.rotation_policy set rotate_on_day = 1", False),
    ("testkase_server", "insert into testkase.schema_migrations values (99, 'x', 'y')", False),
    ("testkase_server", "select id from testkase.outbox", False),
    ("testkase_server", "alter table testkase.audit_events disable trigger all", False),
    ("testkase_server", "alter table testkase.api_tokens disable trigger all", False),
    ("testkase_server", "set session_replication_role = replica", False),
    ("testkase_server", "create table testkase.mine (a int)", False),
    ("testkase_server", "set role testkase_owner", False),
    ("testkase_server", "select epoch from testkase.auth_epoch", True),
    ("testkase_server", "select epoch, token_ids from testkase.auth_changes", True),
    ("testkase_server", "select secret_hash from testkase.api_tokens", True),
    ("testkase_server", "select name, status from testkase.shown_tokens", True),
    ("testkase_server", "select testkase.auth_changes_max()", True),
    ("testkase_server", "select testkase.notify_ids('testkase_tokens', 'tokenIds', array[1])", False),
    ("testkase_worker", "select lookup_id from testkase.api_tokens", False),
    ("testkase_worker", "select id from testkase.shown_tokens", False),
    ("testkase_worker", "select id from testkase.project_for(1, 1, 1, 'guest')", False),
    ("testkase_worker", "insert into testkase.api_tokens (name) values ('x')", False),
    ("testkase_worker", "delete from testkase.api_tokens", False),
    ("testkase_worker", "update testkase.api_tokens set expires_at = expires_at", False),
    ("testkase_worker", "update testkase.api_tokens set rate_limit = 1", False),
    ("testkase_worker", "update testkase.api_tokens set secret_hash = null", False),
    ("testkase_worker", "select secret_hash from testkase.api_tokens", False),
    ("testkase_worker", "select testkase.renew_token_hash(1, 'a', 'b')", False),
    ("testkase_worker", "select testkase.renew_password_hash(1, 'a', 'b')", False),
    ("testkase_worker", "select testkase.mark_renewal('user 1')", False),
    ("testkase_worker", "select seed from testkase.shadow_key", False),
    ("testkase_worker", "select id, ended_at from testkase.hashes_to_erase", True),
    ("testkase_worker", "select password_hash from testkase.users", False),
    ("testkase_worker", "update testkase.users set status = 'active'", False),
    ("testkase_worker", "update testkase.users set org_role = 'admin'", False),
    ("testkase_worker", "insert into testkase.users (name) values ('x')", False),
    ("testkase_worker", "insert into testkase.sessions (user_id) values (1)", False),
    ("testkase_worker", "select detail from testkase.audit_events", False),
    ("testkase_worker", "delete from testkase.audit_events", False),
    ("testkase_worker", "select testkase.bump_auth_epoch(null)", False),
    ("testkase_worker", "select epoch from testkase.auth_changes", False),
    ("testkase_worker", "create table testkase.mine (a int)", False),
    ("testkase_worker", "set role testkase_owner", False),
    ("testkase_worker", "select id, payload from testkase.outbox", True),
]


@pytest.mark.parametrize("role,sql,allowed", RIGHTS)
def test_role_has_the_rights_it_needs_and_no_more(shared, role, sql, allowed):
    connection = shared.connect(role)
    try:
        with connection.cursor() as cursor:
            cursor.execute("set transaction read write")  # which not even testkase_ops is kept from
            if allowed:
                cursor.execute(sql)
            else:
                with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                    cursor.execute(sql)
    finally:
        connection.rollback()
        connection.close()


def test_no_role_is_more_than_it_should_be(shared):
    rows = shared.query("""select rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
                           from pg_roles where rolname like 'testkase%'""")
    assert {row[0] for row in rows} == {"testkase_owner", "testkase_server", "testkase_worker", "testkase_ops"}
    assert not any(any(row[1:]) for row in rows)


def test_no_view_of_ops_shows_a_secret(shared):
    columns = shared.query("select column_name from information_schema.columns where table_schema = 'ops'")
    names = {name for (name,) in columns}
    assert names and not [name for name in names if any(
        word in name for word in ("hash", "lookup", "secret", "password", "digest", "preview", "token_text"))]


def test_the_public_may_nothing(shared):
    open_to_all = shared.query(
        """select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace,
                  aclexplode(c.relacl) a where n.nspname in ('testkase', 'ops') and a.grantee = 0
           union all
           select n.nspname || '.' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace,
                  aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
           where n.nspname in ('testkase', 'ops') and a.grantee = 0
           union all
           select n.nspname from pg_namespace n, aclexplode(n.nspacl) a
           where n.nspname in ('testkase', 'ops') and a.grantee = 0""")
    assert open_to_all == []


def test_functions_with_their_owners_rights_pin_the_search_path(shared):
    loose = shared.query(
        """select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname in ('testkase', 'ops') and p.prosecdef
             and not coalesce(p.proconfig::text like '%search_path=%', false)""")
    assert loose == []


def test_everything_belongs_to_the_owner(shared):
    assert shared.query("""select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
                           where n.nspname in ('testkase', 'ops') and pg_get_userbyid(c.relowner) <> 'testkase_owner'""") == []


def test_every_foreign_key_of_a_large_table_has_an_index_for_its_check(shared):
    """Else deleting or changing the referenced row would read the referencing table from end to end."""
    bare = shared.query(
        """select c.conrelid::regclass::text || ' (' || c.conname || ')'
           from pg_constraint c
           where c.contype = 'f' and c.conrelid in ('testkase.sessions'::regclass, 'testkase.project_members'::regclass,
                                                    'testkase.rotation_reminders'::regclass)
             and not exists (select from pg_index i where i.indrelid = c.conrelid and c.conkey @> array[i.indkey[0]])""")
    assert bare == []
