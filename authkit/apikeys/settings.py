"""The section API_KEYS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authkit.conf.fields import setting

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

BEARER, OWN_HEADER = "bearer", "x-api-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeySettings:
    """Keys by which programs call the site."""

    scopes: dict[str, Any] = setting({}, kind=dict)
    """The scopes that a key may have: `{"notes:read": "Read your notes"}`, each with the sentence that people read. A
    view names those that it asks for, as `required_scopes`."""
    unscoped_views: str = setting("refuse", choices=("refuse", "accept"))
    """Whether a key opens a view that names no scope. With `"accept"` it does there all that its owner may do."""
    headers: tuple[str, ...] = setting((BEARER,), choices=(BEARER, OWN_HEADER))
    """Where a request may have its key: `Authorization: Bearer` (`"bearer"`), `X-API-Key` (`"x-api-key"`), or both."""
    max_age: timedelta = setting(timedelta(days=366), least=HOUR, most=timedelta(days=3660))
    """How long a new key is good at most."""
    max_per_person: int = setting(20, least=1, most=1000)
    """How many live keys one person, or one service account, may have. Each may also have a successor at that time."""
    end_with_password: bool = setting(False)
    """Whether a key ends when its owner gets a new password, or signs out everywhere. Setting it to `True` also ends
    the keys that are older than the owner's last such change."""
    leaks: str = setting("")
    """The URL of the public keys of a secret scanner that reports leaked keys to `leaks/`, such as
    `https://api.github.com/meta/public_keys/secret_scanning`. Without one, no report is taken."""
