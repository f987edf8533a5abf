"""Starts a server of one tree with fresh tokens, tells where, and holds it until its standard input ends. For compare.py."""

import pathlib
import sys

sys.dont_write_bytecode = True
TREE = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(TREE / "tests"))

from support.postgres import Cluster  # noqa: E402
from support.service import Service  # noqa: E402

TOKENS = 1000


def main():
    cluster = Cluster({"shared_buffers": "1GB", "max_wal_size": "8GB", "synchronous_commit": "on"})
    service = Service(TREE / "build" / "release" / "server" / "testkase-server", cluster.create_database(),
                      TESTKASE_ARGON2_MEMORY_KIB="19456", TESTKASE_ARGON2_TIME="2", TESTKASE_THREADS="1")
    try:
        person = service.organization().member
        file = cluster.folder / "tokens"
        file.write_text("".join(service.mint(person, cost=(19456, 2))[1] + "\n" for _ in range(TOKENS)))
        print(service.server.base, service.server.pid, file, flush=True)
        sys.stdin.read()
    finally:
        service.close()
        cluster.remove()


main()
