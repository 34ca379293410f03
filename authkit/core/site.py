"""The site as its people know it: the name and the logo that pages and mails show."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.templatetags.static import static
from django.urls import get_script_prefix

from authkit import conf


@dataclass(frozen=True, slots=True)
class Site:
    """The site's own signs; each is empty where the project gives none."""

    name: str
    """Plain text."""
    logo: str
    """The URL of an image, as a page may use it."""
    home: str
    """The path of the front page."""

    def __bool__(self) -> bool:
        return bool(self.name or self.logo)


def site() -> Site:
    """The site as the block has it."""
    settings = conf.current()
    return Site(name=settings.site_name, logo=_url_of(settings.logo), home=get_script_prefix())


def name_in_mails() -> str:
    """The name that mails call the site by: SITE_NAME, or the host of PUBLIC_URL."""
    settings = conf.current()
    return settings.site_name or urlsplit(settings.public_url).netloc


def logo_in_mails() -> str:
    """The absolute URL of the logo; empty where there is none, or no PUBLIC_URL to reach it by."""
    settings = conf.current()
    logo = _url_of(settings.logo)
    if not logo.startswith("/"):
        return logo  # of another host, such as that of the static files
    return f"{settings.public_url.rstrip('/')}{logo}" if settings.public_url else ""


def is_url(logo: str) -> bool:
    """Whether LOGO is a URL by itself. Otherwise it is the path of a static file."""
    return logo.startswith(("/", "https://", "http://"))


def _url_of(logo: str) -> str:
    if not logo or is_url(logo):
        return logo
    try:
        return static(logo)
    except ValueError:
        # The manifest of collected files has no such entry. A page without its logo is better than none; W005 of
        # `manage.py check` says so.
        return ""
