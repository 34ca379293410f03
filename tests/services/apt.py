"""The last resort for a program that no wheel carries: the package manager, where we are root on a Debian."""

from __future__ import annotations

import os
import shutil
import subprocess

APT_SECONDS = 600


def possible() -> bool:
    """Say whether this process may install Debian packages."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(*packages: str) -> bool:
    """Install ``packages`` without their recommendations; answer whether that worked."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    again = ("-o", "Acquire::Retries=3")
    steps = (
        ["apt-get", *again, "update", "-q"],
        ["apt-get", *again, "install", "-y", "-q", "--no-install-recommends", *packages],
    )
    try:
        for step in steps:
            subprocess.run(step, check=True, env=environment, timeout=APT_SECONDS, stdin=subprocess.DEVNULL)
    except (subprocess.SubprocessError, OSError):
        return False
    return True
