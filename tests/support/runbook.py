"""deploy/RUNBOOK.md: its sections, and the blocks of commands in them.

A test that runs the commands of a section takes them from here:

    with section("Leaked token", {"found.txt": path}) as blocks:
        said = shell(blocks.next("token identify"))

At its end, every `sh` block of the section must have been taken. tests/docs/test_runbook.py requires such a test of each section
that has any; it finds it by the name in the call. The SQL of all sections is run by tests/integration/test_runbook_sql.py; a test
that also wants to see what a statement shows takes it by sql()."""

import contextlib
import dataclasses
import re

from support.postgres import ROOT

PATH = ROOT / "deploy" / "RUNBOOK.md"
FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What is written inline and is more than the name of a program.
COMMAND = re.compile(r"`((?:testkase-admin|testkase-setup|systemctl|journalctl|select) [^`]+)`")


@dataclasses.dataclass(frozen=True)
class Block:
    language: str
    text: str


def sections():
    """The text of each section, by its heading, in order."""
    parts = re.split(r"(?m)^## (.*)\n", PATH.read_text(encoding="utf-8"))
    assert len(set(parts[1::2])) == len(parts[1::2]), "two sections have one heading"
    return dict(zip(parts[1::2], parts[2::2]))


def anchor(heading):
    """The name by which links lead to a section."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def blocks_of(text, language=None):
    return [Block(*found) for found in FENCE.findall(text) if language in (None, found[0])]


def inline_commands(text):
    return [" ".join(command.split()) for command in COMMAND.findall(FENCE.sub("", text))]


def role_of(sql):
    """The role as which a statement is meant to run: `-- as testkase_owner` in its first line, else testkase_ops."""
    named = re.match(r"-- as (?:a (superuser)|(testkase_\w+))$", sql.split("\n")[0])
    return "testkase_ops" if not named else "postgres" if named[1] else named[2]


def replace(text, names):
    """`names` are the words of the text that stand for something else where the test runs; each must occur."""
    for name, value in names.items():
        assert name in text, f"the text does not have {name}"
        text = text.replace(name, str(value))
    return text


class Blocks:
    """The blocks of one section."""

    def __init__(self, text, names):
        self.names = names
        self.left = [block.text for block in blocks_of(text, "sh")]
        self.statements = [block.text for block in blocks_of(text, "sql")]
        self.used = set()

    def _fit(self, text):
        here = {name: value for name, value in self.names.items() if name in text}
        self.used |= set(here)
        return replace(text, here)

    def next(self, holds):
        """The next sh block; it must hold these words, so that text and test agree on which one it is."""
        assert self.left, f"there is no further block; expected one with {holds!r}"
        assert holds in self.left[0], f"expected a block with {holds!r}:\n{self.left[0]}"
        return self._fit(self.left.pop(0))

    def sql(self, holds):
        """The only SQL statement of the section that holds these words."""
        [found] = [text for text in self.statements if holds in text]
        return self._fit(found)


@contextlib.contextmanager
def section(heading, names=None):
    """Blocks of that section, in which the words in `names` are replaced."""
    blocks = Blocks(sections()[heading], names or {})
    yield blocks
    assert blocks.left == [], f"no test has run these blocks of {heading}"
    assert blocks.used == set(blocks.names), f"{heading} does not have {set(blocks.names) - blocks.used}"
