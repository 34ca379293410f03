"""What a process does for its own tokens where its clock is off: every other process then asks the database for them.

The `iat` of a token is its issuer's time, and the floor in Redis is compared with it (`authkit.revocation.hints`). The
processes that check the token can't see that its issuer's clock was ahead. The issuer can, by its lease.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from authkit import signals
from authkit.logins.models import Login
from authkit.logins.reasons import LoginKind
from authkit.revocation.hints import note_issue

_UID = "authkit.revocation.issuing.note_"


def connect() -> None:
    """Listens to logins that are opened and tokens that are rotated. Safe to call twice."""
    signals.login_opened.connect(note_opened, dispatch_uid=_UID + "opened")
    signals.token_rotated.connect(note_rotated, dispatch_uid=_UID + "rotated")


def note_opened(sender: Any, *, login: Login, **_: Any) -> None:
    """Before its first pair is signed."""
    if login.kind == LoginKind.TOKEN:
        note_issue(login_id=login.pk)


def note_rotated(sender: Any, *, login_id: UUID, **_: Any) -> None:
    """Before its next pair is signed."""
    note_issue(login_id=login_id)
