#!/usr/bin/python3 -EsB
"""Compares this tree with another one, both built for release, in one interleaved run.

Usage: tests/bench/compare.py BEFORE [ROUNDS]

BEFORE is another clone of this repository, at an earlier commit, whose build/release holds the programs; so does this tree's.
Each has a server of one thread, a cluster and 1 000 tokens of its own; 64 connections ask in turn, ROUNDS (7) times, 4 s each.
It prints the medians, the ratio of this tree to the other, and the resident memory of both servers afterwards.
"""

import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import load  # noqa: E402

PATHS = ("/api/v1/auth/verify", "/api/v1/projects/user-projects")
CONNECTIONS, SECONDS = 64, 4


class Tree:
    """A server of that tree, held by a process of its own."""

    def __init__(self, folder):
        self.process = subprocess.Popen(["/usr/bin/python3", "-EsB", HERE / "hold.py", folder], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.base, pid, self.tokens = self.process.stdout.readline().split()
        self.pid = int(pid)

    def ask(self, path, seconds=SECONDS):
        return load.run(self.base, path, self.tokens, CONNECTIONS, seconds, [self.pid])

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)


def main():
    before, now = Tree(sys.argv[1]), Tree(HERE.parent.parent)
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    try:
        for tree in (before, now):
            tree.ask(PATHS[0], 30)  # until argon2 is over with every token
        for path in PATHS:
            results = {tree: [] for tree in (before, now)}
            for turn in range(rounds):
                for tree in (before, now) if turn % 2 else (now, before):
                    results[tree].append(tree.ask(path))
            old, new = load.median(results[before]), load.median(results[now])
            ratio = load.ratio(results[now], results[before])
            print(f"{path}: {old.rate:,.0f} -> {new.rate:,.0f} requests/s, ratio {ratio:.3f}, "
                  f"p99 {old.p99:.2f} -> {new.p99:.2f} ms, CPU {old.server:.1f} -> {new.server:.1f} us, "
                      f"errors {old.bad}, {new.bad}", flush=True)
        print(f"resident memory: {before.resident_mib():.1f} -> {now.resident_mib():.1f} MiB")
    finally:
        before.close()
        now.close()


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main()
