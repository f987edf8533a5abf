"""Bad JSON is refused, and the process lives on. What JSON itself forbids is 400, what our limits forbid 400, 413 or 422."""

import pytest

from support.http import field_errors

GOOD = b'{"name":"CI","expiresInDays":7}'


def nested(depth):
    return b'{"name":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b',"expiresInDays":7}'


MALFORMED = {
    "empty": b"", "blank": b"   ", "word": b"hello", "no quotes": b"{name:1}", "single quotes": b"{'name':'CI'}",
    "cut": GOOD[:-1], "cut in a string": b'{"name":"C', "comma at the end": b'{"name":"CI","expiresInDays":7,}',
    "two values": GOOD + GOOD, "text behind": GOOD + b" x", "null byte behind": GOOD + b"\0", "comment": b"/* x */" + GOOD,
    "line comment": b'{"name":"CI", // x\n"expiresInDays":7}', "mark": b"\xef\xbb\xbf" + GOOD,
    "utf-16": GOOD.decode().encode("utf-16"), "raw control": b'{"name":"a\x01b","expiresInDays":7}',
    "raw line end": b'{"name":"a\nb","expiresInDays":7}', "raw nul": b'{"name":"a\x00b","expiresInDays":7}',
    "bad escape": b'{"name":"\\x41","expiresInDays":7}', "cut escape": b'{"name":"\\u00","expiresInDays":7}',
    "leading zero": b'{"name":"CI","expiresInDays":07}', "plus": b'{"name":"CI","expiresInDays":+7}',
    "hex": b'{"name":"CI","expiresInDays":0x7}', "NaN": b'{"name":"CI","expiresInDays":NaN}',
    "infinity": b'{"name":"CI","expiresInDays":Infinity}', "dot": b'{"name":"CI","expiresInDays":7.}',
    "True": b'{"name":"CI","expiresInDays":True}', "lone byte": b'{"name":"\xff","expiresInDays":7}',
    "cut utf-8": b'{"name":"\xe2\x82","expiresInDays":7}', "overlong": b'{"name":"\xc0\xaf","expiresInDays":7}',
    "surrogate in utf-8": b'{"name":"\xed\xa0\x80","expiresInDays":7}',
    "past unicode": b'{"name":"\xf4\x90\x80\x80","expiresInDays":7}',
    "lone brace": b"}", "mixed": b'{"name":"CI"],"expiresInDays":7}',
}

REFUSED = {
    "array": b"[]", "string": b'"name"', "number": b"7", "null": b"null", "true": b"true",
    "depth 17": nested(17), "depth 5000": nested(5_000), "open 10000": b"[" * 10_000, "objects": b'{"a":' * 3_000,
    "depth 100000": nested(100_000), "values": b'{"name":[' + b"[]," * 2_000 + b'[]],"expiresInDays":7}',
    "long name": b'{"name":"' + b"a" * 16_000 + b'","expiresInDays":7}',
    "twice": b'{"name":"CI","name":"CJ","expiresInDays":7}',
    "twice, escaped": b'{"name":"CI","\\u006eame":"CJ","expiresInDays":7}',
    "nul in a key": b'{"name":"CI","expiresInDays":7,"a\\u0000":1}',
    "high surrogate": b'{"name":"\\ud800","expiresInDays":7}', "low surrogate": b'{"name":"\\udc00","expiresInDays":7}',
    "swapped surrogates": b'{"name":"\\udc00\\ud800","expiresInDays":7}',
    "high and text": b'{"name":"\\ud800x","expiresInDays":7}',
    "many keys": b"{" + b",".join(b'"k%d":1' % n for n in range(65)) + b"}",
    "depth 17 in an unknown key": b'{"name":"CI","expiresInDays":7,"x":' + b"[" * 16 + b"]" * 16 + b"}",
}


# Valid JSON with a value that no field may have.
WRONG = {
    "nul": ("name", b'{"name":"a\\u0000b","expiresInDays":7}'), "nul alone": ("name", b'{"name":"\\u0000","expiresInDays":7}'),
    "nul for a number": ("expiresInDays", b'{"name":"CI","expiresInDays":"\\u0000"}'),
    "int64 + 1": ("expiresInDays", b'{"name":"CI","expiresInDays":9223372036854775808}'),
    "-int64 - 1": ("expiresInDays", b'{"name":"CI","expiresInDays":-9223372036854775809}'),
    "2^64 + 7": ("expiresInDays", b'{"name":"CI","expiresInDays":18446744073709551623}'),
    "400 digits": ("expiresInDays", b'{"name":"CI","expiresInDays":' + b"9" * 400 + b"}"),
    "5000 digits": ("expiresInDays", b'{"name":"CI","expiresInDays":' + b"9" * 5000 + b"}"),
    "1e999": ("expiresInDays", b'{"name":"CI","expiresInDays":1e999}'),
    "number as a name": ("name", b'{"name":' + b"9" * 99 + b',"expiresInDays":7}'),
}

MARKS = {"UTF-8": b"\xef\xbb\xbf", "UTF-16, little end first": b"\xff\xfe", "UTF-16, big end first": b"\xfe\xff"}


@pytest.fixture
def api(service, organization):
    client = service.bearer(organization.member)
    yield client
    client.post("/api-keys", None, 201, data=GOOD, headers={"Content-Type": "application/json"})


def post(api, body):
    return api.post("/api-keys", data=body, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_json_is_400(api, case):
    response = post(api, MALFORMED[case])
    assert response.status_code == 400, response.text
    assert response.json()["code"] in ("malformed_json", "bad_request")


@pytest.mark.parametrize("case", REFUSED)
def test_json_beyond_our_rules_is_refused(api, case):
    response = post(api, REFUSED[case])
    assert response.status_code in (400, 413, 422), response.text


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_value_is_named(api, case):
    field, body = WRONG[case]
    assert field_errors(post(api, body)) == {field}


@pytest.mark.parametrize("mark", MARKS)
def test_a_byte_order_mark_is_named(api, mark):
    response = post(api, MARKS[mark] + b'{"name":"CI","expiresInDays":7}')
    assert response.status_code == 400 and "byte order mark" in response.json()["detail"]


def test_an_error_never_quotes_the_body(api):
    for body in (b'{"name":"needle-in-the-body', b'{"name":"CI","expiresInDays":"needle-in-the-body"}', b"needle-in-the-body"):
        assert "needle" not in post(api, body).text


def test_depth_16_is_read(api):
    """Deep enough for anything of ours; refused for its type, not its depth."""
    response = post(api, nested(16))
    assert response.status_code == 422 and response.json()["errors"][0]["field"] == "name"


@pytest.mark.parametrize("body", [
    b' \r\n\t{ "name" : "CI" , "expiresInDays" : 7 } \n', b'{"expiresInDays":7,"name":"CI"}',
    b'{"name":"\\u0043\\u0049","expiresInDays":7}', b'{"\\u006eame":"CI","expiresInDays":7}'])
def test_other_spellings_of_good_json_are_taken(api, body):
    response = post(api, body)
    assert response.status_code == 201 and response.json()["name"] == "CI"


def test_escapes_and_utf_8_mean_the_same(api):
    for body in ('{"name":"\\ud83d\\ude80 é","expiresInDays":7}', '{"name":"🚀 \\u00e9","expiresInDays":7}'):
        assert post(api, body.encode()).json()["name"] == "🚀 é"


def test_the_same_process_has_read_all_of_it(service, api):
    pid = service.server.pid
    for body in [*MALFORMED.values(), *REFUSED.values()]:
        post(api, body)
    assert service.server.pid == pid and service.server.is_running()
