"""What the tests of the static reporter share: the file, and the service as pipelines reach it."""

import pathlib
import subprocess
import tempfile

import pytest

from support.postgres import ROOT
from support.site import Site


def run_script(name):
    """Runs a script of deploy/; returns what it said."""
    done = subprocess.run([ROOT / "deploy" / name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=800, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="session")
def build():
    """build(script) runs that script of deploy/, and returns what it said."""
    return run_script


@pytest.fixture(scope="session")
def static_reporter(build):
    """The static reporter, as deploy/reporter-static.sh makes it."""
    build("reporter-static.sh")
    return ROOT / "build" / "static" / "testkase-reporter"


@pytest.fixture(scope="module")
def site(module_service):
    # The path of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="site-") as folder:
        made = Site(module_service, pathlib.Path(folder))
        yield made
        made.close()
