"""The provider's own session, as its verified answer names it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MAX_SID_LENGTH = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSession:
    """The person that a provider vouched for, and its session; empty strings for what it doesn't say.

    Only OpenID providers name an issuer and a subject; `sid` is there where they can say later that it ended
    (OpenID Connect Back-Channel Logout 1.0 section 2.1).
    """

    issuer: str = ""
    subject: str = ""
    sid: str = ""
    issued_at: datetime | None = None
    """When the provider said so, by its clock; now, if None."""
    asked_at: datetime | None = None
    """When we asked it for that, by our own clock; None where a program brought the answer."""
