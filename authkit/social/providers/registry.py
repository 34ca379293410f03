"""The parties that people may sign in through."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from authkit import conf
from authkit.exceptions import NotFound
from authkit.social.providers import presets
from authkit.social.settings import SocialSettings


@dataclass(frozen=True, slots=True)
class Provider:
    """A configured provider: its id, what the button says, and the path that the button's form posts to."""

    id: str
    name: str
    login_url: str


def configured() -> list[Provider]:
    """All of SOCIAL.PROVIDERS, in the block's order; none where the pages are not mounted, for none would work."""
    try:
        return [_provider(provider_id) for provider_id in conf.section(SocialSettings).providers]
    except NoReverseMatch:
        return []


def get(provider_id: str) -> Provider:
    """One of them.

    Raises:
        NotFound: there is none with this id.
    """
    if provider_id not in conf.section(SocialSettings).providers:
        raise NotFound("no such provider")
    return _provider(provider_id)


def _provider(provider_id: str) -> Provider:
    entry = presets.find(provider_id)
    name = entry.name if entry is not None else ""
    login_url = reverse("authkit:social-login", kwargs={"provider": provider_id})
    return Provider(id=provider_id, name=name or provider_id, login_url=login_url)
