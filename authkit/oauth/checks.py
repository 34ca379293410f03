"""What `manage.py check` says of the section OAUTH.

E300  Authlib is not installed
E301  PUBLIC_URL is not set
E302  no access key that clients can verify
E303  the documents at the root are not included
E304  a resource is no URI
E305  a resource is the audience of this site's own tokens
E306  a scope has characters that no scope may have
W300  no key with RS256, which every OpenID client can verify
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.exceptions import ImproperlyConfigured
from django.urls import Resolver404, resolve

from authkit import conf
from authkit.exceptions import KeysUnavailable
from authkit.logins.reasons import TokenKind
from authkit.oauth.settings import OAuthSettings
from authkit.oauth.signing import PREFERRED
from authkit.tokens import jwk, keys

DOCUMENT = "/.well-known/oauth-authorization-server"
INCLUDE = 'path("", include("authkit.oauth.urls.well_known"))'

_SCOPE = re.compile(r"[!#-\[\]-~]+")  # RFC 6749 section 3.3


def check_engine(**_: Any) -> list[CheckMessage]:
    """E300."""
    if find_spec("authlib") is not None:
        return []
    text = "AUTHKIT has a section OAUTH, and Authlib is not installed: there is no provider without it."
    return [Error(text, hint="pip install 'django-authkit[provider]'", id="authkit.E300")]


def check_issuer(**_: Any) -> list[CheckMessage]:
    """E301 (RFC 8414 section 2)."""
    if conf.inspect()[0].public_url:
        return []
    text = "AUTHKIT PUBLIC_URL is empty: it is the issuer of the provider's tokens, so no client can be served."
    hint = 'Set AUTHKIT["PUBLIC_URL"] to the site\'s own address, such as "https://www.example.com".'
    return [Error(text, hint=hint, id="authkit.E301")]


def check_key(**_: Any) -> list[CheckMessage]:
    """E302, W300 (OpenID Connect Discovery 1.0 section 3)."""
    try:
        ring, problems = keys.inspect()
    except (ImproperlyConfigured, KeysUnavailable):
        return []
    if problems:
        return []  # E033 to E037 say so
    fit = [
        key.algorithm
        for key in ring.keys
        if key.use is TokenKind.ACCESS and not key.announced and not jwk.is_symmetric(key.algorithm)
    ]
    command = f"authkit_keys generate --algorithm {PREFERRED} --use access"
    hint = f"`manage.py {command}` makes a key for TOKENS.KEYS; live tokens stay good."
    if not fit:
        text = "No key of TOKENS.KEYS signs access tokens that clients can verify: theirs need one with a public half."
        return [Error(text, hint=hint, id="authkit.E302")]
    if PREFERRED not in fit:
        text = f"No access key signs with {PREFERRED}, the one algorithm that every OpenID client can verify."
        return [Warning(text, hint=hint, id="authkit.W300")]
    return []


def check_include(**_: Any) -> list[CheckMessage]:
    """E303 (RFC 8414 section 3)."""
    urlconf = getattr(settings, "ROOT_URLCONF", None)
    if not urlconf or find_spec("authlib") is None:
        return []
    try:
        module = resolve(DOCUMENT).func.__module__
    except Resolver404:
        module = ""
    if module.startswith("authkit.oauth."):
        return []
    text = f"No client finds the provider: {DOCUMENT} is not served."
    return [Error(text, hint=f"Add {INCLUDE} to urlpatterns in {urlconf}.", id="authkit.E303")]


def check_resources(**_: Any) -> list[CheckMessage]:
    """E304, E305 (RFC 8707 section 2, RFC 9068 section 3)."""
    block = conf.inspect()[0]
    section = conf.section(OAuthSettings, block)
    named = [resource for resource in (section.default_resource, *section.resources) if resource]
    found: list[CheckMessage] = [
        Error(
            f"AUTHKIT OAUTH names the resource {resource!r}, which is no absolute URI without a fragment.",
            hint='Write it as "https://api.example.com/notes", as its clients name it.',
            id="authkit.E304",
        )
        for resource in named
        if not _is_resource(resource)
    ]
    audience = block.tokens.audience
    if audience in {*named, *([] if section.default_resource else [block.public_url.rstrip("/")])}:
        found.append(
            Error(
                f"{audience!r} is TOKENS.AUDIENCE and a resource of OAUTH: a service that verifies by itself takes an "
                "app's token for one of this site's own.",
                hint="Name an audience for this site's own tokens that no app can ask for, such as the default.",
                id="authkit.E305",
            )
        )
    return found


def _is_resource(resource: str) -> bool:
    try:
        parts = urlsplit(resource)
    except ValueError:
        return False
    fit = resource.isascii() and resource.isprintable() and " " not in resource
    return fit and bool(parts.scheme) and bool(parts.netloc or parts.path) and "#" not in resource


def check_scopes(**_: Any) -> list[CheckMessage]:
    """E306 (RFC 6749 section 3.3)."""
    section = conf.section(OAuthSettings, conf.inspect()[0])
    every: Iterator[Any] = (
        scope for scopes in (section.scopes, *(each.scopes for each in section.resources.values())) for scope in scopes
    )
    return [
        Error(
            f"AUTHKIT OAUTH: {scope!r} can't be a scope.",
            hint="A scope is visible ASCII without blanks, quotation marks and backslashes, such as notes:read.",
            id="authkit.E306",
        )
        for scope in every
        if not isinstance(scope, str) or not _SCOPE.fullmatch(scope)
    ]


CHECKS: tuple[Callable[..., Any], ...] = (
    *(check_engine, check_issuer, check_key, check_include, check_resources, check_scopes),
)
