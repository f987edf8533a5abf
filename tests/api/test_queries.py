"""What PostgreSQL says of a query's result is what the document says of the answer that is made of it."""

import json
import subprocess

import pytest

from support.openapi import expand, load
from support.statement import JSON_TYPES, QUERIES, columns

DOCUMENT = load()

# Columns that decide, and are not shown.
INTERNAL = {"outcome", "cursor", "resume"}
# Members that the handler adds to a row.
ADDED = {"POST /api/v1/api-keys": {"token"}}
# Numbers that are shown with a prefix.
PREFIXED = ("^PRJ-", "^TC-", "^TCYCLE-")


def good_answer(route):
    answers = DOCUMENT["paths"][route["path"]][route["method"].lower()]["responses"]
    [good] = [answer for status, answer in answers.items() if status < "300"]
    return good


def members(route):
    """The members of the answer, or of its elements when it is a list, each with its schema."""
    [body] = good_answer(route)["content"].values()
    properties = expand(DOCUMENT, body["schema"])["properties"]
    return properties["data"]["items"]["properties"] if "data" in properties else properties


def types(schema):
    """The types in JSON that a schema allows, without null."""
    if "anyOf" in schema:
        return {kind for one in schema["anyOf"] for kind in types(one)}
    kinds = schema.get("type") or {bool: "boolean", int: "integer", str: "string"}[
        type(next(value for value in schema["enum"] if value is not None))]
    return {kinds} - {"null"} if isinstance(kinds, str) else set(kinds) - {"null"}


def faults(route, described):
    """Where the columns of the route's query and the members of its answer differ."""
    shown = {name: kind for name, kind in described if name not in INTERNAL}
    schemas = members(route)
    expected = set(schemas) - ADDED.get(f"{route['method']} {route['path']}", set())
    found = [f"{name}: no such member" for name in shown.keys() - expected]
    found += [f"{name}: no such column" for name in expected - shown.keys()]
    for name in shown.keys() & expected:
        is_prefixed = schemas[name].get("pattern", "").startswith(PREFIXED)
        if shown[name] != "any" and not is_prefixed and types(schemas[name]) != {shown[name]}:
            found.append(f"{name}: {shown[name]} in PostgreSQL, {types(schemas[name])} in the document")
    return found


@pytest.fixture(scope="module")
def connection(cluster):
    database = cluster.create_database()
    connection = database.connect()
    yield connection
    connection.close()
    database.drop()


def test_differences_are_found():
    route = {"method": "GET", "path": "/api/v1/users/{id}"}
    good = [("id", "integer"), ("email", "string"), ("name", "string"), ("kind", "string"), ("orgRole", "string"),
            ("status", "string"), ("hasPassword", "boolean"), ("createdAt", "string"), ("linkRefusal", "string")]
    assert faults(route, [("outcome", "string"), *good]) == []
    assert faults(route, good[1:]) == ["id: no such column"]
    assert faults(route, [*good, ("hash", "string")]) == ["hash: no such member"]
    assert faults(route, [("id", "string"), *good[1:]]) == ["id: string in PostgreSQL, {'integer'} in the document"]


@pytest.mark.parametrize("name", sorted(path.relative_to(QUERIES).with_suffix("").as_posix() for path in QUERIES.rglob("*.sql")
                                        if path.parent.name not in ("admin", "worker", "db", "gate")))
def test_every_query_can_be_described(connection, name):
    for _, kind in columns(connection, name):
        assert kind in {*JSON_TYPES.values()}


def test_queries_give_what_the_document_shows(connection, server_path):
    """For every route that says of which statement its answer is made."""
    done = subprocess.run([server_path, "--routes"], capture_output=True, text=True, timeout=30, check=True)
    routes = [route for route in json.loads(done.stdout) if route.get("statement")]
    assert routes
    found = {f"{route['method']} {route['path']}": faults(route, columns(connection, route["statement"]))
             for route in routes if good_answer(route).get("content")}
    assert not {name: differences for name, differences in found.items() if differences}
