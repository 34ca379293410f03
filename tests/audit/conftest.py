from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from authkit.core import identifiers


@pytest.fixture(autouse=True)
def _with_records(recorded: None) -> None:
    """Every test here has its events stored."""


@pytest.fixture
def ids_by_the_clock(clock: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The test's clock, by which ids are made too."""
    monkeypatch.setattr(identifiers, "_now", lambda: int(timezone.now().timestamp() * 1000) * 1_000_000)
    return clock
