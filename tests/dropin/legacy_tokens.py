"""Tokens as simplejwt issues them, for a project whose SIMPLE_JWT says nothing unless told so."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
from django.conf import settings

OPEN = {"TOKENS": {"SIMPLEJWT_UNTIL": datetime.now(UTC) + timedelta(days=14)}}


def simplejwt_token(
    user: Any, kind: str = "access", *, key: Any = None, algorithm: str = "HS256", age: int = 60, **claims: Any
) -> str:
    """A token issued `age` seconds ago. `claims` add to its own or replace them; `...` leaves one out."""
    issued = int(time.time()) - age
    lifetime = 86_400 if kind == "refresh" else 300
    payload = {
        "token_type": kind,
        "exp": issued + lifetime,
        "iat": issued,
        "jti": uuid4().hex,
        "user_id": str(user.pk),
        **claims,
    }
    payload = {name: value for name, value in payload.items() if value is not ...}
    return jwt.encode(payload, key or settings.SECRET_KEY, algorithm)
