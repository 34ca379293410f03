"""The APIs that clients may call, and the scopes that each of them knows (RFC 8707)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from authkit import conf
from authkit.oauth.refusals import OAuthRefused
from authkit.oauth.settings import OAuthSettings

OPENID, OFFLINE_ACCESS = "openid", "offline_access"

STANDARD: dict[str, str | Promise] = {
    OPENID: _("See who you are: a name that stands for you here"),
    "profile": _("See your name"),
    "email": _("See your e-mail address"),
    OFFLINE_ACCESS: _("Do this also while you are not here, until you take it back"),
}
"""The scopes of OpenID Connect (Core 1.0 sections 5.4 and 11), which every resource knows."""

MAX_RESOURCES = 10
"""How many a request may name."""


def issuer() -> str:
    """This provider's issuer: PUBLIC_URL, scheme and host without a path.

    Raises:
        ImproperlyConfigured: it is not set; `manage.py check` says the same.
    """
    origin = conf.current().public_url.rstrip("/")
    if not origin:
        raise ImproperlyConfigured("AUTHKIT PUBLIC_URL is the issuer of the provider, and is not set")
    return origin


def default_resource() -> str:
    """The resource of a request that names none."""
    return conf.section(OAuthSettings).default_resource or issuer()


def requested(named: Sequence[str]) -> tuple[str, ...]:
    """The resources of an authorization request, each once.

    Args:
        named: the values of `resource`, which may be none.

    Raises:
        OAuthRefused: `invalid_target`: one of them is no resource of ours.
    """
    if not named:
        return (default_resource(),)
    known = {default_resource(), *conf.section(OAuthSettings).resources}
    if len(named) > MAX_RESOURCES or not known.issuperset(named):
        raise OAuthRefused("invalid_target", "no such resource")
    return tuple(dict.fromkeys(named))


def narrowed(named: Sequence[str], *, granted: Sequence[str]) -> tuple[str, ...]:
    """The resources of a token: those of the grant, or fewer.

    Raises:
        OAuthRefused: `invalid_target`: one of them was not granted.
    """
    if not set(granted).issuperset(named):
        raise OAuthRefused("invalid_target", "the resource was not granted")
    return tuple(dict.fromkeys(named)) or tuple(granted)


def sentences(resources: Iterable[str]) -> dict[str, str | Promise]:
    """The scopes that these resources know, each with its sentence for people."""
    settings = conf.section(OAuthSettings)
    known: dict[str, str | Promise] = {**STANDARD, **settings.scopes}
    for resource in resources:
        if resource in settings.resources:
            known |= settings.resources[resource].scopes
    return known


def every_sentence() -> dict[str, str | Promise]:
    """The scopes of all resources, each with its sentence."""
    return sentences(conf.section(OAuthSettings).resources)


def known_by(resources: Iterable[str], scopes: Iterable[str]) -> tuple[str, ...]:
    """Those of the scopes that these resources know, in their order."""
    known = sentences(resources)
    return tuple(scope for scope in scopes if scope in known)
