"""A table of the events, an app of its own: the section AUDIT adds it. The core's logger needs none of it.

Public is what `__all__` names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authkit.core.facade import lazy

if TYPE_CHECKING:
    from authkit.audit.models import AuditSeal, Event
    from authkit.audit.seals import seal, verify

__all__ = [
    "AuditSeal",
    "Event",
    "seal",
    "verify",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "AuditSeal": "authkit.audit.models",
        "Event": "authkit.audit.models",
        "seal": "authkit.audit.seals",
        "verify": "authkit.audit.seals",
    },
)
