"""The server's table of routes (testkase-server --routes) and the document have the same calls."""

import json
import subprocess

import pytest

from support.openapi import METHODS, expand, load

DOCUMENT = load()

@pytest.fixture(scope="module")
def routes(server_path):
    """{(method, path): row}; a route for any method has "any"."""
    done = subprocess.run([server_path, "--routes"], capture_output=True, text=True, timeout=30, check=True)
    return {(row["method"], row["path"]): row for row in json.loads(done.stdout)}


def described():
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
                yield ("any" if operation.get("x-any-method") else method.upper(), path), operation, expand(DOCUMENT, parameters)


OPERATIONS = {call: (operation, parameters) for call, operation, parameters in described()}


def in_query(parameters):
    return {one["name"] for one in parameters if one["in"] == "query"}


def in_body(operation):
    bodies = operation.get("requestBody", {}).get("content", {}).values()
    return {name for body in bodies for name in expand(DOCUMENT, body["schema"])["properties"]}


def test_both_have_the_same_calls(routes):
    assert list(routes) == list(OPERATIONS), "in the same order, too"


def test_both_say_who_may_call_and_how_much_may_be_sent(routes):
    said = {call: (operation["x-access"], operation["x-body-max"]) for call, (operation, _) in OPERATIONS.items()}
    assert {call: (row["access"], row["bodyMax"]) for call, row in routes.items()} == said


def test_both_take_the_same_inputs(routes):
    """Of the calls whose inputs are a table. A page's own are not in it."""
    tabled = {call: row for call, row in routes.items() if "statement" in row}
    assert tabled
    for call, row in tabled.items():
        operation, parameters = OPERATIONS[call]
        page = {"limit", "cursor"} if row["answer"] in ("page", "subpage") else set()
        assert set(row["query"]) | page == in_query(parameters), call
        assert set(row["body"]) == in_body(operation), call
