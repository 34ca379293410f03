"""The section OAUTH. It imports no model and nothing of Authlib."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from authkit.conf.fields import CENTURY, SECOND, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceSettings:
    """One API that third parties may call. Its key in `RESOURCES` is its URL, which a client names as `resource`."""

    scopes: dict[str, str] = setting({})
    """The scopes that this API knows beside those of `SCOPES`, each with the sentence that the consent page shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthSettings:
    """The OAuth 2.1 and OpenID Connect provider, for apps of third parties."""

    scopes: dict[str, str] = setting({})
    """The scopes that apps may ask for, each with the sentence that the consent page shows: `{"notes:read": "Read your
    notes"}`. `openid`, `profile`, `email` and `offline_access` are there without being named."""
    resources: dict[str, ResourceSettings] = setting({}, holds=ResourceSettings, entry="url", called="resource")
    """Further APIs that take the tokens of apps, by their URLs (RFC 8707)."""
    default_resource: str = setting("")
    """The audience of an access token whose client names no `resource`. Without it, that is `PUBLIC_URL`."""
    access_lifetime: timedelta = setting(timedelta(minutes=15), least=SECOND, most=timedelta(days=1))
    """How long an app's access token is valid."""
    refresh_idle: timedelta = setting(timedelta(days=30), least=SECOND, most=CENTURY)
    """How long an app's refresh token is valid if it isn't used. Only an app with the scope `offline_access` has
    one."""
    refresh_absolute: timedelta = setting(timedelta(days=365), least=SECOND, most=CENTURY)
    """How long a person's permission for an app lasts at most, however often its token is refreshed."""
    request_lifetime: timedelta = setting(timedelta(minutes=30), least=timedelta(minutes=1), most=timedelta(hours=24))
    """How long a person has to sign in and agree, from the moment at which an app sent them here."""
    internal_hosts: tuple[str, ...] = setting(())
    """Hosts of clients in your own network, such as `"wiki.internal"`. Keys and logout tokens of clients go to public
    addresses over `https` alone; to these hosts they go at any address, and by `http` too."""
