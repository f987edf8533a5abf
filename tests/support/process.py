"""Our programs as child processes, with a clean environment and an eye on what they say."""

import pathlib
import re
import signal
import subprocess
import threading
import time

READY = re.compile(r'msg="?ready\b|"msg(?:essage)?":\s*"ready')
ADDRESS = re.compile(r'address"?[=:]\s*"?([^\s",]+)')
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|SUMMARY: \w+Sanitizer")

# Everything that a program of ours gets beside its own variables.
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=0",
}


class Program:
    """One running program. `environment` holds its TESTKASE_* variables and is, with PATH, all that it gets."""

    def __init__(self, path, environment=None, arguments=(), limits=None):
        assert pathlib.Path(path).exists(), f"{path} has not been built; see --bin"
        self.name = pathlib.Path(path).name
        self._lines = []
        self._news = threading.Condition()
        self._ended = False
        self._killed = False
        command = [str(path), *arguments]
        if limits:
            command = ["prlimit", *limits, *command]
        self.process = subprocess.Popen(command, env={**ENVIRONMENT, **(environment or {})}, cwd="/",
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self._news:
                self._lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    @property
    def pid(self):
        return self.process.pid

    def lines(self):
        """The lines of its log so far."""
        with self._news:
            return list(self._lines)

    def log(self):
        return "\n".join(self.lines())

    def tail(self, count=60):
        return f"--- the last lines of {self.name} (pid {self.pid}) ---\n" + "\n".join(self.lines()[-count:])

    def wait_for_line(self, pattern, seconds=20, start=0):
        """The match in the first line, from number `start` on, that holds `pattern`."""
        pattern = re.compile(pattern)
        end = time.monotonic() + seconds
        index = start
        with self._news:
            while True:
                while index < len(self._lines):
                    match = pattern.search(self._lines[index])
                    if match:
                        return match
                    index += 1
                left = end - time.monotonic()
                if left <= 0 or self._ended:
                    break
                self._news.wait(left)
        why = "it ended" if self._ended else f"{seconds} s passed"
        raise AssertionError(f"{self.name}: {why} without a line like {pattern.pattern}\n{self.tail()}")

    def wait_ready(self, seconds=30):
        """Waits for the ready line and returns the address in it, or None."""
        match = self.wait_for_line(READY, seconds)
        found = ADDRESS.search(match.string)
        return found.group(1) if found else None

    def is_running(self):
        return self.process.poll() is None

    def wait(self, seconds=20):
        """Its exit status once it has ended and its last line was read."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {seconds} s\n{self.tail()}") from None
        self._reader.join(10)
        return status

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9, and gone."""
        self._killed = True
        if self.is_running():
            self.process.kill()
        self.process.wait(10)
        self._reader.join(10)

    def terminate(self, seconds=20):
        """SIGTERM; checks that it ended in good order and left no report of a sanitizer."""
        assert self.is_running(), f"{self.name} has ended by itself: {self.process.returncode}\n{self.tail()}"
        self.signal(signal.SIGTERM)
        status = self.wait(seconds)
        self.check_sane()
        assert status == 0, f"{self.name} ended with {status}\n{self.tail()}"

    def check_sane(self):
        """No sanitizer has reported anything."""
        reports = [line for line in self.lines() if SANITIZER.search(line)]
        assert not reports, f"{self.name}: {reports[0]}\n{self.tail(200)}"

    def close(self):
        """For the end of a test, however it went."""
        if self.process.stderr.closed:
            return
        try:
            if self.is_running():
                self.terminate()
            self.check_sane()
            assert self._killed or self.process.returncode == 0, (
                f"{self.name} has ended by itself: {self.process.returncode}\n{self.tail()}")
        finally:
            if self.is_running():
                self.kill()
            self._reader.join(10)
            self.process.stderr.close()


def close_all(things):
    """Closes every one, also when one of them complains."""
    errors = []
    for thing in things:
        try:
            thing.close()
        except AssertionError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def run(path, arguments=(), environment=None, standard_input="", seconds=60):
    """Runs a program to its end: returns subprocess.CompletedProcess with text."""
    done = subprocess.run([str(path), *arguments], env={**ENVIRONMENT, **(environment or {})}, cwd="/",
                          input=standard_input, capture_output=True, text=True, timeout=seconds, check=False)
    assert not SANITIZER.search(done.stderr), done.stderr
    return done
