"""Files that the example keeps between two starts, in a directory that git ignores: its keys and its OpenID client.

`DEMO_DIR` moves the directory elsewhere. Files are written for their owner alone, and appear whole or not at all, as
several server processes may start at the same moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from authkit.tokens import jwk
from authkit.typed import ProviderSection

DIRECTORY = Path(os.environ.get("DEMO_DIR") or Path(__file__).resolve().parent.parent / ".demo")
SECRET_KEY_FILE = DIRECTORY / "secret_key"
TOKEN_KEYS_FILE = DIRECTORY / "token_keys.json"
PROVIDER_FILE = DIRECTORY / "demo_id.json"
PROVIDER_PORT_FILE = DIRECTORY / "demo_id_port"


@dataclass(frozen=True, slots=True)
class DemoProvider:
    """The OpenID provider that runs beside the demo, and the client that is registered there."""

    issuer: str
    client_id: str
    client_secret: str

    def section(self) -> ProviderSection:
        """The entry in AUTHKIT["SOCIAL"]["PROVIDERS"]."""
        return {
            "NAME": "Demo ID",
            "ISSUER": self.issuer,
            "CLIENT_ID": self.client_id,
            "CLIENT_SECRET": self.client_secret,
        }


def secret_key() -> str:
    """The key of this installation, made at the first call."""
    return _made_once(SECRET_KEY_FILE, lambda: secrets.token_urlsafe(64))


def token_keys() -> str:
    """The JWK Set that signs access tokens, made at the first call. Clients verify by its public half."""
    return _made_once(TOKEN_KEYS_FILE, lambda: json.dumps({"keys": [jwk.make(algorithm="RS256", use="access")]}))


def _made_once(path: Path, make: Callable[[], str]) -> str:
    with contextlib.suppress(FileNotFoundError):
        return path.read_text(encoding="ascii")
    # link() checks for a key and makes the file in one step: two processes never use two keys.
    with _whole_file(make()) as written, contextlib.suppress(FileExistsError):
        path.hardlink_to(written)
    return path.read_text(encoding="ascii")


def demo_provider() -> DemoProvider | None:
    """The provider that runs at the moment, or None."""
    try:
        return DemoProvider(**json.loads(PROVIDER_FILE.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def announced(provider: DemoProvider) -> Iterator[None]:
    """Lets every process on this directory know the provider for as long as the block lasts."""
    with _whole_file(json.dumps(asdict(provider))) as written:
        written.replace(PROVIDER_FILE)
    try:
        yield
    finally:
        PROVIDER_FILE.unlink(missing_ok=True)


@contextlib.contextmanager
def _whole_file(text: str) -> Iterator[Path]:
    DIRECTORY.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=DIRECTORY, prefix=".new-")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
