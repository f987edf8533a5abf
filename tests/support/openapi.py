"""The description of the API (server/openapi.json), and checks of answers against it."""

import dataclasses
import functools
import gzip
import json
import pathlib
import re
import urllib.parse

import jsonschema

PATH = pathlib.Path(__file__).resolve().parents[2] / "server" / "openapi.json"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

# Fields of the message itself, which OpenAPI leaves to HTTP.
FIELDS_OF_HTTP = {"date", "connection", "content-length", "content-type"}
NUMBER = r"(?:0|[1-9][0-9]{0,18})"
ANNOTATIONS = {"description", "default", "example", "examples"}


def load():
    return json.loads(PATH.read_text())


def resolve(document, reference):
    """What a reference within the document leads to."""
    value = document
    for part in reference.removeprefix("#/").split("/"):
        value = value[part.replace("~1", "/").replace("~0", "~")]
    return value


def expand(document, value):
    """`value` with what its references lead to in their place; jsonschema spends most of its time on following them."""
    if isinstance(value, list):
        return [expand(document, element) for element in value]
    if not isinstance(value, dict):
        return value
    rest = {key: expand(document, member) for key, member in value.items() if key != "$ref"}
    if "$ref" not in value:
        return rest
    target = expand(document, resolve(document, value["$ref"]))
    return target if set(rest) <= ANNOTATIONS else {"allOf": [target, rest]}


class Schema:
    """One of the document's schemas, ready to check values."""

    def __init__(self, document, schema):
        self.schema = expand(document, schema)
        self._validator = jsonschema.Draft202012Validator(self.schema)

    def fault(self, value):
        """What is wrong with the value, or None."""
        error = next(self._validator.iter_errors(value), None)
        return error and f"{error.json_path}: {error.message[:300]}"

    def fault_of_text(self, text):
        """The same for a value that stands in a field, a query or a path, where numbers are text."""
        is_number = self.schema.get("type") == "integer" and re.fullmatch(NUMBER, text)
        return self.fault(int(text) if is_number else text)


def once(check):
    """Remembers which texts were found good by a Schema, since most of them come again and again."""
    return functools.lru_cache(4096)(check)


class Field:
    """A header field of an answer."""

    def __init__(self, document, field):
        field = expand(document, field)
        self.required = field.get("required", False)
        self.only_with = field.get("x-when")
        self.fault = once(Schema(document, field["schema"]).fault_of_text)


class Answer:
    """What one status of an operation looks like."""

    def __init__(self, document, response):
        response = resolve(document, response["$ref"]) if "$ref" in response else response
        self.fields = {name.lower(): Field(document, field) for name, field in response.get("headers", {}).items()}
        self.required = {name for name, field in self.fields.items() if field.required}
        self.bodies = {media: Schema(document, body["schema"]) for media, body in response.get("content", {}).items()}
        self._fault_of_json = once(self._fault_of_json)

    def fault(self, fields, body, presented):
        """`fields` by lower-case name; `body` is None for HEAD; `presented` maps "token" and "caller" to whether the fields about
        them must be there (True), must not (False) or may (None)."""
        return (self._fault_of_fields(fields) or self._fault_of_conditional_fields(fields, presented)
                or self._fault_of_body(fields.get("content-type"), body))

    def _fault_of_fields(self, fields):
        for name, value in fields.items():
            field = self.fields.get(name)
            if not field and name not in FIELDS_OF_HTTP:
                return f"the field {name} is not in the document"
            fault = field and field.fault(value)
            if fault:
                return f"{name}: {fault}"
        missing = self.required - fields.keys()
        return f"the fields {missing} are missing" if missing else None

    def _fault_of_conditional_fields(self, fields, presented):
        for name, field in self.fields.items():
            expected = presented.get(field.only_with)
            if expected is not None and (name in fields) != expected:
                return f"{name} is {'missing' if expected else f'there without a {field.only_with}'}"
        return None

    def _fault_of_body(self, content_type, body):
        if not self.bodies:
            return None if content_type is None and not body else f"there is a body ({content_type}), and none in the document"
        if content_type not in self.bodies:
            return f"Content-Type {content_type} is not in the document, which has {', '.join(self.bodies)}"
        if body is None or not content_type.partition(";")[0].endswith("json"):
            return None
        return self._fault_of_json(content_type, bytes(body))

    def _fault_of_json(self, content_type, body):
        try:
            return self.bodies[content_type].fault(json.loads(body))
        except ValueError as error:
            return f"the body is not JSON: {error}"


class Operation:
    """One method of one path."""

    def __init__(self, document, path, method, item):
        described = item[method]
        self.name = f"{method.upper()} {path}"
        self.takes_any_method = described.get("x-any-method", False)
        self.is_for_anyone = described["x-access"] == "anyone"
        self.answers = {int(status): Answer(document, response) for status, response in described["responses"].items()}
        parameters = [expand(document, one) for one in (*item.get("parameters", []), *described.get("parameters", []))]
        self.query = {one["name"]: Schema(document, one["schema"]) for one in parameters if one["in"] == "query"}
        body = described.get("requestBody")
        self.body_required = bool(body) and body["required"]
        [self.body_type] = body["content"] if body else [None]
        self.body = Schema(document, body["content"][self.body_type]["schema"]) if body else None

    def fault_of_request(self, query, body):
        """What the document says is wrong with a request that the server has accepted."""
        for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
            fault = name in self.query and self.query[name].fault_of_text(value)
            if fault:
                return f"accepted with ?{name}={value}: {fault}"
        if self.body is None:
            return None
        if not body:
            return "accepted without a body" if self.body_required else None
        is_form = self.body_type == "application/x-www-form-urlencoded"
        text = body if isinstance(body, str) else body.decode()
        fault = self.body.fault(dict(urllib.parse.parse_qsl(text)) if is_form else json.loads(text))
        return f"accepted with {body!r:.300}: {fault}" if fault else None


def pattern(document, path, item):
    """What the server takes for this path: segments, numbers where the document says so, {rest} also with slashes or empty."""
    parameters = [expand(document, one) for owner in (item, *item.values()) if isinstance(owner, dict)
                  for one in owner.get("parameters", [])]
    numbers = {f"{{{one['name']}}}" for one in parameters if one["schema"].get("type") == "integer"}
    return re.compile("".join(
        NUMBER if part in numbers else ".*" if part == "{rest}" else "[^/]+" if part.startswith("{") else re.escape(part)
        for part in re.split(r"(\{\w+\})", path)))


@dataclasses.dataclass(frozen=True)
class Exchange:
    """A request and its answer. `fields` and `sent_fields` by lower-case name; `body` is None for HEAD."""
    method: str
    target: str
    status: int
    fields: dict
    body: bytes
    sent_fields: dict
    sent_body: bytes = None

    @property
    def with_token(self):
        return bool(re.match(r"bearer(?: |$)", self.sent_fields.get("authorization", ""), re.IGNORECASE))

    @property
    def plain_body(self):
        coded = self.sent_fields.get("content-encoding", "").lower() == "gzip"
        return gzip.decompress(self.sent_body) if coded else self.sent_body

    @property
    def with_session(self):
        return "testkase_session=" in self.sent_fields.get("cookie", "")


class Document:
    def __init__(self, document):
        self.document = document
        self.problems = document["components"]["schemas"]["ProblemCode"]["x-problems"]
        self._problem = Schema(document, document["components"]["schemas"]["Problem"])
        self._unrouted = {int(status): Answer(document, response)
                          for status, response in document["x-unrouted"]["responses"].items()}
        self._paths = [(pattern(document, path, item), self._operations(path, item)) for path, item in document["paths"].items()]

    def _operations(self, path, item):
        return {method.upper(): Operation(self.document, path, method, item) for method in METHODS if method in item}

    def find(self, method, path):
        """The operation, or None: the request is of none."""
        for matches, operations in self._paths:
            if matches.fullmatch(path):
                operation = operations.get("GET" if method == "HEAD" else method)
                return operation or next((one for one in operations.values() if one.takes_any_method), None)
        return None

    def check(self, exchange):
        """Fails unless the answer, and the request if it was accepted, are as the document says."""
        target = urllib.parse.urlsplit(exchange.target)
        operation = self.find(exchange.method, target.path)
        answers = operation.answers if operation else self._unrouted
        where = f"{exchange.method} {exchange.target}: {exchange.status} {exchange.body!r:.300}"
        assert exchange.status in answers, f"{where}: the document has no such status ({operation and operation.name})"
        presented = {"token": exchange.with_token, "caller": exchange.with_token or exchange.with_session}
        if operation and operation.is_for_anyone:
            presented = dict.fromkeys(presented, False)
        elif exchange.status >= 300:
            presented = {what: None if there else False for what, there in presented.items()}
        fault = answers[exchange.status].fault(exchange.fields, exchange.body, presented)
        assert not fault, f"{where}: {fault}"
        is_page = exchange.fields.get("content-type", "").startswith("text/html")
        if exchange.status >= 400 and exchange.body is not None and not is_page:
            self.check_problem(exchange.status, json.loads(exchange.body))
        if operation and exchange.status < 300:
            fault = operation.fault_of_request(target.query, exchange.plain_body)
            assert not fault, f"{where}: {fault}"

    def check_problem(self, status, problem):
        """What holds for every problem, also one whose request cannot be read."""
        fault = self._problem.fault(problem)
        assert not fault, f"{fault}: {problem}"
        known = self.problems[problem["code"]]
        assert (problem["status"], known["status"], problem["title"]) == (status, status, known["title"]), problem
        assert problem["type"] == f"/problems/{problem['code']}", problem


@functools.cache
def document():
    return Document(load())
