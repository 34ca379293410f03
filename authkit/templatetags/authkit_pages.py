"""Tags that the frame of the pages uses. A view hands over nothing for them, so that no page can lack a part.

{% load authkit_pages %}{% site as site %}{% account_area as area %}{% page_messages as said %}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.contrib.messages import get_messages
from django.template import Context
from django.urls import NoReverseMatch, reverse

from authkit.core.site import Site
from authkit.core.site import site as current_site
from authkit.pages.area import Area, area_of

register = template.Library()


@register.simple_tag
def site() -> Site:
    """The site's name, logo and front page."""
    return current_site()


@register.simple_tag
def page_url(name: str) -> str:
    """The path of one of authkit's pages; empty where the project has not mounted it.

    Args:
        name: of the URL, without the namespace, such as "register".
    """
    try:
        return reverse(f"authkit:{name}")
    except NoReverseMatch:
        return ""


@register.simple_tag(takes_context=True)
def account_area(context: Context) -> Area | None:
    """The pages of the account area, as the page that is shown sees them; None outside of a request."""
    request = getattr(context, "request", None)
    return None if request is None else area_of(request)


@register.simple_tag(takes_context=True)
def page_messages(context: Context) -> Sequence[Any]:
    """The messages of django.contrib.messages that wait for this person. The page shows them, so they are spent.

    A page of an outage has no request and takes none.
    """
    request = getattr(context, "request", None)
    return [] if request is None else list(get_messages(request))
