"""A link that is deleted, by whatever path, ends what came in by it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.signals import post_delete
from social_django.models import UserSocialAuth

from authkit.core.clients import Client
from authkit.logins.models import Login, UserCutoff
from authkit.logins.opening import open_login
from authkit.logins.reasons import EndReason, LoginKind
from authkit.logins.services import Lifetime
from authkit.social import receivers

pytestmark = pytest.mark.django_db


def link(user: Any, provider: str = "oidc") -> UserSocialAuth:
    row: UserSocialAuth = UserSocialAuth.objects.create(user=user, provider=provider, uid=f"{provider}-{user.pk}")
    return row


def open_by(user: Any, method: str) -> Login:
    lifetime = Lifetime(idle=timedelta(days=1), absolute=timedelta(days=1))
    return open_login(user=user, kind=LoginKind.SESSION, method=method, lifetime=lifetime, client=Client())


PATHS: dict[str, Callable[[UserSocialAuth], Any]] = {
    "delete": lambda row: row.delete(),
    "queryset": lambda row: UserSocialAuth.objects.filter(pk=row.pk).delete(),
    "social-core": UserSocialAuth.disconnect,
}


@pytest.mark.parametrize("path", PATHS)
def test_logins_by_that_provider_end_and_no_others(user: Any, make_user: Any, path: str) -> None:
    bob = make_user("bob")
    row = link(user)
    link(bob), link(user, "github")
    mine, by_github, by_password = open_by(user, "oidc"), open_by(user, "github"), open_by(user, "password")
    his = open_by(bob, "oidc")
    PATHS[path](row)
    assert set(Login.objects.live()) == {by_github, by_password, his}
    mine.refresh_from_db()
    assert mine.end_reason == EndReason.UNLINKED
    assert not UserCutoff.objects.exists()


def test_person_with_links_and_logins_can_be_deleted(user: Any) -> None:
    link(user)
    open_by(user, "oidc")
    user.delete()
    assert not Login.objects.exists()


def test_connecting_twice_listens_once() -> None:
    before = len(post_delete.receivers)
    receivers.connect()
    assert len(post_delete.receivers) == before


@pytest.mark.parametrize("fields", [None, ["user"]])
def test_a_link_that_a_save_moves_to_another_person_ends_its_old_owners_logins(
    user: Any, make_user: Any, fields: list[str] | None
) -> None:
    row, bob = link(user), make_user("bob")
    mine, by_password, his = open_by(user, "oidc"), open_by(user, "password"), open_by(bob, "oidc")
    row.user = bob
    row.save(update_fields=fields)
    assert set(Login.objects.live()) == {by_password, his}
    assert Login.objects.get(pk=mine.pk).end_reason == EndReason.UNLINKED


def test_a_link_that_a_save_makes_another_accounts_ends_logins_too(user: Any) -> None:
    row = link(user)
    open_by(user, "oidc")
    row.uid = "another"
    row.save()
    assert not Login.objects.live().exists()


def test_a_save_that_moves_nothing_ends_nothing(user: Any, make_user: Any) -> None:
    row = link(user)
    mine = open_by(user, "oidc")
    row.extra_data = {"label": "new"}
    row.save()
    row.user = make_user("bob")
    row.save(update_fields=["extra_data"])  # the owner isn't written
    assert set(Login.objects.live()) == {mine}
