"""Requests to the servers of clients, at addresses that the clients named (ASVS 13.2)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from authkit import conf
from authkit.core.outgoing import Answer, NoAnswer, ask
from authkit.oauth.settings import OAuthSettings


def ask_client(url: str, *, seconds: float, form: Mapping[str, str] | None = None) -> Answer:
    """Asks once, over TLS and at public addresses. A host of OAUTH.INTERNAL_HOSTS may have any address and no TLS.

    Args:
        url: as the client registered it.
        seconds: as `authkit.core.outgoing.ask`.
        form: is sent by POST.

    Raises:
        NoAnswer: as `ask`, or the address is none that may be asked.
    """
    try:
        parts = urlsplit(url)
        internal = parts.hostname in conf.section(OAuthSettings).internal_hosts
    except ValueError:
        raise NoAnswer("no URL") from None
    if parts.scheme != "https" and not internal:
        raise NoAnswer("no TLS")
    return ask(url, seconds=seconds, form=form, public_only=not internal)
