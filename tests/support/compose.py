"""The service of deploy/docker/compose.yaml, in containers of Podman, as root. The base image is a Debian made here. Images stay
in build/boot, so that the next run builds only what has changed."""

import json
import os
import random
import shlex
import shutil
import socket
import subprocess

import yaml

from support import runbook
from support.deadline import until
from support.environment import Environment
from support.machine import AS_ROOT, FOLDER, limits, make_root
from support.postgres import ROOT

BASE = "docker.io/library/debian:bookworm-slim"
STORE = FOLDER / "containers"


def free_port():
    """Not one of those that the kernel gives to clients, because the images are built before it is used."""
    while True:
        with socket.socket() as probe:
            port = random.randrange(20_000, 30_000)
            try:
                probe.bind(("", port))
                return port
            except OSError:
                continue


class Compose:
    """close() leaves no container, network or volume. `variables` are those that compose.yaml names."""

    def __init__(self, folder, files=("compose.yaml",), **variables):
        self.project = f"testkase{os.getpid()}"
        self.files = [ROOT / "deploy" / "docker" / name for name in files]
        self.port, self.http_port = free_port(), free_port()
        subnet = f"172.30.{os.getpid() % 256}.{os.getpid() // 256 % 16 * 16}/28"
        self.variables = {"TESTKASE_HTTPS_PORT": str(self.port), "TESTKASE_HTTP_PORT": str(self.http_port),
                          "TESTKASE_SUBNET": subnet, **variables}
        self.base = f"https://localhost:{self.port}"
        self.program = Environment("boot").programs / "podman-compose"
        self.script = folder / "podman"
        self._make_script(folder)
        self._make_base()
        self.services = yaml.safe_load(self.compose("config").stdout)["services"]

    def _make_script(self, folder):
        """Podman with its own store, so that podman-compose can call it; it asks for no more limits than this process has."""
        configuration = folder / "containers.conf"
        configuration.write_text("[containers]\ndefault_ulimits = " + json.dumps(list(limits())) +
                                 "\n[network]\nnetwork_backend = \"netavark\"\n")
        STORE.mkdir(parents=True, exist_ok=True)
        kind = subprocess.run(["stat", "--file-system", "--format=%T", STORE], check=True, capture_output=True, text=True).stdout
        driver = "vfs" if kind.startswith("overlay") else "overlay"
        command = [*AS_ROOT, "env", f"CONTAINERS_CONF={configuration}", "BUILDAH_FORMAT=docker", "podman", "--runtime=runc",
                   "--cgroup-manager=cgroupfs", f"--storage-driver={driver}", "--root", STORE / "store", "--runroot",
                   STORE / "run", "--network-config-dir", folder / "networks"]
        self.script.write_text(f"#!/bin/sh\nexec {shlex.join(map(str, command))} \"$@\"\n")
        self.script.chmod(0o755)

    def _make_base(self):
        tar, imported = make_root("slim", ()), STORE / "imported"
        when = str(tar.stat().st_mtime_ns)
        known = imported.exists() and imported.read_text() == when
        if not known or self.podman("image", "exists", BASE, check=False).returncode != 0:
            self.podman("import", tar, BASE)
            imported.write_text(when)

    def podman(self, *arguments, **options):
        options = {"check": True, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 900} | options
        check = options.pop("check")
        done = subprocess.run([self.script, *map(str, arguments)], check=False, **options)
        assert not check or done.returncode == 0, f"podman {arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done

    def compose(self, *arguments, check=True, **options):
        files = [argument for path in self.files for argument in ("-f", path)]
        options = {"stdin": subprocess.DEVNULL, "timeout": 900} | options
        done = subprocess.run(
            [self.program, "--podman-path", self.script, "-p", self.project, *files, *arguments], check=False,
            capture_output=True, text=True,
            env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **self.variables}, **options)
        assert not check or done.returncode == 0, f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done

    def operate(self, text, typed="", check=True):
        """What a person pastes into a shell in the clone, after the functions of the runbook. `docker` is podman-compose: it
        wants a profile and no dependencies for `run`, and no terminal where there is none."""
        [functions] = runbook.blocks_of(runbook.sections()["Before you begin with Compose"], "sh")
        files = [argument for path in self.files for argument in ("-f", path)]
        program = shlex.join(map(str, [self.program, "--podman-path", self.script, "-p", self.project, *files]))
        docker = f"""docker() {{
            shift 3 # compose --file deploy/docker/compose.yaml
            case $1 in
            run) shift; set -- --profile admin run --no-deps -T "$@" ;;
            exec) shift; set -- exec -T "$@" ;;
            esac
            {program} "$@"
        }}
        """
        prelude = "\n".join(line for line in functions.text.splitlines() if "()" in line)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", f"{docker}\n{prelude}\n{text}"], cwd=ROOT, input=typed,
                              capture_output=True, text=True, timeout=300, check=False,
                              env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **self.variables})
        assert not check or done.returncode == 0, f"{text} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def name(self, service):
        return f"{self.project}_{service}_1"

    def build(self):
        """The stage that compiles gets a name, so that it is not pruned."""
        build = next(service["build"] for service in self.services.values() if "build" in service)
        self.podman("build", "--file", ROOT / build["dockerfile"], "--target=build", "--tag=testkase-build", ROOT)
        self.compose("build")

    def up(self, without=()):
        """What `docker compose up` does: each service as soon as those that it depends on are as far as compose.yaml wants. This
        Podman cannot wait for health, nor require a container that has ended, so that happens here. Returns what was printed.
        `without` names services that are left out."""
        printed, started = "", set()
        waiting = {name: service for name, service in self.services.items()
                   if not service.get("profiles") and name not in without}
        while waiting:
            for name in [name for name, service in waiting.items() if set(service.get("depends_on", ())) <= started]:
                dependencies = waiting.pop(name).get("depends_on", {})
                for other, wanted in (dependencies.items() if isinstance(dependencies, dict) else ()):
                    self._wait(other, wanted["condition"])
                done = self.compose("up", "--detach", "--no-deps", "--no-build", name)
                printed += done.stdout + done.stderr
                started.add(name)
        return printed

    def _wait(self, service, condition):
        if condition == "service_healthy":
            until(lambda: self.healthy(service), 60, f"{service} is healthy")
        elif condition == "service_completed_successfully":
            status = self.podman("wait", self.name(service)).stdout.strip()
            assert status == "0", self.podman("logs", self.name(service)).stderr

    def healthy(self, service):
        return self.podman("healthcheck", "run", self.name(service), check=False).returncode == 0

    def inspect(self, service):
        return json.loads(self.podman("inspect", self.name(service)).stdout)[0]

    def pid(self, service):
        """Of its first process, or 0."""
        done = self.podman("inspect", "--format={{.State.Pid}}", self.name(service), check=False)
        return int(done.stdout or 0)

    def kill(self, service):
        """As if it had crashed."""
        subprocess.run([*AS_ROOT, "kill", "-KILL", str(self.pid(service))], check=True)

    def run(self, service, *command, text=None):
        given = {"stdin": None, "input": text} if text is not None else {}
        interactive = ["--interactive"] if text is not None else []
        return self.podman("exec", *interactive, self.name(service), *command, **given).stdout

    def logs(self):
        """Of all containers."""
        found = ""
        for name in self.services:
            done = self.podman("logs", self.name(name), check=False)
            found += done.stdout + done.stderr
        return found

    def close(self):
        self.compose("down", "--volumes", "--timeout", "0", check=False)
        self.podman("rm", "--all", "--force", "--time=0", check=False)
        for network in ("front", "back", "monitoring"):
            self.podman("network", "rm", "--force", f"{self.project}_{network}", check=False)
        self.podman("volume", "prune", "--force", check=False)
        self.podman("image", "prune", "--force", check=False)
        shutil.rmtree(self.script.parent / "networks", ignore_errors=True)
