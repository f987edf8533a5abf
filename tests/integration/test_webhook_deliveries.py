"""What webhooks are sent, by a real worker to a real HTTP server; and what becomes of deliveries that fail."""

import html
import json
import re
import signal
import sys
import threading
import time

import pytest

from support.deadline import until
from support.environment import Environment
from support.metrics import metrics, value
from support.tls import Authority
from support.compose import free_port
from support.webhook_server import WebhookServer

sys.path.append(str(Environment("integration").modules))

from standardwebhooks.webhooks import Webhook, WebhookVerificationError  # noqa: E402

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw0mVbYx1kQZ4="
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazhhxHw1AoE="
PUBLIC = "https://testkase.example.test"


@pytest.fixture
def receiver():
    made = WebhookServer()
    yield made
    made.close()


@pytest.fixture
def start_worker(service, start, worker_path):
    def begin(**variables):
        program = start(worker_path, {"TESTKASE_DATABASE_URL": service.database.url("testkase_worker"),
                                      "TESTKASE_PUBLIC_URL": PUBLIC, "TESTKASE_WEBHOOK_NETWORKS": "127.0.0.1/32", **variables})
        program.wait_ready()
        return program
    return begin


@pytest.fixture(autouse=True)
def quiet(service):
    """Nothing of an earlier test is open."""
    service.database.query("update testkase.outbox set routed_at = now() where routed_at is null")
    service.database.query("update testkase.webhook_deliveries set state = 'parked', ended_at = now() where state = 'queued'")


def add(service, organization, url, platform="custom", events=("api_key.created",), secret=SECRET):
    return service.database.value(
        """insert into testkase.webhooks (organization_id, name, platform, url, topics, secret)
           values (%s, 'Alerts', %s, %s, %s, %s) returning id""",
        (organization.id, platform, url, list(events), secret if platform == "custom" else None))


def queue(service, webhook, topic="webhook.test", data=None):
    """The id of a delivery."""
    return service.database.value(
        "insert into testkase.webhook_deliveries (webhook_id, topic, message) values (%s, %s, %s) returning id",
        (webhook, topic, json.dumps({"type": topic, "timestamp": "2030-01-01T09:00:00Z", "data": data or {}})))


def delivery(service, number):
    """(state, attempts, status, error) of a delivery."""
    return service.database.query(
        "select state, attempts, status, error from testkase.webhook_deliveries where id = %s", (number,))[0]


def wait_until(service, number, state, attempts, seconds=30):
    recorded = "select state, attempts, leased_until from testkase.webhook_deliveries where id = %s"
    until(lambda: service.database.query(recorded, (number,)) == [(state, attempts, None)], seconds,
          f"{state} after {attempts} attempts")
    return delivery(service, number)


def retry_now(service, number):
    service.database.query("update testkase.webhook_deliveries set attempt_at = now() where id = %s", (number,))


# --- the custom form ---


def test_an_event_is_sent_and_verified(service, organization, receiver, start_worker):
    add(service, organization, receiver.url)
    member = service.sign_in(organization.member)
    made = member.post("/api-keys", {"name": "GitHub Actions", "expiresInDays": 90}, 201).json()
    start_worker()
    call, = receiver.wait_for(1)
    event = Webhook(SECRET).verify(call.body, call.fields)
    assert event["type"] == "api_key.created" and event["timestamp"] == made["createdAt"]
    assert event["data"] == {
        "apiKeyId": made["id"], "name": "GitHub Actions", "preview": made["tokenPreview"], "expiresAt": made["expiresAt"],
        "owner": {"id": organization.member.id, "name": organization.member.name, "email": organization.member.email}}
    assert made["token"] not in call.body.decode() and "$argon2" not in call.body.decode()
    assert call.fields["content-type"] == "application/json" and call.fields["user-agent"].startswith("TestKase/")
    assert re.fullmatch(r"[0-9a-f-]{36}", call.fields["webhook-id"])
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(call.body.replace(b"GitHub", b"Gitlab"), call.fields)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(call.body, {**call.fields, "webhook-id": "another"})
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(call.body, call.fields)
    member.delete(f"/api-keys/{made['id']}", 204)  # an event that it does not want
    until(lambda: service.database.value("select count(*) from testkase.outbox where routed_at is null") == 0, 20,
          "all is routed")
    assert service.database.value("""select count(*) from testkase.webhook_deliveries d
                                     join testkase.webhooks h on h.id = d.webhook_id
                                     where h.organization_id = %s""", (organization.id,)) == 1


def test_both_secrets_sign_during_a_rotation(service, organization, receiver, start_worker):
    webhook = add(service, organization, receiver.url)
    admin = service.sign_in(organization.admin)
    new = admin.post(f"/webhooks/{webhook}/rotate-secret", {"overlapHours": 1}, 200).json()["secret"]
    admin.post(f"/webhooks/{webhook}/test", None, 201)
    start_worker()
    call, = receiver.wait_for(1)
    assert len(call.fields["webhook-signature"].split()) == 2
    for secret in (SECRET, new):
        assert Webhook(secret).verify(call.body, call.fields)["type"] == "webhook.test"
    service.database.query("update testkase.webhooks set previous_secret_until = now() + interval '10 ms' where id = %s",
                           (webhook,))
    over = "select previous_secret_until < now() from testkase.webhooks where id = %s"
    until(lambda: service.database.value(over, (webhook,)), 5, "the overlap ends")
    queue(service, webhook)
    call = receiver.wait_for(2)[1]
    Webhook(new).verify(call.body, call.fields)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(call.body, call.fields)


# --- failures ---


def test_retries_keep_the_id_and_a_delivery_is_parked_and_sent_again(service, organization, receiver, start_worker):
    webhook = add(service, organization, receiver.url)
    receiver.answers += [500, 404, 500, "close", 503, 500]
    number = queue(service, webhook)
    worker = start_worker()
    for attempt in range(1, 6):
        wait_until(service, number, "queued", attempt)
        wait = service.database.value(
            "select extract(epoch from attempt_at - now())::float8 from testkase.webhook_deliveries where id = %s", (number,))
        assert 0.7 * 30 * 4 ** (attempt - 1) - 5 < wait < 1.26 * 30 * 4 ** (attempt - 1), f"after attempt {attempt}: {wait}"
        retry_now(service, number)
    assert wait_until(service, number, "parked", 6) == ("parked", 6, 500, "the endpoint answered 500")
    calls = receiver.wait_for(6)
    assert len({call.fields["webhook-id"] for call in calls}) == 1
    for call in calls:
        Webhook(SECRET).verify(call.body, call.fields)
    admin = service.sign_in(organization.admin)
    shown = admin.get(f"/webhooks/{webhook}/deliveries?state=parked", 200).json()["data"]
    assert [one["id"] for one in shown] == [number] and shown[0]["messageId"] == calls[0].fields["webhook-id"]
    assert admin.get(f"/webhooks/{webhook}", 200).json()["failingSince"]
    again = admin.post(f"/webhooks/{webhook}/deliveries/{number}/redeliver", None, 200).json()
    assert again["state"] == "queued" and again["attempts"] == 0
    assert wait_until(service, number, "sent", 1) == ("sent", 1, 204, None)
    assert receiver.wait_for(7)[6].fields["webhook-id"] == calls[0].fields["webhook-id"]
    assert admin.get(f"/webhooks/{webhook}", 200).json()["failingSince"] is None
    assert "kept-to-itself" not in worker.tail() and SECRET not in worker.tail()


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("asked,least,most",
                         [("2000", 1990, 2001), ("1000000000", 21500, 21601), ("-5", 15, 40), ("soon", 15, 40)])
def test_retry_after_is_honoured_within_bounds(service, organization, receiver, start_worker, status, asked, least, most):
    receiver.answers.append((status, {"Retry-After": asked}))
    number = queue(service, add(service, organization, receiver.url))
    start_worker()
    wait_until(service, number, "queued", 1)
    assert least < service.database.value(
        "select extract(epoch from attempt_at - now())::float8 from testkase.webhook_deliveries where id = %s", (number,)) < most


def test_410_disables_the_webhook(service, organization, receiver, start_worker):
    receiver.answers += [410]
    webhook = add(service, organization, receiver.url)
    number = queue(service, webhook)
    start_worker()
    assert wait_until(service, number, "parked", 1) == ("parked", 1, 410, "the endpoint answered 410")
    shown = service.sign_in(organization.admin).get(f"/webhooks/{webhook}", 200).json()
    assert (shown["status"], shown["disabledReason"]) == ("disabled", "gone")
    recorded = "select actor_kind, action from testkase.audit_events where target_kind = 'webhook' and target_id = %s"
    assert service.database.query(recorded, (webhook,)) == [("system", "webhook.disabled")]
    waiting = queue(service, webhook)
    until(lambda: delivery(service, waiting)[0] == "parked", 20, "nothing waits at a disabled webhook")
    assert len(receiver.calls) == 1


def test_a_week_of_failures_disables_the_webhook(service, organization, receiver, start_worker):
    webhook = add(service, organization, receiver.url)
    service.database.query("update testkase.webhooks set failing_since = now() - interval '8 days' where id = %s", (webhook,))
    receiver.answers += [500]
    number = queue(service, webhook)
    service.database.query("update testkase.webhook_deliveries set attempts = 5 where id = %s", (number,))
    start_worker()
    wait_until(service, number, "parked", 6)
    assert service.database.value("select disabled_reason from testkase.webhooks where id = %s", (webhook,)) == "failing"


FAILURES = {"hang": (None, "Timeout was reached"), "drip": (None, "Timeout was reached"),
            "close": (None, "Server returned nothing (no headers, no data)"),
            "endless head": (None, "the answer's head is too long"),
            301: (301, "the endpoint answered 301; redirects are not followed"), 400: (400, "the endpoint answered 400")}


def test_what_counts_as_a_failure_and_what_does_not(service, organization, start_worker):
    """All at once: the slow ones do not hold up the others, and an answer of 2xx is success whatever follows it."""
    receivers = {name: WebhookServer() for name in [*FAILURES, "endless", "hang after head", 200, 204, 299]}
    numbers = {}
    for name, one in receivers.items():
        one.answers.append((301, {"Location": receivers[204].url}) if name == 301 else name)
        numbers[name] = queue(service, add(service, service.organization(), one.url))
    start_worker()
    for name in (200, 204, 299, "endless"):
        assert wait_until(service, numbers[name], "sent", 1, 12)[3] is None, name
    for name, (status, error) in FAILURES.items():
        _, _, was, why = wait_until(service, numbers[name], "queued", 1)
        assert was == status and (why == error or name == "close"), (name, was, why)
    wait_until(service, numbers["hang after head"], "sent", 1)
    assert len(receivers[204].calls) == 1, "the redirect was not followed"
    for one in receivers.values():
        one.close()


def test_one_slow_endpoint_delays_no_other(service, organization, start_worker):
    """A hundred deliveries wait for endpoints that hang; the one behind them leaves at once."""
    slow, fast = WebhookServer(), WebhookServer()
    slow.answers += ["hang"] * 200
    webhooks = [add(service, organization, slow.url) for _ in range(10)]
    for webhook in webhooks * 10:
        queue(service, webhook)
    start_worker()
    slow.wait_for(8)
    number = queue(service, add(service, service.organization(), fast.url))
    wait_until(service, number, "sent", 1, 8)
    assert len(slow.calls) == 8, "two at a time of a webhook, and eight of an organization"
    for one in (slow, fast):
        one.close()


def test_a_worker_killed_before_it_records_sends_again_under_the_same_id(service, organization, receiver, start_worker):
    receiver.answers += ["hang after head"]
    number = queue(service, add(service, organization, receiver.url))
    worker = start_worker()
    receiver.wait_for(1)
    worker.kill()
    assert delivery(service, number)[:2] == ("queued", 1)
    service.database.query("update testkase.webhook_deliveries set leased_until = now() where id = %s", (number,))
    start_worker()
    wait_until(service, number, "sent", 2)
    first, second = receiver.wait_for(2)
    assert first.fields["webhook-id"] == second.fields["webhook-id"]
    for call in (first, second):
        Webhook(SECRET).verify(call.body, call.fields)


def test_who_lost_the_lease_does_not_end_the_next(service, organization, receiver, start_worker):
    """A worker stands still for longer than it has leased a delivery, another one begins the next attempt, and only then the
    first attempt fails."""
    ends = threading.Event(), threading.Event()
    receiver.answers += ends
    number = queue(service, add(service, organization, receiver.url))
    late = start_worker()
    receiver.wait_for(1)
    late.signal(signal.SIGSTOP)
    service.database.query("update testkase.webhook_deliveries set leased_until = now() where id = %s", (number,))
    start_worker()
    receiver.wait_for(2)
    late.signal(signal.SIGCONT)
    ends[0].set()
    late.wait_for_line("could not deliver")
    late.terminate()  # which ends when that is recorded
    assert service.database.query("""select attempts, error, leased_until > now() from testkase.webhook_deliveries
                                     where id = %s""", (number,)) == [(2, None, True)]
    ends[1].set()
    assert wait_until(service, number, "queued", 2)[3]


def test_what_an_admin_asks_for_is_sent_at_once(service, organization, receiver, start_worker):
    """Not when the worker looks again, every 5 s: somebody waits in front of the page."""
    webhook = add(service, organization, receiver.url)
    admin = service.sign_in(organization.admin)
    start_worker()
    number, took = None, []
    for count in range(1, 6):
        asked = time.monotonic()
        if count % 2:
            number = admin.post(f"/webhooks/{webhook}/test", None, 201).json()["id"]
        else:
            admin.post(f"/webhooks/{webhook}/deliveries/{number}/redeliver", None, 200)
        took.append(receiver.wait_for(count)[-1].at - asked)
        wait_until(service, number, "sent", 1)
    assert sorted(took)[2] < 1, took
    receiver.answers.append(500)
    admin.post(f"/webhooks/{webhook}/deliveries/{number}/redeliver", None, 200)
    wait_until(service, number, "queued", 1)
    asked = time.monotonic()
    admin.post(f"/webhooks/{webhook}/deliveries/{number}/redeliver", None, 200)
    assert receiver.wait_for(7)[-1].at - asked < 3, "one that waits for its next attempt, too"


@pytest.mark.parametrize("status", [None, 204, 410])
def test_who_lost_the_lease_does_not_end_what_is_sent_once_more(service, organization, receiver, start_worker, status):
    """As above, but the second attempt brings it, an admin asks for one more, and the first attempt ends during that one."""
    first, third = threading.Event(), threading.Event()
    receiver.answers += [(first, status) if status else first, 204, (third, 204)]
    webhook = add(service, organization, receiver.url)
    number = queue(service, webhook)
    late = start_worker()
    receiver.wait_for(1)
    late.signal(signal.SIGSTOP)
    service.database.query("update testkase.webhook_deliveries set leased_until = now() where id = %s", (number,))
    start_worker()
    wait_until(service, number, "sent", 2)
    admin = service.sign_in(organization.admin)
    admin.post(f"/webhooks/{webhook}/deliveries/{number}/redeliver", None, 200)
    receiver.wait_for(3)
    first.set()
    late.signal(signal.SIGCONT)
    late.terminate()  # which ends when what came of the first attempt is recorded
    assert service.database.query("""select state, attempts, status, leased_until > now() from testkase.webhook_deliveries
                                     where id = %s""", (number,)) == [("queued", 1, 204, True)]
    third.set()
    wait_until(service, number, "sent", 1)


def test_two_workers_send_each_once(service, organization, receiver, start_worker):
    webhooks = [add(service, organization, receiver.url) for _ in range(5)]
    numbers = [queue(service, webhook) for webhook in webhooks * 10]
    for _ in range(2):
        start_worker()
    for number in numbers:
        wait_until(service, number, "sent", 1, 60)
    assert len(receiver.calls) == len({call.fields["webhook-id"] for call in receiver.calls}) == 50


def test_tls_is_verified(service, organization, start_worker, tmp_path):
    authority = Authority(tmp_path)
    server = WebhookServer(authority.certify("localhost"))
    url = server.url.replace("127.0.0.1", "localhost")
    unknown = queue(service, add(service, organization, url))
    start_worker(TESTKASE_WEBHOOK_NETWORKS="127.0.0.1/32,::1/128").terminate()
    error = wait_until(service, unknown, "queued", 1)[3]
    assert "certificate" in error.lower() and not server.calls
    start_worker(TESTKASE_WEBHOOK_NETWORKS="127.0.0.1/32,::1/128", SSL_CERT_FILE=str(authority.bundle))
    retry_now(service, unknown)
    wait_until(service, unknown, "sent", 2)
    server.close()


def test_a_queue_has_a_bound(service, organization, receiver, start_worker):
    webhook = add(service, organization, receiver.url)
    service.database.query("""insert into testkase.webhook_deliveries (webhook_id, topic, message, attempt_at)
                              select %s, 'webhook.test', '{}', now() + interval '1 hour' from generate_series(1, 999)""",
                           (webhook,))
    service.database.query("""insert into testkase.outbox (organization_id, user_id, topic, payload)
                              select %s, %s, 'api_key.created', '{}' from generate_series(1, 3)""",
                           (organization.id, organization.member.id))
    start_worker()
    receiver.wait_for(1)
    assert service.database.query("""select state, error from testkase.webhook_deliveries
                                     where webhook_id = %s and topic = 'api_key.created' and state = 'parked'""", (webhook,)) == [
        ("parked", "too many deliveries were waiting")], "one shows that there were more"


def test_full_queues_of_one_organization_hold_up_no_other(service, organization, receiver, start_worker):
    for _ in range(20):
        webhook = add(service, organization, "https://hooks.example.com/")
        service.database.query("""insert into testkase.webhook_deliveries (webhook_id, topic, message, attempt_at)
                                  select %s, 'webhook.test', '{}', now() + interval '1 hour' from generate_series(1, 990)""",
                               (webhook,))
    other = service.organization()
    add(service, other, receiver.url)
    for told, count in ((organization, 2000), (other, 1)):
        service.database.query("""insert into testkase.outbox (organization_id, user_id, topic, payload)
                                  select %s, %s, 'api_key.created', '{}' from generate_series(1, %s)""",
                               (told.id, told.member.id, count))
    worker = start_worker()
    receiver.wait_for(1)
    assert "will try again" not in worker.log(), "no statement was cut off"


def test_deleted_webhooks_and_old_deliveries_go(service, organization, receiver, start_worker):
    kept, gone = add(service, organization, receiver.url), add(service, organization, receiver.url)
    old, new = queue(service, kept), queue(service, kept)
    queue(service, gone)
    service.database.query("""update testkase.webhook_deliveries set state = 'sent', ended_at = now() - interval '31 days'
                              where id = %s""", (old,))
    service.database.query("update testkase.webhooks set deleted_at = now() where id = %s", (gone,))
    start_worker()
    until(lambda: service.database.query("select id from testkase.webhooks where organization_id = %s", (organization.id,)) == [
        (kept,)], 20, "the deleted one goes")
    left = "select id from testkase.webhook_deliveries where webhook_id in (%s, %s)"
    assert service.database.query(left, (kept, gone)) == [(new,)]
    wait_until(service, new, "sent", 1)


def test_metrics_count_deliveries(service, organization, receiver, start_worker):
    port = free_port()
    receiver.answers += [500, 410]
    webhook = add(service, organization, receiver.url)
    numbers = [queue(service, webhook) for _ in range(2)]
    start_worker(TESTKASE_METRICS_LISTEN=f"127.0.0.1:{port}")
    for number in numbers:
        until(lambda: delivery(service, number)[1] == 1, 20, "it was tried")
    refused = 'worker_deliveries_total{kind="webhook",outcome="refused"}'
    until(lambda: value(metrics(f"http://127.0.0.1:{port}"), refused) == 1, 20, "the refusal is counted")


# --- the forms of the platforms ---

HOSTILE = ["<!channel> <!here> <@U012AB3CD> &amp; <https://evil.example|click>", "@everyone @here <@&1> <@1> <#2> <t:0>",
           "[click](https://evil.example) ![x](https://evil.example/x.png) **b** __u__ ~~s~~ ||s|| `c` ```c``` > q # h - l 1. l",
           "<users/all> <b>bold</b> <a href=\"https://evil.example\">x</a> <at>everyone</at> ${token} {{x}} @{triggerBody()}",
           "a\nb\r\nc\u2028d\u202ee\u2066f\x1b[31mg\x7f\u0085h", "\"},\"text\":\"<!channel>\",{\"", "\\`\\*\\<\\", "   ",
           "💥" * 100, "%s%n\\u0000 :smile:"]
PUNCTUATION = re.escape("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def strings(value):
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, str):
        return [value]
    return [one for part in value for one in strings(part)] if hasattr(value, "__iter__") else []


def shown_of(name):
    """What people should read of a name: one line, without what turns its direction."""
    shown = re.sub("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]", " ", name)
    return shown if shown.strip(" ") else "-"


def check_slack(body):
    """Block Kit's limits; user text stands in plain_text only, in which nothing is special."""
    assert set(body) == {"text", "blocks"} and len(body["blocks"]) <= 50 and body["text"] == "A token was generated"
    header, section, actions = body["blocks"]
    assert header["type"] == "header" and header["text"] == {"type": "plain_text", "text": body["text"], "emoji": False}
    assert section["type"] == "section" and set(section) == {"type", "fields"} and 1 <= len(section["fields"]) <= 10
    for field in section["fields"]:
        assert set(field) == {"type", "text", "emoji"} and field["type"] == "plain_text" and field["emoji"] is False
        assert 1 <= len(field["text"]) <= 2000
    button, = actions["elements"]
    assert button["type"] == "button" and len(button["url"]) <= 3000 and len(button["text"]["text"]) <= 75
    return {label: value for label, value in (field["text"].split(": ", 1) for field in section["fields"])}, button["url"]


def check_discord(body):
    """An embed's limits; a backslash stands before all punctuation of user text."""
    assert body["allowed_mentions"] == {"parse": []} and set(body) == {"allowed_mentions", "embeds"}
    embed, = body["embeds"]
    assert set(embed) == {"title", "url", "fields"} and len(embed["title"]) <= 256 and len(embed["fields"]) <= 25
    assert sum(len(text) for text in strings(embed)) <= 6000
    for field in embed["fields"]:
        assert 1 <= len(field["name"]) <= 256 and 1 <= len(field["value"]) <= 1024
        assert re.fullmatch(rf"(\\[{PUNCTUATION}]|[^{PUNCTUATION}])*", field["value"]), field["value"]
    return {field["name"]: re.sub(r"\\(.)", r"\1", field["value"]) for field in embed["fields"]}, embed["url"]


def check_teams(body):
    """What a workflow takes: a message with an Adaptive Card of 28 KB at most. A TextRun knows no Markdown."""
    assert set(body) == {"type", "attachments"} and body["type"] == "message"
    attachment, = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive" and attachment["contentUrl"] is None
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert set(card) == {"$schema", "type", "version", "body", "actions"}
    for block in card["body"]:
        assert set(block) == {"type", "inlines"} and block["type"] == "RichTextBlock"
        for run in block["inlines"]:
            assert run["type"] == "TextRun" and set(run) <= {"type", "text", "weight"} and run.get("weight", "Bolder") == "Bolder"
    action, = card["actions"]
    assert set(action) == {"type", "title", "url"} and action["type"] == "Action.OpenUrl"
    return {block["inlines"][0]["text"]: block["inlines"][2]["text"] for block in card["body"][1:]}, action["url"]


def check_google_chat(body):
    """A card of 32 KB at most. Its text is a subset of HTML; the message's own text, where <users/all> would mention everybody,
    has nothing of users."""
    assert set(body) == {"text", "cardsV2"} and body["text"] == "A token was generated"
    card, = body["cardsV2"]
    section, = card["card"]["sections"]
    *facts, buttons = section["widgets"]
    told = {}
    for fact in facts:
        text = fact["decoratedText"]
        assert set(text) == {"topLabel", "text", "wrapText"} and not re.search("[<>\"']", text["text"])
        assert not re.search(r"&(?!(amp|lt|gt|quot|#39);)", text["text"])
        told[text["topLabel"]] = html.unescape(text["text"])
    button, = buttons["buttonList"]["buttons"]
    return told, button["onClick"]["openLink"]["url"]


CHECKS = {"slack": check_slack, "discord": check_discord, "teams": check_teams, "google_chat": check_google_chat}


@pytest.mark.parametrize("platform", CHECKS)
def test_each_platform_gets_its_own_form_and_names_are_text(service, organization, receiver, start_worker, platform):
    webhook = add(service, organization, receiver.url, platform)
    for number, name in enumerate(HOSTILE):
        owner = {"id": 1, "name": name, "email": "ann@example.test"}
        queue(service, webhook, "api_key.created", {"apiKeyId": number, "name": name, "preview": "tk_AbCd…", "owner": owner,
                                                    "expiresAt": "2030-01-31T09:00:00Z"})
    start_worker()
    calls = {}
    for call in receiver.wait_for(len(HOSTILE)):
        assert not [field for field in call.fields if field.startswith("webhook-")] and len(call.body) < 28 * 1024
        facts, link = CHECKS[platform](json.loads(call.body))
        assert link.startswith(f"{PUBLIC}/settings/api-keys/")
        calls[int(link.rsplit("/", 1)[1])] = facts
    for number, name in enumerate(HOSTILE):
        assert calls[number] == {"Token": shown_of(name), "Preview": "tk_AbCd…", "Expires": "2030-01-31T09:00:00Z",
                                 "Owner": shown_of(f"{name} (ann@example.test)")}


@pytest.mark.parametrize("platform", CHECKS)
def test_long_text_is_cut_and_every_event_has_a_form(service, organization, receiver, start_worker, platform):
    webhook = add(service, organization, receiver.url, platform)
    queue(service, webhook, "api_key.created", {"apiKeyId": 1, "name": "&💥" * 5000, "preview": "",
                                                "owner": {"name": "x", "email": None}})
    others = {"user.deactivated": {"name": "Ann", "email": "ann@example.test"}, "automation.results_received": {
        "projectId": "PRJ-1", "cycleId": "TCYCLE-2", "runId": 5, "received": 10, "matched": 9, "unmatched": 1, "duplicates": 0,
        "pass": 9, "fail": 0, "blocked": 0, "skipped": 0}, "test_cycle.completed": {"projectId": "PRJ-1", "counts": {"pass": 1}},
        "api_key.leaked": {}, "webhook.test": {}}
    for topic, data in others.items():
        queue(service, webhook, topic, data)
    start_worker()
    calls = receiver.wait_for(1 + len(others))
    texts = [strings(json.loads(call.body)) for call in calls]
    assert all(len(call.body) < 28 * 1024 for call in calls)
    assert [text for told in texts for text in told if text.endswith("…")]
    for title in ("A token was generated", "An account was deactivated", "Results of a test run were received",
                  "A test cycle is completed", "A token has leaked and was revoked", "This is a test"):
        assert [told for told in texts if title in told], title
    if platform == "discord":
        assert all(field["value"] for call in calls for field in json.loads(call.body)["embeds"][0]["fields"])
