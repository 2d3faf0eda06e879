"""The server's process, run by `real-server` in the environment that has llama.cpp.

Arguments: the model, the log file, the port, the number of slots, 1 to end when the parent process is gone, and the task:
generation, embeddings or rerank.
"""

import os
import signal
import sys
import time
import urllib.request

CONTEXT = 8192  # tokens per slot, prompt and answer together
NAME = "random-words"


def start(model, port, slots, task):
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {NAME}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = slots
    params.n_ctx = CONTEXT * slots
    params.n_gpu_layers = 0
    # With such a small model, more threads only wait for each other.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.enable_reasoning = 0  # enabled per request
    params.endpoint_metrics = True
    params.ui = False
    if task != "generation":
        params.embedding = True
        # llama.cpp refuses a text longer than its physical batch, by default 512 tokens.
        params.n_batch = params.n_ubatch = 2048
        # Only these poolings make one vector or one score of a text.
        rank, mean = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK, xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
        params.pooling_type = rank if task == "rerank" else mean
    return xllamacpp.Server(params)


def is_healthy(root):
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{root}/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def main(model, log, port, slots, with_parent, task):
    parent = os.getppid()
    # Signals end the process at once, even inside llama.cpp.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    ours, complaints = os.fdopen(os.dup(1), "w"), os.fdopen(os.dup(2), "w")
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    try:
        server = start(model, port, slots, task)
    except Exception as error:
        print(f"real-server: llama.cpp did not start: {error}; see {log}", file=complaints)
        return 1
    root = server.listening_address
    deadline = time.monotonic() + 30
    while not is_healthy(root):
        if time.monotonic() > deadline:
            print(f"real-server: {root}/health is not healthy after 30 s; see {log}", file=complaints)
            return 1
        time.sleep(0.1)
    print(f"listening on {root}/v1", file=ours, flush=True)
    while not with_parent or os.getppid() == parent:
        time.sleep(0.5)
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5] == "1", sys.argv[6])
    sys.stdout.flush()
    # Skips llama.cpp's clean-up, which waits for clients.
    os._exit(status)
