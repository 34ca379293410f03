"""The AUTHKIT block by itself: its keys, and those that stand outside of the sections."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004

from authkit import conf

_IDS = {"unknown": "authkit.E001", "type": "authkit.E002", "value": "authkit.E003"}


def check_keys(**_: Any) -> list[CheckMessage]:
    """E001 to E004."""
    return [
        Error(f"AUTHKIT {problem.path}: {problem.message}", hint=problem.hint, id=_IDS[problem.kind])
        if problem.path
        else Error(f"AUTHKIT {problem.message}", hint="AUTHKIT = {} uses the defaults.", id="authkit.E004")
        for problem in conf.inspect()[1]
    ]


def beyond_absolute(
    section: str, idle: tuple[str, timedelta], absolute: tuple[str, timedelta]
) -> Iterator[CheckMessage]:
    """E005, for one pair of a section's settings, each with its name."""
    if idle[1] > absolute[1]:
        name, longest = f"{section}.{idle[0]}", f"{section}.{absolute[0]}"
        yield Error(
            f"AUTHKIT {name} ({idle[1]}) is longer than {longest} ({absolute[1]}), which ends the login first.",
            hint=f"Make {name} at most {longest}.",
            id="authkit.E005",
        )


def check_public_url(**_: Any) -> list[CheckMessage]:
    """E008."""
    url = conf.inspect()[0].public_url
    return [] if not url or _is_origin(url) else [
        Error(
            f"AUTHKIT PUBLIC_URL {url!r} is not a scheme and a host.",
            hint='Write it as "https://www.example.com", without a path.',
            id="authkit.E008",
        )
    ]  # fmt: skip


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and port != 0
        and "@" not in parts.netloc
        and parts.path in {"", "/"}
        and not any(character in url for character in "?#\\ \t\r\n")
    )


def check_trusted_proxies(**_: Any) -> list[CheckMessage]:
    """W003. Its type and range are E002 and E003."""
    behind = settings.USE_X_FORWARDED_HOST or settings.USE_X_FORWARDED_PORT or settings.SECURE_PROXY_SSL_HEADER
    if conf.inspect()[0].trusted_proxies or not behind:
        return []
    return [
        Warning(
            "The settings say that this site is behind a proxy (USE_X_FORWARDED_HOST, USE_X_FORWARDED_PORT or "
            "SECURE_PROXY_SSL_HEADER), but AUTHKIT TRUSTED_PROXIES is 0: every login would show the proxy's address.",
            hint="Set TRUSTED_PROXIES to the number of your own proxies that append to X-Forwarded-For.",
            id="authkit.W003",
        )
    ]


CHECKS = (check_keys, check_public_url, check_trusted_proxies)
