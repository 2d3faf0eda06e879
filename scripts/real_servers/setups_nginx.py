"""nginx as a reverse proxy: buffering, encryption, time limits, refusals."""

from . import proxies, servers
from .bench import setup
from .processes import closed_port
from .setups_servers import LONG_ANSWER, TOKENS, after_tokens

PASS = "proxy_buffering off;"
# A pace at which a stream is a stream on a busy machine, too.
PACE = ("--ttft-ms", 60, "--tokens-per-s", 100, "--jitter", 0)
PACE_TOK_S = 100
NEVER_ENDING = "{ tokscope_sim = { fault = 'stall', after_tokens = 10 } }"


def behind_nginx(bench, *options, upstream=None, location=PASS, front=None, **more):
    """Measures llama.cpp behind nginx."""
    upstream = upstream or bench.start(servers.llama_cpp)
    proxy = bench.start(proxies.nginx, upstream.port, location=location, **front or {})
    return bench.measure(proxy.url, *options, **more)


def pace(bench, *options):
    return bench.start(servers.simulator, *(options or PACE))


@setup("nginx", "nginx llama.cpp")
def plain(bench):
    """nginx with proxy_buffering off"""
    run = behind_nginx(bench)
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)
    bench.expect_first_tokens()
    bench.expect(run.server_kind == "llama.cpp", f"llama.cpp is recognised behind nginx (is {run.server_kind})")


@setup("nginx-paced", "nginx")
def paced(bench):
    """nginx with proxy_buffering off, a slow simulator behind it: nothing is held back"""
    behind_nginx(bench, upstream=pace(bench))
    bench.expect_complete(3)
    bench.expect_streamed()
    speed = bench.run.figure("output_token_throughput_per_user") or 0
    bench.expect(80 < speed < 110, f"the decode speed is the simulator's {PACE_TOK_S} tok/s (is {speed:.0f})")


@setup("nginx-buffering", "nginx")
def buffering(bench):
    """nginx as it comes: proxy_buffering on, pieces of 4 kB"""
    behind_nginx(bench, upstream=pace(bench), location="proxy_buffer_size 4k; proxy_buffers 8 4k;", max_tokens=100)
    bench.expect_complete(3)
    bench.expect_buffered(PACE_TOK_S)


@setup("nginx-buffering-all", "nginx")
def buffering_all(bench):
    """nginx holds whole answers: proxy_buffering on, large buffers"""
    behind_nginx(bench, upstream=pace(bench), location="proxy_buffer_size 1m; proxy_buffers 8 1m; proxy_busy_buffers_size 2m;")
    bench.expect_complete(3)
    bench.expect_buffered(PACE_TOK_S)
    bench.expect_first_token_unresolved()


@setup("nginx-buffering-llama.cpp", "nginx llama.cpp")
def buffering_llama_cpp(bench):
    """nginx holds whole answers of llama.cpp, which reports its own decode speed"""
    behind_nginx(bench, location="proxy_buffer_size 1m; proxy_buffers 8 1m; proxy_busy_buffers_size 2m;")
    bench.expect_complete(3)
    clocks = [a["server_timings"]["tokens_per_s"] for a in bench.run.attempts if a["server_timings"]]
    bench.expect_buffered(max(clocks, default=0))
    bench.expect_first_token_unresolved()


@setup("nginx-gzip", "nginx llama.cpp")
def gzip(bench):
    """nginx compresses event streams for who accepts it: tokscope does not ask for it"""
    behind_nginx(bench, location=f"{PASS} gzip on; gzip_min_length 0; gzip_types text/event-stream;")
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)
    bench.expect_first_tokens()


@setup("nginx-gzip-asked", "nginx")
def gzip_asked(bench):
    """nginx compresses an event stream that was asked for with gzip"""
    location = f"{PASS} gzip on; gzip_min_length 0; gzip_types text/event-stream;"
    behind_nginx(bench, "--header", "Accept-Encoding: gzip", upstream=pace(bench), location=location)
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)


@setup("nginx-http-1.0", "nginx llama.cpp")
def http_1_0(bench):
    """nginx asks llama.cpp with HTTP/1.0: no chunks, the answer ends with the connection"""
    behind_nginx(bench, location=f"{PASS} proxy_http_version 1.0;")
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)
    bench.expect_first_tokens()


@setup("nginx-tls", "nginx llama.cpp")
def tls(bench):
    """nginx with TLS and a self-signed certificate that --cacert names"""
    pair = proxies.self_signed_certificate(bench.folder)
    run = behind_nginx(bench, "--cacert", pair[0], front={"certificate": pair})
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)
    bench.expect_first_tokens()
    bench.expect(run.results and run.results["target"]["tls_verified"] is True, "the certificate is verified")


@setup("nginx-tls-untrusted", "nginx llama.cpp")
def tls_untrusted(bench):
    """nginx with TLS and a self-signed certificate that nothing vouches for: refused, with what to do"""
    behind_nginx(bench, front={"certificate": proxies.self_signed_certificate(bench.folder)})
    bench.expect_unreachable("certificate", "--cacert")


@setup("nginx-tls-insecure", "nginx llama.cpp")
def tls_insecure(bench):
    """nginx with TLS and a self-signed certificate, not verified: measured, and told"""
    run = behind_nginx(bench, "--insecure", front={"certificate": proxies.self_signed_certificate(bench.folder)})
    bench.expect_complete(3)
    bench.expect(run.results and run.results["target"]["tls_verified"] is False, "the report says: not verified")
    bench.expect_said("not verified|insecure", where=[run.stderr])


@setup("nginx-http-2", "nginx llama.cpp")
def http_2(bench):
    """nginx with HTTP/2 to the client"""
    pair = proxies.self_signed_certificate(bench.folder)
    behind_nginx(bench, "--insecure", front={"certificate": pair, "http2": True})
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)
    bench.expect_first_tokens()


@setup("nginx-tls-on-plain-port", "nginx llama.cpp")
def wrong_scheme(bench):
    """nginx's port for plain HTTP is asked with https"""
    upstream = bench.start(servers.llama_cpp)
    proxy = bench.start(proxies.nginx, upstream.port)
    bench.measure(proxy.url.replace("http://", "https://"))
    bench.expect_unreachable("http://|TLS|plain")


@setup("nginx-plain-on-tls-port", "nginx llama.cpp")
def plain_on_tls(bench):
    """nginx's port for HTTPS is asked with plain HTTP"""
    upstream = bench.start(servers.llama_cpp)
    pair = proxies.self_signed_certificate(bench.folder)
    proxy = bench.start(proxies.nginx, upstream.port, certificate=pair)
    bench.measure(proxy.url.replace("https://", "http://"))
    bench.expect_unreachable("https")


@setup("nginx-killed", "nginx llama.cpp")
def killed(bench):
    """llama.cpp behind nginx is killed in the middle of an answer; then nginx says 502"""
    upstream = bench.start(servers.llama_cpp)

    def kill():
        after_tokens(upstream, 50)
        upstream.child.kill()

    run = behind_nginx(bench, upstream=upstream, cases=2, max_tokens=LONG_ANSWER, during=kill)
    bench.expect(run.status == 1, f"exit status 1 (is {run.status})")
    states = [a["status"] for a in run.attempts]
    bench.expect(states == ["truncated", "http_error"], f"one is cut, one is refused (are {states})")
    bench.expect(all(a["text"] for a in run.attempts[:1]), "the text before the cut is kept")
    bench.expect_said("502", "bad gateway", where=run.errors[1:])


@setup("nginx-cuts", "nginx")
def cuts(bench):
    """nginx cuts an answer that falls silent: proxy_read_timeout"""
    behind_nginx(bench, upstream=pace(bench), location=f"{PASS} proxy_read_timeout 1s;", cases=2, extra=NEVER_ENDING)
    bench.expect_failed(2, "truncated", "closed|cut|ended|broke")


@setup("nginx-504", "nginx")
def gateway_timeout(bench):
    """nginx gives up before the first token: 504"""
    slow = pace(bench, "--ttft-ms", 5000)
    behind_nginx(bench, upstream=slow, location=f"{PASS} proxy_read_timeout 1s;", cases=2)
    bench.expect_failed(2, "http_error", "HTTP 504", "gateway time-?out")


@setup("nginx-413", "nginx llama.cpp")
def too_large(bench):
    """nginx refuses a large request: 413"""
    behind_nginx(bench, front={"server": "client_max_body_size 1k;"}, cases=2, padding=4000)
    bench.expect_failed(2, "http_error", "HTTP 413", "too large")


@setup("nginx-429", "nginx llama.cpp")
def rate_limit(bench):
    """nginx limits the rate: 429 is counted apart, and --retries gets through"""
    limit = f"{PASS} limit_req zone=one; limit_req_status 429;"
    upstream = bench.start(servers.llama_cpp)
    zone = "}} limit_req_zone $uri zone=one:1m rate=4r/s; server {{ listen unix:{0}/other.sock;".format(bench.folder)
    behind_nginx(bench, "--retries", 5, upstream=upstream, location=limit, front={"server": ""}, cases=4)
    bench.expect_complete(4)
    bench.expect(bench.run.findings["retried"] >= 1, "retried attempts are marked")


@setup("nginx-502", "nginx")
def bad_gateway(bench):
    """nginx's upstream is not there: 502 to the first look"""
    with closed_port() as nobody:
        bench.measure(bench.start(proxies.nginx, nobody).url)
    bench.expect_unreachable("HTTP 502", "bad gateway")
    bench.expect_not_said("retry-after")
