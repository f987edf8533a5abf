"""The operator's command line, run by tests."""

import json
import subprocess

from support.process import ENVIRONMENT, run


class Admin:
    """Runs the program against one database, as testkase_owner by default."""

    def __init__(self, path, database, role="testkase_owner"):
        self.path = path
        self.database = database
        self.environment = {"TESTKASE_ADMIN_DATABASE_URL": database.url(role), "TESTKASE_ARGON2_MEMORY_KIB": "8192",
                            "TESTKASE_ARGON2_TIME": "1"}

    def run(self, *arguments, standard_input="", **variables):
        return run(self.path, arguments, {**self.environment, **variables}, standard_input)

    def done(self, *arguments, **options):
        """What it prints with --json; it must succeed."""
        result = self.run(*arguments, "--json", **options)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def refused(self, *arguments, status=1, **options):
        """Its line on standard error; it must fail with this exit status, print nothing and say why."""
        result = self.run(*arguments, **options)
        assert result.returncode == status, (result.returncode, result.stdout, result.stderr)
        assert result.stdout == ""
        assert result.stderr.startswith("testkase-admin: "), result.stderr
        if status == 1:
            assert result.stderr.count("\n") == 1, result.stderr
        return result.stderr

    def begin(self, *arguments, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen([str(self.path), *arguments], env={**ENVIRONMENT, **self.environment}, cwd="/",
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
