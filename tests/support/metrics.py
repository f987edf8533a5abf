"""/metrics as Prometheus reads it."""

import re

import requests


def metrics(base, **options):
    """The text at that address."""
    response = requests.get(base + "/metrics", timeout=20, **options)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return response.text


def value(text, series):
    """The number of one series, named without its prefix; None when it is not there."""
    match = re.search(rf"^testkase_{re.escape(series)} (\S+)$", text, re.MULTILINE)
    return float(match[1]) if match else None
