"""The rows about a person's logins on the pages of the admin."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from authkit.admin.ways import names_of_ways
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import live_logins_of
from authkit.logins.verdict import origin_stands, verdict

MOST_ROWS = 50
"""On a person's page. A person with more of them has a script that signs in: look at the list of logins then."""

VIEW = "authkit.view_login"


def impersonator(login: Login) -> str:
    """The person who impersonates by this login; empty for one that its person opened."""
    if login.parent_id is None:
        return ""
    return _("a deleted person") if login.actor is None else str(login.actor)


def state_of(login: Any) -> str:
    """Live, or the reason why not, as the next request with this login would find out.

    Args:
        login: with the cutoffs of its person and of everybody, as `LoginAdmin.get_queryset` reads it.
    """
    cutoffs = [cutoff for cutoff in (login.user_cutoff, login.global_cutoff) if cutoff is not None]
    why = verdict(user=login.user, login=login, cut_off_at=max(cutoffs, default=None), now=timezone.now())
    if why is None and not origin_stands(login):
        why = EndReason.ORIGIN_ENDED
    return _("live") if why is None else str(why.label)


def live_rows(person: Any) -> list[tuple[Login, str, str]]:
    """A person's live logins, newest first, each with the name of its way in and its impersonator. There is at most
    one more than `MOST_ROWS`: it tells the page that there are more."""
    names = names_of_ways()
    logins = live_logins_of(user=person).select_related("actor")[: MOST_ROWS + 1]
    return [(login, names.get(login.method, login.method), impersonator(login)) for login in logins]
