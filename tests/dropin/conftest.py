from __future__ import annotations

from tests.tokens.conftest import pair

__all__ = ["pair"]
