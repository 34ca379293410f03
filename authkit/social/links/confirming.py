"""Step-up through a provider: the person has just signed in there, by an account that is connected to theirs."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from social_django.models import UserSocialAuth

from authkit import conf
from authkit.logins.current import current_login
from authkit.logins.services import live_logins_of
from authkit.signin.step_up import can_step_up
from authkit.social.failures import Failure, refuse
from authkit.social.links.linking import Identity, find_link, locked_person
from authkit.social.settings import SocialSettings

MOST_AGE = timedelta(seconds=60)
"""How long ago the person may have signed in at the provider. We asked for it by `max_age=0`, which a provider may
overlook: its word counts only together with the time."""


def require_fresh(auth_time: Any) -> None:
    """Returns if the person signed in at the provider just now (OpenID Connect Core 1.0, section 3.1.2.1, `max_age`).

    Args:
        auth_time: the verified ID token's, in seconds since the epoch; None if it has none.

    Raises:
        SocialLoginFailed: `no_auth_time` or `not_fresh`.
    """
    if not isinstance(auth_time, int | float) or isinstance(auth_time, bool):
        raise refuse(Failure.NO_AUTH_TIME, "the ID token has no auth_time; see docs/step-up.md")
    tolerance = conf.section(SocialSettings).clock_tolerance
    # Written so that no comparison with NaN passes.
    if not -tolerance.total_seconds() <= time.time() - auth_time <= MOST_AGE.total_seconds():
        raise refuse(Failure.NOT_FRESH, "the provider's auth_time is not of just now")


def confirm_as_asked(*, request: HttpRequest, login_id: str, identity: Identity) -> tuple[Any, UserSocialAuth]:
    """The person whose session asked for the step-up, and the link by which they came back. Writes nothing.

    Args:
        request: the callback's; it has to be carried by the login that began, which has to be live still.
        login_id: that login, out of the transaction.
        identity: of the person who came back.

    Raises:
        SocialLoginFailed: `other_login`: that login is over, or another one is here; `not_connected`: the identity is
            not connected to this person.
    """
    login = current_login(request)
    person = locked_person(request.user.pk) if login is not None and str(login.pk) == login_id else None
    # Looked up again, as for a link: the request was let in before the provider was asked.
    if (
        login is None
        or person is None
        or not can_step_up(login)
        or not live_logins_of(user=person).filter(pk=UUID(login_id)).exists()
    ):
        raise refuse(Failure.OTHER_LOGIN, "the login that began the step-up doesn't carry this request")
    return person, _link_of(identity, owner=person)


def confirmed_owner(identity: Identity) -> tuple[Any, UserSocialAuth]:
    """The same for a program, which shows at the exchange which login it has: no session counts here.

    Raises:
        SocialLoginFailed: `not_connected`, `inactive`.
    """
    link = find_link(identity)
    if link is None:
        raise refuse(Failure.NOT_CONNECTED, "no person is connected to this identity")
    person = get_user_model()._default_manager.filter(pk=link.user_id).first()
    if person is None or not person.is_active:
        raise refuse(Failure.INACTIVE)
    return person, link


def _link_of(identity: Identity, *, owner: Any) -> UserSocialAuth:
    link = find_link(identity)
    if link is None or link.user_id != owner.pk:
        raise refuse(Failure.NOT_CONNECTED, "the identity is not connected to the person who asked")
    return link
