"""How a session lies in Redis: signed by Django's signing, as a row is, and bound to its key.

An attacker who can write to Redis, and has no SECRET_KEY, can neither make a session nor copy their own under another
key: the key is a part of the signature's salt. The keys are digests, so reading Redis gives no cookie away.
"""

from __future__ import annotations

import logging
from typing import Any

from django.core import signing

from authkit import conf
from authkit.core.secret_keys import fit_fallbacks
from authkit.redis import key_names
from authkit.sessions.engines.base import Session
from authkit.sessions.stored_keys import stored_key

logger = logging.getLogger("django.security.SuspiciousSession")


def entry_key(session_key: str) -> bytes:
    """The key in Redis of a session id."""
    return key_names.session(conf.current().redis.prefix, stored_key(session_key))


def sealed(session: Session, session_key: str, data: dict[str, Any]) -> bytes:
    """The session's data, for the entry of this session id alone."""
    text: str = signing.dumps(data, salt=_salt(session, session_key), serializer=session.serializer, compress=True)
    return text.encode("ascii")


def opened(session: Session, session_key: str, entry: bytes) -> dict[str, Any] | None:
    """The data sealed for this session id under SECRET_KEY or one of its fallbacks; None for anything else."""
    try:
        data = signing.loads(
            entry.decode("ascii"),
            salt=_salt(session, session_key),
            serializer=session.serializer,
            fallback_keys=fit_fallbacks(),
        )
    except (signing.BadSignature, UnicodeDecodeError):
        logger.warning("an entry in Redis was not made for this session, or under another SECRET_KEY")
        return None
    except Exception:  # noqa: BLE001  # as Django does: the serializer is the project's, and may raise anything
        return None
    return data if isinstance(data, dict) else None


def _salt(session: Session, session_key: str) -> str:
    return f"authkit.sessions.redis:{session.key_salt}:{stored_key(session_key)}"
