"""haproxy as a load balancer: queues, time limits, servers that are down."""

from . import proxies, servers
from .bench import setup
from .processes import closed_port
from .servers import PACE_TOK_S, STALLING
from .setups_servers import LONG_ANSWER, TOKENS, midway

QUEUE_LIMIT = f"{proxies.NO_DELAY}\n    timeout queue 200ms"


@setup("haproxy", "haproxy llama.cpp")
def plain(bench):
    """haproxy in HTTP mode with http-no-delay"""
    upstream = bench.llama_cpp()
    run = bench.measure(bench.start(proxies.haproxy, [upstream.port]).url)
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)
    bench.expect_first_tokens()
    bench.expect(run.server_kind == "llama.cpp", f"llama.cpp is recognised behind haproxy (is {run.server_kind})")


@setup("haproxy-paced", "haproxy")
def paced(bench):
    """haproxy with http-no-delay before a slow simulator: nothing is held back"""
    bench.measure(bench.start(proxies.haproxy, [bench.start(servers.paced_simulator).port]).url)
    bench.expect_complete(3)
    bench.expect_streamed()
    bench.expect_decode_speed(PACE_TOK_S)


@setup("haproxy-buffering", "haproxy")
def buffering(bench):
    """haproxy with defaults: it holds small pieces back for up to 200 ms"""
    upstream = bench.start(servers.paced_simulator)
    bench.measure(bench.start(proxies.haproxy, [upstream.port], defaults="").url, max_tokens=100)
    bench.expect_complete(3)
    bench.expect_buffered(PACE_TOK_S)


@setup("haproxy-buffering-llama.cpp", "haproxy llama.cpp")
def buffering_llama_cpp(bench):
    """haproxy with defaults: short answers of llama.cpp fit into its 200 ms"""
    bench.measure(bench.start(proxies.haproxy, [bench.llama_cpp().port], defaults="").url, max_tokens=24)
    bench.expect_complete(3)
    bench.expect_buffered(bench.server_decode_speed())
    bench.expect_first_token_unresolved()


@setup("haproxy-serial", "haproxy")
def serial(bench):
    """haproxy passes one request at a time, at concurrency 4"""
    upstream = bench.start(servers.paced_simulator)
    proxy = bench.start(proxies.haproxy, [upstream.port], server="maxconn 1")
    run = bench.measure(proxy.url, "--concurrency", 4, "--repeat", 2, cases=4, max_tokens=20)
    bench.expect_complete(8)
    bench.expect_streamed()
    bench.expect_said(r"queue|one (request )?at a time|serial", where=[run.bottleneck])


@setup("haproxy-queue-full", "haproxy")
def queue_full(bench):
    """haproxy's queue times out after 200 ms: 503, counted separately"""
    upstream = bench.start(servers.paced_simulator)
    proxy = bench.start(proxies.haproxy, [upstream.port], defaults=QUEUE_LIMIT, server="maxconn 1")
    run = bench.measure(proxy.url, "--concurrency", 4, cases=4, max_tokens=100)
    bench.expect(run.status == 1, f"exit status 1 (is {run.status})")
    states = sorted(a["status"] for a in run.attempts)
    bench.expect(states == ["http_error"] * 3 + ["ok"], f"one is answered, three are refused (are {states})")
    bench.expect_said("HTTP 503", where=run.errors)


@setup("haproxy-retries", "haproxy")
def retries(bench):
    """like haproxy-queue-full, with --retries: all requests succeed and are marked"""
    upstream = bench.start(servers.paced_simulator)
    proxy = bench.start(proxies.haproxy, [upstream.port], defaults=QUEUE_LIMIT, server="maxconn 1")
    run = bench.measure(proxy.url, "--concurrency", 4, "--retries", 10, cases=4, max_tokens=40)
    bench.expect_complete(4)
    bench.expect(run.findings["retried"] >= 1, "retried attempts are marked")


@setup("haproxy-redispatch", "haproxy llama.cpp")
def redispatch(bench):
    """one of haproxy's two servers is down: haproxy uses the other one, and nothing fails"""
    upstream = bench.llama_cpp()
    with closed_port() as closed:
        backend = "balance roundrobin\n    option redispatch 1\n    retries 3"
        bench.measure(bench.start(proxies.haproxy, [closed, upstream.port], backend=backend).url, cases=4)
    bench.expect_complete(4)
    bench.expect_tokens(TOKENS)


@setup("haproxy-killed", "haproxy llama.cpp")
def killed(bench):
    """llama.cpp behind haproxy is killed mid-answer; haproxy then returns 503"""
    upstream = bench.start(servers.llama_cpp)
    proxy = bench.start(proxies.haproxy, [upstream.port])
    kill = midway(upstream, upstream.child.kill)
    run = bench.measure(proxy.url, cases=2, max_tokens=LONG_ANSWER, during=kill)
    bench.expect(run.status == 1, f"exit status 1 (is {run.status})")
    states = [a["status"] for a in run.attempts]
    bench.expect(states == ["truncated", "http_error"], f"one is cut, one is refused (are {states})")
    bench.expect_said("503|502", where=run.errors[1:])


@setup("haproxy-cuts", "haproxy")
def cuts(bench):
    """haproxy cuts an answer that stalls: timeout server"""
    upstream = bench.start(servers.paced_simulator)
    proxy = bench.start(proxies.haproxy, [upstream.port], backend="timeout server 1s")
    bench.measure(proxy.url, cases=2, extra=STALLING)
    bench.expect_failed(2, "truncated", "closed|cut|ended|broke")


@setup("haproxy-503", "haproxy")
def no_server(bench):
    """all of haproxy's servers are down: 503 for the model list"""
    with closed_port() as closed:
        bench.measure(bench.start(proxies.haproxy, [closed], server="check inter 100ms").url)
    bench.expect_unreachable("HTTP 503", "no server is available")


@setup("haproxy-503-model", "haproxy")
def no_server_model(bench):
    """all of haproxy's servers are down, with --model: the requests fail with 503"""
    with closed_port() as closed:
        proxy = bench.start(proxies.haproxy, [closed], server="check inter 100ms")
        bench.measure(proxy.url, "--model", "some-model", cases=2)
    bench.expect(bench.run.status in (1, 3), f"exit status 1 or 3 (is {bench.run.status})")
    bench.expect_said("HTTP 503", "no server is available")
