"""The recipes in deploy/ci: their steps run as their CI system would run them, with its variables, against a real service."""

import contextlib
import http.server
import json
import re
import subprocess
import threading

import pytest
import yaml

from support import pipelines
from support.pipelines import RECIPES, Runner
from support.process import ENVIRONMENT, SANITIZER

COMMIT = "9fceb02d0ae598e95dc970b74767f19372d61af8"

# Of each CI system: what it sets, and the build that the service is told.
VARIABLES = {
    "github": {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "16421", "GITHUB_RUN_ATTEMPT": "2", "GITHUB_RUN_NUMBER": "42",
               "GITHUB_SERVER_URL": "https://github.example.com", "GITHUB_REPOSITORY": "shop/web", "GITHUB_HEAD_REF": "",
               "GITHUB_REF_NAME": "main", "GITHUB_REF": "refs/heads/main", "GITHUB_SHA": COMMIT},
    "gitlab": {"GITLAB_CI": "true", "CI_PIPELINE_ID": "8123", "CI_PIPELINE_IID": "42", "CI_COMMIT_REF_NAME": "main",
               "CI_PIPELINE_URL": "https://gitlab.example.com/shop/web/-/pipelines/8123", "CI_COMMIT_SHA": COMMIT,
               "CI_JOB_URL": "https://gitlab.example.com/shop/web/-/jobs/9"},
    "jenkins": {"JENKINS_URL": "https://ci.example.com/", "BUILD_TAG": "jenkins-shop-42", "BUILD_ID": "42", "BUILD_NUMBER": "42",
                "BUILD_URL": "https://ci.example.com/job/shop/42/", "BRANCH_NAME": "main", "GIT_BRANCH": "origin/main",
                "GIT_COMMIT": COMMIT},
    "azure": {"TF_BUILD": "True", "BUILD_BUILDID": "8123", "BUILD_BUILDNUMBER": "20261127.1", "BUILD_SOURCEVERSION": COMMIT,
              "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": "https://dev.azure.example.com/shop/", "SYSTEM_TEAMPROJECTID": "17",
              "BUILD_SOURCEBRANCH": "refs/heads/main"},
    "circleci": {"CIRCLECI": "true", "CIRCLE_WORKFLOW_ID": "7f3c", "CIRCLE_BUILD_NUM": "42", "CIRCLE_BRANCH": "main",
                 "CIRCLE_BUILD_URL": "https://circleci.example.com/gh/shop/web/42", "CIRCLE_SHA1": COMMIT},
}
BUILDS = {
    "github": ("16421-2", "42", "https://github.example.com/shop/web/actions/runs/16421/attempts/2"),
    "gitlab": ("8123", "42", "https://gitlab.example.com/shop/web/-/pipelines/8123"),
    "jenkins": ("jenkins-shop-42", "42", "https://ci.example.com/job/shop/42/"),
    "azure": ("8123", "20261127.1", "https://dev.azure.example.com/shop/17/_build/results?buildId=8123"),
    "circleci": ("7f3c", "42", "https://circleci.example.com/gh/shop/web/42"),
}

TESTS = """
import pytest

@pytest.mark.parametrize("price", [pytest.param(3, id="{0}")])
def test_pays(price):
    assert price == 3

@pytest.mark.parametrize("price", [pytest.param(3, id="{1}")])
def test_refunds(price):
    assert price == {price}
"""

# Stands before a program, and writes down its arguments.
NOTING = """#!/bin/sh
printf '%s\\n' "$@" >>'{log}'
exec '{program}' "$@"
"""


def block_of_readme(containing):
    [found] = [block for block in re.findall(r"```yaml\n(.*?)```", (RECIPES / "README.md").read_text(), re.DOTALL)
               if containing in block]
    return found


class Shop:
    """A project with tests in a CI system: a token, test cases, and a machine that has testkase-reporter."""

    def __init__(self, service, organization, program, folder):
        self.service = service
        self.organization = organization
        self.token_id, self.token = service.mint(organization.member)
        self.member = service.bearer(organization.member)
        self.cases = [self.member.post("/test-cases?projectId=PRJ-1", {"title": title}, 201).json()["automationId"]
                      for title in ("Pays", "Refunds")]
        self.url = service.server.base
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.provide("testkase-reporter", NOTING.format(log=folder / "arguments", program=program))

    def provide(self, name, script):
        """A program on the machine."""
        path = self.bin / name
        path.write_text(script)
        path.chmod(0o755)

    def recipe(self, name):
        """One of the files, edited for this project."""
        return self.edited((RECIPES / name).read_text())

    def edited(self, text):
        return text.replace("https://testkase.example.com", self.url).replace("1173", str(self.organization.id))

    def jobs(self, name):
        if name == "github action":
            steps = [{"run": "python3 -m pytest --junitxml=test-results/junit.xml"}, *self.steps_with_action()]
            return self.jobs_with_action(steps)
        if name == "gitlab template":
            tests = yaml.safe_load(self.recipe("gitlab/.gitlab-ci.yml"))["tests"]
            including = yaml.safe_load(self.edited(block_of_readme("deploy/ci/gitlab/testkase.yml")))
            return pipelines.gitlab(self.recipe("gitlab/testkase.yml"), yaml.safe_dump({**including, "tests": tests}))
        if name == "gitlab sh":
            return pipelines.gitlab(self.recipe("gitlab/.gitlab-ci.yml"), shell="sh")
        return pipelines.read(name, self.recipe(pipelines.FILES[name]), self.token)

    def steps_with_action(self):
        return yaml.safe_load(self.edited(block_of_readme("./.github/actions/testkase-report")))

    def jobs_with_action(self, steps):
        return pipelines.github(yaml.safe_dump({"jobs": {"tests": {"steps": steps}}}), {"secrets.TESTKASE_PAT": self.token},
                                self.recipe("github/action.yml"))

    def runner(self, name, price=4):
        """`price` 3: all tests pass. GitLab and CircleCI set variables for all steps."""
        system = name.split()[0]
        variables = {**VARIABLES[system], **ENVIRONMENT, "PYTHONDONTWRITEBYTECODE": "1"}
        del variables["PATH"]
        if system in ("gitlab", "circleci"):
            variables["TESTKASE_PAT"] = self.token
        if system == "github":
            variables["GITHUB_STEP_SUMMARY"] = str(self.folder / "summary")
        return Runner(self.folder, self.bin, {"test_shop.py": TESTS.format(*self.cases, price=price)}, variables)

    def run(self, name, price=4, **options):
        ran = self.runner(name, price).run(self.jobs(name), **options)
        self.look_for_secrets(ran.output)
        return ran

    def look_for_secrets(self, output, *others):
        assert not SANITIZER.search(output), output
        for token in (self.token, *others):
            assert token not in output
            for log in self.folder.glob("arguments*"):
                assert token not in log.read_text()

    def executions(self):
        page = self.member.get("/test-cycles/TCYCLE-1/executions?projectId=PRJ-1", 200).json()["data"]
        return {one["automationId"]: one for one in page if one["status"] != "not_executed"}


@pytest.fixture(name="shop")
def _shop(service, organization, binaries, tmp_path):
    return Shop(service, organization, binaries / "reporter" / "testkase-reporter", tmp_path)


SYSTEMS = ("github", "github action", "gitlab", "gitlab sh", "gitlab template", "jenkins", "azure", "circleci")


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_failing_run_is_reported_and_stays_red(shop, name):
    ran = shop.run(name)
    assert ran.failed and ran.runs == 2, ran.output
    assert "1 failed, 1 passed" in ran.output
    assert "reported 2 results to TCYCLE-1: 2 matched, 0 unmatched (exit status 0)" in ran.output
    executions = shop.executions()
    assert {case: executions[case]["status"] for case in shop.cases} == dict(zip(shop.cases, ("pass", "fail")))
    number, told, url = BUILDS[name.split()[0]]
    for execution in executions.values():
        build = execution["build"]
        assert (build["id"], build["number"], build["url"]) == (number, told, url)
        assert (build["branch"], build["commit"], build["provider"]) == ("main", COMMIT, name.split()[0])


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_good_run_is_reported_and_green(shop, name):
    ran = shop.run(name, price=3)
    assert not ran.failed and ran.runs == 2, ran.output
    assert {one["status"] for one in shop.executions().values()} == {"pass"}


@pytest.mark.parametrize("price, tests", [(3, "2 passed"), (4, "1 failed, 1 passed")])
@pytest.mark.parametrize("name", SYSTEMS)
def test_a_report_that_fails_makes_the_build_red(shop, name, price, tests):
    """And above all, not green."""
    shop.service.bearer(shop.organization.member).delete(f"/api-keys/{shop.token_id}", 204)
    ran = shop.run(name, price)
    assert ran.failed and tests in ran.output and "(exit status 1)" in ran.output
    assert not shop.executions()


@pytest.mark.parametrize("name", ["github", "azure"])
def test_pull_requests_from_forks_have_no_token(shop, name):
    """The tests alone decide."""
    assert shop.run(name, price=3, fork=True).runs == 1
    ran = shop.run(name, fork=True)
    assert ran.failed and ran.runs == 1
    assert not shop.executions()


def test_github_has_a_summary(shop):
    shop.run("github")
    assert "| 2 tests | 1 | 1 | 0 | 0 |" in (shop.folder / "summary").read_text()


def test_the_action_takes_several_patterns(shop):
    [step] = shop.steps_with_action()
    step["with"]["results-file"] = "one/*.xml\n\n  \ntwo words/a.xml\n"
    runner = shop.runner("github action")
    for name, case in zip(("one/a.xml", "two words/a.xml"), shop.cases):
        runner.files[name] = f'<testsuite name="s"><testcase name="t [{case}]"/></testsuite>'
    ran = runner.run(shop.jobs_with_action([step]))
    assert not ran.failed and "reported 2 results to TCYCLE-1: 2 matched" in ran.output


# --- rotation ---

# Writes down what it gets, and keeps its standard input.
STORE = """#!/bin/sh
printf '%s\\n' "$@" >>'{folder}/arguments-{name}'
env >'{folder}/environment-{name}'
cat >'{folder}/stored'
exit {status}
"""

# As Vault's: "get" writes the field without an end of line.
VAULT = """#!/bin/sh
printf '%s\\n' "$@" >>'{folder}/arguments-vault'
case $2 in
get) printf %s "$(cat '{folder}/kept')" ;;
patch) cat >'{folder}/stored' ;;
esac
"""


class Rotation(Shop):
    """The same project, whose token is due for rotation."""

    def make_due(self):
        columns = ", ".join(f"{column} = {column} - interval '29 days'" for column in ("created_at", "expires_at", "rotate_at"))
        self.service.database.query("set session_replication_role = replica;"
                                    f"update testkase.api_tokens set {columns} where id = {self.token_id};"
                                    "set session_replication_role = origin")

    def store(self, name, status=0):
        self.provide(name, STORE.format(folder=self.folder, name=name, status=status))

    def stored(self):
        return (self.folder / "stored").read_text()

    def works(self, token):
        return self.service.server.bearer(token).get("/api-keys/current").status_code == 200

    def rotate(self, jobs, name, **variables):
        runner = self.runner(name)
        runner.variables.update(variables)
        ran = runner.run(jobs)
        self.look_for_secrets(ran.output, *([self.stored().strip()] if (self.folder / "stored").exists() else []))
        return ran

    def github(self):
        contexts = {"secrets.TESTKASE_PAT": self.token, "secrets.SECRETS_WRITER": "ghp_writer", "github.repository": "shop/web"}
        return self.rotate(pipelines.github(self.recipe("github/rotate.yml"), contexts), "github")

    def glab(self):
        return self.rotate(pipelines.gitlab(self.recipe("gitlab/rotate-glab.yml")), "gitlab", VARIABLES_WRITER="glpat-writer",
                           CI_SERVER_URL="https://gitlab.example.com", CI_PROJECT_PATH="shop/web")


@pytest.fixture(name="rotation")
def _rotation(service, organization, binaries, tmp_path):
    return Rotation(service, organization, binaries / "reporter" / "testkase-reporter", tmp_path)


def environment_of(rotation, name):
    return dict(line.split("=", 1) for line in (rotation.folder / f"environment-{name}").read_text().splitlines()
                if "=" in line)


def test_rotation_on_github(rotation):
    rotation.make_due()
    rotation.store("gh")
    ran = rotation.github()
    assert not ran.failed and "rotated: the new token works, and the old one was ended" in ran.output
    assert rotation.works(rotation.stored().strip()) and not rotation.works(rotation.token)
    assert (rotation.folder / "arguments-gh").read_text().split() == ["secret", "set", "TESTKASE_PAT"]
    environment = environment_of(rotation, "gh")
    assert (environment["GH_REPO"], environment["GH_TOKEN"]) == ("shop/web", "ghp_writer")
    assert "TESTKASE_PAT" not in environment


@pytest.mark.parametrize("name, system", [("gh", "github"), ("glab", "glab")])
def test_rotation_waits_until_it_is_due(rotation, name, system):
    rotation.store(name)
    ran = getattr(rotation, system)()
    assert not ran.failed and "not due" in ran.output
    assert not (rotation.folder / "stored").exists() and rotation.works(rotation.token)


@pytest.mark.parametrize("name, system", [("gh", "github"), ("glab", "glab")])
def test_rotation_that_cannot_store_changes_nothing(rotation, name, system):
    rotation.make_due()
    rotation.store(name, status=1)
    ran = getattr(rotation, system)()
    assert ran.failed and "the new token was ended" in ran.output
    assert rotation.works(rotation.token) and not rotation.works(rotation.stored().strip())


def test_rotation_by_glab(rotation):
    rotation.make_due()
    rotation.store("glab")
    ran = rotation.glab()
    assert not ran.failed, ran.output
    assert rotation.works(rotation.stored().strip()) and not rotation.works(rotation.token)
    # glab would take the mask away without --masked.
    assert (rotation.folder / "arguments-glab").read_text().split() == [
        "variable", "update", "TESTKASE_PAT", "--masked", "--repo", "shop/web"]
    environment = environment_of(rotation, "glab")
    assert (environment["GITLAB_HOST"], environment["GITLAB_TOKEN"]) == ("https://gitlab.example.com", "glpat-writer")


class GitLab(http.server.BaseHTTPRequestHandler):
    """GitLab's API, as far as one variable goes."""

    def log_message(self, *_):
        pass

    def do_PUT(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.requests.append((self.path, self.headers["PRIVATE-TOKEN"], body))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(json.dumps({"key": "TESTKASE_PAT", "value": body}).encode())


@contextlib.contextmanager
def listening_gitlab(status):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), GitLab) as server:
        server.requests, server.status = [], status
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("shell", ["bash", "sh"])
@pytest.mark.parametrize("status", [200, 403])
def test_rotation_by_gitlabs_api(rotation, shell, status):
    """By curl itself, whose arguments are looked at, too."""
    rotation.make_due()
    rotation.provide("curl", NOTING.format(log=rotation.folder / "arguments-curl", program="/usr/bin/curl"))
    with listening_gitlab(status) as server:
        ran = rotation.rotate(pipelines.gitlab(rotation.recipe("gitlab/rotate.yml"), shell=shell), "gitlab",
                              VARIABLES_WRITER="glpat-writer", CI_PROJECT_ID="17", NO_PROXY="*",
                              CI_API_V4_URL=f"http://127.0.0.1:{server.server_port}/api/v4")
    [(path, writer, body)] = server.requests
    assert (path, writer) == ("/api/v4/projects/17/variables/TESTKASE_PAT", "glpat-writer")
    [value] = re.findall(r'name="value"\r\n\r\n(tk_pat_\w+)\r\n--', body)
    rotation.look_for_secrets(ran.output, value, "glpat-writer")
    assert ran.failed == (status != 200), ran.output
    assert (rotation.works(value), rotation.works(rotation.token)) == (status == 200, status != 200)


def test_rotation_in_vault(rotation):
    rotation.make_due()
    rotation.provide("vault", VAULT.format(folder=rotation.folder))
    (rotation.folder / "kept").write_text(rotation.token)
    environment = {**rotation.runner("jenkins").variables, "TESTKASE_URL": rotation.url}
    done = subprocess.run([RECIPES / "vault" / "rotate.sh", "teams/shop"], env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    new = rotation.stored()
    assert new == new.strip(), "Vault would keep the end of the line"
    rotation.look_for_secrets(done.stdout + done.stderr, new)
    assert rotation.works(new) and not rotation.works(rotation.token)
    assert (rotation.folder / "arguments-vault").read_text().split("\n")[:-1] == [
        "kv", "get", "-mount=secret", "-field=TESTKASE_PAT", "teams/shop",
        "kv", "patch", "-mount=secret", "teams/shop", "TESTKASE_PAT=-"]


def test_rotation_in_a_vault_that_does_not_answer(rotation):
    rotation.provide("vault", "#!/bin/sh\nexit 2\n")
    environment = {**rotation.runner("jenkins").variables, "TESTKASE_URL": rotation.url}
    done = subprocess.run([RECIPES / "vault" / "rotate.sh"], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 2 and "there is no token" in done.stderr
