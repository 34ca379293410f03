"""The ways by which a message can go. Each is a name and a function, registered in `AppConfig.ready()`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

MAIL = "mail"

Send = Callable[[str, Mapping[str, Any]], None]
"""Sends one message. Its arguments are the kind and the body, as they were queued.

It raises `Undeliverable` where no further attempt can succeed. Any other exception puts the message off. The log has
its traceback, or the sentence of an `Unreachable` alone.
"""


class Undeliverable(Exception):
    """The message will never arrive, such as one to an address that its server doesn't know."""


class Unreachable(Exception):
    """No server is named, or none answers. Its sentence says that and what to set, and no line of code adds to it."""


_channels: dict[str, Send] = {}


def register_channel(name: str, send: Send) -> None:
    """Adds a way by which messages are sent, for `AppConfig.ready()`. Safe to call twice.

    Args:
        name: at most 8 characters, as it stands in `Delivery.channel`.
        send: sends one message. It is called outside of any transaction, in a thread or process that may wait.
    """
    _channels[name] = send


def registered() -> list[str]:
    """The names of the ways. A row of another one stays in the queue until a process that knows its way comes."""
    return list(_channels)


def send(*, channel: str, kind: str, body: Mapping[str, Any]) -> None:
    """Sends a message by its way.

    Raises:
        Undeliverable: no further attempt can succeed.
        Unreachable: no server was there to take it.
    """
    _channels[channel](kind, body)
