"""The workbench of a setup: its servers, its one run of tokscope, and its expectations."""

import re

from . import measurement, servers
from .processes import Children

SETUPS = {}


class Setup:
    def __init__(self, name, needs, build):
        self.name, self.needs, self.build = name, needs, build
        self.title = " ".join(build.__doc__.split())


def setup(name, needs):
    """Registers a function as the setup `name`; `needs` names the packages it requires; without them it is skipped."""

    def register(build):
        SETUPS[name] = Setup(name, needs.split(), build)
        return build

    return register


class Bench:
    """`shared` outlives the setup, so that slow servers start only once."""

    def __init__(self, folder, shared):
        folder.mkdir()
        self.folder, self.shared = folder, shared
        self.children = Children(folder)
        self.versions, self.broken, self.run = [], [], None

    def start(self, start, *arguments, **options):
        """Starts a server or proxy for this setup."""
        return self._used(start(self.children, *arguments, **options))

    def share(self, name, start):
        """Returns the server that an earlier setup started under this name, or a new one."""
        if name not in self.shared.servers:
            self.shared.servers[name] = start(self.shared.children)
        return self._used(self.shared.servers[name])

    def llama_cpp(self):
        """Returns the llama.cpp server shared by all setups that do not kill it."""
        return self.share("llama.cpp", servers.llama_cpp)

    def _used(self, server):
        if server.version not in self.versions:
            self.versions.append(server.version)
        return server

    def measure(self, url, *options, **more):
        """Runs tokscope, and checks what holds for every run."""
        self.run = measurement.measure(self.folder, url, *options, **more)
        self.expect(self.run.status is not None, f"the run ends within {measurement.RUN_LIMIT_S} s")
        self.expect("panicked" not in self.run.stderr, "tokscope does not panic")
        return self.run

    def expect(self, holds, what):
        if not holds:
            self.broken.append(what)

    # ─── Expectations ───

    def expect_complete(self, attempts):
        """Expects all attempts to succeed, with the token counts of the server's usage."""
        run = self.run
        self.expect(run.status == 0, f"exit status 0 (is {run.status})")
        states = [a["status"] for a in run.attempts]
        self.expect(states == ["ok"] * attempts, f"{attempts} attempts, all ok (are {states})")
        for a in run.attempts:
            tokens, source = a["output_sequence_length"], a["token_count_source"]
            counted = source == "usage" and tokens
            self.expect(counted, f"tokens come from the server's usage (are {tokens} from {source})")

    def expect_tokens(self, count):
        found = [a["output_sequence_length"] for a in self.run.attempts]
        self.expect(set(found) == {count}, f"{count} tokens in each attempt (are {found})")

    def expect_first_tokens(self):
        """Expects first tokens before the rest. A busy machine may delay single answers; a buffer delays all of them."""
        known = [a["time_to_first_token_ms"] for a in self.run.attempts]
        self.expect(any(known), f"attempts have a TTFT (are {known})")
        held_back = self.run.findings["fake_streaming"]
        self.expect(held_back < len(known), f"not every answer is held back ({dict(self.run.findings)})")

    def expect_streamed(self):
        """Expects tokens without buffering; only for a pace that a busy machine can follow."""
        run = self.run
        self.expect_first_tokens()
        self.expect(run.figure("inter_token_latency_ms"), "the run has an inter-token latency")
        self.expect(run.buffered_share() < 0.5, f"no buffering is found ({dict(run.findings)})")
        self.expect("buffer" not in run.bottleneck, f"no buffer is blamed ({run.bottleneck})")

    def expect_buffered(self, decode_tok_s):
        """Expects buffering to be found in every attempt, and no figure that only shows the buffer."""
        run = self.run
        self.expect(run.buffered_share() == 1, f"buffering is found in every attempt ({dict(run.findings)})")
        self.expect("buffer" in run.bottleneck, f"buffering is named as the bottleneck ({run.bottleneck})")
        shown = [a["output_token_throughput_per_user"] for a in run.attempts]
        possible = [v is None or v < 1.1 * decode_tok_s for v in shown]
        self.expect(all(possible), f"no decode speed above the server's own {decode_tok_s:.0f} tok/s (are {shown})")

    def expect_decode_speed(self, tok_s):
        found = self.run.figure("output_token_throughput_per_user") or 0
        is_near = 0.8 * tok_s < found < 1.1 * tok_s
        self.expect(is_near, f"the decode speed is the server's {tok_s} tok/s (is {found:.0f})")

    def server_decode_speed(self):
        """Returns the highest decode speed that the server reports, in tok/s."""
        clocks = [a["server_timings"] for a in self.run.attempts if a["server_timings"]]
        return max((clock["tokens_per_s"] for clock in clocks), default=0)

    def expect_first_token_unresolved(self):
        """Expects no TTFT where all text arrived in one read."""
        at_once = [a for a in self.run.attempts if a["coalesced_event_count"] >= a["content_event_count"] - 1]
        self.expect(at_once, "some answers arrive in one read")
        shown = [a["time_to_first_token_ms"] for a in at_once]
        self.expect(not any(shown), f"no TTFT is shown where all text arrived at once (are {shown})")

    def expect_failed(self, attempts, status, *words):
        """Expects all attempts to fail with this status, and each error to match every pattern."""
        run = self.run
        self.expect(run.status == 1, f"exit status 1 (is {run.status})")
        states = [a["status"] for a in run.attempts]
        self.expect(states == [status] * attempts, f"{attempts} × {status} (are {states})")
        self.expect_said(*words, where=run.errors)

    def expect_unreachable(self, *words):
        run = self.run
        self.expect(run.status == 3, f"exit status 3 (is {run.status})")
        self.expect_said(*words)

    def expect_said(self, *words, where=None):
        """Expects every text of `where` to match each pattern [default: all output of tokscope]."""
        for text in where if where is not None else [self.run.text]:
            for word in words:
                shown = " ".join(text.split())[:300]
                self.expect(re.search(word, text, re.I), f"the message has /{word}/ (is: {shown})")

    def expect_not_said(self, *words):
        for word in words:
            found = re.search(f".*{word}.*", self.run.text, re.I)
            self.expect(not found, f"no message has /{word}/ (is: {found and found[0].strip()[:300]})")
