"""Another e-mail address ends the person's other logins, whichever code path saved it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import get_user_model
from django.core import serializers
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from authkit.core.clients import Client as Device
from authkit.logins.current import RequestScope, login_at_work, set_current_login
from authkit.logins.models import Login, UserCutoff
from authkit.logins.reasons import EndReason
from authkit.tokens.services import issue_tokens
from tests.urls import urlpatterns as suite

ANOTHER = "alice.liddell@example.test"

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def change(user: Any, email: str = ANOTHER, **how: Any) -> None:
    user.email = email
    user.save(**how)


def change_mine(request: HttpRequest) -> HttpResponse:
    change(get_user_model()._default_manager.get(pk=request.user.pk))
    return HttpResponse("changed")


async def achange_mine(request: HttpRequest) -> HttpResponse:
    user: Any = await request.auser()
    user.email = ANOTHER
    await user.asave()
    return HttpResponse("changed")


def change_by_a_link(request: HttpRequest) -> HttpResponse:
    """As a page behind a confirmation mail: nobody asks who is signed in."""
    change(get_user_model()._default_manager.get(pk=request.GET["who"]))
    return HttpResponse("changed")


class ChangeMine(APIView):
    def post(self, request: Request) -> Response:
        change(request.user)
        return Response({})


urlpatterns = [
    *suite,
    path("mine/", change_mine),
    path("amine/", achange_mine),
    path("link/", change_by_a_link),
    path("api-mine/", ChangeMine.as_view()),
]


def why(login: Login) -> str:
    login.refresh_from_db()
    return login.end_reason


def visitor(user: Any) -> tuple[Client, Login]:
    client = Client()
    client.force_login(user)
    return client, Login.objects.latest("pk")


def test_saved_by_a_shell_ends_all_of_them(user: Any, make_user: Any, open_for: Any) -> None:
    mine, his = open_for(user), open_for(make_user("bob"))
    change(user)
    assert (why(mine), why(his)) == (EndReason.EMAIL_CHANGED, "")
    assert why(open_for(user)) == ""


def test_saved_through_an_instance_that_was_never_loaded_counts(user: Any, open_for: Any) -> None:
    login = open_for(user)
    columns = {f.attname: getattr(user, f.attname) for f in user._meta.concrete_fields}
    type(user)(**{**columns, "email": ANOTHER}).save(force_update=True)
    assert why(login) == EndReason.EMAIL_CHANGED


def test_stale_instance_that_writes_the_old_address_back_counts(user: Any, open_for: Any) -> None:
    stale = type(user)._default_manager.get(pk=user.pk)
    change(user)
    login = open_for(user)
    stale.save()
    assert why(login) == EndReason.EMAIL_CHANGED


@pytest.mark.parametrize("path", ["/mine/", "/amine/"])
def test_session_that_changed_it_stays(user: Any, open_for: Any, path: str) -> None:
    other = open_for(user)
    client, mine = visitor(user)
    assert client.get(path).status_code == 200
    assert (why(mine), why(other)) == ("", EndReason.EMAIL_CHANGED)
    assert client.get("/auth/api/me/").json()["user"]["email"] == ANOTHER


@pytest.mark.parametrize("path", ["/mine/", "/amine/"])
def test_session_that_changed_it_stays_under_asgi(user: Any, open_for: Any, path: str) -> None:
    other = open_for(user)
    client, mine = visitor(user)

    async def visit() -> int:
        browser = AsyncClient()
        browser.cookies = client.cookies
        return (await browser.get(path)).status_code

    assert async_to_sync(visit)() == 200
    assert (why(mine), why(other)) == ("", EndReason.EMAIL_CHANGED)


def test_token_that_changed_it_stays(user: Any) -> None:
    pairs = [issue_tokens(user=user, method="password", client=Device()) for _ in range(2)]
    answer = Client().post("/api-mine/", headers={"authorization": f"Bearer {pairs[0].access}"})
    assert answer.status_code == 200
    assert [why(pair.login) for pair in pairs] == ["", EndReason.EMAIL_CHANGED]


def test_changed_by_a_link_that_asks_for_nobody_ends_all_of_them(user: Any) -> None:
    client, mine = visitor(user)
    assert client.get("/link/", {"who": user.pk}).status_code == 200
    assert why(mine) == EndReason.EMAIL_CHANGED


def test_changed_in_the_admin_ends_all_of_the_persons_and_none_of_the_admins(
    user: Any, make_user: Any, open_for: Any
) -> None:
    login = open_for(user)
    client, boss = visitor(make_user("boss", is_superuser=True))
    opts = user._meta
    page = f"/admin/{opts.app_label}/{opts.model_name}/{user.pk}/change/"
    form = client.get(page).context["adminform"].form
    if "email" not in form.fields:
        pytest.skip("the admin of this user model shows no address")
    body = {name: value for name, value in form.initial.items() if isinstance(value, str)}
    body |= {"email": ANOTHER, "is_active": "on", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    answer = client.post(page, body)
    assert answer.status_code == 302, answer.context["errors"]
    user.refresh_from_db()
    assert user.email == ANOTHER
    assert (why(login), why(boss)) == (EndReason.EMAIL_CHANGED, "")


def test_request_that_is_over_spares_nobody_in_the_thread_that_served_it(user: Any) -> None:
    """Threads are used again: what follows in this one was not asked for by that login."""
    client, mine = visitor(user)
    assert client.get("/auth/api/me/").status_code == 200
    assert login_at_work() is None
    change(user)
    assert why(mine) == EndReason.EMAIL_CHANGED


def test_scope_reaches_other_threads_of_the_request_and_no_other_request(user: Any, open_for: Any) -> None:
    login = open_for(user)
    seen: list[Any] = []

    async def request() -> None:
        with RequestScope():
            await sync_to_async(set_current_login, thread_sensitive=False)(HttpRequest(), login)
            seen.append(login_at_work())
            alone = threading.Thread(target=lambda: seen.append(login_at_work()))
            alone.start()
            alone.join()

    async_to_sync(request)()
    assert seen == [login.pk, None]
    assert login_at_work() is None


@pytest.mark.parametrize(
    "how", ["the same address", "another field", "other fields alone", "keep", "a fixture", "QuerySet.update()"]
)
def test_what_changes_no_address_or_can_not_be_seen_ends_nothing(
    user: Any, open_for: Any, settings: Any, how: str
) -> None:
    login = open_for(user)
    if how == "the same address":
        change(user, user.email)
    elif how == "another field":
        user.last_login = None
        user.save()
    elif how == "other fields alone":
        change(user, update_fields=["last_login"])
    elif how == "keep":
        settings.AUTHKIT = {**settings.AUTHKIT, "REVOCATION": {"EMAIL_CHANGE": "keep"}}
        change(user)
    elif how == "a fixture":
        user.email = ANOTHER
        for loaded in serializers.deserialize("json", serializers.serialize("json", [user])):
            loaded.save()
    else:
        type(user).objects.filter(pk=user.pk).update(email=ANOTHER)
    assert why(login) == ""
    assert not UserCutoff.objects.exists()


def test_a_save_that_failed_ends_nothing_later(user: Any, open_for: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    login = open_for(user)

    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the database said no")

    monkeypatch.setattr(type(user), "_save_table", fail)
    with pytest.raises(RuntimeError), transaction.atomic():
        change(user)
    monkeypatch.undo()
    user.refresh_from_db()
    user.save()
    assert why(login) == ""


def test_signing_in_asks_for_no_address(user: Any, django_assert_num_queries: Any) -> None:
    """Django notes `last_login` at each sign-in, and that alone."""
    with django_assert_num_queries(1):
        user.save(update_fields=["last_login"])


def test_user_model_without_an_address(user: Any, open_for: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    login = open_for(user)
    monkeypatch.setattr(type(user), "EMAIL_FIELD", "no_such_field")
    change(user)
    assert why(login) == ""
