"""What pg_dump tells about a database, to be compared."""

import re

# What pg_dump says about itself and its session, and its title above each statement.
NOISE = [r"--\n(?:-- .*\n)+--\n", r"-- Dumped .*\n", r"SET \w+ = .*;\n", r"SELECT pg_catalog\.set_config\(.*\n",
         r"\\(?:un)?restrict .*\n"]


def without_noise(dump):
    """pg_dump's text, as bytes, without what differs between two dumps of the same schema."""
    text = dump.decode()
    for noise in NOISE:
        text = re.sub(f"(?m)^{noise}", "", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
