"""Files that the example keeps between two starts, in a directory that git ignores: its secret key and OpenID client.

`DEMO_DIR` moves the directory elsewhere. Files are written for their owner alone, and appear whole or not at all, as
several server processes may start at the same moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from authkit.typed import ProviderSection

DIRECTORY = Path(os.environ.get("DEMO_DIR") or Path(__file__).resolve().parent.parent / ".demo")
SECRET_KEY_FILE = DIRECTORY / "secret_key"
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
    with contextlib.suppress(FileNotFoundError):
        return SECRET_KEY_FILE.read_text(encoding="ascii")
    # link() checks for a key and makes the file in one step: two processes never use two keys.
    with _whole_file(secrets.token_urlsafe(64)) as written, contextlib.suppress(FileExistsError):
        SECRET_KEY_FILE.hardlink_to(written)
    return SECRET_KEY_FILE.read_text(encoding="ascii")


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
