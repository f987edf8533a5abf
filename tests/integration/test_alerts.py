"""The alerts in deploy/prometheus."""

import contextlib
import re
import subprocess

import pytest
import yaml

from support.http import fresh_address
from support.metrics import metrics
from support.postgres import ROOT
from support.process import Program

FOLDER = ROOT / "deploy" / "prometheus"
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
NAMES = [rule["alert"] for rule in RULES]


@pytest.mark.parametrize("arguments", [("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml"),
                                       ("test", "rules", "alerts_test.yml")], ids=" ".join)
def test_promtool_has_nothing_to_say(arguments):
    done = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "FAILED" not in said and "SUCCESS" in said, said


def test_each_alert_is_seen_to_fire_and_to_stay_quiet():
    seen = {}
    for test in yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]:
        [expected] = test["alert_rule_test"]
        seen.setdefault(expected["alertname"], []).append(bool(expected["exp_alerts"]))
    assert seen == {name: [True, False] for name in NAMES}


def test_each_alert_leads_to_its_section_of_the_runbook():
    for rule in RULES:
        assert rule["annotations"]["runbook"] == f"deploy/RUNBOOK.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("critical", "warning") and rule["annotations"]["summary"]


def test_alerts_ask_for_metrics_that_exist(service, organization, worker_path, database):
    service.bearer(organization.member).get("/session", 200)
    address = f"{fresh_address()}:18234"
    worker = Program(worker_path, {"TESTKASE_DATABASE_URL": database.url("testkase_worker"), "TESTKASE_METRICS_LISTEN": address})
    with contextlib.closing(worker):
        worker.wait_ready()
        text = metrics(service.server.base) + metrics(f"http://{address}")
    there = set(re.findall(r"^(testkase_\w+)", text, re.MULTILINE))
    named = {name for rule in RULES for name in re.findall(r"testkase_\w+", rule["expr"])}
    assert named <= there, named - there
    labels = {label for rule in RULES for label in re.findall(r'(\w+="[^"]+")', rule["expr"])} - {'job="testkase-server"'}
    assert labels and all(label in text for label in labels), labels
