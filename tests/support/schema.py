"""The schema of a database as text that is the same on every day, in every locale and with every minor release; and as the list
that `testkase-admin backup check` compares a restored database with."""

import re

from support.postgres import ROOT

FILE = ROOT / "sql" / "schema.sql"
STRUCTURE = ROOT / "sql" / "queries" / "backup" / "structure.sql"

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


LIST = re.compile(r"(?s)(?<=    -- begin\n).*?(?=    -- end\n)")


def structure(database):
    """The text of STRUCTURE with the list of what is in a migrated database."""
    text = STRUCTURE.read_text()
    query = re.sub(r"(?m)^ *--.*$", "", LIST.sub("(null, null, null, null)\n", text))
    query = query.replace("%", "%%").replace(":part", "%(part)s")
    lines = []
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("set search_path = testkase, pg_temp")
        for part in ("structure", "owners", "rights"):
            cursor.execute(query, {"part": part})
            lines += [cursor.mogrify("    (%s, %s, %s, %s)", (part, *row[:3])).decode() for row in cursor.fetchall()]
    connection.close()
    return LIST.sub(lambda _: ",\n".join(sorted(lines)) + "\n", text)
