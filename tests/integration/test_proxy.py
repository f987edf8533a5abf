"""nginx, Caddy and HAProxy ask /auth/verify, by the blocks in docs/PROXIES.md as they stand."""

import contextlib
import http.server
import json
import os
import re
import subprocess
import threading

import pytest
import requests

from support.deadline import until
from support.http import fresh_address
from support.postgres import ROOT

NGINX = """
daemon off; pid {folder}/pid; worker_processes 1; error_log {folder}/error.log; {user}
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3; uwsgi_temp_path {folder}/4;
    scgi_temp_path {folder}/5;
    large_client_header_buffers 8 16k;
    upstream testkase {{ server {testkase}; }}
    upstream your_service {{ server 127.0.0.1:{guarded}; }}
    server {{
        listen {host}:{port};
        {block}
    }}
}}
"""

CADDY = """
{{
    admin off
    auto_https off
}}
http://:{port} {{
    bind {host}
    {block}
}}
"""

HAPROXY = """
global
    lua-load-per-thread {lua}
    tune.maxrewrite 16384
    tune.bufsize 65536
defaults
    mode http
    timeout connect 10s
    timeout client 30s
    timeout server 30s
frontend front
    bind {host}:{port}
    {block}
    default_backend back
backend back
    server guarded 127.0.0.1:{guarded}
backend checked
    option httpchk GET /healthz
    server testkase {testkase} check inter 100ms
listen status
    bind unix@{folder}/status.sock
    stats enable
    stats uri /status
"""

PROXIES = {
    "nginx": (NGINX, lambda path: ["/usr/sbin/nginx", "-c", path]),
    "caddy": (CADDY, lambda path: ["/usr/bin/caddy", "run", "--adapter", "caddyfile", "--config", path]),
    "haproxy": (HAPROXY, lambda path: ["/usr/sbin/haproxy", "-db", "-f", path]),
}


class Guarded(http.server.BaseHTTPRequestHandler):
    """The service behind the proxy: answers with what the proxy says of the request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = json.dumps({
            "user": self.headers["X-User-Id"], "length": len(body), "method": self.command,
            "fields": {name.lower(): value for name, value in self.headers.items()}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_OPTIONS = do_DELETE = do_POST

    def log_message(self, *_):
        pass


def free_port(host):
    with http.server.HTTPServer((host, 0), Guarded) as server:
        return server.server_port


def block(name):
    """The document's block of that language, the only one there is."""
    [found] = re.findall(rf"```{name}\n(.*?)```", (ROOT / "docs" / "PROXIES.md").read_text(), re.DOTALL)
    return found


class Proxy:
    """A proxy of that kind in front of a guarded service; `base` is its address."""

    def __init__(self, name, testkase, folder):
        self.host = fresh_address()  # where nobody else listens, so that the port stays free
        self.port = free_port(self.host)
        self.base = f"http://{self.host}:{self.port}"
        self.guarded = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guarded)
        threading.Thread(target=self.guarded.serve_forever, daemon=True).start()
        template, command = PROXIES[name]
        path = folder / f"{name}.conf"
        guarded = self.guarded.server_port
        path.write_text(template.format(
            folder=folder, testkase=testkase, guarded=guarded, host=self.host, port=self.port, block=block(name),
            lua=ROOT / "deploy" / "proxy" / "testkase.lua", user="user root;" if os.geteuid() == 0 else ""))
        address = f"http://{testkase}" if name == "haproxy" else testkase
        self.process = subprocess.Popen(command(path), env={
            **os.environ, "TESTKASE": address, "YOUR_SERVICE": f"127.0.0.1:{guarded}", "HOME": str(folder)})

    def ask(self, method="GET", **options):
        return requests.request(method, self.base, timeout=10, **options)

    def answers(self):
        try:
            return self.ask().status_code
        except requests.ConnectionError:
            return None

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.guarded.shutdown()
        self.guarded.server_close()


@contextlib.contextmanager
def proxy_of(name, service, folder):
    proxy = Proxy(name, service.server.address, folder)
    try:
        until(proxy.answers, 20, "the proxy answers")
        yield service, proxy
    finally:
        proxy.close()


@pytest.fixture(params=PROXIES)
def proxied(request, database, start_service, tmp_path):
    """(service, proxy)"""
    with proxy_of(request.param, start_service(database, TESTKASE_TRUSTED_PROXIES="127.0.0.0/8"), tmp_path) as both:
        yield both


@pytest.fixture(params=PROXIES)
def limited(request, database, start_service, tmp_path):
    """The same with 60 requests a minute, 5 at once."""
    service = start_service(database, TESTKASE_TRUSTED_PROXIES="127.0.0.0/8", TESTKASE_RATE_LIMIT="60", TESTKASE_RATE_BURST="5")
    with proxy_of(request.param, service, tmp_path) as both:
        yield both


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def cookie_of(service, person):
    [cookie] = service.sign_in(person).session.cookies
    return f"{cookie.name}={cookie.value}"


def test_a_token_passes_while_it_lives(proxied):
    service, proxy = proxied
    member = service.organization().member
    token_id, token = service.mint(member)
    told = proxy.ask(headers={**bearer(token), "X-User-Id": "1"}).json()
    assert told["user"] == str(member.id) and "authorization" not in told["fields"]
    told = proxy.ask("POST", headers=bearer(token), data=b"x" * 5000).json()
    assert (told["user"], told["length"]) == (str(member.id), 5000)
    refused = proxy.ask()
    assert refused.status_code == 401 and refused.headers["WWW-Authenticate"].startswith("Bearer")
    service.sign_in(member).delete(f"/api-keys/{token_id}", 204)
    assert proxy.ask(headers=bearer(token)).status_code == 401


def test_a_page_of_another_site_cannot_use_the_session(proxied):
    service, proxy = proxied
    member = service.organization().member
    fields = {"Cookie": cookie_of(service, member)}
    for foreign in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {},
                    {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example"}):
        for method in ("POST", "DELETE"):
            assert proxy.ask(method, headers={**fields, **foreign}).status_code == 403, foreign
    for own in ({"Origin": proxy.base}, {"Sec-Fetch-Site": "same-origin"}):
        assert proxy.ask("POST", headers={**fields, **own}, data=b"x").json()["user"] == str(member.id)
    assert proxy.ask(headers={**fields, "Sec-Fetch-Site": "cross-site"}).json()["user"] == str(member.id), "following a link"


def test_the_session_stays_here(proxied):
    service, proxy = proxied
    session = cookie_of(service, service.organization().member)
    for cookies, left in ((session, None), (f"a=1; {session}", "a=1"), (f"{session}; b=2", "b=2"),
                          (f"a=1; {session}; b=2; c=3", "a=1; b=2; c=3"), (f"{session}; __Host-testkase_session=x; b=2", "b=2"),
                          (f"my_testkase_session=3; {session}", "my_testkase_session=3")):
        fields = proxy.ask(headers={"Cookie": cookies}).json()["fields"]
        assert fields.get("cookie", "").rstrip("; ") == (left or ""), cookies
    for cookies in (f"{session}; {session}; {session}; a=1", f"a=1;{session};testkase_session=2;{session}; {session}"):
        assert session not in proxy.ask(headers={"Cookie": cookies}).text


def test_a_preflight_passes_without_a_user(proxied):
    _, proxy = proxied
    preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST", "X-User-Id": "1"}
    told = proxy.ask("OPTIONS", headers=preflight).json()
    assert told["method"] == "OPTIONS" and told["user"] is None
    assert proxy.ask("OPTIONS", headers={"Origin": "https://app.example"}).status_code == 401
    assert proxy.ask("POST", headers=preflight).status_code == 401


def test_429_comes_with_the_time_to_wait(limited):
    service, proxy = limited
    token = service.mint(service.organization().member)[1]
    refused = next(answer for answer in (proxy.ask(headers=bearer(token)) for _ in range(60)) if answer.status_code != 200)
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) >= 1


def test_431_stays_431(proxied):
    _, proxy = proxied
    fields = {"Cookie": "a=" + "x" * 9000, "Authorization": "Bearer " + "y" * 9000}
    assert proxy.ask(headers=fields).status_code == 431


def test_other_fields_of_the_client_do_not_matter(proxied):
    """However many they are: only what is needed reaches this service."""
    service, proxy = proxied
    member = service.organization().member
    fields = {**bearer(service.mint(member)[1]), "X-Large": "x" * 7000, "X-Larger": "y" * 7000, "X-Third": "z" * 7000}
    if proxy.process.args[0].endswith("caddy"):
        assert proxy.ask(headers=fields).status_code in (200, 431), "Caddy passes all fields on"
    else:
        assert proxy.ask(headers=fields).json()["user"] == str(member.id)


def test_503_while_the_service_is_away(proxied):
    service, proxy = proxied
    token = service.mint(service.organization().member)[1]
    service.server.terminate()
    refused = proxy.ask(headers=bearer(token))
    service.servers.clear()
    assert refused.status_code in (502, 503)
    assert refused.status_code == 503 or proxy.process.args[0].endswith("caddy")


def test_the_addresses_of_clients_are_told_apart(proxied):
    service, proxy = proxied
    member = service.organization().member
    token_id, token = service.mint(member)
    source = fresh_address()
    session = requests.Session()
    adapter = requests.adapters.HTTPAdapter()
    adapter.init_poolmanager(1, 1, source_address=(source, 0))
    session.mount("http://", adapter)
    assert session.get(proxy.base, headers=bearer(token), timeout=10).status_code == 200
    owner = service.sign_in(member)
    until(lambda: owner.get(f"/api-keys/{token_id}", 200).json()["lastUsedIp"] == source, 15, "the client's own address is told")
