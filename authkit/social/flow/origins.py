"""Where a browser goes to sign in: what a site's Content-Security-Policy has to allow."""

from __future__ import annotations

from urllib.parse import urlsplit

from social_core.exceptions import AuthConfigurationError

from authkit.social.flow.strategy import backend_class
from authkit.social.providers import presets
from authkit.social.settings import ProviderSettings


def sign_in_origins() -> list[str]:
    """The origins of the configured providers, for the directive `form-action` (CSP level 3 section 6.4.1).

    Browsers apply `form-action` to the redirects of a form's answer too, and each "Sign in with …" button is a form
    whose answer redirects to the provider.

    Returns:
        `scheme://host[:port]` of each provider in the block's order, each once: the issuer's, or the authorization
        URL's of a provider without one. No provider is asked, so an issuer that signs people in on another host than
        its own has to be added by the project. A provider whose back end can't be loaded is left out; `manage.py
        check` names it.
    """
    urls = (_sign_in_url(provider_id, entry) for provider_id, entry in presets.configured().items())
    parts = [urlsplit(url) for url in urls if url]
    return list(dict.fromkeys(f"{part.scheme}://{part.netloc}" for part in parts if part.netloc))


def _sign_in_url(provider_id: str, entry: ProviderSettings) -> str:
    if entry.issuer:
        return entry.issuer
    try:
        return str(backend_class(provider_id, entry.backend).AUTHORIZATION_URL or "")
    except AuthConfigurationError:
        return ""
