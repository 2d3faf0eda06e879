"""One headless run of tokscope: its output, its files, and its figures."""

import collections
import json
import os
import pathlib
import subprocess
import sys

from .processes import die_with_parent

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RUN_LIMIT_S = 60
# Findings of text that was held back, or that arrived in pieces coarser than tokens.
BUFFERING = {"fake_streaming", "bursts", "shared_reads", "unresolved"}

SUITE = """[suite]
name = "Real servers"
[defaults]
max_tokens = {max_tokens}
timeout_s = 30
temperature = 0.7
extra = {extra}
"""
CASE = """[[case]]
name = "{name}"
prompt = '''{prompt}'''
"""
PROMPTS = {
    "Mutex": "Explain how a mutex works.",
    "Fruit": "List ten kinds of fruit.",
    "Water": "Why does ice float on water?",
    "Stack": "Compare a stack with a queue.",
}


def binary():
    """Returns the tokscope to run, or `None`."""
    path = pathlib.Path(os.environ.get("TOKSCOPE") or ROOT / "target" / "debug" / "tokscope")
    return path if os.access(path, os.X_OK) else None


class Measurement:
    """The outcome of a run."""

    def __init__(self, status, stdout, stderr, results):
        self.status, self.stdout, self.stderr = status, stdout, stderr
        self.results = results or {}

    @property
    def attempts(self):
        every = [a for case in self.results.get("cases", []) for a in case["attempts"]]
        return [a for a in every if not a["warmup"]]

    @property
    def errors(self):
        """Messages of the attempts that failed."""
        return [a["error"]["message"] for a in self.attempts if a["error"]]

    @property
    def text(self):
        """All text that tokscope shows the user."""
        notes = [note for a in self.attempts for note in a["warnings"]]
        return "\n".join([self.stderr, self.stdout, *self.errors, *notes])

    @property
    def server_kind(self):
        return self.results["target"]["server"]["kind"] if self.results else None

    @property
    def findings(self):
        """Counts the attempts with each finding."""
        return collections.Counter(f["key"] for a in self.attempts for f in a["findings"])

    @property
    def bottleneck(self):
        """The bottleneck sentence of the summary."""
        lines = self.stdout.splitlines()
        starts = [i for i, line in enumerate(lines) if line.startswith("Bottleneck")]
        if not starts:
            return ""
        end = starts[0] + 1
        while end < len(lines) and lines[end].startswith(" "):
            end += 1
        return " ".join(" ".join(lines[starts[0] : end]).split())

    def figure(self, key):
        """Returns a figure of the whole run, or its median over the attempts; `None` if it is not available."""
        value = (self.results.get("summary") or {}).get(key)
        return value.get("p50") if isinstance(value, dict) else value

    def buffered_share(self):
        """Returns the share of attempts with a finding of buffering."""
        found = [a for a in self.attempts if BUFFERING & {f["key"] for f in a["findings"]}]
        return len(found) / len(self.attempts) if self.attempts else 0.0


def measure(folder, url, *options, cases=3, max_tokens=48, padding=0, extra="{}", environment=None, during=None):
    """Runs tokscope against `url`.

    `padding` adds this many characters to each prompt. `during` is called once during the run. A run that takes
    longer than `RUN_LIMIT_S` is ended, and its status is `None`.
    """
    suite, output = folder / "suite.toml", folder / "results.json"
    prompts = list(PROMPTS.items())[:cases]
    written = [CASE.format(name=name, prompt=prompt + " x" * (padding // 2)) for name, prompt in prompts]
    suite.write_text("\n".join([SUITE.format(max_tokens=max_tokens, extra=extra), *written]))
    command = [binary(), url, "--headless", "--no-save", "--gpu", "none"]
    command += ["--cases", suite, "--export", output, *options]
    with open(folder / "stdout", "wb") as stdout, open(folder / "stderr", "wb") as stderr:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=folder,
            env=clean_environment(folder) | (environment or {}),
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
        try:
            if during:
                during()
            status = process.wait(RUN_LIMIT_S)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    results = json.loads(output.read_text()) if output.exists() else None
    texts = [(folder / name).read_text(errors="replace") for name in ("stdout", "stderr")]
    return Measurement(status, *texts, results)


def clean_environment(folder):
    """Returns this process's environment without variables that change what tokscope does."""
    ours = {k: v for k, v in os.environ.items() if not k.upper().endswith("_PROXY")}
    ours = {k: v for k, v in ours.items() if not k.startswith(("TOKSCOPE_", "OPENAI_", "XDG_"))}
    return ours | {"HOME": str(folder), "COLUMNS": "200"}
