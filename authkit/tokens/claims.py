"""The claims that a project adds to its access tokens (`TOKENS["CLAIMS"]`), and how the person signed in.

    def claims(user, login):
        return {"tenant": user.tenant_id, "scope": ["notes:read", "notes:write"], "roles": ["editor"]}

The callable is asked when a pair is signed, at obtain and at each refresh, and never when a token is checked. If
anything is wrong with the answer, no token is signed: a token without its claims could allow more, because a claim may
restrict ("read_only", a tenant). The refusal is `ClaimsRefused` (403), since no input may yield a 5xx and a claim may
hold text that a user typed. The cause is in the log, as an error, and at a refresh the refresh token stays good. It is
the same in development and in production: a mistake that meets one person in a thousand is seen in production only.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from authkit import conf
from authkit.core.hidden import traced
from authkit.core.outages import DATABASE_DOWN
from authkit.exceptions import ClaimsRefused, DatabaseUnavailable, Unavailable
from authkit.logins.models import Login
from authkit.signin.methods import method_of

logger = logging.getLogger("authkit")

MAX_BYTES = 2048
"""Of the added claims as JSON. In base64, with authkit's own and a signature by RSA-4096, a token then stays below the
4,096 bytes that browsers keep of a cookie (6265bis section 5.6) and the 8 KiB that servers read of a header."""

MAX_DEPTH = 5
"""Lists and objects in one another, the claims themselves included."""

RESERVED = frozenset(
    {
        *("iss", "aud", "sub", "sid", "jti", "iat", "exp", "nbf", "token_type", "gen", "transport"),
        *("auth_time", "acr", "amr", "azp", "nonce", "at_hash", "c_hash", "cnf"),
    }
)
"""Only authkit sets these: they say what the token is and how it came about (RFC 7519 section 4.1, RFC 9068 section
2.2, OpenID Connect Core section 2; `cnf` is RFC 7800's proof of possession). `transport` says how it may come back."""

# Visible ASCII. Readers that match names without regard to case (Go's, for one) take "SUB" for "sub", and even one that
# is written with the long S of Unicode.
_NAME = re.compile(r"[!-~]{1,128}")
_SCOPE_TOKEN = re.compile(r"[!#-\[\]-~]+")
"""RFC 6749 section 3.3: visible ASCII without quotation mark and backslash; scopes are divided by single spaces."""


class _Mistake(ValueError):
    """A fault of the answer, in words for the log; never holds a value, only where it stands."""


def added_claims(
    *, user: AbstractBaseUser, login: Login, hook: conf.Hook, authentication: bool, acr_values: Mapping[str, str]
) -> dict[str, Any]:
    """All claims of an access token that are not authkit's own.

    Args:
        user: the person that the token is for.
        login: their login, before it is written: a new row at obtain, at a refresh the row before it moves on.
        hook: `TOKENS["CLAIMS"]`, called with these two.
        authentication: whether `authentication_claims` are added.
        acr_values: the `acr` by `Login.method`.

    Raises:
        ClaimsRefused: the callable can't be imported, raised, or returned what can't be signed.
        Unavailable: it asked the database, which didn't answer; or it raised this itself, of a service of its
            own.
    """
    added = _own(user, login, hook) if hook else {}
    if authentication:
        added |= authentication_claims(login=login, acr_values=acr_values)
    return added


def authentication_claims(*, login: Login, acr_values: Mapping[str, str]) -> dict[str, Any]:
    """When and how the person signed in; the same for all tokens of a login (RFC 9068 section 2.2.1).

    Args:
        login: `authenticated_at` is `auth_time`, in seconds since the epoch; `amr` and `method` decide about the other
            two.
        acr_values: the `acr` of each method; none for a method that is missing, since no value means the same to all.

    Returns:
        `auth_time`, `amr` if it is known, `acr` if the project names one. For a provider there is no `amr`: how the
        person proved themselves there is the provider's knowledge, and RFC 8176 has no value for "somewhere else".
    """
    claims: dict[str, Any] = {"auth_time": int(login.authenticated_at.timestamp())}
    # A login from before the column has none; its method then says what it was.
    if amr := login.amr.split() or list(method_of(login.method).amr):
        claims["amr"] = amr
    if acr := acr_values.get(login.method):
        claims["acr"] = str(acr)
    return claims


def _own(user: AbstractBaseUser, login: Login, hook: conf.Hook) -> dict[str, Any]:
    try:
        return _checked(hook.resolve()(user, login))
    except Unavailable:
        raise
    except DATABASE_DOWN as error:
        raise DatabaseUnavailable("TOKENS.CLAIMS couldn't ask the database") from error
    except Exception as error:
        said = "AUTHKIT TOKENS.CLAIMS failed for the user with the key %r; no token was signed: %s"
        logger.error(said, user.pk, traced(error))
        detail = str(error) if isinstance(error, _Mistake) else f"TOKENS.CLAIMS raised {type(error).__name__}"
        raise ClaimsRefused(detail) from error


def _checked(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise _Mistake(f"TOKENS.CLAIMS returned a {type(given).__name__} and no dict")
    claims = dict(given)
    for name in claims:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _Mistake(f"a claim's name must be visible ASCII characters, not {name!a:.60}")
        if name.lower() in RESERVED:
            raise _Mistake(f"the claim {name!r} is authkit's")
    if "scope" in claims:
        claims["scope"] = _scope(claims["scope"])
    if "roles" in claims:
        claims["roles"] = _roles(claims["roles"])
    plain: dict[str, Any] = _plain(claims, "claims", MAX_DEPTH)
    # As PyJWT writes it: characters beyond ASCII are escaped, and take up to twelve bytes each.
    size = len(json.dumps(plain, separators=(",", ":")))
    if size > MAX_BYTES:
        raise _Mistake(f"the claims have {size} bytes, and {MAX_BYTES} is the most")
    return plain


def _scope(value: Any) -> str:
    # A list is joined here and not by the project, so that a name which a user chose, and put a space into, can't
    # become two scopes.
    scopes = value.split(" ") if isinstance(value, str) and value else _items(value) if value else []
    if scopes is None or not all(isinstance(scope, str) and _SCOPE_TOKEN.fullmatch(scope) for scope in scopes):
        raise _Mistake("the claim 'scope' must be a list of scopes, or a string of them divided by single spaces")
    return " ".join(str.__str__(scope) for scope in scopes)


def _roles(value: Any) -> list[Any]:
    roles = _items(value)
    if roles is None or not all(isinstance(role, str) for role in roles):
        raise _Mistake("the claim 'roles' must be a list of strings")
    return roles


def _items(value: Any) -> list[Any] | None:
    """A list of what is in it, sets in a stable order; None if it is something else."""
    if isinstance(value, AbstractSet):
        return sorted(value)
    return list(value) if isinstance(value, list | tuple) else None


def _plain(value: Any, where: str, depth: int) -> Any:
    """A copy in JSON's own types: it can't change, or answer differently, between this check and the signature."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if not isinstance(value, list | tuple | Mapping):
        raise _Mistake(f"{where} holds a {type(value).__name__}, which JSON has no form for: make it a string")
    if depth == 0:
        raise _Mistake(f"{where} is more than {MAX_DEPTH} levels deep")
    if not isinstance(value, Mapping):
        return [_plain(item, where, depth - 1) for item in value]
    if not all(isinstance(key, str) for key in value):
        raise _Mistake(f"{where} has a key that is no string")
    return {_text(key, where): _plain(item, f"{where}.{key!a:.40}", depth - 1) for key, item in value.items()}


def _text(value: str, where: str) -> str:
    text = str.__str__(value)  # the value of an enumeration's member, which str() would not give
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise _Mistake(f"{where} holds half of a surrogate pair, which other readers refuse (RFC 7493 section 2.1)")
    return text
