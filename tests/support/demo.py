"""An organization as a visitor would find it after some months: people, and tokens in every state, with their use."""

import itertools
import json

from support.postgres import ROOT
from support.service import Organization

# Name, period, age in days, and uses: (client, address, days ago, calls, days between, how often).
RUNNER, JENKINS, REPORTER = "GitLab-Runner/17.2", "Jenkins/2.479", "testkase-reporter/1.4.2"
TOKENS = [
    ("GitHub Actions — Production Pipeline", 90, 81.4,
     [(REPORTER, "140.82.114.7", 0.003, 132, 1, 30), (REPORTER, "140.82.112.33", 0.06, 51, 1, 24)]),
    ("Demo for Friday", 7, 6.2, [("curl/8.5.0", "84.139.20.11", 0.8, 6, 1, 1)]),
    ("API Script — Nightly Report", 180, 40.2, [("python-requests/2.32", "10.20.7.3", 0.36, 7, 1, 30)]),
    ("تكامل Jenkins — الاختبارات الليلية", 180, 101.3, [(JENKINS, "10.20.4.18", 1.3, 14, 1, 7)]),
    ("Azure DevOps — Mobile regression, Android and iOS, nightly on every device farm in eu-west", 365, 203.5,
     [("AzurePipelines/3.2", "20.37.194.64", 0.21, 316, 1, 30)]),
    ("CircleCI — Web checkout smoke", 60, 9.1, []),
    ("Local Development", 30, 11.6, [("curl/8.5.0", "192.168.1.23", 0.05, 37, 1, 1)]),
    ("test", 365, 41.8, [(REPORTER, "10.20.7.9", 0.16, 104, 1, 7), ("Jenkins/2.479", "10.20.4.17", 0.2, 9, 1, 3),
                         ("k6/0.52", "10.20.6.60", 1.2, 40, 1, 1)]),
    ("Grafana dashboard import", 365, 131.4, [("Grafana/11.1", "10.20.2.5", 47.3, 12, 1, 1)]),
    ("GitHub Actions — Release", 90, 93.2, [(REPORTER, "140.82.113.9", 3.6, 12, 1, 1)]),
    ("Sprint 41 — trial integration", 30, 51.5, [("PostmanRuntime/7.40", "84.139.20.11", 30.1, 4, 1, 1)]),
]
# The old and the new token of a rotation: name, period, ages, uses of both.
ROTATIONS = [
    ("Jenkins — Nightly", 90, 82.6, 5, [(JENKINS, "10.20.4.17", 3.1, 71, 1, 3)], [(JENKINS, "10.20.4.17", 0.31, 34, 1, 5)]),
    ("GitLab CI — Staging Tests", 90, 78.7, 2.2,
     [(RUNNER, "172.16.8.41", 0.09, 80, 1, 5), (RUNNER, "172.16.8.40", 1.9, 60, 1, 3), (RUNNER, "172.16.8.42", 2, 44, 1, 3)],
     [(RUNNER, "172.16.8.40", 0.011, 94, 1, 2), (RUNNER, "172.16.8.42", 0.07, 50, 1, 2)]),
]
# A rotation that is complete: its old token was deleted SINCE days ago.
COMPLETE = ("Playwright — Visual tests", 90, 88, 9, [(REPORTER, "10.20.7.9", 7.2, 40, 1, 5)],
            [(REPORTER, "10.20.7.9", 0.3, 38, 1, 8)])
SINCE = 6
# Name, period, age, days since its end, reason, note.
ENDED = [
    ("Azure DevOps — Mobile regression", 180, 204.7, 201, "revoked", None),
    ("Local Dev — Jonas", 90, 66, 12, "leaked", None),
    ("Contractor script", 365, 120, 70, "revoked", "Contract ended on 18 September"),
]

# Webhooks: name, platform, address, events, (disabled reason, failing since days ago).
WEBHOOKS = [
    ("Security", "custom", "https://hooks.nordlicht.example/testkase", ["api_key.leaked", "api_key.revoked", "user.deactivated"],
     (None, 2)),
    ("#qa-pipelines", "slack", "https://hooks.slack.com/services/T0001/B0001/example",
     ["api_key.rotation_due", "api_key.expiring", "api_key.leaked", "automation.results_received", "test_cycle.completed"],
     (None, None)),
    ("Pipelines", "teams", "https://prod-07.logic.azure.com/workflows/example", ["api_key.rotation_due"], ("gone", None)),
    ("تنبيهات الفريق", "google_chat", "https://chat.googleapis.com/v1/spaces/example", ["api_key.expiring"], ("admin", None)),
]
# Deliveries of each webhook: event, state, attempts, status, error, minutes ago.
REFUSED = "the endpoint answered 503"
DELIVERIES = [
    ("user.deactivated", "sent", 1, 204, None, 9000),
    ("api_key.revoked", "parked", 6, 503, REFUSED, 2900),
    ("api_key.leaked", "parked", 6, None, "the endpoint's certificate is not valid: certificate has expired", 1500),
    ("api_key.revoked", "queued", 3, 503, REFUSED, 12),
    ("webhook.test", "queued", 0, None, None, 0),
]

# What the audit log shows, the oldest first: actor (a person, "ci": Mara's token, None: the service, "operator"), action, kind of
# the target, and its detail. In details, names of people stand for their ids.
EVENTS = [
    ("operator", "organization.created", "organization", {"name": "Nordlicht Software", "ownerId": "owner"}),
    ("operator", "api_key.rate_limit_set", "api_key", {"name": "Local Development", "ownerId": "mara", "rateLimit": 1200}),
    (None, "api_key.hash_renewed", "api_key", {"cost": ["m=19456,t=2,p=1", "m=46000,t=2,p=1"]}),
    (None, "session.refused", "user", {"reason": "wrong_password"}),
    (None, "user.password_link_requested", "user", {"purpose": "reset"}),
    ("tomas", "user.password_changed", "user", {"email": "tomas.ferreira@nordlicht.example", "by": "reset"}),
    (None, "user.hash_renewed", "user", {"cost": ["m=19456,t=2,p=1", "m=46000,t=2,p=1"]}),
    ("owner", "organization.updated", "organization", {"maxExpiryDays": [365, 90], "defaultRateLimit": [None, 600]}),
    ("owner", "project.created", "project", {"number": 1, "name": "Web Checkout"}),
    ("owner", "project.updated", "project", {"number": 1, "name": ["Shop", "Web Checkout"]}),
    ("owner", "project.member_set", "project", {"userId": "mara", "role": "project_admin"}),
    ("owner", "project.member_removed", "project", {"userId": "tomas", "role": "guest"}),
    ("owner", "user.created", "user", {"email": "tomas.ferreira@nordlicht.example", "name": "Tomás Ferreira", "kind": "person",
                                       "orgRole": "admin"}),
    ("owner", "user.password_link_made", "user", {"email": "tomas.ferreira@nordlicht.example", "purpose": "invitation",
                                                  "delivery": "mail"}),
    ("owner", "user.updated", "user", {"email": "tomas.ferreira@nordlicht.example", "orgRole": ["member", "admin"]}),
    ("owner", "user.deactivated", "user", {"status": ["active", "deactivated"]}),
    ("owner", "user.reactivated", "user", {"status": ["deactivated", "active"]}),
    ("owner", "user.deleted", "user", {"status": ["active", "deleted"]}),
    ("owner", "user.custodian_added", "user", {"userId": "mara"}),
    ("owner", "user.custodian_removed", "user", {"userId": "mara"}),
    ("operator", "user.password_set", "user", {"email": "tomas.ferreira@nordlicht.example"}),
    ("operator", "organization.restored", "organization", {"epoch": 4711}),
    ("mara", "user.mail_changed", "user", {"reminders": True, "weeklyDigest": False}),
    ("mara", "calendar.created", "user", {}),
    ("mara", "calendar.deleted", "user", {}),
    ("mara", "webhook.created", "webhook", {"name": "#qa-pipelines", "platform": "slack", "events": ["api_key.leaked"],
                                            "maskedUrl": "https://hooks.slack.com/***"}),
    ("mara", "webhook.updated", "webhook", {"name": ["Pipelines", "#qa-pipelines"]}),
    ("mara", "webhook.tested", "webhook", {}),
    ("mara", "webhook.redelivered", "webhook", {"deliveryId": 7}),
    ("mara", "webhook.secret_rotated", "webhook", {"overlapHours": 24}),
    (None, "webhook.disabled", "webhook", {"name": "Pipelines", "reason": "gone"}),
    ("mara", "webhook.deleted", "webhook", {"name": "Pipelines"}),
    ("mara", "test_case.created", "test_case", {"project": 1, "number": 3, "title": "Cart survives a sign-in",
                                                "automationId": "k3v9x2"}),
    ("mara", "test_case.updated", "test_case", {"project": 1, "number": 3, "title": ["Cart stays", "Cart survives a sign-in"]}),
    ("mara", "test_case.archived", "test_case", {"project": 1, "number": 4, "title": "Prices show the tax of the country"}),
    ("mara", "test_cycle.created", "test_cycle", {"project": 1, "number": 5, "name": "Release 4.12"}),
    ("mara", "test_cycle.updated", "test_cycle", {"project": 1, "number": 5, "name": ["Release", "Release 4.12"]}),
    ("mara", "test_cycle.archived", "test_cycle", {"project": 1, "number": 2, "name": "Release 4.11"}),
    ("ci", "automation.results_received", "test_run", {"project": "PRJ-1", "cycle": "TCYCLE-5", "received": 1204,
                                                       "matched": 1198}),
    ("mara", "session.created", "session", {}),
    ("mara", "session.confirmed", "session", {}),
    ("mara", "api_key.created", "api_key", {"name": "Local Development", "expiresInDays": 30, "ownerId": "mara"}),
    ("mara", "reminder.acknowledged", "api_key", {"reminderId": 12}),
    ("ci", "api_key.rotated", "api_key", {"ownerId": "mara", "successorId": 1}),
    (None, "api_key.expired", "api_key", {"name": "Local Development", "ownerId": "mara"}),
    (None, "api_key.revoked", "api_key", {"name": "Local Development", "ownerId": "mara", "reason": "leaked"}),
    ("tomas", "api_key.revoked", "api_key", {"name": "Local Development", "ownerId": "mara", "reason": "revoked",
                                             "note": "Contract ended on 18 September"}),
    ("tomas", "session.deleted", "session", {}),
    ("robot", "test_cycle.created", "test_cycle", {"project": 1, "number": 6, "name": "Exploratory"}),
]

# The cases of the project "Web Checkout", the first one first.
CASES = ["Guest checks out with a saved card", "Coupon is refused after its last day", "Cart survives a sign-in",
         "Address form accepts a name with an apostrophe", "Receipt is sent in the language of the shop",
         "Payment by invoice needs a confirmed address", "Gift card pays a part of the sum",
         "الدفع عند الاستلام متاح للمدن الكبرى",
         "An order of more than one thousand articles, each with an engraving of its own, is split into parcels that the "
         "warehouses of several countries can send on the same day, and the customer sees one order", "Refund within 14 days",
         "Stock is reserved while the payment runs", "Order history shows the last two years", "Password is asked for once",
         "Delivery date respects public holidays", "Prices show the tax of the country", "Newsletter box is not ticked",
         "Search finds articles by number", "Screen reader announces the sum"]
# The cycles that are made beside the master cycle: TCYCLE-2 …
CYCLES = ["Release 4.11", "Nightly", "Accessibility pass, screen readers and keyboard, all locales", "Release 4.12",
          "Exploratory"]
MESSAGE = """AssertionError: expected “€ 12.40” to equal “€ 12.41”
    at Object.<anonymous> (cart.spec.ts:41:29)
    at processTicksAndRejections (node:internal/process/task_queues:95:5)"""
BUILD = {"id": "8123", "number": "8123", "url": "https://ci.nordlicht.example/shop/8123", "branch": "main",
         "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8", "provider": "GitHub Actions"}


class Demo:
    """In the database of a Service; `mara` has the tokens, whose ids `ids` has by name."""

    def __init__(self, service):
        self.service = service
        self._serial = itertools.count()
        self._has_history = False
        number = service.database.value(
            "insert into testkase.organizations (name) values ('Nordlicht Software') returning id")
        self.id = number
        owner = self._person("Astrid Nygaard", "owner")
        self.tomas = self._person("Tomás Ferreira", "admin")
        self.mara = self._person("Mara Lindqvist", "admin")
        self.organization = Organization(number, "Nordlicht Software", owner, self.tomas, self.mara, self.mara)
        self.ids = {}
        for name, days, age, uses in TOKENS:
            self._token(name, days, age, uses)
        for rotation in ROTATIONS:
            self._rotation(*rotation)
        self._rotation(*COMPLETE)
        self._end(self.ids[COMPLETE[0]], SINCE, "revoked", None, self.mara)
        for ended in ENDED:
            self._ended(*ended)
        self._tests()
        self._describe(TOKENS[0][0], "Regression of the web shop", "https://ci.nordlicht.example/shop")

    def _person(self, name, role):
        first, last = name.lower().replace("á", "a").split()
        return self.service.person(self.id, role, name, email=f"{first}.{last}@nordlicht.example")

    def newcomer(self):
        """Somebody who has no token yet."""
        email = f"noor.haddad{next(self._serial) or ''}@nordlicht.example"
        return self.service.person(self.id, "member", "Noor Haddad", email=email)

    def remind(self):
        """What the worker does when tokens are due; one reminder is acknowledged."""
        remind = (ROOT / "sql" / "queries" / "worker" / "remind.sql").read_text()
        self.service.database.query(f"set search_path = testkase, pg_temp; {remind}; reset search_path")
        mara = self.service.sign_in(self.mara)
        due = mara.get("/reminders", 200).json()["data"]
        if len(due) > 1 and not mara.get("/reminders?state=acknowledged", 200).json()["data"]:
            mara.post(f"/reminders/{due[-1]['id']}/acknowledge", expect=200)

    def history(self):
        """One event of every action at least, once, of the last hours."""
        if self._has_history:
            return
        self._has_history = True
        ids = {"owner": self.organization.owner.id, "mara": self.mara.id, "tomas": self.tomas.id, "ci": self.mara.id,
               "robot": self.service.person(self.id, kind="service", name="Nightly").id}
        targets = {"organization": self.id, "api_key": self.ids["Local Development"], "user": self.tomas.id,
                   "webhook": self.webhooks()["#qa-pipelines"]}
        query, value = self.service.database.query, self.service.database.value
        targets["project"] = project = value("select min(id) from testkase.projects where organization_id = %s", (self.id,))
        targets["test_case"] = value("select min(id) from testkase.test_cases where project_id = %s", (project,))
        targets["test_cycle"] = value("select min(id) from testkase.test_cycles where project_id = %s", (project,))
        without = ("session.refused", "user.password_link_requested", "api_key.revoked")  # what a request does without a session
        for number, (actor, action, kind, detail) in enumerate(EVENTS):
            detail = {key: ids.get(value, value) if key in ("ownerId", "userId") else value for key, value in detail.items()}
            own = action.startswith("calendar") or action == "user.mail_changed"
            has_request = actor in ids or action in without
            query("""insert into testkase.audit_events (organization_id, occurred_at, actor_kind, actor_user_id, actor_token_id,
                                                        action, target_kind, target_id, address, request_id, detail)
                     values (%s, now() - %s * interval '7 minutes', %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
                  (self.id, len(EVENTS) - number, actor if actor == "operator" else "user" if actor else "system", ids.get(actor),
                   self.ids[TOKENS[0][0]] if actor == "ci" else None, action, kind, self.mara.id if own else targets.get(kind, 1),
                   ("140.82.112.33" if actor == "ci" else "84.139.20.11") if has_request else None,
                   f"{number:032x}" if has_request else None, json.dumps(detail)))

    def no_webhooks(self):
        query = self.service.database.query
        query("delete from testkase.webhook_deliveries where webhook_id in (select id from testkase.webhooks "
              "where organization_id = %s)", (self.id,))
        query("delete from testkase.webhooks where organization_id = %s", (self.id,))

    def webhooks(self):
        """The ids by name of webhooks in every state, anew."""
        self.no_webhooks()
        ids, query = {}, self.service.database.query
        for name, platform, url, events, (reason, failing) in WEBHOOKS:
            secret = f"whsec_{'A' * 43}=" if platform == "custom" else None
            ids[name] = self.service.database.value(
                """insert into testkase.webhooks (organization_id, name, platform, url, topics, secret, status, disabled_reason,
                                                  failing_since)
                   values (%s, %s, %s, %s, %s, %s, %s, %s, now() - %s * interval '1 day') returning id""",
                (self.id, name, platform, url, events, secret, "disabled" if reason else "enabled", reason, failing))
            for event, state, attempts, status, error, ago in DELIVERIES:
                query("""insert into testkase.webhook_deliveries (webhook_id, topic, message, state, attempts, status, error,
                                                                  attempt_at, created_at, ended_at)
                         values (%(hook)s, %(event)s, '{}', %(state)s, %(attempts)s, %(status)s, %(error)s,
                                 now() + interval '27 minutes', now() - %(ago)s * interval '1 minute',
                                 case when %(state)s <> 'queued' then now() - %(ago)s * interval '1 minute' end)""",
                      {"hook": ids[name], "event": event, "state": state, "attempts": attempts, "status": status, "error": error,
                       "ago": ago})
        return ids

    def _tests(self):
        """The project PRJ-1 with cases, cycles and results, and PRJ-2, which has nothing yet."""
        for name in ("Web Checkout", "Mobile App"):
            self.service.project(self.id, name)
        mara = self.service.sign_in(self.mara)
        for title in CASES:
            mara.post("/test-cases?projectId=PRJ-1", {"title": title}, 201)
        for name in CYCLES:
            mara.post("/test-cycles?projectId=PRJ-1", {"name": name}, 201)
        mara.delete("/test-cycles/TCYCLE-2?projectId=PRJ-1", 204)
        self._report(5, {2: "fail"}, 9, "16 days", {"branch": "release/4.12", "number": "77"})
        self._report(4, {1: "fail", 2: "fail", 3: "fail", 4: "blocked", 5: "skipped"}, 12, "5 days")
        for number, ago in ((8120, "3 days"), (8121, "2 days"), (8122, "1 day"), (8123, "4 minutes")):
            build = {**BUILD, "id": str(number), "number": str(number), "branch": "release/4.12" if number == 8122 else "main"}
            others = {3: "fail", 7: "blocked", 11: "skipped", 14: "fail"} if number > 8121 else {5: "fail"}
            self._report(1, others, 17, ago, build)
        self._report(3, {}, 18, "7 hours", BUILD)
        self.service.database.query(
            """update testkase.test_runs set token_id = %(token)s, unmatched = 2 where user_id = %(mara)s and cycle_id in (
                   select id from testkase.test_cycles where number = 1);
               update testkase.test_latest_results l set message = case l.status when 'fail' then %(message)s end
               from testkase.test_runs r where r.id = l.run_id and r.user_id = %(mara)s;
               update testkase.test_executions e set message = case e.status when 'fail' then %(message)s end
               from testkase.test_runs r where r.id = e.run_id and r.user_id = %(mara)s""",
            {"token": self.ids[TOKENS[0][0]], "mara": self.mara.id, "message": MESSAGE})

    def _report(self, cycle, others, count, ago, build=None):
        """The first `count` cases pass, apart from others."""
        results = {**{number: "pass" for number in range(1, count + 1)}, **others}
        self.service.report(self.mara, 1, results, cycle, build, ago)

    def _token(self, name, days, age, uses):
        token = self.service.mint(self.mara, name, days)[0]
        self.service.database.age_token(token, age)
        self._record(token, "created", self.mara, age)
        if age > days and name not in [ended[0] for ended in ENDED]:
            self._record(token, "expired", None, age - days)
        self._use(token, uses)
        self.ids[name] = token
        return token

    def _record(self, token, event, actor, ago, note=None):
        """An event of the token's history; no actor means the service itself."""
        self.service.database.query(
            """insert into testkase.audit_events
                   (occurred_at, organization_id, actor_kind, actor_user_id, action, target_kind, target_id, detail)
               values (now() - %s * interval '1 day', %s, %s, %s, %s, 'api_key', %s,
                       jsonb_strip_nulls(jsonb_build_object('note', %s)))""",
            (ago, self.id, "user" if actor else "system", actor and actor.id, f"api_key.{event}", token, note))

    def _use(self, token, uses):
        for client, address, ago, calls, step, times in uses:
            for number in range(times):
                share = (0.4, 1, 0.9, 1.1, 1.2, 0.8, 0.3)[number % 7]
                moment = ago + number * step
                self.service.use(token, client, address, f"{moment} days", max(1, round(calls * share)), "POST",
                                 "/api/v1/automation/results")
            if calls > 100:
                self.service.use(token, client, address, f"{ago + 4} days", 9, route="/api/v1/test-cycles", status=403)

    def _rotation(self, name, days, age, new_age, uses, new_uses):
        old = self._token(name, days, age, uses)
        new = self._token(f"{name} v2", days, new_age, new_uses)
        self.service.database.without_triggers("update testkase.api_tokens set predecessor_id = %s where id = %s", (old, new))
        self._record(old, "rotated", self.mara, new_age)

    def _ended(self, name, days, age, since, reason, note):
        token = self._token(name, days, age, [])
        by = None if reason == "leaked" else self.tomas if note else self.mara
        self._end(token, since, reason, note, by)

    def _end(self, token, since, reason, note, by):
        self._record(token, "revoked", by, since, note)
        self.service.database.without_triggers(
            """update testkase.api_tokens set ended_at = now() - %s * interval '1 day', ended_reason = %s, ended_note = %s,
                                              ended_by = %s, secret_hash = null
               where id = %s""", (since, reason, note, by and by.id, token))

    def _describe(self, name, purpose, link):
        self.service.database.without_triggers("update testkase.api_tokens set purpose = %s, link = %s where id = %s",
                                               (purpose, link, self.ids[name]))
