"""What ends a key, and what leaves it alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from rest_framework.test import APIClient

from authkit.logins.crowds import end_logins_of_people
from authkit.logins.models import Login, UserCutoff
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_all_logins, end_logins_of

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.apikeys.urls")]


def deactivate(user: Any) -> None:
    user.is_active = False
    user.save()


ENDINGS: dict[str, tuple[Callable[[Any], object], str]] = {
    "forced": (lambda user: end_logins_of(user_id=user.pk, reason=EndReason.FORCED), "forced"),
    "forced with others": (
        lambda user: list(end_logins_of_people(user_ids=[user.pk], reason=EndReason.FORCED)),
        "forced",
    ),
    "everybody": (lambda user: end_all_logins(reason=EndReason.FORCED), "forced"),
    "not me": (lambda user: end_logins_of(user_id=user.pk, reason=EndReason.NOT_ME), "not_me"),
    "deactivated": (deactivate, "deactivated"),
    "the account deleted": (lambda user: end_logins_of(user_id=user.pk, reason=EndReason.DELETED), "deleted"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_a_key(ending: str, make: Any, by_key: Any, user: Any) -> None:
    end, why = ENDINGS[ending]
    client = by_key(make())
    assert client.get("/notes/").status_code == 200
    end(user)
    refused = client.get("/notes/")
    assert (refused.status_code, refused.json()["why"]) == (401, why)


def test_a_deleted_person_has_no_key(make: Any, by_key: Any, user: Any) -> None:
    client = by_key(make())
    user.delete()
    assert client.get("/notes/").status_code == 401


@pytest.mark.parametrize("ends", [False, True])
def test_a_new_password_and_a_sign_out_everywhere_say_how_many_keys_stay(
    ends: bool,
    api_keys: Any,
    make: Any,
    by_key: Any,
    signed_in: Any,
    password: str,
    django_capture_on_commit_callbacks: Any,
) -> None:
    api_keys(END_WITH_PASSWORD=ends)
    client = by_key(make())
    expected = 0 if ends else 1
    body = {"current_password": password, "new_password": "another-horse-battery"}
    with django_capture_on_commit_callbacks(execute=True):
        changed = signed_in.post("/auth/api/account/password/change/", body, format="json")
    assert (changed.status_code, changed.json()["keys"]) == (200, expected)
    assert ("nightly (ak_" in mail.outbox[-1].body) is not ends
    assert client.get("/notes/").status_code == (401 if ends else 200)
    again = APIClient(HTTP_AUTHORIZATION=f"Bearer {changed.json()['access']}")
    everywhere = again.post("/auth/api/logout/all/", {}, format="json")
    assert everywhere.json()["keys"] == expected
    assert client.get("/notes/").status_code == (401 if ends else 200)


def test_a_key_that_is_being_made_during_a_forced_logout_is_cut_off(make: Any, by_key: Any, user: Any) -> None:
    made = make()
    Login.objects.filter(pk=made.key.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    # As the ending's statement that could not see the row yet leaves it.
    Login.objects.filter(pk=made.key.pk).update(ended_at=None, end_reason="")
    assert by_key(made).get("/notes/").json()["why"] == "forced"
    assert not Login.objects.live().filter(pk=made.key.pk).exists()


@pytest.mark.parametrize("reason", [EndReason.LOGOUT_ALL, EndReason.PASSWORD_CHANGED])
def test_the_ordinary_cutoff_leaves_keys_alone(reason: EndReason, make: Any, by_key: Any, user: Any) -> None:
    made = make()
    end_logins_of(user_id=user.pk, reason=reason)
    cutoff = UserCutoff.objects.get()
    assert cutoff.issued_before > made.key.login.created_at
    assert cutoff.lasting_before is None
    assert by_key(made).get("/notes/").status_code == 200


def test_a_key_made_after_a_forced_logout_is_good(make: Any, by_key: Any, user: Any) -> None:
    ahead = timezone.now() + timedelta(hours=1)
    UserCutoff.objects.create(user=user, issued_before=ahead)
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    assert by_key(make()).get("/notes/").status_code == 200
