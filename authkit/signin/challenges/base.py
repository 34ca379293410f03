"""The interface of a challenge, and what binds one to a name and a network."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, ClassVar, Protocol

from django.conf import settings
from django.http import HttpRequest

from authkit.core.secret_keys import in_bytes

MAX_RESPONSE_LENGTH = 4096
"""Characters of a response. Those of the shipped challenges have at most half of it."""


class ChallengeUnavailable(Exception):
    """The challenge can't be made or checked now. The limiter alone guards the door then, and a try that it lets
    through is verified without a challenge."""


class Challenge(Protocol):
    """Made anew for each use, without arguments; reads its settings then."""

    kind: ClassVar[str]
    """Its name for programs, such as "turnstile"."""
    template: ClassVar[str]
    """The part of the sign-in page's form that shows it."""
    field: ClassVar[str]
    """The field of that form which holds the response."""
    sources: ClassVar[Mapping[str, str]]
    """The directives of a Content-Security-Policy that it needs beside those of the pages."""

    def for_page(self, request: HttpRequest, *, binding: str) -> Mapping[str, Any]:
        """A new challenge, as JSON can hold it: for the template, and for a program as `challenge` in the refusal.

        Args:
            request: at which the challenge was found to be needed.
            binding: stands for the name and the network, 64 hexadecimal digits; the response has to prove it, as far as
                the challenge can.

        Raises:
            ChallengeUnavailable: none can be made, or the party that checks it is known to be down.
        """

    def verify(self, request: HttpRequest, response: str, *, binding: str) -> str | None:
        """Judges a response. It counts once: the caller consumes the id that is returned.

        Args:
            request: that came with the response.
            response: as it was sent, MAX_RESPONSE_LENGTH characters at most.
            binding: of this request.

        Returns:
            The challenge's id, which is the same for each response to it, and for each spelling of a response; None if
            the response is wrong, too old, or another binding's.

        Raises:
            ChallengeUnavailable: it can't be judged.
        """


def secret_for(purpose: str) -> bytes:
    """A key of its own, derived from SECRET_KEY. A challenge lives for minutes, so a new SECRET_KEY costs a person one
    more challenge, and no fallback is needed."""
    return sha256(f"authkit.challenge.{purpose}\0".encode() + in_bytes(settings.SECRET_KEY)).digest()


def binding_of(*, name: str, network: str) -> str:
    """Stands for a name and a network without showing either.

    Args:
        name: normalised.
        network: as the limiter counts it; "" if it is not known.
    """
    text = f"{name}\0{network}".encode("utf-8", "surrogatepass")
    return hmac.new(secret_for("binding"), text, sha256).hexdigest()
