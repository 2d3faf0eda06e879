"""nginx as a reverse proxy that refuses, cuts, redirects, or has no upstream."""

from . import proxies, servers
from .bench import setup
from .processes import closed_port
from .servers import STALLING
from .setups_nginx import ASK_FOR_GZIP, COMPRESS_ALL, PASS, behind_nginx
from .setups_servers import LONG_ANSWER, midway

# Each path has its own limit, so reads of /v1/models do not use up that of the requests.
RATE_ZONE = {"http": "limit_req_zone $uri zone=one:1m rate=60r/m;"}
RATE_LIMIT = "limit_req zone=one; limit_req_status 429;"


@setup("nginx-gzip-403", "nginx llama.cpp")
def gzip_error(bench):
    """nginx denies access with a compressed page: the user requests gzip with a header"""
    behind_nginx(bench, *ASK_FOR_GZIP, location=f"{COMPRESS_ALL} deny all;")
    bench.expect_unreachable("HTTP 403", "forbidden")


@setup("nginx-tls-untrusted", "nginx llama.cpp")
def tls_untrusted(bench):
    """nginx with TLS and an untrusted self-signed certificate: refused, with advice"""
    behind_nginx(bench, front={"certificate": proxies.self_signed_certificate(bench.folder)})
    bench.expect_unreachable("certificate", "--cacert")


@setup("nginx-tls-on-plain-port", "nginx llama.cpp")
def wrong_scheme(bench):
    """nginx's plain HTTP port is used with https"""
    upstream = bench.llama_cpp()
    proxy = bench.start(proxies.nginx, upstream.port)
    bench.measure(proxy.url.replace("http://", "https://"))
    bench.expect_unreachable("http://|TLS|plain")


@setup("nginx-plain-on-tls-port", "nginx llama.cpp")
def plain_on_tls(bench):
    """nginx's HTTPS port is used with plain HTTP"""
    upstream = bench.llama_cpp()
    pair = proxies.self_signed_certificate(bench.folder)
    proxy = bench.start(proxies.nginx, upstream.port, certificate=pair)
    bench.measure(proxy.url.replace("https://", "http://"))
    bench.expect_unreachable("https")


@setup("nginx-killed", "nginx llama.cpp")
def killed(bench):
    """llama.cpp behind nginx is killed mid-answer; nginx then returns 502"""
    upstream = bench.start(servers.llama_cpp)
    kill = midway(upstream, upstream.child.kill)
    run = behind_nginx(bench, upstream=upstream, cases=2, max_tokens=LONG_ANSWER, during=kill)
    bench.expect(run.status == 1, f"exit status 1 (is {run.status})")
    states = [a["status"] for a in run.attempts]
    bench.expect(states == ["truncated", "http_error"], f"one is cut, one is refused (are {states})")
    bench.expect(all(a["text"] for a in run.attempts[:1]), "the text before the cut is kept")
    bench.expect_said("502", "bad gateway", where=run.errors[1:])


@setup("nginx-http-2-killed", "nginx llama.cpp")
def http_2_killed(bench):
    """like nginx-killed, with HTTP/2 to the client: nginx resets the stream, then returns 502"""
    upstream = bench.start(servers.llama_cpp)
    front = {"certificate": proxies.self_signed_certificate(bench.folder), "http2": True}
    more = {"cases": 2, "max_tokens": LONG_ANSWER, "during": midway(upstream, upstream.child.kill)}
    run = behind_nginx(bench, "--insecure", upstream=upstream, front=front, **more)
    bench.expect(run.status == 1, f"exit status 1 (is {run.status})")
    states = [a["status"] for a in run.attempts]
    bench.expect(states == ["truncated", "http_error"], f"one is cut, one is refused (are {states})")
    bench.expect_said("502", "bad gateway", where=run.errors[1:])


@setup("nginx-time-limits", "nginx llama.cpp")
def time_limits(bench):
    """llama.cpp hangs behind nginx: tokscope's timeouts end the attempts, and the errors name them"""
    upstream = bench.start(servers.llama_cpp)
    limits = ("--stall-timeout", 1, "--first-token-timeout", 2)
    suspend = midway(upstream, upstream.child.suspend)
    run = behind_nginx(bench, *limits, upstream=upstream, cases=2, max_tokens=LONG_ANSWER, during=suspend)
    bench.expect_failed(2, "timeout")
    kinds = [a["error"]["kind"] for a in run.attempts if a["error"]]
    bench.expect(kinds == ["stall_timeout", "first_token_timeout"], f"each limit names itself (are {kinds})")


@setup("nginx-redirect", "nginx llama.cpp")
def redirect(bench):
    """nginx redirects: tokscope does not follow, and the error names the address"""
    behind_nginx(bench, front={"server": "return 301 https://elsewhere.invalid$request_uri;"})
    bench.expect_unreachable("301", "elsewhere.invalid", "not followed")


@setup("nginx-password", "nginx llama.cpp")
def password(bench):
    """nginx requires a password: one request, and advice"""
    (bench.folder / "passwords").write_text("someone:{PLAIN}swordfish\n")
    protected = f"{PASS} auth_basic tokscope; auth_basic_user_file {bench.folder}/passwords;"
    behind_nginx(bench, location=protected)
    bench.expect_unreachable("401", "OPENAI_API_KEY|--api-key-env|--header|password")


@setup("nginx-cuts", "nginx")
def cuts(bench):
    """nginx cuts an answer that stalls: proxy_read_timeout"""
    upstream = bench.start(servers.paced_simulator)
    behind_nginx(bench, upstream=upstream, location=f"{PASS} proxy_read_timeout 1s;", cases=2, extra=STALLING)
    bench.expect_failed(2, "truncated", "closed|cut|ended|broke")


@setup("nginx-504", "nginx llama.cpp")
def hangs(bench):
    """llama.cpp hangs mid-answer: nginx cuts this answer, and returns 504 for the next"""
    upstream = bench.start(servers.llama_cpp)
    location = f"{PASS} proxy_read_timeout 1s;"
    more = {"cases": 2, "max_tokens": LONG_ANSWER, "during": midway(upstream, upstream.child.suspend)}
    run = behind_nginx(bench, upstream=upstream, location=location, **more)
    bench.expect(run.status == 1, f"exit status 1 (is {run.status})")
    states = [a["status"] for a in run.attempts]
    bench.expect(states == ["truncated", "http_error"], f"one is cut, one is refused (are {states})")
    bench.expect_said("HTTP 504", "gateway time-?out", where=run.errors[1:])


@setup("nginx-413", "nginx llama.cpp")
def too_large(bench):
    """nginx refuses a large request: HTTP 413"""
    behind_nginx(bench, front={"server": "client_max_body_size 1k;"}, cases=2, padding=4000)
    bench.expect_failed(2, "http_error", "HTTP 413", "too large")


@setup("nginx-429", "nginx llama.cpp")
def rate_limit(bench):
    """nginx limits the rate: HTTP 429, quoted in the error"""
    behind_nginx(bench, location=f"{PASS} {RATE_LIMIT}", front=RATE_ZONE, cases=3)
    states = [a["status"] for a in bench.run.attempts]
    bench.expect(bench.run.status == 1, f"exit status 1 (is {bench.run.status})")
    bench.expect(states == ["ok", "http_error", "http_error"], f"one is answered, two are refused (are {states})")
    bench.expect_said("HTTP 429", "too many requests", where=bench.run.errors)


@setup("nginx-429-retries", "nginx llama.cpp")
def rate_limit_retries(bench):
    """like nginx-429, with --retries: all requests succeed and are marked"""
    run = behind_nginx(bench, "--retries", 5, location=f"{PASS} {RATE_LIMIT}", front=RATE_ZONE, cases=3)
    bench.expect_complete(3)
    bench.expect(run.findings["retried"] >= 1, f"retried attempts are marked ({dict(run.findings)})")


@setup("nginx-502", "nginx")
def bad_gateway(bench):
    """nginx's upstream is down: 502 for the model list"""
    with closed_port() as closed:
        bench.measure(bench.start(proxies.nginx, closed).url)
    bench.expect_unreachable("HTTP 502", "bad gateway")
