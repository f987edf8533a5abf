"""The dashboards in deploy/grafana, and what Grafana makes of the SQL of their panels."""

import json
import re

from support.postgres import ROOT

FOLDER = ROOT / "deploy" / "grafana" / "dashboards"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def dashboards():
    """(file name without its ending, dashboard) of each."""
    return [(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.json"))]


def targets(kind):
    """(dashboard, panel, target) of each query for data sources of that type: postgres or prometheus."""
    return [(board, panel, target) for _, board in dashboards() for panel in board["panels"] for target in panel["targets"]
            if target["datasource"]["type"] == kind]


def name_of(value):
    """The name of a test about such a triple."""
    board, panel, target = value
    return f"{board['uid']}-{panel['id']}-{target['refId']}"


def seconds(interval):
    number, unit = re.fullmatch(r"(\d+)([smhd])", interval).groups()
    return int(number) * UNITS[unit]


def expand(board, sql, begin, end):
    """The SQL as Grafana sends it for the time from `begin` to `end` (RFC 3339) and all values of the variables. The macros
    are those of Grafana's PostgreSQL data source that the dashboards use:

    $__timeFilter(c)            c BETWEEN 'begin' AND 'end'
    $__timeGroupAlias(c, '1h')  floor(extract(epoch from c)/3600)*3600 AS "time"
    $name                       the variable's allValue"""
    sql = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN '{begin}' AND '{end}'", sql)
    sql = re.sub(r"\$__timeGroupAlias\((\w+), *'(\w+)'\)",
                 lambda match: f'floor(extract(epoch from {match[1]})/{seconds(match[2])})*{seconds(match[2])} AS "time"', sql)
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            sql = re.sub(rf"\${variable['name']}\b", variable["allValue"], sql)
    assert "$" not in sql, f"a macro that expand() does not know: {sql}"
    return sql
