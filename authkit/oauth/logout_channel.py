"""The channel of the outbox by which clients get logout tokens."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from authkit.core.outgoing import NoAnswer
from authkit.mail.channels import Undeliverable, register_channel
from authkit.oauth.calling import ask_client
from authkit.oauth.logout_notices import CHANNEL, SWEEP, sweep
from authkit.oauth.logout_tokens import logout_token
from authkit.oauth.models import OAuthClient
from authkit.oauth.resources import issuer

PATIENCE_SECONDS = 5.0
"""For a client's whole answer."""

PAUSE_SECONDS = 60.0
"""How long this process leaves a host alone that did not answer: its other messages must not hold up those to others,
nor the mails in the same queue."""

MOST_HOSTS = 256

_paused: OrderedDict[str, float] = OrderedDict()


class NotReached(Exception):
    """The client did not take the token now. The outbox tries again."""


def connect() -> None:
    """Registers the channel. Safe to call twice."""
    register_channel(CHANNEL, send)


def forget() -> None:
    """Has this process ask every host again."""
    _paused.clear()


def send(kind: str, body: Mapping[str, Any]) -> None:
    """Sends a queued message; see `authkit.mail.channels.Send`.

    The token is signed here and not where the message was queued, so that it is young whenever it arrives.
    """
    if kind == SWEEP:
        sweep()
        return
    client = OAuthClient.objects.filter(pk=body["client"]).first()
    if client is None or not client.backchannel_logout_uri:
        return  # the client is gone, or wants none any more
    token = logout_token(
        issuer=issuer(), client_id=client.client_id, subject=body["subject"], login_id=UUID(body["login_id"])
    )
    _post(client.backchannel_logout_uri, token)


def _post(uri: str, token: str) -> None:
    host = urlsplit(uri).netloc
    if _paused.get(host, 0.0) > monotonic():
        raise NotReached("the host did not answer just now")
    try:
        answer = ask_client(uri, seconds=PATIENCE_SECONDS, form={"logout_token": token})
    except NoAnswer as error:
        _pause(host)
        raise NotReached(str(error)) from None
    if answer.status in {200, 204}:
        return
    if answer.status == 400:
        # Section 2.8: the client has found the token wrong. It will find the next one wrong too.
        raise Undeliverable("the client refuses the logout token")
    if answer.status >= 500:
        _pause(host)
    raise NotReached(f"the client answers {answer.status}")


def _pause(host: str) -> None:
    _paused[host] = monotonic() + PAUSE_SECONDS
    _paused.move_to_end(host)
    while len(_paused) > MOST_HOSTS:
        _paused.popitem(last=False)
