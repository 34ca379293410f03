from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from authkit.core.clients import Client
from authkit.logins.models import Login
from authkit.logins.opening import open_login
from authkit.logins.reasons import LoginKind
from authkit.logins.services import Lifetime
from authkit.revocation import epochs

LIFETIME = Lifetime(idle=timedelta(days=7), absolute=timedelta(days=30))


@pytest.fixture
def lifetime() -> Lifetime:
    return LIFETIME


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each time that this process waited for what others believe, in seconds; it waits all the same."""
    seen: list[float] = []

    def sleep(seconds: float) -> None:
        seen.append(seconds)
        time.sleep(seconds)

    monkeypatch.setattr(epochs, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
    return seen


@pytest.fixture
def open_for() -> Callable[..., Login]:
    """Opens a login: ``open_for(user)``, or with ``kind=``, ``lifetime=``, and what else `open_login` takes."""

    def open_(
        user: Any,
        *,
        kind: LoginKind = LoginKind.TOKEN,
        lifetime: Lifetime = LIFETIME,
        method: str = "password",
        **more: Any,
    ) -> Login:
        client = Client(address="203.0.113.9", device="Firefox on Linux")
        return open_login(user=user, kind=kind, method=method, lifetime=lifetime, client=client, **more)

    return open_
