"""Servers without a proxy, and LiteLLM as a gateway."""

import json

from . import servers
from .bench import setup
from .processes import closed_port, fetch, free_port, wait_until
from .servers import LITELLM_KEY, LLAMA_CPP_MODEL

TOKENS = 48
LONG_ANSWER = 4000
SOME_TOKENS = 50


def midway(llama_cpp, act):
    """Returns a function that waits until llama.cpp is mid-answer, then calls `act`."""

    def is_decoding():
        slots = json.loads(fetch(f"{llama_cpp.root}/slots") or "[]")
        return any(token.get("n_decoded", 0) >= SOME_TOKENS for slot in slots for token in slot.get("next_token", []))

    def wait_and_act():
        wait_until(is_decoding, f"llama.cpp has made {SOME_TOKENS} tokens", llama_cpp.child)
        act()

    return wait_and_act


@setup("llama.cpp", "llama.cpp")
def direct(bench):
    """llama.cpp without a proxy"""
    run = bench.measure(bench.llama_cpp().url)
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)
    bench.expect_first_tokens()
    bench.expect(run.server_kind == "llama.cpp", f"llama.cpp is recognised (is {run.server_kind})")
    clocks = [a["server_timings"] for a in run.attempts]
    bench.expect(all(clocks), "the server's own times are read")


@setup("llama.cpp-queue", "llama.cpp")
def queue(bench):
    """llama.cpp with one slot, at concurrency 4: answers one request at a time"""
    server = bench.start(servers.llama_cpp, slots=1)
    bench.measure(server.url, "--concurrency", 4, "--repeat", 2, cases=4, max_tokens=200)
    bench.expect_complete(8)
    bench.expect_tokens(200)
    bench.expect("buffer" not in bench.run.bottleneck, f"no buffer is blamed ({bench.run.bottleneck})")
    bench.expect_said(r"queue|one (request )?at a time|serial", where=[bench.run.bottleneck])


@setup("llama.cpp-killed", "llama.cpp")
def killed(bench):
    """llama.cpp is killed mid-answer"""
    server = bench.start(servers.llama_cpp)
    run = bench.measure(server.url, cases=2, max_tokens=LONG_ANSWER, during=midway(server, server.child.kill))
    bench.expect(run.status == 1, f"exit status 1 (is {run.status})")
    states = [a["status"] for a in run.attempts]
    bench.expect(states == ["truncated", "connect_error"], f"one is cut, one finds a closed port (are {states})")
    bench.expect(all(a["text"] for a in run.attempts[:1]), "the text before the cut is kept")
    # The system resets connections that arrive while the server ends.
    bench.expect_said("refused|reset", where=run.errors[1:])


@setup("vllm", "vllm")
def vllm(bench):
    """vLLM on the CPU, with its metrics"""
    run = bench.measure(bench.share("vllm", servers.vllm).url, "--server-metrics", extra="{ ignore_eos = true }")
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)
    bench.expect_first_tokens()
    bench.expect(run.server_kind == "vLLM", f"vLLM is recognised (is {run.server_kind})")
    version = run.results["target"]["server"]["version"] if run.results else None
    bench.expect(version and version in bench.versions[0], f"vLLM's version is read (is {version})")
    bench.expect(run.results.get("server_metrics"), "the server's metrics are read")


@setup("vllm-too-long", "vllm")
def too_long(bench):
    """vLLM refuses a prompt longer than its context: HTTP 400, quoted in the error"""
    bench.measure(bench.share("vllm", servers.vllm).url, padding=2000)
    bench.expect_failed(3, "http_error", "HTTP 400", "512|context|length")


@setup("litellm", "litellm llama.cpp")
def litellm(bench):
    """LiteLLM in front of llama.cpp"""
    run = measure_by_litellm(bench, "--warmup", 1)  # The first request loads half of LiteLLM.
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)
    bench.expect_first_tokens()
    kind = run.server_kind or ""
    bench.expect("litellm" in kind.lower(), f"LiteLLM is recognised (is {kind or 'unknown'})")


@setup("litellm-no-key", "litellm llama.cpp")
def no_key(bench):
    """LiteLLM without a key: one request, and advice"""
    measure_by_litellm(bench, key=None)
    bench.expect(bench.run.status in (1, 3), f"exit status 1 or 3 (is {bench.run.status})")
    bench.expect(len(bench.run.attempts) <= 1, f"no more than one request ({len(bench.run.attempts)} attempts)")
    bench.expect_said("401", "OPENAI_API_KEY")


@setup("litellm-wrong-model", "litellm llama.cpp")
def wrong_model(bench):
    """LiteLLM without the requested model: one request, and the error names the model"""
    measure_by_litellm(bench, model="no-such-model")
    bench.expect(bench.run.status in (1, 3), f"exit status 1 or 3 (is {bench.run.status})")
    tried = [a for a in bench.run.attempts if a["http_status"]]
    bench.expect(len(tried) <= 1, f"no more than one request ({len(tried)} attempts)")
    bench.expect_said("no-such-model")


@setup("litellm-down", "litellm llama.cpp")
def down(bench):
    """LiteLLM's upstream refuses connections: its own error reaches the user"""
    measure_by_litellm(bench, model="down")
    bench.expect_failed(3, "http_error", "HTTP 50[0-9]", "connection error")
    bench.expect_not_said(LITELLM_KEY)


@setup("litellm-killed", "litellm llama.cpp")
def upstream_killed(bench):
    """LiteLLM's upstream is killed mid-answer"""
    gateway = bench.share("litellm", start_litellm)
    server = bench.start(servers.llama_cpp, port=gateway.mortal_port)
    environment = {"OPENAI_API_KEY": LITELLM_KEY}
    model = ("--model", "mortal")
    more = {"cases": 1, "max_tokens": LONG_ANSWER, "during": midway(server, server.child.kill)}
    run = bench.measure(gateway.url, *model, environment=environment, **more)
    bench.expect(run.status == 1, f"exit status 1 (is {run.status})")
    states = [a["status"] for a in run.attempts]
    bench.expect(states and states[0] in ("stream_error", "truncated"), f"the answer is not ok (are {states})")
    bench.expect(run.errors and run.errors[0], "the error has a sentence")


def start_litellm(children):
    upstream = servers.llama_cpp(children)
    closed = closed_port()
    down = closed.__enter__()
    mortal = free_port()
    gateway = servers.litellm(children, {LLAMA_CPP_MODEL: upstream.port, "down": down, "mortal": mortal})
    gateway.mortal_port, gateway.holder = mortal, closed
    return gateway


def measure_by_litellm(bench, *options, model=LLAMA_CPP_MODEL, key=LITELLM_KEY):
    gateway = bench.share("litellm", start_litellm)
    environment = {"OPENAI_API_KEY": key} if key else {}
    return bench.measure(gateway.url, "--model", model, *options, environment=environment)
