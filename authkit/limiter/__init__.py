"""How often a secret that can be guessed may be tried: reserve, verify, then settle (docs/limiter.md).

`__all__` lists the public names, by which a door of a project's own is limited too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authkit.core.facade import lazy

if TYPE_CHECKING:
    from authkit.limiter.budgets import Budget, register_budget
    from authkit.limiter.services import Reservation, refund, reserve, settle_failure, settle_success
    from authkit.limiter.unlocking import unlock

__all__ = [
    "Budget",
    "Reservation",
    "refund",
    "register_budget",
    "reserve",
    "settle_failure",
    "settle_success",
    "unlock",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Budget": "authkit.limiter.budgets",
        "refund": "authkit.limiter.services",
        "register_budget": "authkit.limiter.budgets",
        "Reservation": "authkit.limiter.services",
        "reserve": "authkit.limiter.services",
        "settle_failure": "authkit.limiter.services",
        "settle_success": "authkit.limiter.services",
        "unlock": "authkit.limiter.unlocking",
    },
)
