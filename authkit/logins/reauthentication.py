"""A login whose person has shown once more who they are: the same row, with a new `authenticated_at` and `amr`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.db import router, transaction
from django.utils import timezone

from authkit.events import announce
from authkit.exceptions import LoginEnded
from authkit.logins import events
from authkit.logins.models import MAX_AMR_LENGTH, Login


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The evidence of a step-up, which the caller has verified."""

    method: str
    """The id of a `Method`, such as "password" or a provider's id."""
    door: str
    """The id of the door."""
    amr: Collection[str] = ()
    """Which kinds of evidence were seen (RFC 8176). They take the place of the sign-in's: `auth_time` and `amr` are
    about one and the same moment (OpenID Connect Core 1.0 section 2)."""
    along: Callable[[], None] | None = None
    """Called in the transaction of the write, and last; as `Attempt.along`."""

    @property
    def amr_text(self) -> str:
        """As `Login.amr` has it."""
        return " ".join(self.amr)[:MAX_AMR_LENGTH]

    def announced(self, login: Login) -> None:
        """Announces it, and calls `along`; in the transaction of the write, after it."""
        event = events.LoginReauthenticated(
            login_id=login.pk, user_id=login.user_id, method=self.method, door=self.door, amr=self.amr_text
        )
        announce(event, sender=Login, using=router.db_for_write(Login))
        if self.along is not None:
            self.along()


def reauthenticate(*, login: Login, shown: Shown) -> None:
    """Notes that the login's person has just shown who they are; by one conditional UPDATE.

    For a login whose credential is renewed apart from its row, such as a session's; `rotation.rotate_authenticated` is
    for those that rotate.

    Args:
        login: the one that carries the request; it gets the new values.
        shown: how.

    Raises:
        LoginEnded: the login is over meanwhile.
    """
    using, now = router.db_for_write(Login), timezone.now()
    with transaction.atomic(using=using):
        standing = Login.objects.filter(pk=login.pk, ended_at=None, expires_at__gt=now)
        if not standing.update(authenticated_at=now, amr=shown.amr_text):
            raise LoginEnded("ended since the request was let in", reason="login_ended")
        shown.announced(login)
    login.authenticated_at, login.amr = now, shown.amr_text
