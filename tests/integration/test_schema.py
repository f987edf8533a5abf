"""sql/schema.sql is the schema that the migrations make, and the migrations read like a schema written today."""

import difflib
import re

import pytest

from support import schema
from support.postgres import MIGRATIONS, migrations

PROGRAM = "tests/schema.py"


@pytest.fixture
def readable(cluster, database):
    """A fresh database on the release that sql/schema.sql is of: others deparse expressions in another way."""
    if cluster.major() != 15:
        pytest.skip("this machine has another release than PostgreSQL 15")
    return database


def test_schema_sql_is_what_the_migrations_make(readable):
    kept, made = schema.FILE.read_text(), schema.document(readable)
    difference = "".join(difflib.unified_diff(kept.splitlines(True), made.splitlines(True), "sql/schema.sql", "sql/migrations"))
    assert not difference, f"run {PROGRAM} to write sql/schema.sql anew\n{difference}"


def test_what_backup_check_compares_with_is_what_the_migrations_make(database):
    """With every release of PostgreSQL, and in every month."""
    kept = schema.STRUCTURE.read_text()
    difference = "".join(difflib.unified_diff(kept.splitlines(True), schema.structure(database).splitlines(True)))
    assert not difference, f"run {PROGRAM} to write {schema.STRUCTURE.name} anew\n{difference}"
    assert database.value("select testkase.make_partitions(7)") > 0
    assert schema.structure(database) == kept


def test_schema_sql_is_the_same_in_another_month(readable):
    before = schema.document(readable)
    assert readable.value("select testkase.make_partitions(7)") > 0
    assert schema.document(readable) == before
    assert not re.search(r"_20\d\d_", before)


def test_schema_sql_shows_what_matters():
    text = schema.FILE.read_text()
    for part in ("CREATE TABLE testkase.api_tokens (", "CONSTRAINT api_tokens_hash_while_alive CHECK",
                 "CREATE TRIGGER users_guard ", "CREATE INDEX users_left_idx",
                 "GRANT SELECT ON TABLE testkase.shown_tokens TO testkase_server;"):
        assert part in text
    assert not re.search(r"(?m)^(SET|SELECT|\\|-- (Name|Dumped))", text)


def test_migrations_have_no_gaps():
    assert [version for version, *_ in migrations()] == list(range(1, len(list(migrations())) + 1))


def test_migrations_keep_to_130_columns():
    long = [f"{path.name}:{number}" for path in sorted(MIGRATIONS.glob("*.sql"))
            for number, line in enumerate(path.read_text().splitlines(), 1) if len(line) > 130]
    assert long == []
