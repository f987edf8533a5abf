"""The watch over browsers sees what it is there to see: each test does something bad on purpose."""

import pytest

BAD = {
    "error on the console: bad": "console.error('bad')",
    "warning on the console: bad": "console.warn('bad')",
    "error of a script: .*bad": "new Promise((done) => setTimeout(() => { setTimeout(done); throw new Error('bad'); }))",
    "policy violation: style-src": "document.head.appendChild(document.createElement('style')).append('b {}')",
    "policy violation: connect-src": "fetch('http://127.0.0.2:9/').catch(() => {})",
    "request to another host: http://testkase.test:9/": "void open('http://testkase.test:9/')",
    "unexpected answer: 404 to GET /api/v1/api-keys/4711": "fetch('/api/v1/api-keys/4711')",
    "no answer: net::ERR_CONNECTION_REFUSED to GET .*/healthz": "fetch('/healthz').catch(() => {})",
    "dialog of the browser: alert bad": "alert('bad')",
}


@pytest.mark.parametrize("complaint", BAD)
def test_what_goes_wrong_in_a_page_fails_the_test(visit, member, complaint):
    visitor = visit(member)
    page = visitor.open()
    page.route("**/healthz", lambda route: route.abort("connectionrefused"))
    page.evaluate(f"async () => {{ await ({BAD[complaint]}); }}")
    page.reload()
    visitor.settle()
    with pytest.raises(AssertionError, match=complaint):
        visitor.watch.check()


def test_an_ordinary_page_fails_no_test(visit, member):
    visitor = visit(member)
    visitor.open()
    visitor.watch.check()


def test_an_answer_that_a_test_expects_must_come(visit, member):
    visitor = visit(member)
    visitor.open()
    visitor.watch.allow(409, "/api-keys", "POST")
    with pytest.raises(AssertionError, match="the test expected 409 to POST /api-keys"):
        visitor.watch.check()
    visitor.watch.allow_nothing()
