"""The ledger of logins as the session store sees it: three functions, which it is given once the apps are ready."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from authkit.logins.models import Login
    from authkit.logins.principal import Principal
    from authkit.sessions.verdicts import Verdict


class Judge(Protocol):
    """`authkit.sessions.verdicts.judge`."""

    def __call__(self, *, session_key: str, person: Any, login: Any) -> Verdict: ...


class Renew(Protocol):
    """`authkit.sessions.upkeep.renew_auth_hash`."""

    def __call__(self, login: Login, *, auth_hash: str) -> None: ...


class Rehashed(Protocol):
    """`authkit.sessions.upkeep.hash_after_rehash`."""

    def __call__(self, principal: Principal, *, held: str | None) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Ledger:
    """The functions by which the store asks and tells of logins. Given once the apps are ready: both need models."""

    judge: Judge
    renew_auth_hash: Renew
    hash_after_rehash: Rehashed
