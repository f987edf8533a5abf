"""The machine that the tests of the Debian packages share, and what root pastes into its shell."""

import re
import subprocess
import time

import pytest

from support import runbook
from support.machine import PASSWORD, Machine
from support.postgres import ROOT
from support.runbook import section


@pytest.fixture(scope="session")
def packages():
    """The packages as a person makes them."""
    done = subprocess.run([ROOT / "deploy" / "package.sh"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    made = sorted((ROOT / "build" / "packages").glob("*.deb"))
    assert [path.name.split("_")[0] for path in made] == [
        f"testkase-{name}" for name in ("admin", "common", "reporter", "server", "worker")]
    return made


@pytest.fixture(scope="session")
def machine(tmp_path_factory):
    started = Machine(tmp_path_factory.mktemp("machine"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def paste(machine):
    """paste(text) runs what root pastes into a shell, in `folder`, after the functions of the runbook, and types in."""
    [functions] = runbook.blocks_of(runbook.sections()["Before you begin on Debian packages"], "sh")

    def run(block, typed="", folder="/var/tmp", check=True):
        return machine.run("bash", "-euo", "pipefail", "-c", f"{functions.text}\ncd {folder}\n{block}", text=typed, check=check)
    return run


@pytest.fixture(scope="session")
def query(paste):
    """query(sql) gives what a statement of the runbook shows, in the role that it names."""
    def run(sql):
        role = runbook.role_of(sql)
        become = "" if role == "postgres" else f"set role {role};\n"
        return paste("sql --quiet --csv --set ON_ERROR_STOP=1", typed=become + sql).stdout
    return run


@pytest.fixture(scope="session")
def token(machine, packages, paste):
    """From the packages to a token that works; installing and setting up."""
    machine.put(*packages)
    began = time.monotonic()
    options = f"--organization 'Example Ltd' --owner ada@example.com --password-stdin <<<{PASSWORD}"
    with section("Install on Debian", {"testkase-setup": f"testkase-setup {options}"}) as blocks:
        assert re.search(r"^15 +main +\d+ online", paste(blocks.next("pg_lsclusters")).stdout, re.MULTILINE)
        done = paste(blocks.next("apt install"), folder="/root")
        assert paste(blocks.next("readyz")).stdout.split() == ["active", "active", '{"status":"ready"}']
    made = re.search(r"^tk_pat_\w+$", done.stdout, re.MULTILINE)[0]
    assert machine.status(made) == 200
    print(f"from the packages to a working token: {time.monotonic() - began:.1f} s")
    return made
