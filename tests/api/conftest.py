"""Tools from PyPI for the tests of this folder, in a virtual environment of their own."""

import fcntl
import shutil
import subprocess

import pytest

from support.postgres import ROOT

REQUIREMENTS = ROOT / "tests" / "api" / "requirements.txt"
ENVIRONMENT = ROOT / "build" / "venv-api"


def make_environment():
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    subprocess.run(["/usr/bin/python3", "-m", "venv", ENVIRONMENT], check=True)
    subprocess.run([ENVIRONMENT / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
                    "--requirement", REQUIREMENTS], check=True)


@pytest.fixture(scope="session")
def tools():
    """The folder of the environment's programs. It is made anew when the requirements have changed."""
    made_of = ENVIRONMENT / "requirements.txt"
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    with open(ENVIRONMENT.parent / "venv-api.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made_of.exists() or made_of.read_text() != REQUIREMENTS.read_text():
            make_environment()
            shutil.copy(REQUIREMENTS, made_of)
    return ENVIRONMENT / "bin"
