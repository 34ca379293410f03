"""The messages of `manage.py check` about SOCIAL.PROVIDERS.

E201  no CLIENT_ID                      W201  OPTIONS sets what authkit sets itself
E202  no ISSUER, or no issuer's URL     W202  TLS certificates are not verified
E203  an issuer without TLS             W203  PKCE is off
E204  an id that can't stand in a URL   W204  no CLIENT_SECRET
E205  a reserved id                     W205  users are known by a name that can be given to another person
                                        W206  an address counts that the provider doesn't call verified (deploy)
E206  a back end that can't be used
E207  an entry of REDIRECT_URIS that matches nothing
E230  a PRESET that doesn't exist
E231  something that the preset needs is missing
E232  an entry of APPS that can't be used
E233  EMAIL_TRUSTED where any tenant's admin writes the addresses
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from social_core.exceptions import AuthConfigurationError

from authkit import conf
from authkit.codes.redirect_uris import problem_with
from authkit.social.flow.strategy import OWN_SETTINGS, backend_class
from authkit.social.providers import presets
from authkit.social.providers.backends import OpenIdConnect
from authkit.social.providers.state_and_pkce import BrowserBound
from authkit.social.providers.vendors import CONSUMERS, MANY_TENANTS, Microsoft
from authkit.social.settings import ProviderSettings, SocialSettings

RESERVED_IDS = frozenset({"password"})
"""The values of Login.method for other ways in."""
MAX_ID_LENGTH = 32
"""Characters; social_django's column."""
MUTABLE_ID_KEYS = frozenset({"email", "mail", "username", "preferred_username", "login", "upn", "nickname", "name"})
_TENANTS = ("common", "organizations", "consumers")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HOST = re.compile(r"([a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_SLUG = re.compile(r"[a-z0-9]([a-z0-9_-]*[a-z0-9])?")


def provider_problems() -> list[CheckMessage]:
    """Everything that is wrong with the configured providers; without network. Reads the block, mistakes and all."""
    social = conf.section(SocialSettings, conf.inspect()[0])
    of_providers = [
        problem
        for provider_id, entry in social.providers.items()
        for provider in (presets.complete(provider_id, entry),)
        for problem in (
            *_id(provider_id),
            *_preset(provider_id, entry),
            *_apps(provider_id, provider),
            *_client(provider_id, provider),
            *_backend(provider_id, provider),
            *_options(provider_id, provider),
            *_email_trusted(provider_id, provider),
        )
    ]
    return [*of_providers, *_redirect_uris(social.redirect_uris)]


def trusted_addresses() -> list[CheckMessage]:
    """W206 (deploy)."""
    return [
        checks.Warning(
            f"{_where(provider_id, 'EMAIL_TRUSTED')}: addresses count that the provider doesn't call verified.",
            hint="If the provider is yours, silence this. Otherwise take it out: an account there may have the address "
            "of another person, and is then led or linked to that person's account here.",
            id="authkit.W206",
        )
        for provider_id, entry in conf.section(SocialSettings, conf.inspect()[0]).providers.items()
        if entry.email_trusted
    ]


def _email_trusted(provider_id: str, provider: ProviderSettings) -> Iterator[CheckMessage]:
    backend = _class(provider_id, provider)
    if not provider.email_trusted or backend is None or not issubclass(backend, Microsoft):
        return
    if urlsplit(provider.issuer).path.strip("/").split("/")[0] in (*MANY_TENANTS, "consumers", CONSUMERS):
        yield checks.Error(
            f"{_where(provider_id, 'EMAIL_TRUSTED')} has no effect: with many tenants, any tenant's admin may write "
            "any address.",
            hint="Name your own tenant in TENANT, or take EMAIL_TRUSTED out.",
            id="authkit.E233",
        )


def _redirect_uris(entries: Iterable[str]) -> Iterator[CheckMessage]:
    for entry in entries:
        problem = problem_with(entry, debug=settings.DEBUG)
        if problem is not None:
            yield checks.Error(
                f"AUTHKIT SOCIAL.REDIRECT_URIS: {entry[:100]!r} {problem}, so no code is ever sent there.",
                hint="Write https://app.example.com/callback, com.example.app:/callback or http://127.0.0.1/callback.",
                id="authkit.E207",
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
            hint="Give the provider another id: Login.method already uses this one for another way to sign in.",
            id="authkit.E205",
        )


def _preset(provider_id: str, entry: ProviderSettings) -> Iterator[CheckMessage]:
    if entry.preset and entry.preset not in presets.PRESETS:
        close = _nearest_preset(entry.preset)
        yield checks.Error(
            f"{_where(provider_id, 'PRESET')}: there is no preset {entry.preset!r}.",
            hint=f"Did you mean {close!r}?" if close else f"There are: {', '.join(presets.PRESETS)}.",
            id="authkit.E230",
        )
    preset = presets.preset_of(provider_id, entry)
    missing = [name for name in preset.needs_options if not entry.options.get(name)] if preset else []
    if preset and missing:
        yield checks.Error(
            f"{_where(provider_id, 'OPTIONS')}: {preset.name} needs {' and '.join(missing)}.",
            hint="docs/providers.md says where the provider shows them.",
            id="authkit.E231",
        )
    if entry.tenant and not (preset and preset.tenant):
        # The project believes that this keeps others out.
        yield checks.Error(
            f"{_where(provider_id, 'TENANT')} has no effect: only Microsoft's preset has tenants.",
            hint='Set "PRESET": "microsoft", or take TENANT out.',
            id="authkit.E231",
        )
    elif entry.tenant and entry.issuer:
        yield checks.Error(
            f"{_where(provider_id, 'TENANT')} has no effect beside ISSUER, which names the tenants itself.",
            hint="Keep one: ISSUER in a national cloud, else TENANT.",
            id="authkit.E231",
        )
    elif entry.tenant and not (entry.tenant in _TENANTS or _UUID.fullmatch(entry.tenant)):
        yield checks.Error(
            f"{_where(provider_id, 'TENANT')}: {entry.tenant!r} is no tenant.",
            hint=f"The tenant's id (a UUID in lower case, no domain), or one of {', '.join(_TENANTS)}.",
            id="authkit.E231",
        )


def _nearest_preset(name: str) -> str:
    return next(iter(get_close_matches(name.lower(), presets.PRESETS, n=1)), "")


def _apps(provider_id: str, provider: ProviderSettings) -> Iterator[CheckMessage]:
    for host, app in provider.apps.items():
        if not _HOST.fullmatch(host.lower()):
            problem, hint = "is no host", 'Write it as a request\'s Host header has it, such as "shop.example.com".'
        elif not app.client_id or not app.client_secret:
            problem, hint = "has no CLIENT_ID or no CLIENT_SECRET", "Name both: an app shares neither with another."
        else:
            continue
        yield checks.Error(
            f"{_where(provider_id, 'APPS')}[{host!r}] {problem}.",
            hint=hint,
            id="authkit.E232",
        )


def _client(provider_id: str, provider: ProviderSettings) -> Iterator[CheckMessage]:
    if provider.apps and not provider.client_id:
        return
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
    # urlsplit() passes over white space, such as the line end of a file; the comparison with `iss` doesn't.
    no_url = not host or parts.scheme not in {"http", "https"} or any(character.isspace() for character in issuer)
    if no_url or parts.query or parts.fragment or "/.well-known/" in issuer:
        close = "" if issuer else _nearest_preset(provider_id)
        yield checks.Error(
            f"{_where(provider_id, 'ISSUER')} is missing or not an issuer's URL.",
            hint=(f"Did you mean {close!r}, which has a preset? Otherwise copy" if close else "Copy")
            + " `issuer` from the provider's discovery document, character by character.",
            id="authkit.E202",
        )
    elif parts.scheme == "http" and not settings.DEBUG and not _is_loopback(host):
        yield checks.Error(
            f"{_where(provider_id, 'ISSUER')} has no TLS: an attacker on the network can sign in as any person.",
            hint="Use the provider's https URL.",
            id="authkit.E203",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _options(provider_id: str, provider: ProviderSettings) -> Iterator[CheckMessage]:
    options, backend = provider.options, _class(provider_id, provider)
    openid = backend if backend is not None and issubclass(backend, OpenIdConnect) else None
    is_openid = openid is not None
    without_effect = sorted(OWN_SETTINGS.intersection(options))
    if openid is not None:
        without_effect += sorted({*openid.FIXED, "ID_KEY", "ID_TOKEN_ISSUER", "OIDC_ENDPOINT"} & options.keys())
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
            "VERIFY_SSL is changed: without a verified certificate, any server can pose as the provider.",
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
    # A few of social-core's back ends go by such a name of their own accord.
    id_key = options.get("ID_KEY") or getattr(backend, "ID_KEY", None)
    if not is_openid and id_key in MUTABLE_ID_KEYS:
        yield _warning(
            provider_id,
            f"ID_KEY is {id_key!r}: a person who gets this name at the provider later gets the account here.",
            "Use the provider's permanent user id.",
            "authkit.W205",
        )


def _class(provider_id: str, provider: ProviderSettings) -> type[BrowserBound] | None:
    try:
        return backend_class(provider_id, provider.backend)
    except AuthConfigurationError:
        return None


def _warning(provider_id: str, message: str, hint: str, check_id: str) -> CheckMessage:
    return checks.Warning(f"{_where(provider_id, 'OPTIONS')}: {message}", hint=hint, id=check_id)
