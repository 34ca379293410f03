"""What `manage.py check` says of the section AUDIT.

E260  LOG_ONLY names no event
E261  CONTEXT can't be imported
E262  CONTEXT can't be called with (request)
E263  a SEAL_KEY shorter than 32 bytes
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from django.core.checks import CheckMessage, Error

from authkit import conf, events
from authkit.audit.settings import AuditSettings
from authkit.core.callables import takes
from authkit.core.strength import MIN_KEY_BYTES


def check_names(**_: Any) -> list[CheckMessage]:
    """E260."""
    known = sorted(events.known())
    unknown = [name for name in _section().log_only if name not in known]
    return [
        Error(
            f"AUTHKIT AUDIT.LOG_ONLY names {name!r}, and there is no such event.",
            hint=_hint(name, known),
            id="authkit.E260",
        )
        for name in unknown
    ]


def _hint(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Known events: {', '.join(known)}."


def check_context(**_: Any) -> list[CheckMessage]:
    """E261, E262. An error in the function itself shows up at each event, in the log."""
    hook = _section().context
    if not hook:
        return []
    try:
        function = hook.resolve()
    except Exception as error:  # noqa: BLE001  # a module runs when it is imported, and may raise anything
        text = f"AUTHKIT AUDIT.CONTEXT {hook!r} can't be imported, so every event is recorded without it: {error}"
        hint = "Name a function of yours by its dotted path, or leave the key out."
        return [Error(text, hint=hint, id="authkit.E261")]
    if takes(function, arguments=1):
        return []
    text = f"AUTHKIT AUDIT.CONTEXT {hook!r} can't be called with (request): every event is recorded without it."
    return [Error(text, hint="Write it as def context(request): return {...}; it can't be async.", id="authkit.E262")]


def check_seal_key(**_: Any) -> list[CheckMessage]:
    """E263. A callable is not asked: it may reach a vault."""
    key = _section().seal_key
    if not key or key.is_callable or len(key.reveal().encode()) >= MIN_KEY_BYTES:
        return []
    text = f"AUTHKIT AUDIT.SEAL_KEY has fewer than {MIN_KEY_BYTES} bytes: its seals could be forged by guessing it."
    return [Error(text, hint="Take 43 characters of secrets.token_urlsafe(), or leave the key out.", id="authkit.E263")]


def _section() -> AuditSettings:
    return conf.section(AuditSettings, conf.inspect()[0])


CHECKS = (check_names, check_context, check_seal_key)
