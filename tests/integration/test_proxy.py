"""nginx asks /auth/verify, by the block in the README as it stands."""

import http.server
import os
import re
import subprocess
import threading

import pytest
import requests

from support.deadline import until
from support.http import fresh_address
from support.postgres import ROOT

CONFIGURATION = """
daemon off; pid {folder}/pid; worker_processes 1; error_log {folder}/error.log; {user}
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3; uwsgi_temp_path {folder}/4;
    scgi_temp_path {folder}/5;
    upstream testkase {{ server {testkase}; }}
    upstream your_service {{ server 127.0.0.1:{guarded}; }}
    server {{
        listen {host}:{port};
        {block}
    }}
}}
"""


class Guarded(http.server.BaseHTTPRequestHandler):
    """The service behind nginx: answers with who nginx says it is."""

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = f"{self.headers['X-User-Id']} {len(body)}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST

    def log_message(self, *_):
        pass


def free_port(host):
    with http.server.HTTPServer((host, 0), Guarded) as server:
        return server.server_port


@pytest.fixture
def proxied(database, start_service, tmp_path):
    """(service, nginx's address) with 60 requests a minute, 5 at once, for a token."""
    service = start_service(database, TESTKASE_TRUSTED_PROXIES="127.0.0.1", TESTKASE_RATE_LIMIT="60", TESTKASE_RATE_BURST="5")
    block = re.search(r"```nginx\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL).group(1)
    guarded = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guarded)
    threading.Thread(target=guarded.serve_forever, daemon=True).start()
    host = fresh_address()  # where nobody else listens, so that the port stays free
    port = free_port(host)
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(
        folder=tmp_path, testkase=service.server.address, guarded=guarded.server_port, host=host, port=port, block=block,
        user="user root;" if os.geteuid() == 0 else ""))
    base = f"http://{host}:{port}"

    def answers():
        try:
            return requests.get(base, timeout=5).status_code
        except requests.ConnectionError:
            return None
    with subprocess.Popen(["/usr/sbin/nginx", "-c", configuration]) as process:
        try:
            until(answers, 10, "nginx answers")
            yield service, base
        finally:
            process.terminate()
            guarded.shutdown()
            guarded.server_close()


def test_nginx_lets_through_who_has_a_token(proxied):
    service, base = proxied
    member = service.organization().member
    token_id, token = service.mint(member)
    fields = {"Authorization": f"Bearer {token}"}
    assert requests.get(base, headers=fields, timeout=10).text == f"{member.id} 0"
    assert requests.post(base, headers=fields, data=b"x" * 5000, timeout=10).text == f"{member.id} 5000"
    refused = requests.get(base, timeout=10)
    assert refused.status_code == 401 and refused.headers["WWW-Authenticate"].startswith("Bearer")
    service.sign_in(member).delete(f"/api-keys/{token_id}", 204)
    assert requests.get(base, headers=fields, timeout=10).status_code == 401


def test_nginx_passes_429_on_with_the_time_to_wait(proxied):
    service, base = proxied
    token = service.mint(service.organization().member)[1]

    def ask():
        return requests.get(base, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    refused = next(answer for answer in (ask() for _ in range(60)) if answer.status_code != 200)
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) >= 1


def test_nginx_passes_503_on(proxied):
    service, base = proxied
    token = service.mint(service.organization().member)[1]
    service.server.terminate()
    refused = requests.get(base, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    service.servers.clear()
    assert refused.status_code == 503


def test_the_addresses_of_clients_are_told_apart(proxied):
    service, base = proxied
    member = service.organization().member
    token_id, token = service.mint(member)
    source = fresh_address()
    session = requests.Session()
    adapter = requests.adapters.HTTPAdapter()
    adapter.init_poolmanager(1, 1, source_address=(source, 0))
    session.mount("http://", adapter)
    assert session.get(base, headers={"Authorization": f"Bearer {token}"}, timeout=10).status_code == 200
    owner = service.sign_in(member)
    until(lambda: owner.get(f"/api-keys/{token_id}", 200).json()["lastUsedIp"] == source, 15, "the client's own address is told")
