"""The document of the API is valid, whole, and of one mind with the table of problems."""

import json
import re
import subprocess

import pytest

from support.openapi import METHODS, PATH, Schema, load, resolve
from support.postgres import ROOT

DOCUMENT = load()
OPERATIONS = {f"{method.upper()} {path}": item[method]
              for path, item in DOCUMENT["paths"].items() for method in METHODS if method in item}
CODES = DOCUMENT["components"]["schemas"]["ProblemCode"]


# Whose answers are files, not made for the request.
FILES = {"GET /openapi.json", "GET /docs", "GET /assets/{rest}"}


def walk(value, path=()):
    """Every object in the document, with the names that lead to it."""
    if isinstance(value, dict):
        yield path, value
    for key, member in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from walk(member, (*path, str(key)))


def references():
    return {value["$ref"] for _, value in walk(DOCUMENT) if isinstance(value.get("$ref"), str)}


def answers(operation):
    """(status, answer) of an operation, with what references lead to in their place."""
    for status, answer in operation["responses"].items():
        yield int(status), resolve(DOCUMENT, answer["$ref"]) if "$ref" in answer else answer


def codes(answer):
    """The problem codes that an answer may have."""
    body = answer["content"]["application/problem+json"]
    code = body["schema"]["properties"]["code"]
    return code.get("enum") or [code["const"]]


def test_it_is_openapi_3_1(tools):
    assert DOCUMENT["openapi"].startswith("3.1.")
    done = subprocess.run([tools / "openapi-spec-validator", "--schema", "3.1", PATH], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_name_stands_twice_in_an_object():
    def once(pairs):
        assert len(dict(pairs)) == len(pairs), [name for name, _ in pairs]
        return dict(pairs)
    json.loads(PATH.read_text(), object_pairs_hook=once)


def test_every_reference_leads_somewhere():
    for reference in references():
        assert resolve(DOCUMENT, reference), reference


def test_every_component_is_used():
    used = references()
    for kind, components in DOCUMENT["components"].items():
        for name in components:
            if kind == "securitySchemes":
                assert {name: []} in DOCUMENT["security"]
            else:
                assert f"#/components/{kind}/{name}" in used, f"{kind}/{name}"


def examples():
    for path, value in walk(DOCUMENT):
        given = [value["example"]] if "example" in value else []
        given += [example["value"] for example in value.get("examples", {}).values()] if "schema" in value else []
        for number, example in enumerate(given):
            yield pytest.param(value["schema"], example, id=f"{'/'.join(path)}#{number}")


@pytest.mark.parametrize("schema,example", examples())
def test_an_example_is_valid(schema, example):
    assert Schema(DOCUMENT, schema).fault(example) is None


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_json_body_has_an_example(name):
    bodies = [OPERATIONS[name].get("requestBody", {}), *(answer for _, answer in answers(OPERATIONS[name]))]
    for body in bodies:
        for media, content in body.get("content", {}).items():
            if media != "application/json" or name in FILES:
                continue
            assert "example" in content or "examples" in content, (name, media)


@pytest.mark.parametrize("path,schema", [(path, value) for path, value in walk(DOCUMENT) if value.get("type") == "object"],
                         ids=lambda value: "/".join(value) if isinstance(value, tuple) else "")
def test_every_object_is_closed(path, schema):
    """But for files, which are not described here, the form of RFC 7662, to which clients may add what they like, and the details
    of an audit event, which depend on its action."""
    is_open = {"/openapi.json", "/assets/{rest}", "IntrospectionRequest"} & set(path)
    if not is_open and path[-3:] != ("AuditEvent", "properties", "detail"):
        assert schema["additionalProperties"] is False


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_described_in_one_way(name):
    operation = OPERATIONS[name]
    assert operation["summary"] and operation["description"].endswith((".", ")")), name
    assert operation["x-access"] in ("anyone", "caller", "org_admin", "project_guest", "project_user", "project_admin")
    assert (operation.get("security") == []) == (operation["x-access"] == "anyone")
    assert (operation["x-body-max"] > 0) == ("requestBody" in operation)
    statuses = list(operation["responses"])
    assert statuses == sorted(statuses)
    assert {"400", "408", "414", "417", "431", "503", "505"} <= set(statuses), "what may happen before anything is read"
    if operation["x-access"] != "anyone":
        assert {"401", "429", "500"} <= set(statuses)
    if operation["x-access"].startswith("project_"):
        assert "not_found" in codes(dict(answers(operation))[404]), "a project that the caller may not see"
    if operation["x-access"] in ("org_admin", "project_user", "project_admin"):
        assert "forbidden" in codes(dict(answers(operation))[403])
    if "requestBody" in operation:
        assert {"413", "415", "422"} <= set(statuses)
    parameters = [*operation.get("parameters", []), *DOCUMENT["paths"][name.partition(" ")[2]].get("parameters", [])]
    named = {resolve(DOCUMENT, one["$ref"])["name"] for one in parameters}
    assert set(re.findall(r"\{(\w+)\}", name)) <= named


@pytest.mark.parametrize("name", [*OPERATIONS, "x-unrouted"])
def test_every_answer_has_what_every_answer_has(name):
    for status, answer in answers(OPERATIONS.get(name) or DOCUMENT[name]):
        fields = set(answer["headers"])
        assert {"X-Request-Id", "X-Content-Type-Options", "Cache-Control", "Strict-Transport-Security"} <= fields, status
        assert ("Retry-After" in fields) == (status in (429, 503)), status
        assert ("WWW-Authenticate" in fields) == (status == 401), status
        assert ("Allow" in fields) == (status == 405), status


@pytest.mark.parametrize("name", [*OPERATIONS, "x-unrouted"])
def test_codes_come_with_their_status(name):
    for status, answer in answers(OPERATIONS.get(name) or DOCUMENT[name]):
        assert ("application/problem+json" in answer.get("content", {})) == (status >= 400)
        for code in codes(answer) if status >= 400 else []:
            assert CODES["x-problems"][code]["status"] == status


def test_the_problems_are_those_of_the_table():
    rows = re.findall(r'\[PROBLEM_\w+\] = \{ (\d+), "(\w+)", "([^"]+)",', (ROOT / "common" / "problem.c").read_text())
    names = re.findall(r"^ {4}PROBLEM_(?!COUNT|NONE)(\w+),?", (ROOT / "common" / "problem.h").read_text(), re.MULTILINE)
    assert [code for _, code, _ in rows] == [name.lower() for name in names], "the whole table was read"
    assert {code: (int(status), title) for status, code, title in rows} == {
        code: (problem["status"], problem["title"]) for code, problem in CODES["x-problems"].items()}
    assert CODES["enum"] == list(CODES["x-problems"])


def test_every_problem_can_come():
    told = {code for operation in [*OPERATIONS.values(), DOCUMENT["x-unrouted"]]
            for status, answer in answers(operation) if status >= 400 for code in codes(answer)}
    assert told == set(CODES["enum"])
