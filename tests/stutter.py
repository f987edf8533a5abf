#!/usr/bin/python3
"""Runs a command beside a machine that keeps its processes from running: again and again, one of those below it, picked at
random, is stopped for 30 to 500 ms. A test that fails then, and not otherwise, relies on somebody being quick.

Usage: tests/stutter.py COMMAND [ARGUMENT...]

Returns the command's exit status."""

import os
import pathlib
import random
import signal
import subprocess
import sys

STOPPED_S = (0.03, 0.5)
BETWEEN_S = (0.02, 0.5)


def below(root):
    """Process ids of those that are not stopped among the descendants of `root`."""
    children, states = {}, {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it has ended
        children.setdefault(int(parent), []).append(int(entry.name))
        states[int(entry.name)] = state
    found = list(children.get(root, []))
    for pid in found:  # grows meanwhile
        found += children.get(pid, [])
    return [pid for pid in found if states[pid] in "RSD"]


def has_ended(process, within_s):
    """Waits for the end of the command, so long at most."""
    try:
        process.wait(random.uniform(*within_s))
    except subprocess.TimeoutExpired:
        return False
    return True


def hold(pid, process):
    """Keeps one process from running for a moment."""
    try:
        os.kill(pid, signal.SIGSTOP)
        try:
            has_ended(process, STOPPED_S)
        finally:
            os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass


def main(command):
    with subprocess.Popen(command) as process:
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())  # and nobody stays stopped
        while not has_ended(process, BETWEEN_S):
            candidates = below(process.pid)
            if candidates:
                hold(random.choice(candidates), process)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] in ("--help", "-h"):
        print(__doc__)
        sys.exit(0 if len(sys.argv) > 1 else 2)
    sys.exit(main(sys.argv[1:]))
