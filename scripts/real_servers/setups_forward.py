"""Forward proxies: tinyproxy, a missing proxy, and one that refuses."""

from . import proxies, servers
from .bench import setup
from .processes import LOOPBACK, closed_port
from .setups_servers import LONG_ANSWER, TOKENS, midway


@setup("proxy", "tinyproxy llama.cpp")
def plain(bench):
    """llama.cpp through tinyproxy over plain HTTP"""
    upstream = bench.llama_cpp()
    run = bench.measure(upstream.url, "--proxy", bench.start(proxies.tinyproxy).root)
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)
    bench.expect_first_tokens()
    bench.expect(run.results and run.results["target"]["proxy"], "the report names the proxy")


@setup("proxy-tls", "tinyproxy nginx llama.cpp")
def tunnel(bench):
    """nginx with TLS through tinyproxy's tunnel"""
    upstream = bench.llama_cpp()
    pair = proxies.self_signed_certificate(bench.folder)
    front = bench.start(proxies.nginx, upstream.port, location="proxy_buffering off;", certificate=pair)
    forward = bench.start(proxies.tinyproxy)
    bench.measure(front.url, "--cacert", pair[0], "--proxy", forward.root)
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)
    bench.expect_first_tokens()


@setup("proxy-killed", "tinyproxy llama.cpp")
def killed(bench):
    """tinyproxy is killed mid-answer: the error names the proxy, not the endpoint"""
    upstream = bench.start(servers.llama_cpp)
    forward = bench.start(proxies.tinyproxy)
    kill = midway(upstream, forward.child.kill)
    run = bench.measure(upstream.url, "--proxy", forward.root, cases=2, max_tokens=LONG_ANSWER, during=kill)
    bench.expect(run.status == 1, f"exit status 1 (is {run.status})")
    states = [a["status"] for a in run.attempts]
    bench.expect(states == ["truncated", "connect_error"], f"one is cut, one finds a closed port (are {states})")
    bench.expect_said(f"proxy.*{forward.port}", where=run.errors[1:])


@setup("proxy-closed", "llama.cpp")
def closed(bench):
    """nothing listens on the proxy's port: the error names the proxy, not the endpoint"""
    upstream = bench.llama_cpp()
    with closed_port() as closed:
        bench.measure(upstream.url, "--proxy", f"http://{LOOPBACK}:{closed}")
        bench.expect_unreachable(f"proxy.*{closed}", "refused")


@setup("proxy-environment", "")
def environment(bench):
    """HTTP_PROXY names a closed port: with --proxy env it is used, and the error names it"""
    with closed_port() as closed:
        variables = {"HTTP_PROXY": f"http://{LOOPBACK}:{closed}", "http_proxy": f"http://{LOOPBACK}:{closed}"}
        # The proxy would look the name up, so the name stays unresolved here.
        bench.measure("http://endpoint.invalid/v1", "--proxy", "env", environment=variables)
        bench.expect_unreachable(f"proxy.*{closed}", "refused")


@setup("proxy-environment-unused", "llama.cpp")
def environment_unused(bench):
    """HTTP_PROXY names a closed port: without --proxy it is not used"""
    upstream = bench.llama_cpp()
    with closed_port() as closed:
        variables = {"HTTP_PROXY": f"http://{LOOPBACK}:{closed}", "http_proxy": f"http://{LOOPBACK}:{closed}"}
        bench.measure(upstream.url, environment=variables)
    bench.expect_complete(3)


@setup("proxy-refuses", "tinyproxy nginx llama.cpp")
def refuses(bench):
    """tinyproxy refuses the tunnel: the error names the proxy, not the endpoint"""
    upstream = bench.llama_cpp()
    pair = proxies.self_signed_certificate(bench.folder)
    front = bench.start(proxies.nginx, upstream.port, certificate=pair)
    forward = bench.start(proxies.tinyproxy, "ConnectPort 443")
    bench.measure(front.url, "--cacert", pair[0], "--proxy", forward.root)
    bench.expect_unreachable(f"proxy.*{forward.port}", "refuse|403|denied")


@setup("proxy-password", "tinyproxy llama.cpp")
def password(bench):
    """tinyproxy requires a password: 407, and the error names the proxy"""
    upstream = bench.llama_cpp()
    forward = bench.start(proxies.tinyproxy, "BasicAuth someone swordfish")
    bench.measure(upstream.url, "--proxy", forward.root)
    bench.expect_unreachable("proxy", "407|password|authenti")


@setup("proxy-password-given", "tinyproxy llama.cpp")
def password_given(bench):
    """tinyproxy requires a password and gets it: no output shows it"""
    upstream = bench.llama_cpp()
    forward = bench.start(proxies.tinyproxy, "BasicAuth someone swordfish")
    run = bench.measure(upstream.url, "--proxy", f"http://someone:swordfish@{LOOPBACK}:{forward.port}")
    bench.expect_complete(3)
    bench.expect_not_said("swordfish")
    bench.expect("swordfish" not in str(run.results), "the password is not in results.json")


@setup("proxy-upstream-down", "tinyproxy")
def upstream_down(bench):
    """tinyproxy runs but the endpoint does not: the error quotes the proxy"""
    forward = bench.start(proxies.tinyproxy)
    with closed_port() as closed:
        bench.measure(f"http://{LOOPBACK}:{closed}/v1", "--proxy", forward.root)
    bench.expect_unreachable("HTTP 50[0-9]", "proxy")
