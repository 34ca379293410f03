"""The window in which simplejwt's live tokens are accepted (`TOKENS["SIMPLEJWT_UNTIL"]`)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.exceptions import FieldDoesNotExist
from django.utils import timezone

from authkit import conf
from authkit.core.strength import MIN_KEY_BYTES
from authkit.tokens import legacy

LONGEST = timedelta(days=90)
"""Longer than most refresh tokens of simplejwt's live: whoever comes back by then has come back."""

_CLOSE = "Take SIMPLEJWT_UNTIL out of AUTHKIT TOKENS, and SIMPLE_JWT and its signing key out of the settings."


def check_reader(**_: Any) -> list[CheckMessage]:
    """E070, E071, W070, W074, while the window is open."""
    until = conf.inspect()[0].tokens.simplejwt_until
    if until is None or until <= timezone.now():
        return []
    block = getattr(settings, "SIMPLE_JWT", None) or {}
    how = legacy.reader()
    if how is None:
        return [
            Error(
                "AUTHKIT TOKENS.SIMPLEJWT_UNTIL is set, but SIMPLE_JWT names no key by which tokens can be read "
                "safely: all of simplejwt's are refused.",
                hint=f"ALGORITHM is one of {', '.join(sorted(legacy.ALGORITHMS))}; an HMAC SIGNING_KEY has "
                f"{MIN_KEY_BYTES} bytes or more, the others need VERIFYING_KEY (JWK_URL is not asked).",
                id="authkit.E070",
            )
        ]
    found: list[CheckMessage] = []
    if not _is_field(how.user_field):
        found.append(
            Error(
                f"SIMPLE_JWT USER_ID_FIELD {how.user_field!r} is no field of {get_user_model()._meta.label}: "
                "no token of simplejwt's finds its person.",
                hint="Name the field that USER_ID_CLAIM was filled from.",
                id="authkit.E071",
            )
        )
    schemes = block.get("AUTH_HEADER_TYPES", ("Bearer",))
    if "Bearer" not in ([schemes] if isinstance(schemes, str) else schemes):
        found.append(
            Warning(
                f"SIMPLE_JWT AUTH_HEADER_TYPES is {schemes!r}: clients that send another word than Bearer are not "
                "heard.",
                hint="Let the clients send `Authorization: Bearer <token>` before you switch.",
                id="authkit.W070",
            )
        )
    if not block.get("ROTATE_REFRESH_TOKENS"):
        found.append(
            Warning(
                "SIMPLE_JWT ROTATE_REFRESH_TOKENS is off, and authkit always rotates: a client that doesn't keep the "
                "`refresh` of each refresh's answer is signed out at its second refresh.",
                hint="Let the clients keep it if it is there, deploy that first, then silence this.",
                id="authkit.W074",
            )
        )
    return found


def _is_field(name: str) -> bool:
    try:
        get_user_model()._meta.get_field(get_user_model()._meta.pk.name if name == "pk" else name)
    except FieldDoesNotExist:
        return False
    return True


def check_window(**_: Any) -> list[CheckMessage]:
    """W071 to W073 (deploy)."""
    until, now = conf.inspect()[0].tokens.simplejwt_until, timezone.now()
    if until is None:
        return []
    if until <= now:
        message = f"The window for simplejwt's tokens closed at {until.isoformat()}: its settings have no use any more."
        return [Warning(message, hint=_CLOSE, id="authkit.W072")]
    found: list[CheckMessage] = [
        Warning(
            f"Tokens that simplejwt signed are accepted until {until.isoformat()}: whoever has its key signs in as "
            "anybody until then.",
            hint="As it should be during a switch; silence this until then, and mind that key as long.",
            id="authkit.W071",
        )
    ]
    if until - now > LONGEST:
        found.append(
            Warning(
                f"AUTHKIT TOKENS.SIMPLEJWT_UNTIL is {(until - now).days} days away.",
                hint="A window as long as SIMPLE_JWT REFRESH_TOKEN_LIFETIME lets every live refresh token through.",
                id="authkit.W073",
            )
        )
    return found


CHECKS = (check_reader,)
DEPLOY_CHECKS = (check_window,)
