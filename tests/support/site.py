"""The service as pipelines reach it: by a name, with TLS, at a reverse proxy."""

import subprocess

from support.deadline import until
from support.network import Network
from support.tls import Authority

HOST = "testkase.example.test"

NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3; uwsgi_temp_path {folder}/4;
    scgi_temp_path {folder}/5;
    server {{
        listen 127.0.0.1:443 ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        location / {{
            proxy_pass http://unix:{socket}:;
            proxy_set_header Host $host;
        }}
    }}
}}
"""


class Site:
    """The service at https://HOST, in a network of its own, whose name server knows it."""

    def __init__(self, service, folder):
        self.service = service
        self.authority = Authority(folder)
        self.network = Network(HOST)
        certificate, key = self.authority.certify(HOST)
        socket = folder / "http"
        service.start_server(TESTKASE_LISTEN=f"unix:{socket}")
        configuration = folder / "nginx.conf"
        configuration.write_text(NGINX.format(folder=folder, certificate=certificate, key=key, socket=socket))
        self.proxy = subprocess.Popen(self.network.command("/usr/sbin/nginx", "-c", configuration))
        until(self.answers, 20, "the proxy answers")

    def answers(self):
        assert self.proxy.poll() is None, "nginx has ended"
        return subprocess.run(self.network.command(
            "curl", "--silent", "--fail", "--cacert", self.authority.bundle, "--resolve", f"{HOST}:443:127.0.0.1",
            f"https://{HOST}/healthz"), stdout=subprocess.DEVNULL, timeout=20, check=False).returncode == 0

    def close(self):
        self.proxy.terminate()
        self.proxy.wait(20)
        self.network.close()
