"""LIMITER's numbers beside each other, and its networks."""

from __future__ import annotations

import ipaddress
from typing import Any

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004

from authkit import conf


def check_exempt(**_: Any) -> list[CheckMessage]:
    """E244."""
    return [
        Error(
            f"AUTHKIT LIMITER.EXEMPT has {entry!r}, which is no network, and exempts nothing.",
            hint='Write it as "192.0.2.0/24" or "2001:db8::/48", without bits set behind the prefix.',
            id="authkit.E244",
        )
        for entry in conf.inspect()[0].limiter.exempt
        if not _is_network(entry)
    ]


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def check_numbers(**_: Any) -> list[CheckMessage]:
    """E245, W240."""
    limiter = conf.inspect()[0].limiter
    found: list[CheckMessage] = [
        Error(
            f"AUTHKIT LIMITER.{lock} ({locks}) is not above LIMITER.{slow} ({slows}): no delay comes before the lock.",
            hint=f"Make LIMITER.{lock} larger than LIMITER.{slow}.",
            id="authkit.E245",
        )
        for slow, slows, lock, locks in (
            ("SLOW_AFTER", limiter.slow_after, "LOCK_AFTER", limiter.lock_after),
            ("NETWORK_SLOW_AFTER", limiter.network_slow_after, "NETWORK_LOCK_AFTER", limiter.network_lock_after),
        )
        if locks <= slows
    ]
    if limiter.network_lock_after < limiter.lock_after:
        found.append(
            Warning(
                f"AUTHKIT LIMITER.NETWORK_LOCK_AFTER ({limiter.network_lock_after}) is below LIMITER.LOCK_AFTER "
                f"({limiter.lock_after}): one person who forgot a password locks out everybody in their network.",
                hint="Make NETWORK_LOCK_AFTER several times as large as LOCK_AFTER.",
                id="authkit.W240",
            )
        )
    return found


CHECKS = (check_exempt, check_numbers)
