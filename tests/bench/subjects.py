"""What is measured, and what it is measured against."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from support.deadline import until

HERE = pathlib.Path(__file__).resolve().parent

# The size and number of the fields of our own answers.
NGINX = """
daemon off; pid {folder}/pid; worker_processes 1; error_log {folder}/error.log; {user}
events {{ worker_connections 20000; }}
http {{
    access_log off; keepalive_requests 1000000000;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3; uwsgi_temp_path {folder}/4;
    scgi_temp_path {folder}/5;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            add_header RateLimit-Policy '"default";q=1000000;w=60';
            add_header RateLimit '"default";r=999999;t=60';
            add_header X-Testkase-User-Id 3;
            add_header X-Testkase-User-Email member-4@example.test;
            add_header X-Testkase-Org-Id 1173;
            add_header X-Testkase-Org-Role member;
            add_header X-Testkase-Api-Key-Id 1001;
            add_header X-Request-Id MvCgCGAxwc9N00000001;
            add_header X-Content-Type-Options nosniff;
            add_header Cache-Control no-store;
            add_header X-Token-Expires-At 2030-12-24T04:37:40Z;
            return 200;
        }}
        location /assets/ {{
            root {folder};
            types {{ text/css css; text/javascript js; image/svg+xml svg; }}
            charset utf-8; charset_types text/css text/javascript;
            sendfile on; tcp_nopush on; open_file_cache max=100; open_file_cache_valid 1h;
            add_header X-Request-Id MvCgCGAxwc9N00000001;
            add_header X-Content-Type-Options nosniff;
            add_header Cache-Control "public, max-age=31536000, immutable";
            add_header Vary Accept-Encoding;
            add_header Content-Security-Policy "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";
            add_header Cross-Origin-Resource-Policy same-origin;
            add_header Referrer-Policy same-origin;
        }}
    }}
}}
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Nginx:
    """One worker that answers 200 from memory, and serves the files that were added below /assets/."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="testkase-nginx-")
        os.chmod(self.folder, 0o755)
        port = free_port()
        configuration = pathlib.Path(self.folder) / "conf"
        configuration.write_text(NGINX.format(folder=self.folder, port=port, user="user root;" if os.geteuid() == 0 else ""))
        self.process = subprocess.Popen(["nginx", "-c", str(configuration)])
        self.base = f"http://127.0.0.1:{port}"
        until(lambda: self._answers(port), 10, "nginx answers")
        workers = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        self.pids = [int(pid) for pid in workers.split()]

    def add_file(self, path, content):
        file = pathlib.Path(self.folder + path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    @staticmethod
    def _answers(port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


class Node:
    """One of others/*.mjs, with a database of its own in the cluster; `tokens` is the file of its keys."""

    def __init__(self, name, modules, cluster, keys):
        database = cluster.create_database("template1")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="testkase-node-"))
        for file in (HERE / "others").iterdir():
            shutil.copy(file, self.folder)
        (self.folder / "node_modules").symlink_to(modules)
        url = f"postgresql://postgres@localhost/{database.name}?host={cluster.folder}&port={cluster.port}"
        self.process = subprocess.Popen(["node", f"{name}.mjs"], cwd=self.folder, stdout=subprocess.PIPE, text=True,
                                        env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "DATABASE_URL": url,
                                             "KEYS": str(keys), "NODE_ENV": "production"})
        self.pids = [self.process.pid]
        first = self.process.stdout.readline().split()
        assert first and first[0] == "ready", f"{name} did not start"
        self.base = f"http://127.0.0.1:{first[1]}"
        self.tokens = self.folder / "tokens"
        self.tokens.write_text("".join(iter(self.process.stdout.readline, "end\n")))

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
