"""The sources of the installed Django: its own tests are in its sdist, and not in its wheel."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import django

from tests.services.process import fetch

DOWNLOAD_SECONDS = 180


def _home() -> Path:
    # Of this user alone: what lies here is imported.
    home = Path(tempfile.gettempdir()) / f"authkit-django-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.stat().st_uid != os.getuid():
        raise PermissionError(f"{home} is somebody else's")
    return home


@functools.cache
def tests() -> Path | str:
    """Answer the directory of Django's tests, or why there is none.

    ``DJANGO_SOURCE`` names a checkout or an unpacked sdist of the installed version; else pip fetches the sdist, once.
    """
    if given := os.environ.get("DJANGO_SOURCE"):
        return Path(given) / "tests"
    version = django.get_version()
    home = _home()
    found = home / f"django-{version}" / "tests"
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.is_dir() and (why := _fetch(version, home)):
            return why
    return found


def _fetch(version: str, home: Path) -> str | None:
    pip = _pip()
    if pip is None:
        return "no sdist of Django: there is no pip to fetch it with"
    command = [*pip, "download", "--quiet", "--retries", "3", "--no-deps", "--no-binary", "django"]
    with tempfile.TemporaryDirectory(dir=home) as scratch:
        try:
            fetch([*command, "--dest", scratch, f"django=={version}"], seconds=DOWNLOAD_SECONDS)
        except subprocess.CalledProcessError as error:
            return f"no sdist of Django {version}: {error.stderr[-500:]}"
        except subprocess.TimeoutExpired:
            return f"no sdist of Django {version}: pip took longer than {DOWNLOAD_SECONDS} s"
        with tarfile.open(next(Path(scratch).glob("*.tar.gz"))) as archive:
            archive.extractall(scratch, filter="data")
        # Called Django-5.2 by older sdists, django-6.1 by newer ones.
        next(path.parent for path in Path(scratch).glob("*/tests")).rename(home / f"django-{version}")
    return None


def _pip() -> list[str] | None:
    """An environment that uv made has no pip of its own."""
    base: str = getattr(sys, "_base_executable", sys.executable)
    for command in ([sys.executable, "-m", "pip"], [base, "-m", "pip"], ["uv", "tool", "run", "pip"]):
        with contextlib.suppress(OSError):
            if subprocess.run([*command, "--version"], capture_output=True, check=False, timeout=60).returncode == 0:
                return command
    return None
