"""Which login came from which session at an OpenID provider, and how the provider's logout ends it.

A logout token and a sign-in from the session that it ends may be under way at the same moment. Each side first commits
its own row and then looks for the other's, so at least one of them sees both, and the login ends.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from authkit.logins.listeners import tell
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.social.failures import Failure, refuse
from authkit.social.models import PROVIDER_LENGTH, ProviderLogout, ProviderSession
from authkit.social.providers.backends import identity_uid
from authkit.social.providers.logout_tokens import LogoutToken
from authkit.social.upstream import UpstreamSession

KEEP = timedelta(hours=1)
"""How long a taken logout token is kept: longer than it could come again, and than an ID token, an exchange code and
a slow sign-in from before it could take together."""


@dataclass(frozen=True, slots=True)
class LogoutTaken:
    """How many live logins a logout token has ended."""

    count: int


def note(*, login: Login, upstream: UpstreamSession) -> None:
    """Writes down where a login came from, if from an OpenID provider. Within the transaction that opens the login.

    If the provider has ended that session meanwhile, the login ends as soon as it is committed.
    """
    if not upstream.issuer:
        return
    kept = ProviderSession.objects.create(
        login_id=login.pk,
        provider=login.method[:PROVIDER_LENGTH],
        session=_digest(upstream.issuer, upstream.sid),
        subject=_digest(upstream.issuer, upstream.subject),
        issued_at=upstream.issued_at or timezone.now(),
    )
    transaction.on_commit(partial(_end_if_over, kept, upstream.asked_at))


def _end_if_over(kept: ProviderSession, asked_at: datetime | None) -> None:
    # A session that is over stays so. The subject's others are judged by time: a person who has signed in at the
    # provider again since is let in. Both times are whole seconds of the provider's. Within the same one our own clock
    # decides: a code that we began to exchange after the logout token was here stands for a younger sign-in.
    later = Q(issued_at__gt=kept.issued_at)
    same = Q(issued_at=kept.issued_at)
    if asked_at is not None:
        same &= Q(expires_at__gt=asked_at + KEEP)
    over = Q(subject=kept.subject) & (later | same)
    if kept.session:
        over = Q(session=kept.session) | over & Q(session="")
    if ProviderLogout.objects.filter(over).exists():
        end_login(login_id=kept.login_id, reason=EndReason.PROVIDER_LOGOUT)


def logins_by(*, uids: Collection[str], among: QuerySet[Login]) -> set[UUID]:
    """Which of these logins are known to have come by an identity that is linked as one of `uids`."""
    known = ProviderSession.objects.filter(login_id__in=among.values("pk"), subject__in=uids)
    return set(known.values_list("login_id", flat=True))


def take(*, token: LogoutToken) -> LogoutTaken:
    """Ends the logins that came from the token's session, or without a `sid` all of its subject's by that issuer.

    Taken once: the row that says so and the endings are one transaction, so after a failure the provider may send the
    same token again, and of parallel ones exactly one wins (ASVS 2.3.4).

    Raises:
        SocialLoginFailed: it was taken before.
    """
    now = timezone.now()
    session, subject = _digest(token.issuer, token.session), _digest(token.issuer, token.subject)
    with transaction.atomic():
        try:
            with transaction.atomic():
                ProviderLogout.objects.create(
                    digest=_digest(token.issuer, token.jti),
                    session=session,
                    subject=subject,
                    issued_at=datetime.fromtimestamp(token.issued_at, tz=UTC),
                    expires_at=now + KEEP,
                )
        except IntegrityError as error:
            raise refuse(Failure.UNVERIFIED, "the logout token was taken before") from error
        count = _end(session, subject)
    # Once more: logins that were committed since the first look, and whose own look came before our commit.
    return LogoutTaken(count=count + _end(session, subject))


def _end(session: str, subject: str) -> int:
    # With a sid the subject only says whose session it is (section 2.6, step 9), and other sessions of theirs go on;
    # but a login of theirs of which we were told no session may be the one.
    meant = Q(subject=subject) if not session else Q(session=session)
    if session and subject:
        meant |= Q(session="", subject=subject)
    came_from = ProviderSession.objects.filter(meant).values("login_id")
    live = list(Login.objects.live().filter(pk__in=came_from).values_list("pk", flat=True))
    with transaction.atomic():
        tell(login_ids=came_from.values_list("login_id", flat=True))  # also of those that are over; see `end_login`
    return sum(end_login(login_id=login_id, reason=EndReason.PROVIDER_LOGOUT).ended for login_id in live)


def _digest(issuer: str, text: str) -> str:
    return identity_uid(issuer=issuer, subject=text) if text else ""
