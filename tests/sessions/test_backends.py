"""What Django's calls without `backend=` need: one authentication back end, as without authkit."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, get_user_model, login
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.test import Client
from django.urls import include, path
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from authkit.logins.models import Login
from authkit.wiring import LIMITED_MODEL_BACKEND

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

PASSWORD = "a-better-one-of-1972"


class SignUpForm(UserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = get_user_model()
        fields = (get_user_model().USERNAME_FIELD,)


def sign_up(request: HttpRequest) -> HttpResponse:
    """As tutorials write it."""
    form = SignUpForm(request.POST)
    if not form.is_valid():
        return HttpResponse(form.errors.as_text(), status=400)
    login(request, form.save())
    return HttpResponseRedirect("/auth/account/")


urlpatterns = [
    path("auth/", include("authkit.urls")),
    path("sign-up/", sign_up),
    path(
        "reset/<uidb64>/<token>/",
        PasswordResetConfirmView.as_view(post_reset_login=True, success_url="/auth/account/"),
    ),
]


def test_sign_up_view_signs_its_person_in() -> None:
    client, name = Client(), get_user_model().USERNAME_FIELD
    value = "grace@example.com"
    made = client.post("/sign-up/", {name: value, "password1": PASSWORD, "password2": PASSWORD})
    assert (made.status_code, made.get("Location")) == (302, "/auth/account/"), made.content
    assert client.session[BACKEND_SESSION_KEY] == LIMITED_MODEL_BACKEND
    login = Login.objects.get()
    assert (login.user.get_username(), login.method) == (value, "password")
    assert client.get("/auth/account/").status_code == 200


def test_reset_that_signs_its_person_in_does(user: Any) -> None:
    client, uid = Client(), urlsafe_base64_encode(force_bytes(user.pk))
    asked = client.get(f"/reset/{uid}/{default_token_generator.make_token(user)}/")
    done = client.post(asked["Location"], {"new_password1": PASSWORD, "new_password2": PASSWORD})
    assert (done.status_code, done.get("Location")) == (302, "/auth/account/")
    assert client.get("/auth/api/me/").json()["login"]["method"] == "password"


def test_with_perm_asks_the_one_back_end(user: Any) -> None:
    managers: Any = get_user_model()._default_manager
    if not hasattr(managers, "with_perm"):
        pytest.skip("a user model whose manager has no with_perm")
    get_user_model().objects.filter(pk=user.pk).update(is_superuser=True)
    assert list(managers.with_perm("authkit.view_login")) == [user]
