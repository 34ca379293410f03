"""The registered app as which this site comes to a provider: one for all, or one for each of its hosts."""

from __future__ import annotations

from urllib.parse import urlsplit

from authkit import conf
from authkit.conf import Secret
from authkit.social.failures import Failure, refuse
from authkit.social.settings import ProviderSettings


def client_of(provider: ProviderSettings, *, host: str, client_id: str = "") -> tuple[str, Secret]:
    """Client id and secret.

    Args:
        provider: its settings.
        host: that people came to, with its port if it has one; PUBLIC_URL's, where that is set.
        client_id: the app of an earlier sign-in, which then decides instead of the host.

    Raises:
        SocialLoginFailed: no app is registered for this host, or the earlier one is registered no more.
    """
    own = (provider.client_id, provider.client_secret)
    apps = {name.lower(): (app.client_id, app.client_secret) for name, app in provider.apps.items()}
    if client_id:
        for app in (*apps.values(), own):
            if app[0] == client_id:
                return app
        raise refuse(Failure.MISCONFIGURED, "the app that this was begun with is not configured any more")
    host = host.lower()
    found = apps.get(host) or apps.get(_without_port(host))
    if found is None and apps and not provider.client_id:
        raise refuse(Failure.WRONG_HOST, "no app of this provider's is registered for this host")
    return found or own


def client_ids(provider: ProviderSettings) -> tuple[str, ...]:
    """The ids of all its apps."""
    return tuple(dict.fromkeys(filter(None, (provider.client_id, *(a.client_id for a in provider.apps.values())))))


def public_host() -> str:
    """PUBLIC_URL's host, with its port if it names one; empty without a PUBLIC_URL."""
    return urlsplit(conf.current().public_url).netloc


def _without_port(host: str) -> str:
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
