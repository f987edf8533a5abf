"""The schema of a database as text that is the same on every day, in every locale and with every minor release."""

import re

from support.postgres import ROOT

FILE = ROOT / "sql" / "schema.sql"

HEADER = """\
-- The schema as the migrations leave it, for reading only: no program runs this file. The reasons stand in sql/migrations.
-- Written by tests/schema.py; a test compares the two. Owners and the partitions of single months are left out.

"""

# What depends on the day: the partitions of single months, for example audit_events_2031_07.
MONTHS = "testkase.*_[0-9][0-9][0-9][0-9]_[0-9][0-9]"

# What pg_dump says about itself and its session, and its title above each statement.
NOISE = [r"--\n(?:-- .*\n)+--\n", r"-- Dumped .*\n", r"SET \w+ = .*;\n", r"SELECT pg_catalog\.set_config\(.*\n",
         r"\\(?:un)?restrict .*\n"]


def without_noise(dump):
    """pg_dump's text, as bytes, without what differs between two dumps of the same schema."""
    text = dump.decode()
    for noise in NOISE:
        text = re.sub(f"(?m)^{noise}", "", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def document(database):
    """The text of sql/schema.sql for a migrated database."""
    return HEADER + without_noise(database.dump("--schema-only", "--no-owner", f"--exclude-table={MONTHS}"))
