"""The account area: its pages in their order, those of features among them."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from authkit import features
from authkit.features import OVERVIEW, SECURITY, AccountLink


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the navigation."""

    link: AccountLink
    current: str
    """The value of `aria-current`: "page" on this very page, "true" on one that it lists, else empty."""


@dataclass(frozen=True, slots=True)
class Area:
    """The account area, as one of its pages sees it."""

    navigation: tuple[Entry, ...]
    pages: tuple[AccountLink, ...]
    """Pages that the overview lists: those of the navigation, without itself, and those that have their place there."""
    security: tuple[AccountLink, ...]
    """Pages that the security page lists."""


def area_of(request: HttpRequest) -> Area:
    """The pages of the area, and where among them the page of this request stands."""
    offered = features.account_links(request)
    overview = tuple(link for link in offered if link.place == OVERVIEW)
    security = tuple(link for link in offered if link.place == SECURITY)
    pages = sorted((*_own(), *(link for link in offered if not link.place)), key=lambda link: link.order)
    above = {link.url: reverse("authkit:account") for link in overview}
    above |= {link.url: reverse("authkit:account-security") for link in security}
    parent = above.get(request.path, "")
    entries = (
        Entry(link, "page" if link.url == request.path else "true" if link.url == parent else "") for link in pages
    )
    listed = (link for link in pages if link.url != reverse("authkit:account"))
    return Area(navigation=tuple(entries), pages=(*listed, *overview), security=security)


def _own() -> tuple[AccountLink, ...]:
    return (
        AccountLink(label=_("Overview"), url=reverse("authkit:account"), order=0),
        AccountLink(
            label=_("Sign-ins"),
            url=reverse("authkit:account-logins"),
            about=_("The browsers and apps that are signed in. You can sign out each of them."),
            order=10,
        ),
        AccountLink(
            label=_("Security"),
            url=reverse("authkit:account-security"),
            about=_("What keeps other people out, and the devices that you have signed in from."),
            order=30,
        ),
    )
