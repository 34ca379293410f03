"""A file of breached passwords for tests."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from authkit.signin.breached_file import build


def sha1(password: str) -> str:
    return hashlib.sha1(password.encode()).hexdigest().upper()


def download(*passwords: str, count: int = 7) -> bytes:
    """The lines of the download, in its order and with its line ends."""
    return "".join(sorted(f"{sha1(each)}:{count}\r\n" for each in passwords)).encode()


def write_file(path: Path, *passwords: str) -> Path:
    """Build a file that has these passwords."""
    build(source=io.BytesIO(download(*passwords)), target=path)
    return path
