"""JSON views that serve sessions and tokens alike: the list of a person's logins, sign-out everywhere.

Public is what `__all__` names: the base of a JSON view that answers as authkit's do, and what declares
its methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authkit.core.facade import lazy

if TYPE_CHECKING:
    from authkit.core.api import ApiView
    from authkit.core.operations import operation

__all__ = [
    "ApiView",
    "operation",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "ApiView": "authkit.core.api",
        "operation": "authkit.core.operations",
    },
)
