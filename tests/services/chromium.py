"""A Chromium for Playwright: ``AUTHKIT_CHROMIUM``, the system's, Playwright's own, the package manager's."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.services import apt

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DOWNLOAD_SECONDS = 300

# The sandbox needs privileges that containers withhold, and /dev/shm is tiny there; the rest keeps it quiet.
# Names other than the loopback's don't resolve: a test that depends on somebody else's server fails at once.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
)


def _download() -> Path | None:
    """Answer the browser that ``playwright install chromium`` left here, the newest one."""
    caches = [
        Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", "~/.cache/ms-playwright")).expanduser(),
        Path("~/Library/Caches/ms-playwright").expanduser(),
    ]
    patterns = (
        "chromium-*/chrome-linux*/chrome",
        "chromium-*/chrome-mac*/Chromium.app/Contents/MacOS/Chromium",
    )
    return max((path for cache in caches for pattern in patterns for path in cache.glob(pattern)), default=None)


@functools.cache
def find() -> Path | None:
    """Answer the browser to start, or None."""
    if given := os.environ.get("AUTHKIT_CHROMIUM"):
        return Path(given)
    named = next(filter(None, map(shutil.which, NAMES)), None)
    return Path(named) if named else _download()


def missing() -> str | None:
    """Say why no page can be driven, or None."""
    if importlib.util.find_spec("playwright") is None:
        return "no browser: Playwright isn't installed (dependency group `browser`)"
    if (browser := find()) is None:
        return "no browser: no Chromium in AUTHKIT_CHROMIUM, on PATH, or downloaded by Playwright"
    if not browser.exists():
        return f"no browser: AUTHKIT_CHROMIUM is {browser}, which doesn't exist"
    return None


def ensure() -> str | None:
    """Install a Chromium where there is none and we may; answer what ``missing()`` says afterwards."""
    if missing() and importlib.util.find_spec("playwright") and "AUTHKIT_CHROMIUM" not in os.environ:
        if not (apt.possible() and apt.install("chromium")):
            command = [sys.executable, "-m", "playwright", "install", "chromium"]
            try:
                subprocess.run(command, check=False, timeout=DOWNLOAD_SECONDS, stdin=subprocess.DEVNULL)
            except subprocess.TimeoutExpired:
                print("playwright install chromium took too long", file=sys.stderr)
        find.cache_clear()
    return missing()
