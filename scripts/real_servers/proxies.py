"""Starts reverse proxies in front of a server, and a forward proxy, each configured for one setup."""

import os
import re
import shutil
import subprocess

from . import packages
from .processes import LOOPBACK, SetupError, free_port, is_listening, wait_until
from .servers import Server

# One process in the foreground; all its files go into the setup's folder.
NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
    server {{
        listen {loopback}:{port}{listen};
        {server}
        location / {{
            proxy_pass http://{loopback}:{upstream};
            {location}
        }}
    }}
}}
"""
TLS = """
        ssl_certificate {certificate};
        ssl_certificate_key {key};
"""
HAPROXY = """
global
    maxconn 256
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    {defaults}
frontend front
    bind {loopback}:{port}
    default_backend back
backend back
    {backend}
{servers}
"""
TINYPROXY = """
Port {port}
Listen {loopback}
Timeout 60
MaxClients 20
{extra}
"""


def nginx(children, upstream, location="", server="", http="", http2=False, certificate=None):
    """Starts nginx in front of port `upstream`; `location`, `server`, `http` are directives, `certificate` a pair of files."""
    port = free_port()
    folder = children.folder / f"nginx-{port}"
    folder.mkdir()
    listen = ""
    if certificate:
        listen = " ssl http2" if http2 else " ssl"
        server += TLS.format(certificate=certificate[0], key=certificate[1])
    fill = {"port": port, "upstream": upstream, "listen": listen, "location": location, "server": server, "http": http}
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, loopback=LOOPBACK, **fill))
    arguments = ["-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"]
    return _start(children, "nginx", port, arguments, "https" if certificate else "http")


# By default, haproxy holds small pieces back for up to 200 ms to fill its packets.
NO_DELAY = "option http-no-delay"


def haproxy(children, upstreams, defaults=NO_DELAY, backend="", server=""):
    """Starts haproxy in front of ports; `defaults` and `backend` are lines, `server` options of each server."""
    port = free_port()
    lines = [f"    server s{index} {LOOPBACK}:{to} {server}" for index, to in enumerate(upstreams)]
    fill = {"port": port, "defaults": defaults, "backend": backend, "servers": "\n".join(lines)}
    path = children.folder / "haproxy.cfg"
    path.write_text(HAPROXY.format(loopback=LOOPBACK, **fill))
    return _start(children, "haproxy", port, ["-db", "-f", path])


def tinyproxy(children, extra=""):
    """Starts tinyproxy as a forward proxy."""
    port = free_port()
    path = children.folder / "tinyproxy.conf"
    path.write_text(TINYPROXY.format(loopback=LOOPBACK, port=port, extra=extra))
    return _start(children, "tinyproxy", port, ["-d", "-c", path])


def self_signed_certificate(folder):
    """Creates certificate and key of a loopback server with `openssl req -x509`."""
    openssl = shutil.which("openssl")
    if not openssl:
        raise packages.NotInstalled("openssl is not installed; install it to create the certificate")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-keyout", key, "-out", certificate, "-subj", "/CN=localhost"]
    command += ["-addext", f"subjectAltName=IP:{LOOPBACK},DNS:localhost"]
    made = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if made.returncode != 0:
        raise SetupError(f"openssl could not create the certificate:\n{made.stderr}")
    return certificate, key


def _start(children, name, port, arguments, scheme="http"):
    program, environment = packages.find(name)
    environment = os.environ | environment
    child = children.start(name, [program, *arguments], environment)
    wait_until(lambda: is_listening(port), f"{name} listens", child)
    output = subprocess.run([program, "-v"], capture_output=True, text=True, env=environment)
    version = re.search(r"\d+\.\d+[.\d]*", output.stdout + output.stderr)
    return Server(port, child, f"{name} {version[0] if version else 'unknown'}", scheme)
