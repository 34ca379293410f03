"""The fixtures of the ledger's tests, for those of what stands on it."""

from tests.logins.conftest import lifetime, open_for, waits

__all__ = ["lifetime", "open_for", "waits"]
