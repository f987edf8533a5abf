"""/metrics in Prometheus' text format."""

import contextlib
import os
import re
import shutil
import socket
import subprocess

import pytest
import requests

from support.http import fresh_address
from support.metrics import metrics, value
from support.process import Program, run


def test_promtool_has_nothing_to_say(service, organization):
    service.bearer(organization.member).get("/session", 200)
    promtool = shutil.which("promtool")
    assert promtool, "Debian's package prometheus has promtool"
    done = subprocess.run([promtool, "check", "metrics"], input=metrics(service.server.base), capture_output=True, text=True,
                          timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_requests_are_counted_by_route_and_status(service, organization):
    series = 'http_requests_total{method="GET",route="/api/v1/api-keys/{id}",status="404"}'
    before = value(metrics(service.server.base), series) or 0
    api = service.bearer(organization.member)
    for number in (1000001, 1000002, 1000003):
        api.get(f"/api-keys/{number}", 404)
    text = metrics(service.server.base)
    assert value(text, series) == before + 3
    buckets = [float(number) for number in re.findall(
        r'^testkase_http_request_duration_seconds_bucket\{method="GET",route="/api/v1/api-keys/\{id\}",le="[^"]+"\} (\S+)$',
        text, re.MULTILINE)]
    assert buckets == sorted(buckets) and buckets[-1] >= 3


def test_what_came_is_in_no_label(service, organization):
    token_id, token = service.mint(organization.member)
    api = service.server.bearer(token)
    api.get("/session", 200)
    api.get("/some-path-that-is-not-there", 404)
    text = metrics(service.server.base)
    for secret in (token, token[:15], organization.member.email, "some-path-that-is-not-there", f"/{token_id}\""):
        assert secret not in text


@pytest.mark.parametrize("series", [
    "rate_limited_total", "token_guesses_refused_total", "verified_hits_total", "verified_misses_total", "gate_questions_total",
    "gate_refills_total", "gate_failures_total", "database_reconnects_total", "usage_lost_total", "usage_flush_lag_seconds",
    "http_connections", "http_requests_open", "event_streams", "stream_events_total",
    "gate_round_tokens_count", "gate_round_duration_seconds_sum",
    'argon2_waiting{share="tokens"}', 'argon2_refused_total{share="passwords"}', "argon2_duration_seconds_count",
    'argon2_wait_seconds_count{share="tokens"}',
    "resident_memory_bytes"])
def test_every_number_is_there(service, series):
    assert value(metrics(service.server.base), series) is not None


def test_a_proven_token_is_a_hit(service, organization):
    api = service.bearer(organization.member)
    api.get("/session", 200)
    before = metrics(service.server.base)
    api.get("/session", 200)
    after = metrics(service.server.base)
    assert value(after, "verified_hits_total") == value(before, "verified_hits_total") + 1
    assert value(after, "verified_misses_total") == value(before, "verified_misses_total")
    assert value(after, "argon2_duration_seconds_count") == value(before, "argon2_duration_seconds_count")


@pytest.mark.parametrize("field", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Proto", "x-forwarded-host"])
def test_not_through_a_proxy(service, field):
    response = requests.get(service.server.base + "/metrics", headers={field: "203.0.113.9"}, timeout=20)
    assert response.status_code == 404 and response.headers["Content-Type"] == "application/problem+json"


def ask_metrics(service, host, version="HTTP/1.1"):
    with service.server.wire() as wire:
        return wire.ask(f"GET /metrics {version}\r\nHost: {host}\r\n\r\n").status


def test_only_for_a_loopback_host(service):
    """A page whose name leads to this machine, and a proxy that passes Host on, ask for another one."""
    for host in ("127.0.0.1", "127.0.0.1:8080", "127.1.2.3:1", "localhost", "LocalHost:8080", "[::1]", "[::1]:8080"):
        assert ask_metrics(service, host) == 200, host
    for host in ("example.test", "10.0.0.1", "localhost.example.test", "127.0.0.1.example.test:8080", "[::2]:80", "x" * 300,
                 "0.0.0.0", "testkase"):
        assert ask_metrics(service, host) == 404, host


def test_not_for_a_proxy_that_adds_nothing(service, database, start_service):
    """nginx speaks HTTP/1.0 unless it is told otherwise. Any other is trusted, or could not tell its clients apart."""
    assert ask_metrics(service, "127.0.0.1", "HTTP/1.0") == 404
    trusting = start_service(database, TESTKASE_TRUSTED_PROXIES="127.0.0.1")
    assert ask_metrics(trusting, "127.0.0.1") == 404
    assert ask_metrics(start_service(database, TESTKASE_TRUSTED_PROXIES="10.0.0.0/8"), "127.0.0.1") == 200


def test_an_address_of_their_own(database, start_service):
    service = start_service(database, TESTKASE_METRICS_LISTEN=f"{fresh_address()}:18230")
    address = service.variables["TESTKASE_METRICS_LISTEN"]
    assert "testkase_build_info" in metrics(f"http://{address}", headers={"X-Forwarded-For": "203.0.113.9"})
    assert requests.get(service.server.base + "/metrics", timeout=20).status_code == 404
    for path in ("/", "/api/v1/session", "/healthz"):
        assert requests.get(f"http://{address}{path}", timeout=20).status_code == 404


# --- the worker's ---

def worker_metrics(path, database, address):
    worker = Program(path, {"TESTKASE_DATABASE_URL": database.url("testkase_worker"), "TESTKASE_METRICS_LISTEN": address})
    with contextlib.closing(worker):
        worker.wait_ready()
        for other in ("/", "/healthz"):
            assert requests.get(f"http://{address}{other}", timeout=20).status_code == 404
        assert requests.post(f"http://{address}/metrics", data="x", timeout=20).status_code in (405, 413, 501)
        return metrics(f"http://{address}")


def test_the_workers(database, worker_path):
    text = worker_metrics(worker_path, database, f"{fresh_address()}:18231")
    assert value(text, "worker_database_connected") == 1 and value(text, "worker_database_connections_total") == 1
    assert value(text, "worker_notification_queue_usage_ratio") == 0
    for job in ("expire", "leavers_tokens", "remind", "make_partitions", "prune_usage", "prune_executions"):
        assert value(text, f'worker_job_runs_total{{job="{job}"}}') >= 1
        assert value(text, f'worker_job_failures_total{{job="{job}"}}') == 0
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_an_address_that_is_taken_stops_the_worker(database, worker_path, service):
    variables = {"TESTKASE_DATABASE_URL": database.url("testkase_worker"), "TESTKASE_METRICS_LISTEN": service.server.address}
    done = run(worker_path, environment=variables)
    assert done.returncode == 1 and "cannot serve metrics on" in done.stderr


def test_many_clients_keep_no_descriptor_from_the_worker(database, worker_path):
    """They wait, and those that say nothing go; the worker can still connect to PostgreSQL."""
    address = f"{fresh_address()}:18232"
    variables = {"TESTKASE_DATABASE_URL": database.url("testkase_worker"), "TESTKASE_METRICS_LISTEN": address}
    worker = Program(worker_path, variables, limits=["--nofile=64"])
    host, _, port = address.rpartition(":")
    with contextlib.closing(worker), contextlib.ExitStack() as idle:
        worker.wait_ready()
        for _ in range(200):
            idle.enter_context(socket.create_connection((host, int(port)), 10))
        worker.wait_for_line("too many clients")
        assert len(os.listdir(f"/proc/{worker.pid}/fd")) <= 50
        ended = "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'testkase_worker' and datname = %s"
        assert database.value(ended, (database.name,)) == 2, "its own, and that for deliveries"
        worker.wait_for_line("connected|ready|works again", start=len(worker.lines()))
        idle.close()
        assert value(metrics(f"http://{address}"), "worker_database_connected") is not None
        assert "Too many open files" not in worker.log() and worker.log().count("too many clients") == 1
