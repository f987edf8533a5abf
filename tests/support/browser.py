"""People at browsers: each has a context of their own, and an eye on everything that goes wrong in it."""

import re
import socket
import urllib.parse

from support.http import Api

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
# A name that is no secure context: browsers take http://127.0.0.1 for one.
PLAIN_HOST = "testkase.test"
HOME = "/settings/api-keys"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
SECONDS = 20  # for a state to come; a machine at work is slow

REPORT_VIOLATIONS = """
document.addEventListener('securitypolicyviolation', (event) =>
  console.error(`policy violation: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`));
"""
# The browser says this of every answer that is no success, and of every request without an answer; the watch judges them itself.
LOADING = re.compile(r"Failed to load resource: ")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def launch(playwright):
    resolver = f"--host-resolver-rules=MAP {PLAIN_HOST} 127.0.0.1"
    return playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, resolver])


class Watch:
    """Everything that a test did not expect in one context. `check()` fails on any of it: an error on the console or of a
    script, a violation of the policy, a request to another host, an answer that is no success, a request without an answer, a
    dialog of the browser."""

    def __init__(self, context, base):
        self.host = urllib.parse.urlsplit(base).netloc
        self.complaints = []
        self.console = []
        self.requests = []
        self._allowed = []
        self._allowed_words = []
        self._met = set()
        self._outage = False
        self._answer = None
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("console", self._on_console)
        context.on("weberror", lambda problem: self.complaints.append(f"error of a script: {problem.error}"))
        context.on("request", self._on_request)
        context.on("response", self._on_response)
        context.on("requestfailed", self._on_failure)
        context.on("dialog", self._on_dialog)

    def allow(self, status, path, method="GET"):
        """The test expects this answer to requests of a path below /api/v1 (a regular expression), at least once; status 0: none
        at all."""
        self._allowed.append((status, method, re.compile(path)))

    def allow_words(self, words):
        """The test expects lines on the console that hold these words."""
        self._allowed_words.append(words)

    def allow_nothing(self):
        """Forgets what allow() was told."""
        self._allowed = []

    def outage(self, yes):
        """While there is one, the test expects requests without an answer, and 503."""
        self._outage = yes

    def answer_dialogs(self, answer):
        """The test expects dialogs of the browser: answer(dialog) accepts or dismisses each."""
        self._answer = answer

    def check(self):
        missing = [f"the test expected {status} to {method} {path.pattern}" for number, (status, method, path)
                   in enumerate(self._allowed) if number not in self._met]
        found = self.complaints + missing
        self.complaints = []
        assert not found, "in the browser:\n" + "\n".join(found)

    def _on_console(self, message):
        self.console.append(message.text)
        expected = LOADING.match(message.text) or any(words in message.text for words in self._allowed_words)
        if message.type in ("error", "warning", "assert") and not expected:
            self.complaints.append(f"{message.type} on the console: {message.text} ({message.location.get('url')})")

    def _on_request(self, request):
        self.requests.append(request)
        address = urllib.parse.urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.netloc != self.host:
            self.complaints.append(f"request to another host: {request.url}")

    def _on_response(self, response):
        status, request = response.status, response.request
        if self._is_stream(request):
            return
        if status >= 400 and not self._is_expected(status, request) and not (self._outage and status == 503):
            self.complaints.append(f"unexpected answer: {status} to {request.method} {urllib.parse.urlsplit(request.url).path}")

    def _on_failure(self, request):
        # A page that goes away cancels what it has asked for.
        if self._is_stream(request) or request.failure == "net::ERR_ABORTED":
            return
        if not self._outage and not self._is_expected(0, request):
            self.complaints.append(f"no answer: {request.failure} to {request.method} {request.url}")

    @staticmethod
    def _is_stream(request):
        """A stream of events ends with its session and with its server, whatever the test is about."""
        return urllib.parse.urlsplit(request.url).path == "/api/v1/events"

    def _is_expected(self, got, request):
        path = urllib.parse.urlsplit(request.url).path.removeprefix("/api/v1")
        for number, (status, method, pattern) in enumerate(self._allowed):
            if (status, method) == (got, request.method) and pattern.fullmatch(path):
                self._met.add(number)
                return True
        return False

    def _on_dialog(self, dialog):
        if self._answer:
            self._answer(dialog)
        else:
            self.complaints.append(f"dialog of the browser: {dialog.type} {dialog.message}")
            dialog.dismiss()


class Visitor:
    """A person at a browser, with one page at first; `server` is the one that they visit."""

    def __init__(self, browser, server, person, base=None, **options):
        self.server = server
        self.person = person
        self.base = base or server.base
        options.setdefault("viewport", {"width": 1280, "height": 900})
        self.context = browser.new_context(base_url=self.base, locale="en-GB", timezone_id="Europe/Berlin", **options)
        self.context.set_default_timeout(SECONDS * 1000)
        self.watch = Watch(self.context, self.base)
        self.page = self.context.new_page()

    def enter(self, agent=AGENT):
        """Signs in past the page: gives the browser the cookie of a fresh session. Returns the client that has it, too."""
        api = Api(self.server.base, {"Sec-Fetch-Site": "same-origin", "User-Agent": agent})
        api.post("/session", {"email": self.person.email, "password": self.person.password}, 201)
        for cookie in api.session.cookies:
            self.context.add_cookies([{"name": cookie.name, "value": cookie.value, "url": self.base, "httpOnly": True,
                                       "sameSite": "Strict"}])
        return api

    def open(self, path=HOME):
        """Goes there, and waits until the view is drawn."""
        self.page.goto(path)
        self.settle()
        return self.page

    def has_clock(self):
        """The pages' clock is the test's from now on; call it before the first page is opened."""
        self.context.clock.install()
        return self

    def settle(self, page=None):
        """Waits until the view is drawn."""
        page = page or self.page
        page.locator("#main:not([aria-busy])").locator("h1").wait_for()

    def sign_in(self, page=None):
        """By the form."""
        page = page or self.page
        page.get_by_label("Email").fill(self.person.email)
        page.get_by_label("Password").fill(self.person.password)
        page.get_by_role("button", name="Sign in").click()

    def close(self):
        self.context.close()


# What reaches beyond the page's width, outside of boxes that scroll by themselves.
OVERHANG = """() => {
  const width = document.documentElement.clientWidth;
  if (document.scrollingElement.scrollWidth <= width) return [];
  const found = [...document.querySelectorAll('body *')].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width && (box.right > width + 1 || box.left < -1);
  });
  found.push(document.scrollingElement);
  return found.slice(0, 12).map((element) => `${element.tagName}.${element.className.baseVal ?? element.className}`);
}"""


def overhang(page):
    """The elements that make the page scroll sideways, outermost first."""
    return page.evaluate(OVERHANG)


def row(page, name):
    """The row of the list that has a token's name."""
    return page.locator("table.keys tbody tr").filter(has=page.locator("bdi.name", has_text=re.compile(f"^{re.escape(name)}$")))


def generate(page, name, days=None):
    """Fills in the dialog and sends it."""
    page.get_by_role("button", name="Generate New Token").click()
    dialog = page.get_by_role("dialog", name="Generate New Token")
    dialog.get_by_label("Name", exact=True).fill(name)
    if days:
        dialog.get_by_role("radio", name=f"{days} days").click()
    dialog.get_by_role("button", name="Generate", exact=True).click()


def shown_once(page):
    return page.get_by_role("dialog", name="Copy your new token")
