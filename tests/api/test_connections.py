"""Connected accounts for programs, by whatever carries the login."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from rest_framework.test import APIClient
from social_django.models import UserSocialAuth

from authkit.core.clients import Client as Caller
from authkit.tokens.services import issue_tokens

pytestmark = pytest.mark.django_db
URL = "/auth/api/social/accounts/"
PROVIDERS = {
    name: {"NAME": name.title(), "ISSUER": f"https://{name}.test", "CLIENT_ID": "me", "CLIENT_SECRET": "s" * 32}
    for name in ("one", "two")
}


@pytest.fixture(autouse=True)
def two_providers(settings) -> None:
    settings.AUTHKIT = {**settings.AUTHKIT, "SOCIAL": {"PROVIDERS": PROVIDERS}}


def link(user: Any, provider: str, uid: str = "uid", **extra: Any) -> UserSocialAuth:
    return UserSocialAuth.objects.create(user=user, provider=provider, uid=uid, extra_data=extra)


def with_token(user: Any) -> APIClient:
    client = APIClient(enforce_csrf_checks=True)
    access = issue_tokens(user=user, method="password", client=Caller(address="192.0.2.1", device="x")).access
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    return client


def without_password(user: Any) -> Any:
    user.set_unusable_password()
    user.save()
    return user


def test_it_lists_mine_and_nobody_elses(user, make_user) -> None:
    mine, _theirs = link(user, "one", label="alice@one.test"), link(make_user("bob"), "two")
    answer = with_token(user).get(URL)
    [shown] = answer.json()
    assert datetime.fromisoformat(shown.pop("created_at")) == mine.created
    assert shown == {
        "id": mine.pk,
        "provider": "one",
        "name": "One",
        "label": "alice@one.test",
        "can_disconnect": True,
    }
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("extra", [{}, {"label": 7}, {"label": None}, {"access_token": "secret"}], ids=str)
def test_rows_of_others_making_are_shown_without_what_they_hold(user, extra) -> None:
    link(user, "gone", **extra)
    answer = with_token(user).get(URL)
    assert answer.json()[0] | {"id": 0, "created_at": ""} == {
        "id": 0, "provider": "gone", "name": "gone", "label": "", "created_at": "", "can_disconnect": True
    }  # fmt: skip
    assert b"secret" not in answer.content


def test_visitors_are_401() -> None:
    assert APIClient().get(URL).status_code == 401
    assert APIClient().delete(f"{URL}1/").status_code == 401


def test_disconnecting(user) -> None:
    gone, kept = link(user, "one"), link(user, "two")
    assert with_token(user).delete(f"{URL}{gone.pk}/").status_code == 204
    assert list(UserSocialAuth.objects.all()) == [kept]


def test_disconnecting_somebody_elses_is_404_as_if_there_were_none(user, make_user) -> None:
    theirs = link(make_user("bob"), "one")
    client = with_token(user)
    answers = {client.delete(f"{URL}{name}/").content for name in (theirs.pk, 10**6)}
    assert len(answers) == 1
    assert client.delete(f"{URL}{theirs.pk}/").status_code == 404
    assert UserSocialAuth.objects.get() == theirs


@pytest.mark.parametrize("name", ["x", "-1", "0", "9" * 30, "9" * 5000, "1e3", "%00", "٣"], ids=lambda n: ascii(n)[:9])
def test_what_is_no_id_is_404(user, name) -> None:
    answer = with_token(user).delete(f"{URL}{name}/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


class TestLastWayIn:
    def refused(self, user: Any, it: UserSocialAuth) -> bool:
        client = with_token(user)
        shown = next(item for item in client.get(URL).json() if item["id"] == it.pk)
        answer = client.delete(f"{URL}{it.pk}/")
        assert UserSocialAuth.objects.filter(pk=it.pk).exists() is (answer.status_code == 409)
        assert shown["can_disconnect"] is (answer.status_code == 204), "what was said is what happened"
        return answer.status_code == 409 and answer.json()["code"] == "last_login_method"

    def test_the_only_link_without_a_password_stays(self, user) -> None:
        assert self.refused(without_password(user), link(user, "one"))

    def test_with_a_password_it_may_go(self, user) -> None:
        assert not self.refused(user, link(user, "one"))

    def test_with_another_link_it_may_go_and_then_the_other_stays(self, user) -> None:
        without_password(user)
        one, two = link(user, "one"), link(user, "two")
        assert not self.refused(user, one)
        assert self.refused(user, two)

    def test_link_to_a_provider_that_is_not_configured_any_more_is_no_way_in(self, user) -> None:
        without_password(user)
        one, gone = link(user, "one"), link(user, "gone")
        assert self.refused(user, one)
        assert not self.refused(user, gone)

    def test_link_of_somebody_else_is_no_way_in(self, user, make_user) -> None:
        link(make_user("bob"), "two")
        assert self.refused(without_password(user), link(user, "one"))


def test_session_needs_csrf_proof(user) -> None:
    it = link(user, "one")
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user)
    assert len(client.get(URL).json()) == 1
    assert client.delete(f"{URL}{it.pk}/").json()["code"] == "csrf_failed"
    token = client.get("/auth/api/session/").json()["csrf_token"]
    assert client.delete(f"{URL}{it.pk}/", headers={"X-CSRFToken": token}).status_code == 204
