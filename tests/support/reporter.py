"""Runs testkase-reporter, in a folder of its own, with an environment of its own."""

import json
import subprocess

from support import token as tokens
from support.process import ENVIRONMENT, SANITIZER


class Reporter:
    """`folder` is the working directory; the spool is below it."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.token = tokens.make()
        self.spool = folder / "state" / "testkase-reporter"
        self.environment = {**ENVIRONMENT, "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"),
                            "TESTKASE_PAT": self.token}

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, str):
            text = text.encode()
        path.write_bytes(text)
        return name

    def command(self, *words, target=("--project-id", "PRJ-1", "--org-id", "1173")):
        """`report` with the usual project, unless the first word is another subcommand."""
        if words and words[0] in ("report", "resume", "doctor", "rotate"):
            return [str(self.program), *words]
        return [str(self.program), "report", *target, *words]

    def start(self, *words, environment=None, **options):
        return subprocess.Popen(self.command(*words), cwd=self.folder, env={**self.environment, **(environment or {})},
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def run(self, *words, environment=None, standard_input=b"", status=0, seconds=60, **options):
        """Runs to the end; checks the exit status, and that the token is nowhere."""
        done = subprocess.run(self.command(*words, **options), cwd=self.folder,
                              env={**self.environment, **(environment or {})}, input=standard_input, capture_output=True,
                              timeout=seconds, check=False)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        assert not SANITIZER.search(done.stderr), done.stderr
        assert self.token not in done.stdout + done.stderr
        assert done.returncode == status, done.stderr + done.stdout
        return done

    def run_json(self, *words, **options):
        return json.loads(self.run(*words, "--json", **options).stdout)

    def planned(self, *words, **options):
        """What a dry run says it would report: id → (status, name)."""
        lines = self.run("--dry-run", *words, **options).stdout.splitlines()
        return {line[:5]: (line[6:13].strip(), line[14:]) for line in lines}

    def spooled(self):
        return sorted(self.spool.glob("*.batch")) if self.spool.exists() else []


def junit(*cases):
    """A JUnit file; a case is a name, or a name and what is in its testcase."""
    pairs = [(case, "") if isinstance(case, str) else case for case in cases]
    inner = "".join(f'<testcase name="{name}" classname="c">{content}</testcase>' for name, content in pairs)
    return f'<testsuites><testsuite name="s">{inner}</testsuite></testsuites>'
