"""Virtual environments in build/, with what a suite takes from PyPI."""

import fcntl
import pathlib
import shutil
import subprocess

from support.postgres import ROOT


class Environment:
    """The environment build/venv-NAME, made of tests/NAME/requirements.txt; made anew when that has changed."""

    def __init__(self, name):
        self.folder = ROOT / "build" / f"venv-{name}"
        requirements = ROOT / "tests" / name / "requirements.txt"
        made_of = self.folder / "requirements.txt"
        self.folder.parent.mkdir(exist_ok=True)
        with open(self.folder.parent / f"venv-{name}.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made_of.exists() or made_of.read_text() != requirements.read_text():
                self._make(requirements)
                shutil.copy(requirements, made_of)

    def _make(self, requirements):
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run(["/usr/bin/python3", "-m", "venv", self.folder], check=True)
        subprocess.run([self.programs / "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
                        "--requirement", requirements], check=True)

    @property
    def programs(self):
        return self.folder / "bin"

    @property
    def modules(self):
        [found] = self.folder.glob("lib/python3*/site-packages")
        return pathlib.Path(found)
