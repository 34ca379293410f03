"""Why a person was signed out: by a login, by a token of theirs, or by their name and a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from authkit.audit.models import Event
from authkit.core.identifiers import first_uuid7_at
from authkit.events import EventName
from authkit.exceptions import NotFound
from authkit.logins.models import GlobalCutoff, Login, cutoff_of_person
from authkit.logins.reasons import EndReason
from authkit.logins.verdict import origin_stands, verdict
from authkit.tokens.revoking import identify_token

ENDINGS = (
    EventName.LOGIN_ENDED,
    EventName.LOGINS_ENDED,
    EventName.LOGINS_DISOWNED,
    EventName.TOKEN_REUSED,
    EventName.TOKEN_SUSPECTED,
    EventName.TOKEN_BLACKLISTED,
)
MOST_EVENTS = 50
MINUTE = 60_000
AROUND = timedelta(days=1)
"""How long before and after a given time is looked."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of the end of a login, or of a person's logins around a time."""

    login: Login | None
    """The login that was asked for; None where a person was, and where its row is pruned."""
    why: EndReason | None
    """Why that login is over; None if it is alive, or unknown."""
    events: list[Event]
    """The events that ended something, and what is known of that login, newest first."""

    @property
    def is_live(self) -> bool:
        """Whether the login would be accepted right now."""
        return self.login is not None and self.why is None


def by_token(*, token: str) -> Explanation:
    """Explains the login of an access or refresh token of ours, of any age. The token is not kept.

    Raises:
        TokenNotValid: the signature is not ours.
        NotFound: nothing is known of its login any more.
    """
    return by_login(login_id=identify_token(token=token).login_id)


def by_login(*, login_id: UUID) -> Explanation:
    """Explains one login by its row, and by the events of its person since it began.

    Raises:
        NotFound: neither a row nor an event has this id.
    """
    login = Login.objects.filter(pk=login_id).select_related("user", "actor").first()
    if login is None:
        return _without_row(login_id)
    until = timezone.now() if login.ended_at is None else login.ended_at + timedelta(minutes=1)
    span = Q(pk__gte=first_uuid7_at(login.created_at - timedelta(minutes=1)), pk__lt=first_uuid7_at(until))
    own = Q(login_id=login_id) | Q(login_id=None, name__in=ENDINGS)
    found = _events(Q(user_id=login.user_id) & own & span, Q(user_id=None, name__in=ENDINGS) & span)
    return Explanation(login=login, why=_verdict(login), events=found)


def by_person(*, user_id: Any, at: datetime | None = None) -> Explanation:
    """Explains what ended a person's logins around a time; without one, the last that did."""
    span = Q()
    if at is not None:
        span = Q(pk__gte=first_uuid7_at(at - AROUND), pk__lt=first_uuid7_at(at + AROUND))
    chosen = Q(name__in=ENDINGS) & span
    return Explanation(login=None, why=None, events=_events(Q(user_id=user_id) & chosen, Q(user_id=None) & chosen))


def _without_row(login_id: UUID) -> Explanation:
    # The id holds the time at which it was made, so the event of its sign-in is looked for around that time. By numbers
    # and not by times: the id comes from a person's clipboard, and may lie in a year that no calendar has.
    first, last = _shifted(login_id, -MINUTE), _shifted(login_id, MINUTE)
    of_it = Event.objects.filter(name=EventName.LOGIN_SUCCEEDED, login_id=login_id)
    began = of_it.filter(pk__gte=first, pk__lt=last).first()
    if began is None:
        raise NotFound("no such login, and no event of it")
    found = _events(Q(user_id=began.user_id) & (Q(login_id=login_id) | Q(name=EventName.LOGINS_ENDED)))
    return Explanation(login=None, why=None, events=found)


def _shifted(login_id: UUID, milliseconds: int) -> UUID:
    moment = min(max((login_id.int >> 80) + milliseconds, 0), 2**48 - 1)
    return UUID(int=moment << 80 | login_id.int & (1 << 80) - 1)


def _events(*choices: Q) -> list[Event]:
    # A query for each: a person's and everybody's events are two ranges of one index.
    rows = Event.objects.select_related("actor", "user").order_by("-id")
    found = [event for chosen in choices for event in rows.filter(chosen)[:MOST_EVENTS]]
    return sorted(found, key=lambda event: event.pk, reverse=True)[:MOST_EVENTS]


def _verdict(login: Login) -> EndReason | None:
    # As the next request with it would find out, but without making it final: looking at a login changes nothing.
    cutoffs = [
        *Login.objects.filter(pk=login.pk).values_list(cutoff_of_person()),
        *GlobalCutoff.objects.values_list("issued_before"),
    ]
    cut_off_at = max((moment for (moment,) in cutoffs if moment is not None), default=None)
    why = verdict(user=login.user, login=login, cut_off_at=cut_off_at, now=timezone.now())
    return EndReason.ORIGIN_ENDED if why is None and not origin_stands(login) else why
