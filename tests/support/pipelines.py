"""The pipelines in deploy/ci, read as their CI systems read them: jobs, and steps with their shell, environment and condition;
and a runner that runs them on this machine."""

import dataclasses
import re
import string
import subprocess

import yaml

from support.postgres import ROOT

RECIPES = ROOT / "deploy" / "ci"


@dataclasses.dataclass
class Step:
    """`shell` is the command that gets a script's path; `runs` says whether it runs, after failed ones or not."""
    script: str
    shell: list
    environment: dict
    runs: callable


@dataclasses.dataclass
class Job:
    """`keeps` are the folders whose files later jobs get."""
    steps: list
    runs: callable
    keeps: list = dataclasses.field(default_factory=list)


def after_success(failed, _):
    return not failed


def always(*_):
    return True


def after_any(_, fork):
    """In pull requests from forks it would have no token."""
    return not fork


# --- GitHub Actions ---

GITHUB = {None: after_success, "${{ !cancelled() }}": always,
          "${{ !cancelled() && !github.event.pull_request.head.repo.fork }}": after_any}
GITHUB_SHELLS = {None: ["bash", "-e"], "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"]}


def expressions(text, contexts):
    """A text with the values of its expressions; only those of `contexts` may be in it."""
    return re.sub(r"\$\{\{ *([\w.-]+) *\}\}", lambda match: contexts[match[1]], str(text))


def github(text, contexts, action=None):
    document = yaml.safe_load(text)
    jobs = []
    for job in document["jobs"].values():
        outer = {**document.get("env", {}), **job.get("env", {})}
        steps = []
        for step in job["steps"]:
            if not step.get("uses", "").startswith("actions/"):
                steps += github_step(step, outer, contexts, action)
        jobs.append(Job(steps, always))
    return jobs


def github_step(step, outer, contexts, action=None):
    """One, or those of the composite action that it uses."""
    runs = GITHUB[step.get("if")]
    if "uses" in step:
        document = yaml.safe_load(action)
        given = {name: expressions(value, contexts) for name, value in step["with"].items()}
        assert set(given) <= set(document["inputs"])
        inputs = {f"inputs.{name}": given[name] if told.get("required") else given.get(name, told.get("default"))
                  for name, told in document["inputs"].items()}
        return [dataclasses.replace(github_step(inner, outer, inputs)[0], runs=runs) for inner in document["runs"]["steps"]]
    environment = {name: expressions(value, contexts) for name, value in {**outer, **step.get("env", {})}.items()}
    return [Step(expressions(step["run"], contexts), GITHUB_SHELLS[step.get("shell")], environment, runs)]


# --- GitLab CI ---

def gitlab(text, extending="", shell="bash"):
    """`extending` is a pipeline that includes this one. The jobs come in the order of their stages."""
    document = {**yaml.safe_load(text), **(yaml.safe_load(extending) or {})}
    jobs = []
    for name, job in document.items():
        if name in ("include", "variables", "stages") or name.startswith("."):
            continue
        if "extends" in job:
            base = document[job["extends"]]
            job = {**base, **job, "variables": {**base.get("variables", {}), **job.get("variables", {})}}
        environment = {**document.get("variables", {}), **job.get("variables", {})}
        # The runner makes one script of all entries.
        script = f"set -e{'o pipefail' if shell == 'bash' else ''}\n" + "\n".join(job["script"])
        jobs.append((job.get("stage") == ".post", Job(
            [Step(script, [shell], environment, after_success)], always if job.get("when") == "always" else after_success,
            job.get("artifacts", {}).get("paths", []) if job.get("artifacts", {}).get("when") == "always" else [])))
    return [job for _, job in sorted(jobs, key=lambda pair: pair[0])]


# --- Jenkins ---

def groovy_blocks(text):
    """The statements of a Jenkinsfile as (words, block or None); a word is a name, a sign, or ("text", the string)."""
    pattern = re.compile(r"//[^\n]*|'''(.*?)'''|'((?:[^'\\\n]|\\.)*)'|([{}()=\n])|([\w.]+)", re.DOTALL)
    stack, words = [[]], []
    for match in pattern.finditer(text):
        long, short, sign, name = match.groups()
        if long is not None or short is not None:
            content = short if long is None else long
            words.append(("text", re.sub(r"\\(.)", lambda escape: escape[1].replace("\n", ""), content, flags=re.DOTALL)))
        elif sign == "{":
            stack[-1].append((words, []))
            stack.append(stack[-1][-1][1])
            words = []
        elif sign in ("}", "\n"):
            if words:
                stack[-1].append((words, None))
            words = []
            if sign == "}":
                stack.pop()
        elif sign or name:
            words.append(sign or name)
    assert len(stack) == 1 and not words
    return stack[0]


def inside(blocks, name):
    return [inner for words, block in blocks if words[0] == name and block is not None for inner in block]


def jenkins(text, credentials):
    pipeline = inside(groovy_blocks(text), "pipeline")
    environment = {}
    for words, _ in inside(pipeline, "environment"):
        assert words[1] == "="
        environment[words[0]] = credentials[words[4][1]] if words[2] == "credentials" else words[2][1]
    steps = []
    for blocks, runs in ((inside(inside(inside(pipeline, "stages"), "stage"), "steps"), after_success),
                         (inside(inside(pipeline, "post"), "always"), always)):
        for words, _ in blocks:
            assert words[0] == "sh"
            steps.append(Step(words[1][1], ["sh", "-xe"], environment, runs))
    return [Job(steps, always)]


# --- Azure DevOps ---

AZURE = {None: after_success, "succeededOrFailed()": always,
         "and(succeededOrFailed(), ne(variables['System.PullRequest.IsFork'], 'True'))": after_any}


def azure(text, secrets):
    """A secret variable is in the environment only where `env` names it."""
    document = yaml.safe_load(text)
    steps = []
    for step in document["steps"]:
        mapped = {name: re.sub(r"\$\((\w+)\)", lambda match: secrets[match[1]], value)
                  for name, value in step.get("env", {}).items()}
        steps.append(Step(step["script"], ["bash", "--noprofile", "--norc"], {**document["variables"], **mapped},
                          AZURE[step.get("condition")]))
    return [Job(steps, always)]


# --- CircleCI ---

def circleci(text):
    document = yaml.safe_load(text)
    [name] = document["workflows"]["tests"]["jobs"]
    job = document["jobs"][name]
    steps = [step["run"] for step in job["steps"] if step != "checkout"]
    return [Job([Step(step["command"], ["/bin/bash", "-eo", "pipefail"], job["environment"],
                      {None: after_success, "always": always}[step.get("when")]) for step in steps], always)]


# --- all of them ---

FILES = {"github": "github/workflow.yml", "gitlab": "gitlab/.gitlab-ci.yml", "jenkins": "jenkins/Jenkinsfile",
         "azure": "azure/azure-pipelines.yml", "circleci": "circleci/config.yml"}


def read(system, text, token):
    """The jobs of a pipeline, with the token stored as the recipe says. GitLab and CircleCI give it to all jobs."""
    return {
        "github": lambda: github(text, {"secrets.TESTKASE_PAT": token}),
        "gitlab": lambda: gitlab(text),
        "jenkins": lambda: jenkins(text, {"testkase-pat": token}),
        "azure": lambda: azure(text, {"TESTKASE_PAT": token}),
        "circleci": lambda: circleci(text),
    }[system]()


# --- running ---

class Runner:
    """Runs jobs, each in a folder of its own that begins as a copy of `files` (name → text). `bin` is a folder with what the
    machine has besides Debian's programs."""

    def __init__(self, folder, bin_folder, files, variables):
        self.folder = folder
        self.files = files
        self.variables = {"PATH": f"{bin_folder}:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", "CI": "true",
                          **variables}
        self.output = ""
        self.runs = 0        # scripts that ran
        self.failed = False  # whether the build is red

    def run(self, jobs, fork=False):
        kept = {}
        for number, job in enumerate(jobs):
            if job.runs(self.failed, fork):
                workspace = self.folder / f"job-{number}"
                for name, content in {**self.files, **kept}.items():
                    (workspace / name).parent.mkdir(parents=True, exist_ok=True)
                    (workspace / name).write_text(content)
                self.failed = self._run_steps(job, workspace, fork) or self.failed
                for folder in job.keeps:
                    kept.update({str(path.relative_to(workspace)): path.read_text()
                                 for path in (workspace / folder).rglob("*") if path.is_file()})
        return self

    def _run_steps(self, job, workspace, fork):
        failed = False
        for number, step in enumerate(job.steps):
            if step.runs(failed, fork):
                script = self.folder / f"{workspace.name}-step-{number}.sh"
                script.write_text(step.script)
                own = {name: string.Template(value).substitute(self.variables) for name, value in step.environment.items()}
                environment = {**self.variables, **own}
                done = subprocess.run([*step.shell, script], cwd=workspace, env=environment, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
                self.output += done.stdout
                self.runs += 1
                failed = failed or done.returncode != 0
        return failed
