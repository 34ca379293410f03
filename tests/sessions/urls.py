"""URLs of the suite, and plain views as a project has them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from django.contrib.auth import alogin, alogout, authenticate, get_user_model, login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from authkit.logins.current import current_login
from authkit.sessions.store import SessionStore
from tests.outage import database_down
from tests.urls import urlpatterns as suite


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.user.pk))


def nobody_asked(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


async def awho(request: HttpRequest) -> HttpResponse:
    user = await request.auser()
    again = await request.auser()
    assert user is again
    return HttpResponse(str(user.pk))


async def alogin_view(request: HttpRequest) -> HttpResponse:
    user = await get_user_model()._default_manager.afirst()
    await alogin(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse(str((await request.auser()).pk))


async def alogout_view(request: HttpRequest) -> HttpResponse:
    await alogout(request)
    return HttpResponse(str((await request.auser()).pk))


def by_login(request: HttpRequest) -> HttpResponse:
    login_ = current_login(request)
    return HttpResponse("" if login_ is None else str(login_.pk))


def change_password(request: HttpRequest) -> HttpResponse:
    user = request.user
    user.set_password("another-long-password")  # type: ignore[union-attr]
    user.save()
    update_session_auth_hash(request, user)  # type: ignore[arg-type]
    return HttpResponse("changed")


def keep_cart(request: HttpRequest) -> HttpResponse:
    request.session["cart"] = 1
    return HttpResponse("kept")


async def akeep_cart(request: HttpRequest) -> HttpResponse:
    await request.session.aset("cart", 1)
    return HttpResponse("kept")


def gone(request: HttpRequest) -> HttpResponse:
    """Somebody signs out by the same cookie while this request is under way."""
    request.session["cart"] = 2
    SessionStore(request.session.session_key).delete()
    return HttpResponse("kept, it seems")


async def agone(request: HttpRequest) -> HttpResponse:
    await request.session.aset("cart", 2)
    await SessionStore(request.session.session_key).adelete()
    return HttpResponse("kept, it seems")


def sign_in_twice(request: HttpRequest) -> HttpResponse:
    """One request, two people: the second `login()` flushes what the first one put into the session."""
    for name in request.GET.getlist("name"):
        user = authenticate(request, username=name, password=request.GET["password"])
        login(request, user)  # type: ignore[arg-type]
    return HttpResponse("twice")


def sign_out_view(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponse("out")


async def both(request: HttpRequest) -> HttpResponse:
    user = await request.auser()
    assert request.user == user
    return HttpResponse(str(request.user.pk))


def failing(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated
    raise ValueError("the project's own mistake")


class DyingStore(SessionStore):
    """The database goes at the very moment at which the session is to be deleted."""

    key_salt = SessionStore().key_salt  # Django takes it from the class's name

    def delete(self, session_key: str | None = None) -> None:
        with database_down():
            super().delete(session_key)


def outage_at_the_flush(request: HttpRequest) -> HttpResponse:
    request.session = DyingStore(request.session.session_key)
    return HttpResponse(str(request.user.pk))


def outage_in_the_middle(request: HttpRequest) -> HttpResponse:
    """The session is read, then the database goes."""
    request.session.get("anything")
    with database_down():
        return HttpResponse(str(request.user.pk))


def outage_at_the_end(request: HttpRequest) -> HttpResponse:
    """Everything is read, then the database goes, and with it whatever is written afterwards."""
    request.outage = ExitStack()  # type: ignore[attr-defined]  # closed by the test
    answer = HttpResponse(str(request.user.pk))
    request.outage.enter_context(database_down())  # type: ignore[attr-defined]
    return answer


def outage_at_the_save(request: HttpRequest) -> HttpResponse:
    """The session is read and changed, then the database goes."""
    request.session["cart"] = request.session.get("cart", 0) + 1
    request.outage = ExitStack()  # type: ignore[attr-defined]  # closed by the test
    request.outage.enter_context(database_down())  # type: ignore[attr-defined]
    return HttpResponse("kept, it seems")


class AskingMiddleware:
    """A project's own, further in: asks for the user before the view does."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        assert request.user.pk != 0
        response: HttpResponse = self.get_response(request)
        return response


class RefusingView(APIView):
    """Refuses everything; under ATOMIC_REQUESTS DRF then rolls the view's transaction back."""

    permission_classes = ()

    def get(self, request: Request) -> Response:
        assert request.user.is_authenticated
        raise ValidationError({"no": ["never"]})


urlpatterns = [
    *suite,
    path("who/", who),
    path("nobody-asked/", nobody_asked),
    path("awho/", awho),
    path("alogin/", alogin_view),
    path("alogout/", alogout_view),
    path("by-login/", by_login),
    path("members/", login_required(who)),
    path("change-password/", change_password),
    path("keep-cart/", keep_cart),
    path("akeep-cart/", akeep_cart),
    path("gone/", gone),
    path("agone/", agone),
    path("sign-in-twice/", sign_in_twice),
    path("sign-out/", sign_out_view),
    path("both/", both),
    path("failing/", failing),
    path("outage-at-the-flush/", outage_at_the_flush),
    path("outage-in-the-middle/", outage_in_the_middle),
    path("outage-at-the-end/", outage_at_the_end),
    path("outage-at-the-save/", outage_at_the_save),
    path("refusing/", RefusingView.as_view()),
]
