"""Asks for a challenge before a try is charged, where the name was guessed at before, or stuffing is suspected.

A response is judged first, and the limiter then reserves: a try without one is never charged. So an attacker who solves
nothing can't lock a name either, nor slow its owner down. How many failures there were is asked of the name as it was
typed, or of the known device, so the answer is the same whether a person has the name or not. A wrong response is
charged to the network alone.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from django.http import HttpRequest

from authkit import conf
from authkit.core.clients import Client
from authkit.core.one_time_codes import spend
from authkit.exceptions import ChallengeRequired
from authkit.limiter.budgets import PASSWORD
from authkit.limiter.excuses import use_excuse
from authkit.limiter.names import network_of, normalised
from authkit.limiter.services import charge_network, check_network, network_charge, refused
from authkit.limiter.standing import Before, before_a_try
from authkit.limiter.stuffing import is_suspected
from authkit.signin.challenges.base import MAX_RESPONSE_LENGTH, Challenge, ChallengeUnavailable, binding_of

logger = logging.getLogger("authkit")

PURPOSE = "challenge"
KEPT_FOR = timedelta(hours=1)
"""How long the id of a used challenge is kept; longer than any shipped challenge is good."""


def configured() -> Challenge | None:
    """The challenge of LIMITER.CHALLENGE; None where none is set.

    Raises:
        ImportError: it can't be imported (check E272).
    """
    chosen = conf.current().limiter.challenge
    return cast("Challenge", chosen.resolve()()) if chosen else None


@dataclass(frozen=True, slots=True)
class Offer:
    """A challenge for a form."""

    template: str
    given: Mapping[str, Any]
    """As `Challenge.for_page` made it."""

    @property
    def json(self) -> str:
        """The same for a script."""
        return json.dumps(dict(self.given))


def pass_challenge(
    *, request: HttpRequest, door: str, name: str, client: Client, response: str, device: str | None = None
) -> None:
    """Returns where the try needs no challenge, where its response is right, and where the challenge is unavailable.

    Args:
        request: the door's.
        door: its id.
        name: as it was typed.
        client: from where.
        response: as it was sent; "" if there is none.
        device: the digest of a known device that has signed in with this name before.

    Raises:
        ChallengeRequired: with a new challenge.
        Locked, Throttled: the name has nothing left, so that a challenge would be solved in vain; or the network has
            sent too many wrong responses.
    """
    challenge = configured()
    if challenge is None:
        return
    before = before_a_try(name=name, device=device)
    if not _is_due(before, client, device):
        return
    if before.refusal is not None:
        raise refused(before.refusal, door=door, client=client)
    binding = _binding(name, client)
    try:
        if response and len(response) <= MAX_RESPONSE_LENGTH:
            # Judging one may cost a call to the provider, so the network has a budget of wrong ones.
            check_network(budget=PASSWORD.name, client=client)
            if _consume(challenge, request, response, binding):
                return
            charge_network(budget=PASSWORD.name, client=client)
        if use_excuse(name=name):
            return
        given = challenge.for_page(request, binding=binding)
    except ChallengeUnavailable as error:
        logger.info("a try passes without a challenge, by the limiter alone: %s", error)
        return
    raise ChallengeRequired({"kind": challenge.kind, **given})


def offer_for(*, request: HttpRequest, name: str, client: Client, device: str | None = None) -> Offer | None:
    """The challenge that the next try with this name needs; None where it needs none, or the name is locked."""
    challenge = configured()
    if challenge is None or not name:
        return None
    before = before_a_try(name=name, device=device)
    if not _is_due(before, client, device) or (before.refusal is not None and before.refusal.locked):
        return None
    try:
        given = challenge.for_page(request, binding=_binding(name, client))
    except ChallengeUnavailable:
        return None
    return Offer(template=challenge.template, given=given)


def offer_of(refused: ChallengeRequired) -> Offer | None:
    """The challenge that a refusal brings, for a form."""
    challenge = configured()
    return None if challenge is None else Offer(template=challenge.template, given=refused.challenge)


def _is_due(before: Before, client: Client, device: str | None) -> bool:
    if before.failures >= conf.current().limiter.challenge_after:
        return True
    return device is None and is_suspected(network=network_charge(PASSWORD.name, client))


def _binding(name: str, client: Client) -> str:
    prefix = conf.current().limiter.ipv6_prefix
    network = network_of(client.address, ipv6_prefix=prefix) if client.address else ""
    return binding_of(name=normalised(name), network=network)


def _consume(challenge: Challenge, request: HttpRequest, response: str, binding: str) -> bool:
    identity = challenge.verify(request, response, binding=binding)
    if identity is None:
        return False
    return spend(code=f"{challenge.kind} {identity}", purpose=PURPOSE, lifetime=KEPT_FOR)


def response_in(form: Mapping[str, str]) -> str:
    """The response in the fields of the sign-in page's form; "" where there is none, or no challenge is set."""
    challenge = configured()
    return "" if challenge is None else form.get(challenge.field, "")
