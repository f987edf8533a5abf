"""Folders in build/ with what a suite takes from PyPI and npm."""

import fcntl
import json
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


class NodeModules:
    """The folder build/npm-NAME, with the packages of tests/NAME/package-lock.json; made anew when that has changed."""

    def __init__(self, name):
        self.folder = ROOT / "build" / f"npm-{name}"
        source = ROOT / "tests" / name
        made_of = self.folder / "node_modules" / "made-of.json"
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made_of.exists() or made_of.read_text() != (source / "package-lock.json").read_text():
                self._make(source)
                shutil.copy(source / "package-lock.json", made_of)

    def _make(self, source):
        if not shutil.which("npm"):
            subprocess.run([ROOT / "deploy" / "install-packages.sh", "node"], check=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(source / file, self.folder)
        shutil.copy(ROOT / "tests" / "web" / ".npmrc", self.folder)
        subprocess.run(["npm", "--prefix", self.folder, "ci", "--ignore-scripts"], check=True, stdout=subprocess.DEVNULL)

    def run(self, script, *arguments):
        """What a script of ours, which finds the packages beside it, writes as JSON."""
        here = self.folder / script.name
        shutil.copy(script, here)
        done = subprocess.run(["node", here, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                              check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
