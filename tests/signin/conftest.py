"""The fixtures of the ledger's tests, for those of what stands on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from authkit.signin import guards
from tests.logins.conftest import lifetime, open_for, waits
from tests.sessions.conftest import before_authkit

__all__ = ["before_authkit", "lifetime", "open_for", "waits"]


@pytest.fixture
def add_guard(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``add_guard(guard, order=10)``: asks one more guard, until the test is over."""
    monkeypatch.setattr(guards, "_guards", list(guards._guards))
    return guards.register_guard
