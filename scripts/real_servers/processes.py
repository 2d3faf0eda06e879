"""Child processes on loopback: finds free ports, waits for servers, and stops every child on exit."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

LOOPBACK = "127.0.0.1"
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 3
POLL_EVERY_S = 0.05


class SetupError(Exception):
    """A setup did not get a server, proxy or condition that it needs."""


class Child:
    """A process in its own group, with its output in a log file."""

    def __init__(self, name, command, log, environment):
        self.name, self.log = name, log
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )

    def kill(self):
        """Kills the whole group at once, like a crash."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def suspend(self):
        """Stops the whole group with SIGSTOP: it keeps its connections and answers nothing."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def stop(self):
        """Terminates the process, then kills what is left of its group."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
                os.killpg(self.process.pid, signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_TIMEOUT_S)
        self.kill()

    def failure(self, what):
        """Returns an error that shows the end of the log."""
        end = "".join(self.log.read_text(errors="replace").splitlines(keepends=True)[-15:])
        return SetupError(f"{self.name} {what}\n{end}".rstrip())


def die_with_parent():
    # Without this, `kill -9` of the script would leave the servers behind.
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Children:
    """Starts processes and stops all of them, the last one first."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.running = []

    def start(self, name, command, environment=None):
        log = self.folder / f"{name}-{len(self.running)}.log"
        child = Child(name, command, log, environment)
        self.running.append(child)
        return child

    def __enter__(self):
        return self

    def __exit__(self, *_):
        while self.running:
            self.running.pop().stop()


def free_port():
    """Returns a loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def closed_port():
    """Holds a loopback port that refuses connections."""
    with socket.socket() as holder:
        holder.bind((LOOPBACK, 0))
        yield holder.getsockname()[1]


def wait_until(condition, what, child=None, timeout_s=START_TIMEOUT_S):
    """Polls until `condition` holds; fails after the timeout or once `child` has ended."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if child is not None and child.process.poll() is not None:
            raise child.failure(f"ended with status {child.process.returncode} before {what}")
        if time.monotonic() > deadline:
            problem = f"timed out after {timeout_s} s waiting until {what}"
            raise child.failure(problem) if child else SetupError(problem)
        time.sleep(POLL_EVERY_S)


def is_listening(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def fetch(url, timeout_s=5):
    """Returns the body of a GET, or `None` without a response of status 200."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout_s) as answer:
            return answer.read().decode(errors="replace") if answer.status == 200 else None
    except (OSError, urllib.error.HTTPError, ValueError):
        return None
