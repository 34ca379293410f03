"""Tokens: how long they live, what the project adds to them, their cookies and the ring of their keys.

A fault of the ring also stops each use of it, with ImproperlyConfigured.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.exceptions import ImproperlyConfigured

from authkit import conf
from authkit.conf.checks import beyond_absolute
from authkit.core.callables import takes
from authkit.tokens import keyring, keys

_IDS = {
    "unreadable": "authkit.E033",
    "malformed": "authkit.E034",
    "weak": "authkit.E035",
    "twice": "authkit.E036",
    "unsigned": "authkit.E037",
}


def check_lifetimes(**_: Any) -> list[CheckMessage]:
    """E005 to E007."""
    tokens = conf.inspect()[0].tokens
    idle, absolute = ("REFRESH_IDLE", tokens.refresh_idle), ("REFRESH_ABSOLUTE", tokens.refresh_absolute)
    return [*beyond_absolute("TOKENS", idle, absolute), *_useless(tokens)]


def _useless(tokens: conf.TokenSettings) -> Iterator[CheckMessage]:
    if tokens.access_lifetime >= tokens.refresh_idle:
        yield Error(
            "AUTHKIT TOKENS.ACCESS_LIFETIME is not shorter than TOKENS.REFRESH_IDLE: when its access token has "
            "expired, a client finds its refresh token expired too.",
            hint="Access tokens live for minutes, refresh tokens for days.",
            id="authkit.E006",
        )
    if tokens.grace >= tokens.refresh_idle:
        yield Error(
            "AUTHKIT TOKENS.GRACE is not shorter than TOKENS.REFRESH_IDLE: reuse would never be noticed.",
            hint="The default is 60 seconds.",
            id="authkit.E007",
        )


def check_claims(**_: Any) -> list[CheckMessage]:
    """E060 to E064. The callables' answers are seen only at a sign-in; see `authkit.tokens.claims`."""
    tokens = conf.inspect()[0].tokens
    found: list[CheckMessage] = [
        Error(
            f"AUTHKIT TOKENS.ACR_VALUES[{method!r}] is not a string, or is empty.",
            hint='Write it as {"password": "urn:example:password"}, by "password" or the provider.',
            id="authkit.E062",
        )
        for method, value in tokens.acr_values.items()
        if not isinstance(method, str) or not isinstance(value, str) or not value
    ]
    for name, hook, ids in (
        ("CLAIMS", tokens.claims, ("E060", "E061")),
        ("ANSWER_FIELDS", tokens.answer_fields, ("E063", "E064")),
    ):
        found += _asked_of_user_and_login(name, hook, *ids)
    return found


def _asked_of_user_and_login(name: str, hook: conf.Hook, not_there: str, not_callable: str) -> Iterator[CheckMessage]:
    if not hook:
        return
    try:
        function = hook.resolve()
    except Exception as error:  # noqa: BLE001  # a module runs when it is imported, and may raise anything
        hint = "Name a function of yours by its dotted path, or leave the key out."
        text = f"AUTHKIT TOKENS.{name} {hook!r} can't be imported, so no token can be issued: {error}"
        yield Error(text, hint=hint, id=f"authkit.{not_there}")
        return
    if not takes(function, arguments=2):
        text = f"AUTHKIT TOKENS.{name} {hook!r} can't be called with (user, login), so no token can be issued."
        hint = f"Write it as def {name.lower()}(user, login): return {{...}}; it can't be async."
        yield Error(text, hint=hint, id=f"authkit.{not_callable}")


def check_token_cookies(**_: Any) -> list[CheckMessage]:
    """W047 (ASVS 3.3.1)."""
    if settings.SESSION_COOKIE_SECURE or not _sets_token_cookies():
        return []
    return [
        Warning(
            "SESSION_COOKIE_SECURE is off: token cookies go without Secure and without their __Host- and __Secure- "
            "prefixes wherever Django takes a request for one without TLS, behind a proxy for instance.",
            hint='SESSION_COOKIE_SECURE = True, or AUTHKIT TOKENS.TRANSPORTS = ["body"] if no client wants cookies.',
            id="authkit.W047",
        )
    ]


def _sets_token_cookies() -> bool:
    return set(conf.inspect()[0].tokens.transports) != {"body"}


def check_ring(**_: Any) -> list[CheckMessage]:
    """E033 to E037 (ASVS 11.2.3, RFC 8725 section 3.5)."""
    try:
        _ring, problems = keys.inspect()
    except ImproperlyConfigured:  # SECRET_KEY is empty: Django's own error says so
        return []
    tokens = conf.inspect()[0].tokens
    # Where all keys are derived from SECRET_KEY, none signs if that is too short, and E030 says so. TOKENS.KEYS, which
    # such a project never set, needs no change.
    derives_all = tokens.derived_keys and not tokens.keys
    return [
        Error(f"AUTHKIT {problem.path}: {problem.message}", hint=problem.hint, id=_IDS[problem.kind])
        for problem in problems
        if not (derives_all and problem.kind == "unsigned")
    ]


def check_key_file(**_: Any) -> list[CheckMessage]:
    """W038."""
    try:
        path = keys.key_file()
        readable = path is not None and bool(path.stat().st_mode & stat.S_IROTH)
    except Exception:  # noqa: BLE001  # E033 says what is wrong; a callable may raise anything
        return []
    if not readable:
        return []
    return [
        Warning(
            f"Every user of this machine can read {path}, and sign tokens with its keys.",
            hint=f"chmod o-rwx {path}",
            id="authkit.W038",
        )
    ]


def check_derived(**_: Any) -> list[CheckMessage]:
    """W039 (deploy)."""
    try:
        keyring, _problems = keys.inspect()
    except ImproperlyConfigured:
        return []
    uses = [use.value for use, key in keyring.signing.items() if key.derived]
    if not uses:
        return []
    hint = "Give TOKENS.KEYS what `manage.py authkit_keys generate` prints; live tokens stay good."
    if len(uses) == 1:
        hint = (
            f"Add the keys that `manage.py authkit_keys generate --use {uses[0]}` prints to the list `keys` of "
            "TOKENS.KEYS; live tokens stay good."
        )
    return [
        Warning(
            f"{' and '.join(uses)} tokens are signed by a key derived from SECRET_KEY: an attacker who "
            "learns it can forge tokens, and a new SECRET_KEY without SECRET_KEY_FALLBACKS makes all tokens invalid.",
            hint=hint,
            id="authkit.W039",
        )
    ]


def check_issuer(**_: Any) -> list[CheckMessage]:
    """W037 (deploy; RFC 8725 section 3.8)."""
    try:
        known, _problems = keys.inspect()
    except ImproperlyConfigured:
        return []
    issuer = conf.inspect()[0].tokens.issuer
    if issuer != conf.TokenSettings().issuer or not keyring.published(known)["keys"]:
        return []
    return [
        Warning(
            f"Other services can verify access tokens, and TOKENS.ISSUER is the default, {issuer!r}: a service that "
            "knows the keys of two sites can't tell their tokens apart.",
            hint='Let TOKENS.ISSUER be the origin of this site, as "https://www.example.com", and tell the services '
            "that verify. Live tokens are refused from then on, so people have to sign in again.",
            id="authkit.W037",
        )
    ]


CHECKS = (check_lifetimes, check_claims, check_ring, check_key_file)
DEPLOY_CHECKS = (check_token_cookies, check_derived, check_issuer)
