"""What `manage.py check` says of SOCIAL.PROVIDERS.

E201  no CLIENT_ID                      W201  OPTIONS sets what authkit sets itself
E202  no ISSUER, or no issuer's URL     W202  TLS certificates are not verified
E203  an issuer without TLS             W203  PKCE is off
E204  an id that can't stand in a URL   W204  no CLIENT_SECRET
E205  a reserved id                     W205  users are known by an option that can be given to somebody else
E206  a back end that can't be used
E220  an entry of REDIRECT_URIS that matches nothing
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from social_core.exceptions import AuthConfigurationError

from authkit import conf
from authkit.conf import ProviderSettings
from authkit.social.backends import OpenIdConnect
from authkit.social.redirect_uris import problem_with
from authkit.social.strategy import OWN_SETTINGS, backend_class

RESERVED_IDS = frozenset({"password"})
"""What Login.method says of other ways in."""
MAX_ID_LENGTH = 32
"""Characters; social_django's column."""
MUTABLE_ID_KEYS = frozenset({"email", "mail", "username", "preferred_username", "login", "upn", "nickname", "name"})
_SLUG = re.compile(r"[a-z0-9]([a-z0-9_-]*[a-z0-9])?")


def provider_problems() -> list[CheckMessage]:
    """Everything that is wrong with the configured providers; without network. Reads the block, mistakes and all."""
    parsed, _block_problems = conf.inspect()
    of_providers = [
        problem
        for provider_id, provider in parsed.social.providers.items()
        for problem in (
            *_id(provider_id),
            *_client(provider_id, provider),
            *_backend(provider_id, provider),
            *_options(provider_id, provider),
        )
    ]
    return [*of_providers, *_redirect_uris(parsed.social.redirect_uris)]


def _redirect_uris(entries: Iterable[str]) -> Iterator[CheckMessage]:
    for entry in entries:
        problem = problem_with(entry, debug=settings.DEBUG)
        if problem is not None:
            yield checks.Error(
                f"AUTHKIT SOCIAL.REDIRECT_URIS: {entry[:100]!r} {problem}, so no code is ever sent there.",
                hint="Write https://app.example.com/callback, com.example.app:/callback or http://127.0.0.1/callback.",
                id="authkit.E220",
            )


def _where(provider_id: str, key: str = "") -> str:
    return f"AUTHKIT SOCIAL.PROVIDERS[{provider_id!r}]{'.' + key if key else ''}"


def _id(provider_id: str) -> Iterator[CheckMessage]:
    if len(provider_id) > MAX_ID_LENGTH or not _SLUG.fullmatch(provider_id):
        yield checks.Error(
            f"{_where(provider_id)}: the id can't be used.",
            hint=f"At most {MAX_ID_LENGTH} lower-case letters, digits, hyphens, underscores; NAME is what people see.",
            id="authkit.E204",
        )
    if provider_id in RESERVED_IDS:
        yield checks.Error(
            f"{_where(provider_id)}: the id is reserved.",
            hint="Give the provider another id: a login's method says this one of another way in.",
            id="authkit.E205",
        )


def _client(provider_id: str, provider: ProviderSettings) -> Iterator[CheckMessage]:
    if not provider.client_id:
        yield checks.Error(
            f"{_where(provider_id, 'CLIENT_ID')} is missing.",
            hint="Register this site at the provider and put the client id that it gives you here.",
            id="authkit.E201",
        )
    if not provider.client_secret:
        yield checks.Warning(
            f"{_where(provider_id, 'CLIENT_SECRET')} is missing.",
            hint="Read the secret from the environment; only a client registered as public has none.",
            id="authkit.W204",
        )


def _backend(provider_id: str, provider: ProviderSettings) -> Iterator[CheckMessage]:
    try:
        backend = backend_class(provider_id, provider.backend)
    except AuthConfigurationError:
        yield checks.Error(
            f"{_where(provider_id, 'BACKEND')}: {provider.backend!r} can't be used.",
            hint="Name a class of social-core's for OAuth 2.0 or OpenID Connect, by its dotted path.",
            id="authkit.E206",
        )
        return
    if issubclass(backend, OpenIdConnect):
        yield from _issuer(provider_id, provider.issuer)


def _issuer(provider_id: str, issuer: str) -> Iterator[CheckMessage]:
    try:
        parts = urlsplit(issuer)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if not host or parts.scheme not in {"http", "https"} or parts.query or parts.fragment or "/.well-known/" in issuer:
        yield checks.Error(
            f"{_where(provider_id, 'ISSUER')} is missing or not an issuer's URL.",
            hint="Copy `issuer` from the provider's discovery document, character by character.",
            id="authkit.E202",
        )
    elif parts.scheme == "http" and not settings.DEBUG and not _is_loopback(host):
        yield checks.Error(
            f"{_where(provider_id, 'ISSUER')} has no TLS: anybody on the way can sign in as anybody.",
            hint="Use the provider's https URL.",
            id="authkit.E203",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _options(provider_id: str, provider: ProviderSettings) -> Iterator[CheckMessage]:
    options = provider.options
    is_openid = provider.backend == conf.ProviderSettings().backend
    without_effect = sorted(OWN_SETTINGS.intersection(options))
    if is_openid:
        without_effect += sorted({*OpenIdConnect.FIXED, "ID_KEY", "ID_TOKEN_ISSUER", "OIDC_ENDPOINT"} & options.keys())
    if without_effect:
        yield _warning(
            provider_id,
            f"{', '.join(without_effect)} has no effect.",
            "Take it out; CLIENT_ID, CLIENT_SECRET and ISSUER have keys of their own.",
            "authkit.W201",
        )
    if options.get("VERIFY_SSL", True) is not True:
        yield _warning(
            provider_id,
            "VERIFY_SSL is changed: a provider whose certificate isn't verified is whoever answers.",
            "Take it out, and add the provider's certificate authority to the machine's trust store.",
            "authkit.W202",
        )
    if not is_openid and options.get("USE_PKCE", True) is not True:
        yield _warning(
            provider_id,
            "USE_PKCE is off.",
            "Take it out, unless the provider refuses requests with a code_challenge.",
            "authkit.W203",
        )
    if not is_openid and options.get("ID_KEY") in MUTABLE_ID_KEYS:
        yield _warning(
            provider_id,
            f"ID_KEY is {options['ID_KEY']!r}: whoever gets this name there later gets the account.",
            "Use the provider's permanent user id.",
            "authkit.W205",
        )


def _warning(provider_id: str, message: str, hint: str, check_id: str) -> CheckMessage:
    return checks.Warning(f"{_where(provider_id, 'OPTIONS')}: {message}", hint=hint, id=check_id)
