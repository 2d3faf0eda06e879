"""nginx as a reverse proxy that passes answers on: buffering, compression, encryption."""

from . import proxies, servers
from .bench import setup
from .servers import PACE_TOK_S
from .setups_servers import TOKENS

PASS = "proxy_buffering off;"
COMPRESS_ALL = "gzip on; gzip_min_length 0; gzip_http_version 1.0; gzip_types text/event-stream application/json;"
ASK_FOR_GZIP = ("--header", "Accept-Encoding: gzip")
# Holds whole answers from a server that speaks HTTP/1.0; chunks pass. llama.cpp's header X-Accel-Buffering turns this off in
# nginx, but other gateways ignore the header.
BUFFER_ALL = """
            proxy_buffer_size 1m; proxy_buffers 8 1m; proxy_busy_buffers_size 2m; proxy_ignore_headers X-Accel-Buffering;
"""


def behind_nginx(bench, *options, upstream=None, location=PASS, front=None, **more):
    """Measures a server behind nginx: `upstream` [default: llama.cpp]."""
    upstream = upstream or bench.llama_cpp()
    proxy = bench.start(proxies.nginx, upstream.port, location=location, **front or {})
    return bench.measure(proxy.url, *options, **more)


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
    """nginx with proxy_buffering off before a slow simulator: nothing is held back"""
    behind_nginx(bench, upstream=bench.start(servers.paced_simulator))
    bench.expect_complete(3)
    bench.expect_streamed()
    bench.expect_decode_speed(PACE_TOK_S)


@setup("nginx-buffering", "nginx")
def buffering(bench):
    """nginx with defaults: proxy_buffering on, HTTP/1.0 to the server; pieces of 4 kB"""
    upstream = bench.start(servers.paced_simulator)
    behind_nginx(bench, upstream=upstream, location="proxy_buffer_size 4k; proxy_buffers 8 4k;", max_tokens=100)
    bench.expect_complete(3)
    bench.expect_buffered(PACE_TOK_S)


@setup("nginx-buffering-chunks", "nginx")
def buffering_chunks(bench):
    """nginx with proxy_buffering on and HTTP/1.1 to the server: it passes chunks on as they arrive"""
    behind_nginx(bench, upstream=bench.start(servers.paced_simulator), location="proxy_http_version 1.1;")
    bench.expect_complete(3)
    bench.expect_streamed()
    bench.expect_decode_speed(PACE_TOK_S)


@setup("nginx-buffering-all", "nginx")
def buffering_all(bench):
    """nginx buffers whole answers: proxy_buffering on, large buffers"""
    behind_nginx(bench, upstream=bench.start(servers.paced_simulator), location=BUFFER_ALL)
    bench.expect_complete(3)
    bench.expect_buffered(PACE_TOK_S)
    bench.expect_first_token_unresolved()


@setup("nginx-buffering-llama.cpp", "nginx llama.cpp")
def buffering_llama_cpp(bench):
    """nginx buffers whole answers of llama.cpp, which reports its own decode speed; another nginx unpacks the chunks"""
    without_chunks = bench.start(proxies.nginx, bench.llama_cpp().port, location=PASS)
    behind_nginx(bench, upstream=without_chunks, location=BUFFER_ALL)
    bench.expect_complete(3)
    bench.expect_buffered(bench.server_decode_speed())
    bench.expect_first_token_unresolved()


@setup("nginx-default", "nginx llama.cpp")
def default(bench):
    """nginx with defaults before llama.cpp, whose X-Accel-Buffering turns buffering off"""
    behind_nginx(bench, location="")
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)
    bench.expect_first_tokens()


@setup("nginx-gzip", "nginx llama.cpp")
def gzip(bench):
    """nginx compresses event streams on request: tokscope does not request it"""
    behind_nginx(bench, location=f"{PASS} gzip on; gzip_min_length 0; gzip_types text/event-stream;")
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)
    bench.expect_first_tokens()


@setup("nginx-gzip-requested", "nginx")
def gzip_requested(bench):
    """nginx compresses every response: the user requests gzip with a header"""
    behind_nginx(bench, *ASK_FOR_GZIP, upstream=bench.start(servers.paced_simulator), location=f"{PASS} {COMPRESS_ALL}")
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)
    bench.expect_said("compressed")


@setup("nginx-http-1.0", "nginx llama.cpp")
def http_1_0(bench):
    """nginx speaks HTTP/1.0 to llama.cpp"""
    behind_nginx(bench, location=f"{PASS} proxy_http_version 1.0;")
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)
    bench.expect_first_tokens()


@setup("nginx-tls", "nginx llama.cpp")
def tls(bench):
    """nginx with TLS and a self-signed certificate, given with --cacert"""
    pair = proxies.self_signed_certificate(bench.folder)
    run = behind_nginx(bench, "--cacert", pair[0], front={"certificate": pair})
    bench.expect_complete(3)
    bench.expect_tokens(TOKENS)
    bench.expect_first_tokens()
    bench.expect(run.results and run.results["target"]["tls_verified"] is True, "the certificate is verified")


@setup("nginx-tls-insecure", "nginx llama.cpp")
def tls_insecure(bench):
    """nginx with TLS and a self-signed certificate, not verified: measured, with a warning"""
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


@setup("nginx-password-given", "nginx llama.cpp")
def password_given(bench):
    """nginx requires a password and gets it from the address: no output shows it"""
    (bench.folder / "passwords").write_text("someone:{PLAIN}swordfish\n")
    protected = f"{PASS} auth_basic tokscope; auth_basic_user_file {bench.folder}/passwords;"
    upstream = bench.llama_cpp()
    proxy = bench.start(proxies.nginx, upstream.port, location=protected)
    run = bench.measure(proxy.url.replace("http://", "http://someone:swordfish@"))
    bench.expect_complete(3)
    bench.expect_not_said("swordfish")
    bench.expect("swordfish" not in str(run.results), "the password is not in results.json")
