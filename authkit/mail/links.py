"""Links in mails. They lead to PUBLIC_URL and never to the Host header of a request (ASVS 6.4.1).

A stranger who asks for another person's mail could otherwise name a host of their own, and receive the code.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.views.decorators.debug import sensitive_variables

from authkit import conf
from authkit.core.hidden import Hidden


def can_link(page: str) -> bool:
    """Whether a mail may lead to this page: PUBLIC_URL is set, and the pages are mounted.

    Args:
        page: a name of authkit's URLs, such as "not-me".
    """
    return bool(_address(page))


@sensitive_variables()
def link(page: str, *, key: str) -> str:
    """The absolute URL of a page, with a one-time key; empty where `can_link` is false.

    The key stands in the fragment, which no browser sends: it reaches no access log and no Referer (ASVS 14.2.1). The
    page is an `authkit.pages.keys.KeyPage`, whose script reads it.
    """
    address = _address(page)
    return Hidden(f"{address}#{urlencode({'key': key})}") if address else ""


def page_link(page: str) -> str:
    """The absolute URL of a page, for a mail without a code; empty where `can_link` is false."""
    return _address(page)


def _address(page: str) -> str:
    site = conf.current().public_url.rstrip("/")
    if not site:
        return ""
    try:
        return site + reverse(f"authkit:{page}")
    except NoReverseMatch:  # the project has mounted the JSON alone
        return ""
