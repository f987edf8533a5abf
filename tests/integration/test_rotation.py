"""Rotation: successors, the verdict on the old token, what its end would break, and tokens that were made by tokens."""

import concurrent.futures

import pytest

from support import token as tokens
from support.deadline import until
from support.http import field_errors


@pytest.fixture
def member(service, organization):
    return service.sign_in(organization.member)


def create(api, name="GitHub Actions", days=90, **more):
    return api.post("/api-keys", {"name": name, "expiresInDays": days, **more}, 201).json()


def rotate(api, token_id, expect=201, **fields):
    return api.post(f"/api-keys/{token_id}/rotate", expect=expect, headers=fields).json()


def rotation(api, token_id):
    return api.get(f"/api-keys/{token_id}", 200).json()["rotation"]


# --- successors ---

def test_a_successor_is_the_same_with_the_next_version(service, member):
    old = create(member, days=180, purpose="Nightly run", link="https://ci.example.test/nightly?x=1")
    new = rotate(member, old["id"])
    assert new["name"] == "GitHub Actions v2" and new["expiresInDays"] == 180
    assert (new["purpose"], new["link"]) == ("Nightly run", "https://ci.example.test/nightly?x=1")
    assert new["predecessorId"] == old["id"] and new["rotation"]["predecessorId"] == old["id"]
    assert member.get(f"/api-keys/{old['id']}", 200).json()["successorId"] == new["id"]
    for token in (old["token"], new["token"]):
        service.server.bearer(token).get("/session", 200)
    member.delete(f"/api-keys/{old['id']}", 204)
    assert rotate(member, new["id"])["name"] == "GitHub Actions v3"
    assert rotation(member, new["id"])["predecessorId"] is None


@pytest.mark.parametrize("name,successor", [
    ("CI v9", "CI v10"), ("CI v1", "CI v2"), ("CI v0", "CI v0 v2"), ("CI v", "CI v v2"), ("CIv2", "CIv2 v2"), ("v2", "v2 v2"),
    ("CI v12345", "CI v12345 v2"), ("CI v9999", "CI v10000"), ("x" * 100, "x" * 97 + " v2"),
    ("x" * 97 + " v9", "x" * 96 + " v10"),
    ("é" * 98 + " y", "é" * 97 + " v2"), ("a" * 96 + " bcd", "a" * 96 + " v2"), ("名前", "名前 v2")])
def test_the_name_of_a_successor(member, name, successor):
    assert rotate(member, create(member, name)["id"])["name"] == successor


def test_a_token_has_one_live_successor(member):
    old = create(member)
    new = rotate(member, old["id"])
    problem = rotate(member, old["id"], 409)
    assert (problem["code"], problem["apiKeyId"]) == ("successor_exists", new["id"])
    member.delete(f"/api-keys/{new['id']}", 204)  # its text was lost
    again = rotate(member, old["id"])
    assert again["name"] == "GitHub Actions v2"
    assert member.get(f"/api-keys/{old['id']}", 200).json()["successorId"] == again["id"]


def test_of_two_rotations_at_once_one_succeeds(member):
    old = create(member)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: member.post(f"/api-keys/{old['id']}/rotate"), range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    made = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
    assert {answer.json()["apiKeyId"] for answer in answers if answer.status_code == 409} == {made}


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_token_that_has_ended_has_no_successor(service, member, organization, end):
    token_id = service.mint(organization.member, days=7)[0]
    if end == "revoked":
        member.delete(f"/api-keys/{token_id}", 204)
    else:
        service.database.age_token(token_id, days=8)
    assert rotate(member, token_id, 409)["code"] == "api_key_ended"


def test_nobody_rotates_the_token_of_another(service, organization, member):
    foreign = service.mint(organization.admin)[0]
    assert rotate(member, foreign, 404) == {**rotate(member, 99_999_999, 404)}
    assert rotate(service.bearer(organization.owner), service.mint(organization.member)[0], 404)["code"] == "not_found"


def test_a_token_rotates_itself(service, organization):
    token_id, token = service.mint(organization.member, "Agent", 30)
    new = rotate(service.server.bearer(token), "current")
    assert (new["name"], new["predecessorId"]) == ("Agent v2", token_id)
    assert new["createdBy"] == {"userId": organization.member.id, "apiKeyId": token_id}
    service.server.bearer(new["token"]).get("/session", 200)
    service.sign_in(organization.member).post("/api-keys/current/rotate", expect=404)


def test_an_organization_can_forbid_tokens_to_rotate(service, organization, member):
    token_id, token = service.mint(organization.member)
    service.database.query("update testkase.organizations set tokens_may_create_tokens = false where id = %s", (organization.id,))
    assert rotate(service.server.bearer(token), "current", 403)["code"] == "forbidden"
    rotate(member, token_id)


def test_a_period_that_is_no_longer_allowed_has_no_successor(service, organization, member):
    old = create(member, days=365)
    service.database.query("update testkase.organizations set max_expiry_days = 90 where id = %s", (organization.id,))
    assert rotate(member, old["id"], 403)["code"] == "forbidden"


def test_rotation_is_recorded_on_both(member):
    old = create(member)
    new = rotate(member, old["id"])
    member.delete(f"/api-keys/{old['id']}", 204, json={"note": "  The new one works  "})
    events = [(event["event"], event["note"]) for event in member.pages(f"/api-keys/{old['id']}/history", 2)]
    assert events == [("revoked", "The new one works"), ("rotated", None), ("created", None)]
    assert [event["event"] for event in member.pages(f"/api-keys/{new['id']}/history", 50)] == ["created"]


# --- the verdict ---

def test_a_token_is_due_and_then_overdue(service, organization, member):
    token_id = service.mint(organization.member, days=90)[0]
    for days, state in ((0, "none"), (79, "none"), (2, "due"), (3, "due"), (2, "overdue")):
        service.database.age_token(token_id, days=days)
        assert rotation(member, token_id)["state"] == state
        assert [key["id"] for key in member.pages("/api-keys?status=expiring", 50)] == ([] if state == "none" else [token_id])
    assert "has no successor" in rotation(member, token_id)["because"]
    rotate(member, token_id)
    assert rotation(member, token_id)["state"] == "overlap"
    service.database.age_token(token_id, days=5)
    assert rotation(member, token_id)["state"] == "none"


def test_the_verdict_says_what_is_missing_until_it_is_safe(service, organization, member):
    old = service.mint(organization.member)[0]
    service.use(old, "GitHub-Actions/2.1", "10.0.0.7", "2 hours 5 minutes")
    service.use(old, "Jenkins/2", "10.0.0.8", "3 days")
    service.use(old, "curl/7", "10.0.0.9", "8 days")      # too long ago to matter
    service.use(old, "curl/7", "10.0.0.9", "1 minute", status=401)
    new = rotate(member, old)["id"]
    assert rotation(member, old) == {"state": "overlap", "rotateAt": rotation(member, old)["rotateAt"], "successorId": new,
                                     "predecessorId": None, "because": "The new token has not been used yet."}
    service.use(new, "curl/8", "10.0.0.1")
    assert rotation(member, old)["because"] == ("The old token was used 2 hours ago by GitHub-Actions at 10.0.0.7, which has not "
                                                "used the new one; nor has 1 other place.")
    service.use(new, "GitHub-Actions/2.2", "10.0.0.7")
    assert rotation(member, old)["because"] == ("The old token was used 3 days ago by Jenkins at 10.0.0.8, which has not used "
                                                "the new one.")
    service.use(new, "Jenkins/2", "10.0.0.7")  # not from there
    assert rotation(member, old)["because"].startswith("The old token was used 3 days ago by Jenkins at 10.0.0.8,")
    service.use(new, "Jenkins/3", "10.0.0.8")
    assert rotation(member, old)["because"] == ("The old token was used 2 hours ago by GitHub-Actions at 10.0.0.7; it must be "
                                                "quiet for 24 hours.")
    service.database.query("update testkase.api_token_last_used set used_at = now() - interval '25 hours' where token_id = %s",
                           (old,))
    verdict = rotation(member, old)
    assert verdict["state"] == "safe_to_delete" and verdict["because"].startswith("The new token is in use, also wherever")
    service.use(old, "wget/1", "10.0.0.200")
    assert rotation(member, old)["state"] == "overlap"


def test_the_guide_shows_both_tokens_place_by_place(service, organization, member):
    old = service.mint(organization.member)[0]
    service.use(old, "curl/8.1", "10.0.0.7", "2 days", calls=3)
    service.use(old, "curl/8.2", "10.0.0.7", "1 day", calls=2)
    service.use(old, "Jenkins/2", "10.0.0.8", "3 days")
    alone = member.get(f"/api-keys/{old}/rotation", 200).json()
    assert alone["successor"] is None and (alone["placesDays"], alone["quietHours"]) == (7, 24)
    new = rotate(member, old)["id"]
    service.use(new, "curl/8.2", "10.0.0.7", calls=4)
    guide = member.get(f"/api-keys/{old}/rotation", 200).json()
    assert guide["old"] == member.get(f"/api-keys/{old}", 200).json()
    assert guide["successor"] == member.get(f"/api-keys/{new}", 200).json()
    assert [(place["client"], place["address"], place["oldCalls"], place["newCalls"], place["newAt"] is None)
            for place in guide["places"]] == [("curl", "10.0.0.7", 5, 4, False), ("Jenkins", "10.0.0.8", 1, 0, True)]
    assert guide["state"] == "overlap" and guide["because"] == guide["old"]["rotation"]["because"]
    service.sign_in(organization.admin).get(f"/api-keys/{old}/rotation", 404)


def test_an_unnamed_client_on_a_unix_socket_is_a_place(service, organization, member):
    old = service.mint(organization.member)[0]
    service.use(old, "", None, "1 hour")
    new = rotate(member, old)["id"]
    service.use(new, "curl/8", "10.0.0.7")
    assert rotation(member, old)["because"] == ("The old token was used 60 minutes ago by an unnamed client, which has not used "
                                                "the new one.")
    service.use(new, "", None)
    assert rotation(member, old)["because"].startswith("The old token was used 60 minutes ago by an unnamed client; it")


def test_a_place_that_went_back_to_the_old_token_has_not_switched(service, organization, member):
    """As when the new token was tried there once by hand, or its secret was put back."""
    old = service.mint(organization.member)[0]
    new = rotate(member, old)["id"]
    service.use(new, "testkase-reporter/1", "10.0.0.7", "4 days")
    service.use(old, "testkase-reporter/1", "10.0.0.7", "2 days 1 minute")
    verdict = rotation(member, old)
    assert verdict["state"] == "overlap"
    assert verdict["because"] == ("The old token was used 2 days ago by testkase-reporter at 10.0.0.7, which has not used "
                                   "the new one since.")
    service.use(new, "testkase-reporter/1", "10.0.0.7", "1 day")
    assert rotation(member, old)["state"] == "safe_to_delete"


def test_the_entry_of_many_other_clients_is_no_place_that_can_switch(service, organization, member):
    old = service.mint(organization.member)[0]
    service.use(old, "other", None, "2 days")
    service.use(rotate(member, old)["id"], "other", None)
    verdict = rotation(member, old)
    assert verdict["state"] == "overlap"
    assert verdict["because"].startswith("The old token was used 2 days ago by one of many other clients")
    assert [place["newAt"] for place in member.get(f"/api-keys/{old}/rotation", 200).json()["places"]] == [None]


def test_the_two_numbers_of_the_verdict_are_data(service, organization, member):
    old = service.mint(organization.member)[0]
    service.use(old, ago="3 hours")
    service.use(rotate(member, old)["id"])
    service.database.query("update testkase.rotation_verdict set quiet_hours = 2")
    try:
        assert rotation(member, old)["state"] == "safe_to_delete"
    finally:
        service.database.query("update testkase.rotation_verdict set quiet_hours = 24")


# --- impact ---

def test_impact_tells_who_uses_a_token(service, organization, member):
    token_id = service.mint(organization.member)[0]
    assert member.get(f"/api-keys/{token_id}/impact", 200).json()["summary"] == "Never used."
    service.use(token_id, "curl/8", "10.0.0.7", "40 days", calls=9)
    impact = member.get(f"/api-keys/{token_id}/impact", 200).json()
    assert impact["summary"] == "Not used in the last 7 days. The last call came 40 days ago from curl at 10.0.0.7."
    assert impact["calls"] == 0 and [day["calls"] for day in impact["perDay"]] == [0] * 7
    service.use(token_id, "Jenkins/2", "10.0.0.8", "1 day", calls=20, route="/api/v1/test-cases")
    service.use(token_id, "curl/8", "10.0.0.7", "5 minutes", calls=10)
    service.use(token_id, "curl/9", "10.0.0.9", "6 minutes", calls=2, status=403)
    impact = member.get(f"/api-keys/{token_id}/impact", 200).json()
    assert impact["summary"] == ("In use: 30 calls in the last 7 days from 2 places, the last one 5 minutes ago from curl at "
                                 "10.0.0.7.")
    assert (impact["calls"], impact["refused"]) == (30, 2)
    assert [(one["client"], one["address"], one["calls"], one["refused"]) for one in impact["places"]] == [
        ("Jenkins", "10.0.0.8", 20, 0), ("curl", "10.0.0.7", 10, 0), ("curl", "10.0.0.9", 0, 2)]
    assert [(one["client"], one["calls"], one["refused"]) for one in impact["clients"]] == [("Jenkins", 20, 0), ("curl", 10, 2)]
    assert [(one["route"], one["calls"]) for one in impact["routes"]] == [("/api/v1/test-cases", 20), ("/api/v1/session", 10)]
    assert sum(day["calls"] for day in impact["perDay"]) == 30
    assert len(member.get(f"/api-keys/{token_id}/impact?days=90", 200).json()["perDay"]) == 90
    assert field_errors(member.get(f"/api-keys/{token_id}/impact?days=8", 422)) == {"days"}
    service.sign_in(organization.admin).get(f"/api-keys/{token_id}/impact", 404)


# --- lineage ---

def test_deletion_takes_what_a_token_made_along_if_asked(service, organization, member):
    root, text = service.mint(organization.member)
    child = create(service.server.bearer(text), "Child")
    grandchild = create(service.server.bearer(child["token"]), "Grandchild")
    stranger = create(member, "Stranger")
    assert child["createdBy"] == {"userId": organization.member.id, "apiKeyId": root}
    impact = member.get(f"/api-keys/{root}/impact", 200).json()
    assert impact["summary"].endswith(" It made 2 tokens that can still be used.")
    assert impact["descendants"]["live"] == 2
    assert [one["id"] for one in impact["descendants"]["data"]] == [child["id"], grandchild["id"]]
    member.delete(f"/api-keys/{root}", 204, json={"withDescendants": True, "note": "Stolen"})
    for token in (child, grandchild):
        service.server.bearer(token["token"]).get("/session", 401)
        ended = member.get(f"/api-keys/{token['id']}", 200).json()
        assert ended["endedNote"] == "Stolen" and ended["endedBy"] == {"userId": organization.member.id,
                                                                       "name": organization.member.name}
    service.server.bearer(stranger["token"]).get("/session", 200)


@pytest.mark.parametrize("how", ["with descendants", "all"])
def test_deletion_takes_what_a_token_makes_at_the_same_moment(service, organization, member, how):
    """Whoever makes one token with another all the time cannot slip one through while the owner deletes them."""
    person = organization.member
    root, text = service.mint(person)
    child = create(service.server.bearer(text), "Child of it")
    with service.database.connect() as thief, thief.cursor() as cursor, concurrent.futures.ThreadPoolExecutor() as pool:
        # As api_keys/create does: the rows of acting(), then the new token; its commit comes later.
        cursor.execute("select from testkase.users where id = %s for no key update", (person.id,))
        cursor.execute("select from testkase.api_tokens where id = %s for no key update", (child["id"],))
        fresh = tokens.make()
        cursor.execute("""insert into testkase.api_tokens (user_id, lookup_id, secret_hash, preview, name, expires_in_days,
                                                           created_by, created_by_token)
                          values (%s, %s, %s, %s, 'Grandchild', 30, %s, %s) returning id""",
                       (person.id, tokens.lookup(fresh), tokens.argon2id(fresh, 8192, 1), tokens.preview(fresh), person.id,
                        child["id"]))
        grandchild = cursor.fetchone()[0]
        path, body = (f"/api-keys/{root}", {"withDescendants": True}) if how != "all" else ("/api-keys", {"except": []})
        deleting = pool.submit(member.delete, path, json=body)
        until(lambda: service.database.value("select count(*) from pg_stat_activity where wait_event_type = 'Lock'"), 10,
              "the deletion waits")
        thief.commit()
        answer = deleting.result()
    assert answer.status_code in (200, 204)
    service.server.bearer(fresh).get("/session", 401)
    if how == "all":
        assert grandchild in [token["id"] for token in answer.json()["data"]]
    assert member.get(f"/api-keys/{grandchild}/history", 200).json()["data"][0]["event"] == "revoked"


def test_deletion_leaves_what_a_token_made_unless_asked(service, organization, member):
    root, text = service.mint(organization.member)
    child = create(service.server.bearer(text), "Child")
    member.delete(f"/api-keys/{root}", 204)
    service.server.bearer(child["token"]).get("/session", 200)
    member.delete(f"/api-keys/{root}", 404, json={"withDescendants": True})  # it has ended: nothing else may end by it
    service.server.bearer(child["token"]).get("/session", 200)


# --- purpose, link, note ---

@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "ftp://a/", "//a", "https:/a", "https://",
                                  "http:///x", "https://?q", "HTTPS://a", "https://a b", "https://ä.test/",
                                  "https://user:pw@host/", "https://me@host",
                                  "https://host\\@evil/", "https://a/" + "x" * 500, "https://a/\n", "", 7, None, ["https://a"],
                                  "https://a/?t=ghp_" + "a" * 36])
def test_a_bad_link_is_refused(member, link):
    assert field_errors(member.post("/api-keys", {"name": "CI", "expiresInDays": 7, "link": link})) == {"link"}


@pytest.mark.parametrize("link", ["https://a", "http://10.0.0.7:8080/job/x", "https://a.test/a@b?c=d#e", "https://[::1]/x"])
def test_a_good_link_comes_back(member, link):
    assert create(member, link=link)["link"] == link


@pytest.mark.parametrize("purpose", ["", " ", "x" * 201, "a\nb", "a\u202eb", 7, None])
def test_a_bad_purpose_is_refused(member, purpose):
    assert field_errors(member.post("/api-keys", {"name": "CI", "expiresInDays": 7, "purpose": purpose})) == {"purpose"}


@pytest.mark.parametrize("body,field", [
    ({"note": ""}, "note"), ({"note": "x" * 201}, "note"), ({"withDescendants": 1}, "withDescendants"),
    ({"withDescendants": "true"}, "withDescendants"), ({"why": "x"}, "why")])
def test_a_bad_body_deletes_nothing(member, body, field):
    made = create(member)
    assert field_errors(member.delete(f"/api-keys/{made['id']}", 422, json=body)) == {field}
    assert member.get(f"/api-keys/{made['id']}", 200).json()["status"] == "active"


# --- Idempotency-Key ---

def test_a_repeated_key_makes_no_second_token(service, member):
    draft, key = {"name": "Once", "expiresInDays": 7}, {"Idempotency-Key": '"abc-1"'}
    made = member.post("/api-keys", draft, 201, headers=key).json()
    for again in (key, {"Idempotency-Key": "abc-1"}):  # with and without the quotes of a structured field
        problem = member.post("/api-keys", draft, 409, headers=again).json()
        assert (problem["code"], problem["apiKeyId"]) == ("idempotency_key_used", made["id"])
    assert [one["name"] for one in member.pages("/api-keys", 50)] == ["Once"]
    assert rotate(member, made["id"], 409, **key)["apiKeyId"] == made["id"]
    assert rotate(member, made["id"], **{"Idempotency-Key": "abc-2"})["name"] == "Once v2"


def test_a_key_is_the_accounts_own(service, organization, member):
    key = {"Idempotency-Key": "shared"}
    member.post("/api-keys", {"name": "Mine", "expiresInDays": 7}, 201, headers=key)
    service.sign_in(organization.admin).post("/api-keys", {"name": "Mine", "expiresInDays": 7}, 201, headers=key)


def test_of_two_requests_with_one_key_at_once_one_succeeds(member):
    def send(_):
        return member.post("/api-keys", {"name": "Once", "expiresInDays": 7}, headers={"Idempotency-Key": "race"})
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert len({answer.json().get("apiKeyId", answer.json().get("id")) for answer in answers}) == 1


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "a\tb", "ghp_" + "a" * 36])
def test_a_bad_key_is_refused(member, key):
    problem = member.post("/api-keys", {"name": "CI", "expiresInDays": 7}, 400, headers={"Idempotency-Key": key}).json()
    assert problem["code"] == "bad_request"
    assert member.get("/api-keys", 200).json()["data"] == []


# --- all at once ---

def test_all_tokens_can_be_deleted_at_once(service, organization, member):
    minted = [service.mint(organization.member, f"CI {n}") for n in range(4)]
    foreign = service.mint(organization.admin)[1]
    ids = [token_id for token_id, _ in minted]
    rehearsal = member.delete("/api-keys", 200, json={"except": [], "dryRun": True}).json()
    assert rehearsal["dryRun"] is True and rehearsal["count"] == 4
    assert [one["id"] for one in rehearsal["data"]] == sorted(ids, reverse=True)
    assert len(list(member.pages("/api-keys", 50))) == 4
    done = member.delete("/api-keys", 200, json={"except": [ids[1]]}).json()
    assert (done["dryRun"], done["count"]) == (False, 3)
    for token_id, token in minted:
        service.server.bearer(token).get("/session", 200 if token_id == ids[1] else 401)
    service.server.bearer(foreign).get("/session", 200)
    current = service.server.bearer(minted[1][1])
    service.mint(organization.member)
    assert current.delete("/api-keys", 200, json={"except": "current"}).json()["count"] == 1
    current.get("/session", 200)
    assert current.delete("/api-keys", 200, json={"except": "current"}).json() == {"dryRun": False, "count": 0, "data": []}


@pytest.mark.parametrize("how", ["with descendants", "all"])
def test_thousands_of_tokens_can_be_deleted_at_once(service, organization, how):
    """By connections that have ended one token before: a plan for one must do for all."""
    person = service.person(organization.id)
    api = service.sign_in(person)
    for _ in range(20):
        api.delete(f"/api-keys/{service.mint(person)[0]}", 204)
    root = service.mint(person)[0]
    # Each made by the one before it, whose id is one less.
    service.database.without_triggers(
        """insert into testkase.api_tokens (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days,
                                            created_at, expires_at, rotate_at, created_by, created_by_token)
           select t.user_id, t.owner_generation, left(t.lookup_id, 3) || lpad(n::text, 5, '0'), t.secret_hash,
                  'tk_pat_' || left(t.lookup_id, 3) || lpad(n::text, 5, '0') || '...abcdef', 'Link of a chain', 30, t.created_at,
                  t.expires_at, t.rotate_at, t.user_id, t.id + n - 1
           from testkase.api_tokens t, generate_series(1, 3000) n where t.id = %s order by n""", (root,))
    assert api.get(f"/api-keys/{root}/impact", 200).json()["descendants"]["live"] == 3000
    if how == "all":
        assert api.delete("/api-keys", 200, json={"except": []}).json()["count"] == 3001
    else:
        api.delete(f"/api-keys/{root}", 204, json={"withDescendants": True})
    assert api.get("/api-keys", 200).json()["data"] == []


@pytest.mark.parametrize("body", [{}, {"except": "all"}, {"except": ["1"]}, {"except": [0]}, {"except": [-1]}, {"except": [1.5]},
                                  {"except": None}, {"except": {}}, {"except": "{1}"}, {"except": [[1]]}])
def test_a_bad_exception_deletes_nothing(member, body):
    create(member)
    assert field_errors(member.delete("/api-keys", 422, json=body)) == {"except"}
    assert len(list(member.pages("/api-keys", 50))) == 1


def test_a_session_has_no_current_token(member):
    create(member)
    assert field_errors(member.delete("/api-keys", 422, json={"except": "current"})) == {"except"}


# --- search and sort ---

@pytest.fixture
def shelf(service, organization):
    """(client, ids by name) with six tokens, two of them of the same name, three used."""
    ids = [service.mint(organization.member, name, days)[0]
           for name, days in (("beta", 30), ("Alpha", 365), ("gamma", 7), ("alpha", 90), ("Émile", 60), ("beta", 180))]
    for index, ago in ((0, "3 days"), (2, "1 hour"), (3, "9 days")):
        service.use(ids[index], ago=ago)
    return service.sign_in(organization.member), ids


@pytest.mark.parametrize("sort,order", [
    ("created", [0, 1, 2, 3, 4, 5]), ("-created", [5, 4, 3, 2, 1, 0]), ("expires", [2, 0, 4, 3, 5, 1]),
    ("-expires", [1, 5, 3, 4, 0, 2]), ("lastUsed", [1, 4, 5, 3, 0, 2]), ("-lastUsed", [2, 0, 3, 5, 4, 1]),
    ("name", [1, 3, 0, 5, 2, 4]), ("-name", [4, 2, 5, 0, 3, 1])])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_lists_are_sorted_over_all_pages(shelf, sort, order, limit):
    api, ids = shelf
    assert [ids.index(one["id"]) for one in api.pages(f"/api-keys?sort={sort}", limit)] == order


def test_the_next_page_stays_when_a_token_is_used_meanwhile(service, shelf):
    api, ids = shelf
    first = api.get("/api-keys?sort=-lastUsed&limit=2", 200).json()
    service.use(ids[0], ago="1 second")
    rest = api.get("/api-keys", 200, params={"sort": "-lastUsed", "limit": 9, "cursor": first["nextCursor"]}).json()
    assert [ids.index(one["id"]) for one in rest["data"]] == [3, 5, 4, 1]


@pytest.mark.parametrize("search,found", [("ALPHA", {1, 3}), ("eta", {0, 5}), ("%", set()), ("mile", {4}), ("a b", set())])
def test_search_is_by_a_part_of_the_name(shelf, search, found):
    api, ids = shelf
    listed = api.get("/api-keys", 200, params={"search": search}).json()["data"]
    assert {ids.index(one["id"]) for one in listed} == found


def test_search_is_in_the_purpose_too(member):
    made = create(member, "CI", purpose="Results of the Nightly run")
    assert [one["id"] for one in member.get("/api-keys?search=nightly", 200).json()["data"]] == [made["id"]]


@pytest.mark.parametrize("query,field", [("sort=age", "sort"), ("search=", "search"), ("search=" + "x" * 201, "search"),
                                         ("cursor=17", "cursor"), ("cursor=1.x", "cursor"), ("cursor=.5", "cursor")])
def test_bad_queries_are_named(member, query, field):
    assert field_errors(member.get(f"/api-keys?{query}", 422)) == {field}


def test_activity_by_day(service, organization, member):
    token_id = service.mint(organization.member)[0]
    service.use(token_id, ago="20 days", calls=7)
    for hours in reversed(range(5)):
        service.use(token_id, ago=f"{hours} hours", calls=2)
    rows = list(member.pages(f"/api-keys/{token_id}/activity?bucket=day", 1))
    assert sum(row["calls"] for row in rows) == 17 and rows[-1]["calls"] == 7
    assert all(row["hour"] is None for row in rows) and 2 <= len(rows) <= 3
    assert len(list(member.pages(f"/api-keys/{token_id}/activity", 50))) == 5
