"""What compares answers with the document finds what it is to find."""

import dataclasses
import json

import pytest

from support.openapi import Exchange, document

FIELDS = {"x-request-id": "a", "x-content-type-options": "nosniff", "cache-control": "no-store", "date": "Sat",
          "content-length": "1"}
JSON = {**FIELDS, "content-type": "application/json"}
PROBLEM = {**FIELDS, "content-type": "application/problem+json"}
TOKEN = {"x-token-expires-at": "2030-01-31T09:00:00Z", "ratelimit": '"default";r=599;t=60',
         "ratelimit-policy": '"default";q=600;w=60, "burst";q=120;w=12'}
BEARER = {"authorization": "Bearer x"}


def example(operation, status):
    """A good answer of the document's own."""
    answer = operation["responses"][str(status)]
    [body] = answer["content"].values()
    return json.dumps(body["example"]).encode()


KEYS = document().document["paths"]["/api/v1/api-keys"]
HEALTH = Exchange("GET", "/healthz", 200, JSON, b'{"status":"ok"}', {})
LIST = Exchange("GET", "/api/v1/api-keys?limit=5&other=x", 200, {**JSON, **TOKEN}, example(KEYS["get"], 200), BEARER)
MADE = Exchange("POST", "/api/v1/api-keys", 201, {**JSON, **TOKEN}, example(KEYS["post"], 201), BEARER,
                b'{"name":"CI","expiresInDays":30}')
DELETED = Exchange("DELETE", "/api/v1/api-keys/7", 204, {**FIELDS, **TOKEN}, b"", BEARER)
ALL_WAYS = Exchange("PROPFIND", "/api/v1/auth/verify", 200, {
    **FIELDS, **TOKEN, "x-testkase-user-id": "42", "x-testkase-user-email": "ann@example.com", "x-testkase-org-id": "1",
    "x-testkase-org-role": "admin", "x-testkase-api-key-id": "7"}, b"", BEARER)


def refused(method, target, status, code, title, fields=None, sent_fields=None):
    body = {"type": f"/problems/{code}", "title": title, "status": status, "detail": "Look again.", "code": code}
    return Exchange(method, target, status, {**PROBLEM, **(fields or {})}, json.dumps(body).encode(), sent_fields or {})


UNROUTED = refused("GET", "/nothing", 404, "not_found", "Not found")
MISSING = refused("GET", "/api/v1/api-keys/7", 404, "not_found", "Not found", TOKEN, BEARER)
WRONG_METHOD = refused("PATCH", "/api/v1/api-keys/7", 405, "method_not_allowed", "Method not allowed",
                       {"allow": "GET, HEAD, DELETE"})

GOOD = {"health": HEALTH, "head": dataclasses.replace(HEALTH, method="HEAD", body=None), "list": LIST, "made": MADE,
        "deleted": DELETED, "any method": ALL_WAYS, "unrouted": UNROUTED, "missing": MISSING, "wrong method": WRONG_METHOD}


def with_body(exchange, **members):
    return dataclasses.replace(exchange, body=json.dumps({**json.loads(exchange.body), **members}).encode())


def with_fields(exchange, **fields):
    changed = {**exchange.fields, **{name.replace("_", "-"): value for name, value in fields.items()}}
    return dataclasses.replace(exchange, fields={name: value for name, value in changed.items() if value is not None})


BAD = {
    "a status": dataclasses.replace(HEALTH, status=202), "a member": with_body(HEALTH, more=1),
    "a value": with_body(HEALTH, status="fine"), "no member": dataclasses.replace(HEALTH, body=b"{}"),
    "no JSON": dataclasses.replace(HEALTH, body=b"ok"), "a content type": with_fields(HEALTH, content_type="text/plain"),
    "a field": with_fields(HEALTH, x_more="1"), "no field": with_fields(HEALTH, x_request_id=None),
    "a field's value": with_fields(HEALTH, cache_control="public"), "a number": with_fields(ALL_WAYS, x_testkase_user_id="0"),
    "a body with 204": dataclasses.replace(with_fields(DELETED, content_type="application/json"), body=b"{}"),
    "a member of an element": with_body(LIST, data=[{**json.loads(LIST.body)["data"][0], "secret": "x"}]),
    "a token in a list": with_body(LIST, data=[{**json.loads(LIST.body)["data"][0], "token": "tk_pat_" + "a" * 54}]),
    "a time": with_body(MADE, createdAt="2030-01-01 09:00:00"), "null": with_body(MADE, id=None),
    "what a token's answer has, without one": dataclasses.replace(LIST, sent_fields={"cookie": "testkase_session=x"}),
    "not what a token's answer has": with_fields(LIST, ratelimit=None),
    "a parameter that was taken": dataclasses.replace(LIST, target="/api/v1/api-keys?limit=201"),
    "a body that was taken": dataclasses.replace(MADE, sent_body=b'{"name":"CI","expiresInDays":31}'),
    "a name that was taken": dataclasses.replace(MADE, sent_body='{"name":"a\u200bb","expiresInDays":30}'.encode()),
    "no body that was taken": dataclasses.replace(MADE, sent_body=None), "a code": with_body(MISSING, code="forbidden"),
    "an unknown code": with_body(MISSING, code="lost"), "another status within": with_body(MISSING, status=400),
    "a title": with_body(MISSING, title="Lost"), "a type": with_body(MISSING, type="about:blank"),
    "a problem's member": with_body(MISSING, sql="x"), "a path": dataclasses.replace(HEALTH, target="/healthz/x"),
    "no Allow": with_fields(WRONG_METHOD, allow=None), "a method": dataclasses.replace(HEALTH, method="PUT"),
}


@pytest.mark.parametrize("exchange", GOOD.values(), ids=GOOD)
def test_what_is_as_the_document_says_passes(exchange):
    document().check(exchange)


@pytest.mark.parametrize("exchange", BAD.values(), ids=BAD)
def test_what_is_not_as_the_document_says_fails(exchange):
    with pytest.raises(AssertionError):
        document().check(exchange)
