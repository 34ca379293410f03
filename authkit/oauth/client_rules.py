"""What a client may be registered with: rules of the admin's form and of the command alike."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, cast
from unicodedata import category
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from authkit import conf
from authkit.codes.redirect_uris import problem_with
from authkit.oauth.models import AuthMethod, ClientKind, GrantType, OAuthClient
from authkit.oauth.settings import OAuthSettings

MOST_URIS = 50
"""Redirect URIs of one client."""

NEEDS_SECRET = frozenset((AuthMethod.BASIC, AuthMethod.POST))
"""Ways to authenticate for which a client has a secret."""


_SCOPE = re.compile(r"[!#-\[\]-~]+")

_BOUNDED = ("name", "logo", "jwks_uri", "backchannel_logout_uri")
"""Texts whose columns have a length, which SQLite ignores."""

_DISGUISE = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that reverse the text around them: on the page that asks a person to agree, a name could rewrite the
sentence that it stands in."""


def problems_with(client: OAuthClient) -> dict[str, list[str]]:
    """What is wrong with a client, as sentences, by the field.

    Args:
        client: saved or not.
    """
    problems: dict[str, list[str]] = {}
    for field, message in _problems(client):
        problems.setdefault(field, []).append(message)
    return problems


def require_valid(client: OAuthClient) -> None:
    """
    Raises:
        ValueError: `problems_with` finds something, in its words.
    """
    if problems := problems_with(client):
        raise ValueError(" ".join(message for messages in problems.values() for message in messages))


def is_storable(document: Any) -> bool:
    """Whether each database takes it: PostgreSQL has no NaN, no Infinity, no NUL and no lone surrogate in JSON."""
    try:
        text = json.dumps(document, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return False
    return rb"\u0000" not in text


def _problems(client: OAuthClient) -> Iterator[tuple[str, str]]:
    if not client.name.strip():
        yield "name", _("A client needs a name, because people are asked to agree to it.")
    if _DISGUISE.search(client.name) or any(category(each) in {"Cc", "Cs", "Zl", "Zp"} for each in client.name):
        yield "name", _("A name has no control characters, no line breaks, and none that turn text around.")
    for field in _BOUNDED:
        most: int = cast("Any", client._meta.get_field(field)).max_length
        if len(getattr(client, field)) > most:
            yield field, _("At most %(most)d characters are possible.") % {"most": most}
    if client.logo and not _is_logo(client.logo):
        yield "logo", _("%(uri)s is no path of a static file and no https address.") % {"uri": client.logo}
    yield from _of_authentication(client)
    yield from _of_list(client, "grant_types", _wrong_grant_type)
    if not client.redirect_uris and GrantType.AUTHORIZATION_CODE in client.grant_types:
        yield "redirect_uris", _("A client that gets codes needs at least one redirect URI.")
    for field in ("redirect_uris", "post_logout_redirect_uris"):
        yield from _of_list(client, field, _wrong_redirect)
    yield from _of_list(client, "scopes", _wrong_scope)
    yield from _of_list(client, "resources", _wrong_resource)
    for field in ("jwks_uri", "backchannel_logout_uri"):
        address = getattr(client, field)
        if address and not _is_reachable(address):
            yield field, _("%(uri)s is no https address.") % {"uri": address}


def _of_authentication(client: OAuthClient) -> Iterator[tuple[str, str]]:
    public = client.kind == ClientKind.PUBLIC
    if public and client.auth_method != AuthMethod.NONE:
        yield "auth_method", _("A public client can't keep a secret or a key, so it doesn't authenticate.")
    if not public and client.auth_method == AuthMethod.NONE:
        yield "auth_method", _("A confidential client authenticates.")
    if not is_storable(client.jwks):
        yield "jwks", _("This has a number or a character that can't be stored.")
        return
    keys = client.jwks.get("keys") if isinstance(client.jwks, dict) else None
    if client.jwks and not (isinstance(keys, list) and keys and all(isinstance(key, dict) for key in keys)):
        yield "jwks", _("This is no JWK Set: {“keys”: [{…}]}.")
    elif keys and any({"d", "k"} & key.keys() for key in keys):
        yield (
            "jwks",
            _("This set has a private key or a secret. Enter public keys alone, and replace these at the client."),
        )
    elif client.auth_method == AuthMethod.PRIVATE_KEY and not client.jwks and not client.jwks_uri:
        yield "auth_method", _("A client with a key of its own needs public keys, or their address.")


def _of_list(client: OAuthClient, field: str, wrong: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    entries: Any = getattr(client, field)
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        yield field, _("This is no list of texts.")
        return
    if len(entries) > MOST_URIS:
        yield field, _("At most %(most)d are possible.") % {"most": MOST_URIS}
    yield from ((field, message) for entry in entries[:MOST_URIS] if (message := wrong(entry)))


def _wrong_grant_type(name: str) -> str:
    return "" if name in GrantType.values else _("There is no grant type %(name)s.") % {"name": name}


def _wrong_scope(name: str) -> str:
    # RFC 6749 section 3.3
    return "" if _SCOPE.fullmatch(name) else _("%(name)s is no name of a scope.") % {"name": name}


def _wrong_redirect(uri: str) -> str:
    # The same rules as for SOCIAL.REDIRECT_URIS: an entry that breaks one of them would match nothing.
    problem = problem_with(uri, debug=settings.DEBUG)
    return f"{uri}: {problem}." if problem else ""


def _wrong_resource(uri: str) -> str:
    return "" if _is_web_address(uri) and "#" not in uri else _("%(uri)s is no https address.") % {"uri": uri}


def _is_web_address(uri: str) -> bool:
    parts = _parts_of(uri)
    return parts is not None and parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc


def _is_logo(text: str) -> bool:
    """Whether a page may show the image: no `javascript:`, which a front end might put into a link, and no `data:`."""
    parts = _parts_of(text)
    is_path = parts is not None and not parts.scheme and not parts.netloc and "\\" not in text
    return is_path or _is_web_address(text)


def _is_reachable(uri: str) -> bool:
    """Whether keys are fetched from there, and logout tokens sent there: the web by TLS, and hosts of one's own."""
    parts = _parts_of(uri)
    if parts is not None and parts.scheme == "http" and parts.hostname in conf.section(OAuthSettings).internal_hosts:
        return True
    return _is_web_address(uri)


def _parts_of(uri: str) -> SplitResult | None:
    """The parts of a URI; None if it has characters that no URI has, or a port that is none."""
    if not uri.isascii() or not uri.isprintable() or " " in uri:
        return None
    try:
        parts = urlsplit(uri)
        _port = parts.port
    except ValueError:
        return None
    return parts
