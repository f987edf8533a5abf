"""The calendar feed, read by two programs that are not ours: Python's icalendar, and khal."""

import datetime
import subprocess

import icalendar
import pytest
import requests

from support.http import check_answer


NAMES = ["Läufe; nachts, \\ täglich — 日本語のとても長い名前のパイプラインのためのトークンである", "a,b;c:d\"e", "Plain"]


@pytest.fixture
def member(service, organization):
    return service.sign_in(organization.member)


def mint(service, person, name="GitHub Actions", days=90, age=0.0):
    token_id = service.mint(person, name, days)[0]
    service.database.age_token(token_id, days=age)
    return token_id


def read(url, status=200, **fields):
    answer = requests.get(url, headers=fields, timeout=30)
    assert answer.status_code == status, answer.text
    check_answer(answer)
    return answer


def at_server(service, api):
    """The feed's new address, at the server under test: the public URL is another one."""
    address = api.post("/calendar", expect=201).json()["url"]
    return f"{service.server.base}/api/v1/calendar/{address.rsplit('/', 1)[1]}"


def events(answer):
    calendar = icalendar.Calendar.from_ical(answer.content)
    return {str(event["UID"]).split("@")[0]: event for event in calendar.walk("VEVENT")}


def test_days_of_rotation_and_expiries(service, organization, member):
    tokens = [mint(service, organization.member, name) for name in NAMES]
    answer = read(at_server(service, member))
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    found = events(answer)
    assert set(found) == {f"{kind}-{token_id}" for kind in ("rotation", "expiry") for token_id in tokens}
    for token_id, name in zip(tokens, NAMES):
        rotate_at, expires_at, preview = service.database.query(
            "select rotate_at, expires_at, preview from testkase.api_tokens where id = %s", (token_id,))[0]
        rotation, expiry = found[f"rotation-{token_id}"], found[f"expiry-{token_id}"]
        assert str(rotation["SUMMARY"]) == f"Rotate {name}" and str(expiry["SUMMARY"]) == f"{name} expires"
        assert rotation["DTSTART"].dt == rotate_at.replace(microsecond=0)
        assert expiry["DTSTART"].dt == expires_at.replace(microsecond=0)
        assert preview in str(rotation["DESCRIPTION"])
        assert str(rotation["URL"]).endswith(f"/settings/api-keys/{token_id}/rotate")
        alarm, = rotation.walk("VALARM")
        assert alarm["TRIGGER"].dt == -datetime.timedelta(days=1)


def test_lines_are_short_and_keep_characters_whole(service, organization, member):
    for name in NAMES:
        mint(service, organization.member, name)
    body = read(at_server(service, member)).content
    assert body.endswith(b"END:VCALENDAR\r\n")
    for line in body[:-2].split(b"\r\n"):
        assert len(line) <= 75 and b"\n" not in line and b"\r" not in line
        line.decode()


def test_khal_imports_it(service, organization, member, tmp_path):
    token_id = mint(service, organization.member, NAMES[0], age=79.5)
    (tmp_path / "feed.ics").write_bytes(read(at_server(service, member)).content)
    (tmp_path / "config").write_text(f"[calendars]\n[[tokens]]\npath = {tmp_path}/tokens\n[locale]\nlocal_timezone = UTC\n"
                                     "default_timezone = UTC\ndateformat = %Y-%m-%d\nlongdateformat = %Y-%m-%d\n"
                                     "datetimeformat = %Y-%m-%d %H:%M\nlongdatetimeformat = %Y-%m-%d %H:%M\n"
                                     f"[sqlite]\npath = {tmp_path}/khal.db\n")
    khal = ["khal", "--config", str(tmp_path / "config")]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "XDG_DATA_HOME": str(tmp_path)}
    subprocess.run([*khal, "import", "--batch", str(tmp_path / "feed.ics")], check=True, env=environment, timeout=60,
                   capture_output=True)
    listed = subprocess.run([*khal, "list", "--format", "{start} {title}", "today", "30d"], check=True, env=environment,
                            timeout=60, capture_output=True, text=True).stdout
    at = service.database.value("select to_char(rotate_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') from testkase.api_tokens "
                                "where id = %s", (token_id,))
    assert f"{at} Rotate {NAMES[0]}" in listed
    assert f"{NAMES[0]} expires" in listed


def test_a_replaced_token_is_not_to_be_rotated(service, organization, member):
    token_id = mint(service, organization.member, age=81)
    feed = at_server(service, member)
    successor = member.post(f"/api-keys/{token_id}/rotate", expect=201).json()["id"]
    assert f"rotation-{token_id}" in events(read(feed))
    service.use(successor)
    assert set(events(read(feed))) == {f"expiry-{token_id}", f"rotation-{successor}", f"expiry-{successor}"}
    member.delete(f"/api-keys/{token_id}", 204)
    assert set(events(read(feed))) == {f"rotation-{successor}", f"expiry-{successor}"}


def test_an_unchanged_feed_is_not_sent_again(service, organization, member):
    mint(service, organization.member)
    feed = at_server(service, member)
    first = read(feed)
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = read(feed, 304, **{"If-None-Match": first.headers["ETag"]})
    assert again.content == b"" and again.headers["ETag"] == first.headers["ETag"]
    mint(service, organization.member)
    assert read(feed, **{"If-None-Match": first.headers["ETag"]}).headers["ETag"] != first.headers["ETag"]


def test_the_address_is_a_secret_that_can_be_revoked(service, organization, member):
    assert member.get("/calendar", 200).json() == {"createdAt": None}
    member.delete("/calendar", 404)
    first = at_server(service, member)
    assert member.get("/calendar", 200).json()["createdAt"]
    assert first.rsplit("/", 1)[1][:-4] not in service.database.dump().decode(), "the database has a digest only"
    second = at_server(service, member)
    read(first, 404)
    read(second)
    for wrong in (second[:-4], second + "x", second.replace(".ics", ".ICS"), second[:-5] + "_.ics"):
        read(wrong, 404)
    member.delete("/calendar", 204)
    read(second, 404)


def test_the_address_leads_nowhere_once_its_person_has_left(service, organization, member):
    feed = at_server(service, member)
    admin = service.sign_in(organization.admin)
    admin.patch(f"/users/{organization.member.id}", {"status": "deactivated"}, 200)
    read(feed, 404)
    admin.patch(f"/users/{organization.member.id}", {"status": "active"}, 200)
    read(feed, 404)


def test_service_accounts_are_in_the_feeds_of_their_custodians(service, organization, member):
    admin = service.sign_in(organization.admin)
    account = {"email": f"ci-{organization.id}@example.test", "name": "CI", "kind": "service"}
    robot = admin.post("/users", account, 201).json()["id"]
    token_id = mint(service, type("Person", (), {"id": robot}), "Nightly")
    feeds = {person: at_server(service, service.sign_in(person)) for person in (organization.admin, organization.member)}
    assert {f"rotation-{token_id}"} <= set(events(read(feeds[organization.admin])))
    assert not events(read(feeds[organization.member]))
    admin.put(f"/users/{robot}/custodians/{organization.member.id}", expect=200)
    found = events(read(feeds[organization.member]))
    assert set(found) == {f"rotation-{token_id}", f"expiry-{token_id}"}
    assert "owned by CI" in str(found[f"rotation-{token_id}"]["DESCRIPTION"])
    assert {str(event["URL"]).rpartition("/settings/")[2] for event in found.values()} == {"reminders"}
    assert not events(read(feeds[organization.admin]))


def test_tokens_of_people_whom_no_mail_reaches_are_in_the_feeds_of_admins(service, organization):
    token_id = mint(service, organization.member)
    feed = at_server(service, service.sign_in(organization.admin))
    assert not events(read(feed))
    service.database.query("""insert into testkase.mails (organization_id, user_id, kind, subject, state, status, ended_at)
                              select %s, %s, 'reminder', 'Due', 'parked', 550, now() from generate_series(1, 2)""",
                           (organization.id, organization.member.id))
    found = events(read(feed))
    assert set(found) == {f"rotation-{token_id}", f"expiry-{token_id}"}
    assert {str(event["URL"]).rpartition("/settings/")[2] for event in found.values()} == {f"people/{organization.member.id}"}
