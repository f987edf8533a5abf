"""The completion of testkase-admin in bash, with the real program."""

import subprocess

import pytest

from support.postgres import ROOT

COMPLETE = """
source "$1"
COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2))
_testkase_admin
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("words,offered", [
    (["tok"], ["token"]),
    (["u"], ["user"]),
    (["token", "cre"], ["create"]),
    (["user", ""], ["create", "deactivate", "delete", "invite", "list", "make-owner", "reactivate", "set-password"]),
    (["migrate", "--d"], ["--dry-run"]),
    (["token", "create", "--i"], ["--idempotency-key"]),
    (["token", "create", "ada@example.com", "--n"], ["--name"]),
    (["nosuch", "x"], []),
    (["nosuch", "x", "--y"], []),
    ([";reboot", ""], [])], ids=" ".join)
def test_words_are_offered(admin_path, words, offered):
    done = subprocess.run(["bash", "-c", COMPLETE, "complete", ROOT / "deploy" / "completion.bash", admin_path, *words],
                          capture_output=True, text=True, check=True)
    assert done.stdout.split() == offered and done.stderr == ""
