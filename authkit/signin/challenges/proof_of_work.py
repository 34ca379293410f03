"""A proof of work that this site makes and checks itself: no other party learns of the sign-in, and none can be down.

The format is ALTCHA's second (https://altcha.org), by the library `altcha` (the extra `challenge`), so its solvers fit.
The browser's own one is static/authkit/challenge.js. It runs PBKDF2 in the browser's native code, as an attacker's
program does: such a program is not hundreds of times faster than a phone, as it would be with a plain hash.

A challenge is not stored when it is made, or each refusal would write a row. It is signed, and its id is stored when a
right response consumes it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

import altcha
from django.http import HttpRequest

from authkit.signin.challenges.base import secret_for

ALGORITHM = "PBKDF2/SHA-256"


class ProofOfWork:
    """About 256 keys of 5,000 iterations each: half a second on a laptop, some seconds on an old phone.

    Derive from it to change the numbers, and name your class in LIMITER.CHALLENGE.
    """

    kind: ClassVar[str] = "proof_of_work"
    template: ClassVar[str] = "authkit/challenges/proof_of_work.html"
    field: ClassVar[str] = "challenge_response"
    sources: ClassVar[Mapping[str, str]] = {"script-src": "'self'"}

    cost: ClassVar[int] = 5_000
    """Iterations for each key, also for the one that the server derives to check a response."""
    prefix: ClassVar[str] = "00"
    """The first hexadecimal digits of the key to be found; one digit more is 16 times the work."""
    seconds: ClassVar[int] = 600
    """How long a challenge is good: a person types the password once more meanwhile."""

    def for_page(self, request: HttpRequest, *, binding: str) -> Mapping[str, Any]:
        made = altcha.create_challenge(
            ALGORITHM,
            self.cost,
            key_prefix=self.prefix,
            expires_at=int(time.time()) + self.seconds,
            data={"binding": binding},
            hmac_secret=secret_for(self.kind),
        )
        return made.to_dict()

    def verify(self, request: HttpRequest, response: str, *, binding: str) -> str | None:
        try:
            payload = altcha.Payload.from_base64(response)
            bound = payload.challenge.parameters.data == {"binding": binding}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        if not bound or not altcha.verify_solution(payload, secret_for(self.kind)).verified:
            return None
        return payload.challenge.signature
