"""A kind that outlives some reasons: a row of `authkit.logins.endings`, and nothing else, says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from authkit.core.clients import Client
from authkit.exceptions import LoginEnded
from authkit.logins import endings
from authkit.logins.crowds import end_logins_of_people
from authkit.logins.models import Login
from authkit.logins.opening import open_login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import Lifetime, end_all_logins, end_logins_of, end_logins_where
from authkit.logins.verdict import check_login

KEY = "nightly-key"
LIFETIME = Lifetime(idle=timedelta(days=7), absolute=timedelta(days=30))


@pytest.fixture(autouse=True)
def _kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "_table", dict(endings._table))
    endings.register_kind(endings.Kind(KEY, "key of a nightly job"))


@pytest.fixture
def both(user: Any) -> tuple[Login, Login]:
    """A key and a token pair of one person."""

    def opened(kind: Any) -> Login:
        return open_login(user=user, kind=kind, method="password", lifetime=LIFETIME, client=Client())

    return opened(KEY), opened(LoginKind.TOKEN)


def test_kind_has_one_row() -> None:
    endings.register_kind(endings.Kind(KEY, "key of a nightly job"))  # twice is the same as once
    with pytest.raises(ValueError, match="another kind"):
        endings.register_kind(endings.Kind(KEY, "key of a nightly job", ended_by=(EndReason.PASSWORD_CHANGED,)))
    with pytest.raises(ValueError, match="another kind"):
        endings.register_kind(endings.Kind(LoginKind.TOKEN, "token", ended_by=()))
    kinds = [kind for kind, _ in endings.kind_choices()]
    assert kinds[:2] == ["session", "token"]  # features add theirs
    assert kinds.count(KEY) == 1


def why_over(login: Login) -> str | None:
    try:
        check_login(login_id=login.pk, user_id=login.user_id)
    except LoginEnded as ended:
        return ended.why
    return None


def new_password(user: Any) -> None:
    user.set_password("another-correct-horse")
    user.save()


def deactivated(user: Any) -> None:
    user.is_active = False
    user.save()


SPARED: dict[str, Callable[[Any], Any]] = {
    "signed out everywhere": lambda user: end_logins_of(user_id=user.pk, reason=EndReason.LOGOUT_ALL),
    "another password": new_password,
    "another address": lambda user: end_logins_of(user_id=user.pk, reason=EndReason.EMAIL_CHANGED),
    "an account that was unlinked": lambda user: end_logins_where(user_id=user.pk, reason=EndReason.UNLINKED),
}
REACHED: dict[str, Callable[[Any], Any]] = {
    "forced out": lambda user: end_logins_of(user_id=user.pk, reason=EndReason.FORCED),
    "forced out with others": lambda user: list(end_logins_of_people(user_ids=[user.pk], reason=EndReason.FORCED)),
    "all people signed out": lambda user: end_all_logins(reason=EndReason.FORCED),
    "deactivated": deactivated,
}


@pytest.mark.parametrize("how", SPARED)
def test_kind_outlives_a_reason_that_its_row_does_not_name(how: str, user: Any, both: tuple[Login, Login]) -> None:
    key, pair = both
    SPARED[how](user)
    assert why_over(pair) is not None
    assert why_over(key) is None
    if how != "another password":  # which is found out at the check, and not by the row
        assert list(Login.objects.live()) == [key]


@pytest.mark.parametrize("how", REACHED)
def test_kind_ends_for_what_concerns_the_person_or_the_row(how: str, user: Any, both: tuple[Login, Login]) -> None:
    REACHED[how](user)
    assert [why_over(login) is not None for login in both] == [True, True]


def test_kind_that_outlives_the_limit_is_not_counted_by_it(user: Any, both: tuple[Login, Login], settings: Any) -> None:
    key, pair = both
    settings.AUTHKIT = {"LOGIN": {"MAX_LOGINS": 1}}
    another = open_login(user=user, kind=KEY, method="password", lifetime=LIFETIME, client=Client())
    assert [why_over(login) for login in (key, pair, another)] == [None, None, None]
    newest = open_login(user=user, kind=LoginKind.SESSION, method="password", lifetime=LIFETIME, client=Client())
    assert [why_over(login) for login in (key, pair, another, newest)] == [None, EndReason.EVICTED, None, None]


def test_evidence_longer_than_the_column_is_cut_and_opens_the_login(user: Any) -> None:
    login = open_login(user=user, kind=KEY, method="x", lifetime=LIFETIME, client=Client(), amr=("own-evidence",) * 20)
    assert Login.objects.get(pk=login.pk).amr == ("own-evidence " * 20)[:64]


def test_kind_that_no_row_knows_ends_for_every_reason() -> None:
    assert all(endings.ends(reason, kind="of-a-feature-that-was-removed") for reason in EndReason)


def test_kind_is_a_choice_of_the_admin_once_it_is_registered() -> None:
    assert (KEY, "key of a nightly job") in Login._meta.get_field("kind").flatchoices
