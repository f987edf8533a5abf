#!/usr/bin/python3
"""Writes sql/schema.sql and the list in sql/queries/backup/structure.sql anew from sql/migrations, by a database of its own on a
cluster of its own. A test compares them.

Usage: tests/schema.py"""

import sys

from support import schema
from support.postgres import Cluster


def main():
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    cluster = Cluster()
    try:
        database = cluster.create_database()
        schema.FILE.write_text(schema.document(database), encoding="utf-8")
        schema.STRUCTURE.write_text(schema.structure(database), encoding="utf-8")
    finally:
        cluster.remove()


if __name__ == "__main__":
    main()
