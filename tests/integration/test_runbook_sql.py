"""The SQL of deploy/RUNBOOK.md, and the subcommands that it names. Its commands are run by the tests that call section() of
support/runbook.py."""

import contextlib
import re

import pytest

from support import runbook
from support.process import run

TEXT = runbook.PATH.read_text()
SQL = [(heading, block.text) for heading, text in runbook.sections().items() for block in runbook.blocks_of(text, "sql")]


@pytest.mark.parametrize("heading,sql", SQL, ids=[f"{heading}-{number}" for number, (heading, _) in enumerate(SQL)])
@pytest.mark.usefixtures("organization")
def test_a_statement_runs_in_the_role_that_it_names(service, heading, sql):
    assert heading in runbook.sections()
    with contextlib.closing(service.database.connect(runbook.role_of(sql))) as connection, connection.cursor() as cursor:
        cursor.execute(sql)  # and is rolled back, unless it commits
        assert cursor.statusmessage


def test_the_subcommands_exist(admin_path):
    named = set(re.findall(r"\btestkase-admin ([a-z]+(?: [a-z]+(?:-[a-z]+)*)?)", TEXT)) - {"connects by"}
    assert {"status", "token revoke", "token set-rate-limit", "user set-password"} <= named
    for command in named:
        assert run(admin_path, [*command.split(), "--help"]).returncode == 0, command
