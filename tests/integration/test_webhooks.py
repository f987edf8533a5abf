"""The webhooks of an organization: who manages them, and what they are sent."""

import base64
import re

import pytest

from support.http import field_details, field_errors

EVENTS = ["api_key.created", "api_key.rotated", "api_key.revoked", "api_key.expired", "api_key.rotation_due", "api_key.expiring",
          "api_key.leaked", "api_key.rate_limited", "user.deactivated", "test_cycle.completed", "automation.results_received"]
PATH = "/services/T0001/B0001/kept-to-itself"


@pytest.fixture
def admin(service, organization):
    return service.sign_in(organization.admin)


def draft(**fields):
    return {"name": "Alerts", "platform": "custom", "url": f"https://hooks.example.com{PATH}", "events": ["api_key.created"],
            **fields}


# --- management ---


def test_made_shown_changed_and_deleted(service, organization, admin):
    made = admin.post("/webhooks", draft(events=EVENTS), 201)
    assert made.headers["Cache-Control"] == "no-store"
    fields = made.json()
    secret = fields.pop("secret")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32 and secret.startswith("whsec_")
    assert fields["events"] == EVENTS and fields["status"] == "enabled" and fields["maskedUrl"] == "https://hooks.example.com/***"
    assert admin.get(f"/webhooks/{fields['id']}", 200).json() == fields
    assert admin.get("/webhooks", 200).json()["data"] == [fields]
    changed = admin.patch(f"/webhooks/{fields['id']}", {"name": "Other", "events": ["user.deactivated"], "status": "disabled"},
                          200).json()
    assert changed == {**fields, "name": "Other", "events": ["user.deactivated"], "status": "disabled",
                       "disabledReason": "admin"}
    changed = admin.patch(f"/webhooks/{fields['id']}", {"url": "https://example.org", "status": "enabled"}, 200).json()
    assert changed["maskedUrl"] == "https://example.org" and changed["disabledReason"] is None
    stored = "select secret, url from testkase.webhooks where id = %s"
    assert service.database.query(stored, (fields["id"],)) == [(secret, "https://example.org")]
    admin.delete(f"/webhooks/{fields['id']}", 204)
    assert service.database.query(stored, (fields["id"],)) == [(None, None)]
    admin.get(f"/webhooks/{fields['id']}", 404)
    admin.delete(f"/webhooks/{fields['id']}", 404)
    assert admin.get("/webhooks", 200).json()["data"] == []
    done = service.database.query("""select action, detail from testkase.audit_events
                                     where organization_id = %s and target_kind = 'webhook' order by id""", (organization.id,))
    assert [action for action, _ in done] == ["webhook.created", "webhook.updated", "webhook.updated", "webhook.deleted"]
    assert "kept-to-itself" not in str(done) and secret not in str(done)


@pytest.mark.parametrize("platform", ["slack", "discord", "teams", "google_chat"])
def test_only_custom_webhooks_have_a_secret(admin, platform):
    made = admin.post("/webhooks", draft(platform=platform), 201).json()
    assert made["secret"] is None and made["secretChangedAt"] is None
    assert admin.post(f"/webhooks/{made['id']}/rotate-secret", None, 409).json()["code"] == "conflict"


def test_a_secret_is_rotated(service, admin):
    made = admin.post("/webhooks", draft(), 201).json()
    stored = "select secret, previous_secret from testkase.webhooks where id = %s"
    answer = admin.post(f"/webhooks/{made['id']}/rotate-secret", None, 200)
    assert answer.headers["Cache-Control"] == "no-store"
    rotated = answer.json()
    assert rotated["secret"] != made["secret"] and re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", rotated["secret"])
    assert service.database.query(stored, (made["id"],)) == [(rotated["secret"], made["secret"])]
    assert service.database.value("""select round(extract(epoch from previous_secret_until - secret_changed_at))::integer
                                     from testkase.webhooks where id = %s""", (made["id"],)) == 24 * 3600
    assert "overlapHours" in admin.post(f"/webhooks/{made['id']}/rotate-secret", None, 409).json()["detail"]
    assert service.database.query(stored, (made["id"],)) == [(rotated["secret"], made["secret"])]
    last = admin.post(f"/webhooks/{made['id']}/rotate-secret", {"overlapHours": 0}, 200).json()
    assert last["previousSecretUntil"] is None
    assert service.database.query(stored, (made["id"],)) == [(last["secret"], None)]
    assert "secret" not in admin.get(f"/webhooks/{made['id']}", 200).json()


def test_an_organization_has_twenty_at_most(service, organization, admin):
    for _ in range(20):
        last = admin.post("/webhooks", draft(), 201).json()
    admin.post("/webhooks", draft(), 409)
    assert len(admin.get("/webhooks", 200).json()["data"]) == 20
    admin.delete(f"/webhooks/{last['id']}", 204)
    admin.post("/webhooks", draft(), 201)


BAD = [("url", url) for url in (
    "", "x", "http://hooks.example.com/", "ftp://example.com/", "https://", "https:///x", "https://user@example.com/",
    "https://a:b@example.com/", "https://example.com/#x", "https://example.com:22/", "https://example.com:0/",
    "https://example.com:65536/", "https://example.com:/", "https://exa mple.com/", "https://example.com/\\",
    "https://exämple.com/",
    "https://localhost/", "https://intranet/", "https://a.localhost/", "https://printer.local/", "https://x.internal/",
    "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/",
    "https://017700000001/",
    "https://0177.0.0.1/", "https://127.0.0.1./", "https://0/", "https://0.0.0.0/", "https://10.1.2.3/", "https://172.16.0.1/",
    "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data", "https://100.64.0.1/", "https://224.0.0.1/",
    "https://255.255.255.255/", "https://198.18.0.1/", "https://192.0.2.1/", "https://168.63.129.16/", "https://[::1]/",
    "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/", "https://[64:ff9b::10.0.0.1]/", "https://[64:ff9b:1::1]/", "https://[2002:7f00:1::]/",
    "https://[2001::1]/", "https://[fe80::1]/", "https://[fe80::1%25lo]/", "https://[fd00:ec2::254]/", "https://[ff02::1]/",
    "https://[fec0::1]/", "https://[2001:db8::1]/", "https://[]/", "https://[8.8.8.8]/", "https://::1/", "https://%31%32%37.1/",
    "https://example.com/***", f"https://example.com/{'x' * 2000}")]
BAD += [("events", events) for events in ([], ["api_key.created", "api_key.created"], ["user.deleted"], ["webhook.test"],
                                          "api_key.created", [1], None, ["api_key.created|api_key.revoked"])]
BAD += [("platform", "mattermost"), ("name", ""), ("name", "a\nb")]


@pytest.mark.parametrize("name,value", BAD, ids=str)
def test_what_cannot_be_is_refused(admin, name, value):
    assert list(field_errors(admin.post("/webhooks", draft(**{name: value}), 422))) == [name]


def test_a_refusal_of_events_lists_all_of_them(admin):
    """Whoever has mistyped one need not look for the documentation."""
    expected = f"must be an array of one or more of these, each once: {', '.join(EVENTS[:-1])} or {EVENTS[-1]}"
    assert field_details(admin.post("/webhooks", draft(events=["api_key.create"]), 422)) == {"events": expected}
    made = admin.post("/webhooks", draft(), 201).json()["id"]
    assert field_details(admin.patch(f"/webhooks/{made}", {"events": []}, 422)) == {"events": expected}


@pytest.mark.parametrize("url", ["http://hooks.example.com/", "HTTP://10.1.2.3/", "http://8.8.8.8/", "https://10.1.2.3/"])
def test_a_refusal_of_an_address_names_the_setting_that_allows_it(service, admin, url):
    detail = field_details(admin.post("/webhooks", draft(url=url), 422))["url"]
    assert "TESTKASE_WEBHOOK_NETWORKS" in detail
    assert ("must begin with https://" in detail) == url.lower().startswith("http://")


def test_without_tls_only_listed_networks_may_be_called(service, admin):
    second = admin.at(service.start_server(TESTKASE_WEBHOOK_NETWORKS="10.1.0.0/16").base)
    second.post("/webhooks", draft(url="http://10.1.2.3/"), 201)
    for url in ("http://8.8.8.8/", "http://[2606:4700::1111]/"):
        assert "must begin with https://" in field_details(second.post("/webhooks", draft(url=url), 422))["url"]
    refusal = field_details(second.post("/webhooks", draft(url="http://10.2.0.1/"), 422))["url"]
    assert "must be on the internet; the operator can allow other networks (TESTKASE_WEBHOOK_NETWORKS)" in refusal


@pytest.mark.parametrize("url", ["https://example.com", "https://example.com?x=y", "HTTPS://EXAMPLE.com:443/", "https://8.8.8.8/",
                                 "https://[2606:4700::1111]:8443/x?y",
                                 "https://a-b.example.co.uk:8443/x/y?sp=%2Ftriggers&sig=Ab-_1"])
def test_addresses_on_the_internet_may_be_called(service, admin, url):
    made = admin.post("/webhooks", draft(url=url), 201).json()
    assert service.database.value("select url from testkase.webhooks where id = %s", (made["id"],)) == url


def test_unknown_properties_are_refused(admin):
    made = admin.post("/webhooks", draft(), 201).json()
    for fields in ({"platform": "slack"}, {"secret": "whsec_AAAA"}, {"status": "gone"}):
        admin.patch(f"/webhooks/{made['id']}", fields, 422)


# --- rights ---


def test_only_admins_manage_webhooks(service, organization, admin):
    made = admin.post("/webhooks", draft(), 201).json()["id"]
    sent = admin.post(f"/webhooks/{made}/test", None, 201).json()["id"]
    other = service.sign_in(service.organization().admin)
    member = service.sign_in(organization.member)
    calls = [("GET", "", None), ("PATCH", "", {"name": "X"}), ("DELETE", "", None), ("POST", "/rotate-secret", None),
             ("POST", "/test", None), ("GET", "/deliveries", None), ("POST", f"/deliveries/{sent}/redeliver", None)]
    for method, path, body in calls:
        options = {"json": body} if body else {}
        member.request(method, f"/webhooks/{made}{path}", 403, **options)
        foreign = other.request(method, f"/webhooks/{made}{path}", 404, **options).json()
        assert foreign == other.request(method, f"/webhooks/{made + 100000}{path}", 404, **options).json()
    member.get("/webhooks", 403)
    member.post("/webhooks", draft(), 403)
    second = admin.post("/webhooks", draft(), 201).json()["id"]
    admin.post(f"/webhooks/{second}/deliveries/{sent}/redeliver", None, 404)
    assert other.get("/webhooks", 200).json()["data"] == []


def test_the_server_cannot_read_addresses_and_secrets(service, admin):
    made = admin.post("/webhooks", draft(), 201).json()["id"]
    connection = service.database.connect("testkase_server")
    with connection.cursor() as cursor:
        for column in ("url", "secret", "previous_secret"):
            with pytest.raises(Exception, match="permission denied"):
                cursor.execute(f"select {column} from testkase.webhooks")
            connection.rollback()
        # PostgreSQL shows of a row that a check refuses what the statement names.
        for change in ("name = ''", "given_url = null, name = ''", "given_url = 'nonsense'", "topics = '{}', secret = null"):
            with pytest.raises(Exception, match="violates check constraint") as refused:
                cursor.execute(f"update testkase.webhooks set {change} where id = {made}")
            connection.rollback()
            assert "kept-to-itself" not in f"{refused.value} {refused.value.diag.message_detail}"
        with pytest.raises(Exception, match="permission denied"):
            cursor.execute("update testkase.webhooks set url = null, name = ''")
    connection.close()


# --- tests and deliveries, as far as the server knows ---


def test_a_test_is_queued(service, admin):
    made = admin.post("/webhooks", draft(), 201).json()["id"]
    sent = admin.post(f"/webhooks/{made}/test", None, 201).json()
    assert sent["event"] == "webhook.test" and sent["state"] == "queued" and sent["attempts"] == 0
    assert admin.get(f"/webhooks/{made}/deliveries", 200).json()["data"] == [sent]
    assert admin.get(f"/webhooks/{made}/deliveries?state=parked", 200).json()["data"] == []
    admin.patch(f"/webhooks/{made}", {"status": "disabled"}, 200)
    admin.post(f"/webhooks/{made}/test", None, 409)
    admin.post(f"/webhooks/{made}/deliveries/{sent['id']}/redeliver", None, 409)
    admin.patch(f"/webhooks/{made}", {"status": "enabled"}, 200)
    for _ in range(9):
        admin.post(f"/webhooks/{made}/test", None, 201)
    admin.post(f"/webhooks/{made}/test", None, 409)
    assert admin.pages(f"/webhooks/{made}/deliveries", 4)[-1] == sent
