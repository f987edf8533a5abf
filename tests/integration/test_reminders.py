"""Reminders: their stages, whom they reach, and what ends them."""

import pytest

from support.deadline import until

REMINDERS = ("api_key.rotation_due", "api_key.expiring")


@pytest.fixture
def member(service, organization):
    return service.sign_in(organization.member)


@pytest.fixture
def begin_worker(service, start, worker_path):
    """begin_worker() starts one and waits until it has looked through everything."""
    def begin():
        program = start(worker_path, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker")})
        program.wait_ready()
        return program
    return begin


@pytest.fixture
def work(begin_worker):
    """work() lets a worker do everything that is due now."""
    return lambda: begin_worker().terminate(10)


def mint(service, person, days=90, age=0.0):
    token_id = service.mint(person, "GitHub Actions", days)[0]
    service.database.age_token(token_id, days=age)
    return token_id


def listed(api, state="due"):
    return [(row["apiKeyId"], row["stage"]) for row in api.pages(f"/reminders?state={state}", 2)]


def told(service, *tokens):
    """(topic, stage) of what the outbox has about the tokens, in order."""
    return [(topic, payload["stage"]) for topic, payload in service.database.query(
        """select topic, payload from testkase.outbox
           where (payload ->> 'apiKeyId')::bigint = any (%s) and topic = any (%s) order by sequence""",
        (list(tokens), list(REMINDERS)))]


# --- stages ---


@pytest.mark.parametrize("days, stages", [
    (7, [("rotation", 6)]),
    (30, [("rotation", 23), ("day", 29)]),
    (60, [("rotation", 50), ("week", 53), ("day", 59)]),
    (90, [("rotation", 80), ("week", 83), ("day", 89)]),
    (180, [("rotation", 165), ("week", 173), ("day", 179)]),
    (365, [("rotation", 350), ("week", 358), ("day", 364)]),
])
def test_each_stage_comes_once_on_its_day(service, organization, member, work, days, stages):
    token_id = service.mint(organization.member, "GitHub Actions", days)[0]
    age = 0.0
    for place, (stage, day) in enumerate(stages):
        service.database.age_token(token_id, days=day - 0.001 - age)
        work()
        assert len(told(service, token_id)) == place, "nothing is told before the day"
        service.database.age_token(token_id, days=0.002)
        age = day + 0.001
        work()
        assert listed(member) == [(token_id, stage)]
    work()
    assert told(service, token_id) == [("api_key.rotation_due" if stage == "rotation" else "api_key.expiring", stage)
                                       for stage, _ in stages]
    assert member.pages("/reminders", 2)[0]["nextAt"] is None


def test_what_was_missed_is_told_once_with_the_most_urgent_stage(service, organization, member, work):
    tokens = [mint(service, organization.member, age=age) for age in (89.5, 84.0, 81.0, 79.0)]
    work()
    work()
    assert listed(member) == list(zip(tokens, ("day", "week", "rotation")))
    assert sorted(told(service, *tokens)) == [("api_key.expiring", "day"), ("api_key.expiring", "week"),
                                              ("api_key.rotation_due", "rotation")]


def test_due_within_a_second_while_the_worker_runs(service, organization, member, begin_worker):
    begin_worker()
    token_id = service.mint(organization.member, "GitHub Actions", 90)[0]
    service.database.age_token(token_id, days=80, seconds=-2)
    # The worker has slept until the reminder's old time; any change of the table wakes it, and it learns the new one.
    service.database.query("update testkase.rotation_reminders set state = state where token_id = %s", (token_id,))
    until(lambda: listed(member), 30, "the reminder is due")
    assert service.database.value(
        """select r.state_changed_at between t.rotate_at and t.rotate_at + interval '1 second'
           from testkase.rotation_reminders r join testkase.api_tokens t on t.id = r.token_id where t.id = %s""", (token_id,))


# --- acknowledging ---


def test_an_acknowledged_reminder_is_quiet_until_the_next_stage(service, organization, member, work):
    token_id = mint(service, organization.member, age=80.1)
    work()
    reminder, = member.pages("/reminders", 2)
    for _ in range(2):
        answer = member.post(f"/reminders/{reminder['id']}/acknowledge")
        assert answer.status_code == 200
        assert answer.json() == dict(reminder, state="acknowledged")
    assert listed(member) == []
    assert listed(member, "acknowledged") == listed(member, "all") == [(token_id, "rotation")]
    work()
    assert listed(member) == []
    service.database.age_token(token_id, days=3)
    work()
    assert listed(member) == [(token_id, "week")]
    assert told(service, token_id) == [("api_key.rotation_due", "rotation"), ("api_key.expiring", "week")]
    assert service.database.value("""select count(*) from testkase.audit_events
                                     where action = 'reminder.acknowledged' and target_id = %s""", (token_id,)) == 1


def test_reminders_of_others_do_not_exist(service, organization, member, work):
    mint(service, organization.admin, age=81)
    scheduled = service.database.value("select id from testkase.rotation_reminders where token_id = %s",
                                       (mint(service, organization.member),))
    work()
    foreign = service.sign_in(organization.admin).pages("/reminders", 2)[0]["id"]
    assert listed(member, "all") == []
    for reminder in (foreign, scheduled, 999999999):
        assert member.post(f"/reminders/{reminder}/acknowledge").status_code == 404
    assert member.get("/reminders?state=closed").status_code == 422


# --- what ends them ---


def test_a_successor_in_use_ends_them(service, organization, member, work):
    token_id = mint(service, organization.member, age=81)
    work()
    assert listed(member) == [(token_id, "rotation")]
    successor = member.post(f"/api-keys/{token_id}/rotate").json()["id"]
    reminder, = member.pages("/reminders", 2)
    assert reminder["successorId"] == successor, "a successor that nobody uses does not end them"
    service.use(successor)
    assert listed(member, "all") == []
    assert member.post(f"/reminders/{reminder['id']}/acknowledge").status_code == 404
    service.database.age_token(token_id, days=3)
    work()
    assert told(service, token_id) == [("api_key.rotation_due", "rotation")], "nothing is told of a token that was replaced"


def test_a_lost_successor_brings_them_back(service, organization, member, work):
    token_id = mint(service, organization.member, age=81)
    work()
    successor = member.post(f"/api-keys/{token_id}/rotate").json()["id"]
    service.use(successor)
    assert listed(member) == []
    assert member.delete(f"/api-keys/{successor}").status_code == 204
    assert listed(member) == [(token_id, "rotation")]


def test_the_end_of_the_token_ends_them(service, organization, member, work):
    revoked, expired = mint(service, organization.member, age=81), mint(service, organization.member, age=89.5)
    work()
    assert {token_id for token_id, _ in listed(member)} == {revoked, expired}
    assert member.delete(f"/api-keys/{revoked}").status_code == 204
    service.database.age_token(expired, days=1)
    assert listed(member, "all") == []
    work()
    assert len(told(service, revoked, expired)) == 2


# --- service accounts ---


@pytest.fixture
def robot(service, organization):
    admin = service.sign_in(organization.admin)
    account = admin.post("/users", {"email": f"ci-{organization.id}@example.test", "name": "CI", "kind": "service"}).json()
    return account["id"]


def due_of(service, robot):
    person = type("Person", (), {"id": robot})
    return mint(service, person, age=81)


def test_custodians_get_the_reminders_of_their_service_account(service, organization, member, robot, work):
    admin, owner = service.sign_in(organization.admin), service.sign_in(organization.owner)
    token_id = due_of(service, robot)
    work()
    assert listed(admin) == listed(owner) == [(token_id, "rotation")], "without custodians, the admins look after it"
    assert listed(member) == []
    answer = admin.put(f"/users/{robot}/custodians/{organization.member.id}")
    assert answer.status_code == 200 and answer.json()["userId"] == organization.member.id
    assert admin.put(f"/users/{robot}/custodians/{organization.member.id}").json() == answer.json()
    assert admin.pages(f"/users/{robot}/custodians", 2) == [answer.json()]
    assert listed(member) == [(token_id, "rotation")]
    assert listed(admin) == listed(owner) == []
    reminder, = member.pages("/reminders", 2)
    assert reminder["ownerName"] == "CI"
    assert member.post(f"/reminders/{reminder['id']}/acknowledge").status_code == 200
    assert admin.delete(f"/users/{robot}/custodians/{organization.member.id}").status_code == 204
    assert admin.delete(f"/users/{robot}/custodians/{organization.member.id}").status_code == 404
    assert admin.pages(f"/users/{robot}/custodians", 2) == []
    assert listed(member, "all") == []
    assert listed(admin, "all") == [(token_id, "rotation")]


def test_a_custodian_who_left_looks_after_nothing(service, organization, member, robot, work):
    admin = service.sign_in(organization.admin)
    token_id = due_of(service, robot)
    work()
    admin.put(f"/users/{robot}/custodians/{organization.member.id}")
    assert listed(admin) == []
    admin.patch(f"/users/{organization.member.id}", {"status": "deactivated"})
    assert listed(admin) == [(token_id, "rotation")]


def test_who_can_be_a_custodian_of_what(service, organization, member, robot):
    admin = service.sign_in(organization.admin)
    stranger = service.organization().member
    assert admin.put(f"/users/{organization.member.id}/custodians/{organization.admin.id}").status_code == 409
    assert admin.put(f"/users/{robot}/custodians/{robot}").status_code == 409
    assert admin.put(f"/users/{robot}/custodians/{stranger.id}").status_code == 404
    assert admin.put(f"/users/{stranger.id}/custodians/{organization.member.id}").status_code == 404
    assert admin.get(f"/users/{organization.member.id}/custodians").status_code == 404
    assert member.put(f"/users/{robot}/custodians/{organization.member.id}").status_code == 403
    assert member.get(f"/users/{robot}/custodians").status_code == 403
    assert member.delete(f"/users/{robot}/custodians/{organization.member.id}").status_code == 403


def refuse_mails(service, person, status=550):
    service.database.query("""insert into testkase.mails (organization_id, user_id, kind, subject, state, status, ended_at)
                              select organization_id, id, 'reminder', 'Refused', 'parked', %s, now()
                              from testkase.users, generate_series(1, 2) where id = %s""", (status, person))


def may_acknowledge(api, reminder):
    status = api.post(f"/reminders/{reminder}/acknowledge").status_code
    assert status in (200, 404)
    return status == 200


def test_who_sees_a_reminder_may_acknowledge_it(service, organization, member, robot, work):
    """Also when mails reach neither the person nor the custodian, so that the admins are told in their stead."""
    admin, owner = service.sign_in(organization.admin), service.sign_in(organization.owner)
    guest = service.sign_in(organization.guest)
    stranger = service.sign_in(service.organization().admin)
    admin.put(f"/users/{robot}/custodians/{organization.guest.id}")
    own, of_robot = mint(service, organization.member, age=81.0), due_of(service, robot)
    work()
    ids = dict(service.database.query("select token_id, id from testkase.rotation_reminders where token_id in (%s, %s)",
                                      (own, of_robot)))

    def seen():
        """Of the member's token and the robot's: who of all callers sees it, checked to be who may acknowledge it."""
        callers = {"member": member, "guest": guest, "admin": admin, "owner": owner, "stranger": stranger}
        found = []
        for token in (own, of_robot):
            sees = {name for name, api in callers.items() if token in dict(listed(api, "all"))}
            assert {name for name, api in callers.items() if may_acknowledge(api, ids[token])} == sees
            found.append(sees)
        return found

    assert seen() == [{"member"}, {"guest"}]
    refuse_mails(service, organization.member.id)
    assert seen() == [{"member", "admin", "owner"}, {"guest"}]
    refuse_mails(service, organization.guest.id)
    assert seen() == [{"member", "admin", "owner"}, {"guest", "admin", "owner"}]
    refuse_mails(service, organization.member.id, 451)
    assert seen() == [{"member"}, {"guest", "admin", "owner"}], "the latest attempts found the address again"
