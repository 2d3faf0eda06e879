"""Starts the servers under test: llama.cpp, tokscope's simulator, LiteLLM, vLLM."""

import json
import os
import re
import secrets
import sys

from . import measurement, packages, tiny_llama
from .processes import LOOPBACK, fetch, free_port, is_listening, wait_until

SLOW_START_TIMEOUT_S = 240
LLAMA_CPP_MODEL = "random-words"
VLLM_MODEL = "tiny-llama"
# Arguments for a pace that a busy machine can follow, and an `extra` field that makes the simulator stall.
PACE_TOK_S = 100
PACE = ("--ttft-ms", 60, "--tokens-per-s", PACE_TOK_S, "--jitter", 0)
STALLING = "{ tokscope_sim = { fault = 'stall', after_tokens = 10 } }"
LITELLM_KEY = "sk-" + secrets.token_hex(16)


class Server:
    """A process that listens on a loopback port."""

    def __init__(self, port, child, version, scheme="http"):
        self.port, self.child, self.version = port, child, version
        self.root = f"{scheme}://{LOOPBACK}:{port}"
        self.url = f"{self.root}/v1"


def llama_cpp(children, slots=4, port=None):
    port = port or free_port()
    command = [packages.SCRIPTS / "real-server", "serve", "--with-parent", "--port", port, "--slots", slots]
    child = children.start("llama.cpp", [sys.executable, *command])
    server = Server(port, child, f"llama.cpp {_llama_cpp_version()}")
    wait_until(lambda: fetch(f"{server.root}/health"), "llama.cpp is ready", child)
    return server


def _llama_cpp_version():
    # The wheel has no llama.cpp build number, but its own version identifies the build.
    return re.search(r'^VERSION = "(.+)"', (packages.SCRIPTS / "real-server").read_text(), re.M)[1]


def paced_simulator(children):
    """Starts tokscope's own simulator, for a known pace."""
    port = free_port()
    child = children.start("simulator", [measurement.binary(), "sim", "--port", port, *PACE])
    wait_until(lambda: is_listening(port), "the simulator listens", child)
    return Server(port, child, "simulator")


def litellm(children, models):
    """Starts LiteLLM's proxy with these models: name → port of the OpenAI-compatible server behind it."""
    port = free_port()
    program, offline = packages.find("litellm")
    upstream = {"api_key": "none", "max_retries": 0}
    entries = [
        {
            "model_name": name,
            "litellm_params": upstream | {"model": f"openai/{name}", "api_base": f"http://{LOOPBACK}:{to}/v1"},
        }
        for name, to in models.items()
    ]
    config = {
        "model_list": entries,
        "general_settings": {"master_key": LITELLM_KEY},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
    path = children.folder / "litellm.yaml"
    path.write_text(json.dumps(config))  # JSON is YAML.
    # The environment was moved after it was created, so its scripts do not work.
    command = [program, "-c", "from litellm import run_server; run_server()", "--host", LOOPBACK, "--port", port]
    command += ["--config", path, "--telemetry", "False"]
    child = children.start("litellm", command, os.environ | offline | {"NO_PROXY": LOOPBACK})
    server = Server(port, child, packages.pinned("litellm").replace("-", " "))
    wait_until(lambda: fetch(f"{server.root}/health/liveliness"), "LiteLLM is ready", child, SLOW_START_TIMEOUT_S)
    return server


def vllm(children):
    """Starts vLLM on the CPU, with a tiny model of random weights."""
    port = free_port()
    program, offline = packages.find("vllm")
    model = children.folder / VLLM_MODEL
    tiny_llama.write(model)
    # KV cache size in GiB; vLLM's default is a share of the machine's memory.
    limits = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_HOST_IP": LOOPBACK}
    command = [program, "-m", "vllm.entrypoints.openai.api_server", "--host", LOOPBACK, "--port", port]
    command += ["--model", model, "--served-model-name", VLLM_MODEL, "--load-format", "dummy", "--dtype", "float32"]
    command += ["--max-model-len", "512", "--max-num-seqs", "4", "--enforce-eager"]
    child = children.start("vllm", command, os.environ | offline | limits)
    server = Server(port, child, packages.pinned("vllm").replace("-cpu-", " "))
    wait_until(lambda: fetch(f"{server.root}/health") is not None, "vLLM is ready", child, SLOW_START_TIMEOUT_S)
    return server
