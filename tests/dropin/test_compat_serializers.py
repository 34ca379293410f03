"""What a project had changed in simplejwt's views, and what of it holds at authkit's views of the same names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import include, path, reverse
from django.utils import timezone
from rest_framework import serializers
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer as OfSimpleJWT
from rest_framework_simplejwt.serializers import TokenRefreshSerializer

from authkit.logins.models import Login
from authkit.tokens.simplejwt import TokenObtainPairSerializer, TokenObtainPairView, TokenRefreshView
from tests.dropin.legacy_tokens import OPEN

HERE = __name__


class Greeting(TokenObtainPairSerializer):
    """Asks for a field more, and answers two more."""

    tenant = serializers.ChoiceField(choices=["north", "south"], required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        data = super().validate(attrs)
        if attrs.get("tenant") == "south":
            raise serializers.ValidationError({"tenant": ["Closed."]})
        assert self.user is not None
        return {
            **data,
            "greeting": f"Hello {self.user.get_username()}",
            "tenant": attrs.get("tenant"),
            "access": "mine",
        }


class GreetingView(TokenObtainPairView):
    serializer_class = Greeting


class Forgetful(TokenObtainPairSerializer):
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return attrs


urlpatterns = [
    path("greet/", GreetingView.as_view()),
    path("forget/", TokenObtainPairView.as_view(serializer_class=Forgetful)),
    path("api/token/", include("authkit.tokens.simplejwt.urls")),
    path("auth/", include("authkit.urls")),
]


def only_staff(user: Any) -> bool:
    return bool(user.is_staff)


@pytest.fixture
def obtain(api: Any, user: Any, credentials: Any, settings: Any) -> Any:
    settings.ROOT_URLCONF = HERE
    return lambda path, **more: api.post(path, {**credentials(user), **more}, format="json")


def test_a_subclass_of_the_view_answers_what_its_serializer_adds(obtain: Any, user: Any) -> None:
    answer = obtain("/greet/", tenant="north").json()
    assert (answer["greeting"], answer["tenant"]) == (f"Hello {user.get_username()}", "north")
    assert answer["access"].count(".") == answer["refresh"].count(".") == 2, "the tokens stay authkit's"
    assert obtain("/greet/", tenant="east").json() == {"tenant": ['"east" is not a valid choice.']}


def test_a_serializer_that_refuses_afterwards_leaves_no_login_behind(obtain: Any) -> None:
    assert obtain("/greet/", tenant="south").json() == {"tenant": ["Closed."]}
    assert Login.objects.get().ended_at is not None


def test_a_wrong_password_is_refused_in_simplejwts_words(obtain: Any) -> None:
    answer = obtain("/greet/", password="wrong")
    assert (answer.status_code, answer.json()["code"]) == (401, "no_active_account")
    assert answer.json()["detail"] == "No active account found with the given credentials"
    assert not Login.objects.exists()


def test_a_serializer_that_never_asks_for_the_pair_is_a_mistake_that_says_so(obtain: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"super\(\).validate"):
        obtain("/forget/")


def test_the_setting_names_a_serializer_too(obtain: Any, settings: Any) -> None:
    settings.SIMPLE_JWT = {"TOKEN_OBTAIN_SERIALIZER": f"{HERE}.Greeting"}
    assert "greeting" in obtain(reverse("token_obtain_pair")).json()
    settings.SIMPLE_JWT = {"TOKEN_OBTAIN_SERIALIZER": "rest_framework_simplejwt.serializers.TokenObtainPairSerializer"}
    assert set(obtain(reverse("token_obtain_pair")).json()) == {"access", "refresh", "token_type", "expires_in"}


@pytest.mark.parametrize(
    ("view", "wrong"), [(TokenObtainPairView, OfSimpleJWT), (TokenRefreshView, TokenRefreshSerializer)]
)
def test_a_serializer_of_simplejwts_is_refused_where_the_view_is_mounted(view: Any, wrong: Any) -> None:
    subclass = type("Mine", (view,), {"serializer_class": type("MySerializer", (wrong,), {})})
    with pytest.raises(ImproperlyConfigured, match="serializer_class would not be asked"):
        subclass.as_view()


def test_get_token_is_refused_where_the_class_is_made() -> None:
    with pytest.raises(ImproperlyConfigured, match=r'\["CLAIMS"\]'):
        type("Mine", (TokenObtainPairSerializer,), {"get_token": classmethod(lambda cls, user: None)})


@pytest.mark.parametrize("rule", [f"{HERE}.only_staff", only_staff])
def test_the_authentication_rule_is_asked_at_obtain_and_at_refresh(
    obtain: Any, api: Any, user: Any, settings: Any, rule: Any
) -> None:
    obtain_path, refresh_path = reverse("token_obtain_pair"), reverse("token_refresh")
    refresh = obtain(obtain_path).json()["refresh"]
    settings.SIMPLE_JWT = {"USER_AUTHENTICATION_RULE": rule}
    assert obtain(obtain_path).json()["code"] == "no_active_account"
    assert Login.objects.count() == 1
    answer = api.post(refresh_path, {"refresh": refresh}, format="json")
    assert (answer.status_code, answer.json()["detail"]) == (401, "No active account found for the given token.")
    user.is_staff = True
    user.save()
    assert api.post(refresh_path, {"refresh": refresh}, format="json").status_code == 200, "the refusal spent nothing"
    assert obtain(obtain_path).status_code == 200


def test_the_authentication_rule_is_asked_of_simplejwts_own_refresh_tokens(
    api: Any, user: Any, settings: Any, refresh_of_simplejwt: str
) -> None:
    settings.SIMPLE_JWT = {"USER_AUTHENTICATION_RULE": only_staff}
    assert api.post(reverse("token_refresh"), {"refresh": refresh_of_simplejwt}, format="json").status_code == 401
    settings.SIMPLE_JWT = {}
    assert api.post(reverse("token_refresh"), {"refresh": refresh_of_simplejwt}, format="json").status_code == 200


@pytest.fixture
def refresh_of_simplejwt(user: Any, settings: Any) -> str:
    from rest_framework_simplejwt.tokens import RefreshToken

    settings.AUTHKIT = OPEN
    return str(RefreshToken.for_user(user))


@pytest.mark.parametrize(
    ("chosen", "noted"), [({}, True), ({"UPDATE_LAST_LOGIN": False}, False), ({"UPDATE_LAST_LOGIN": True}, True)]
)
def test_last_login_is_noted_unless_the_project_said_not_to(
    obtain: Any, user: Any, settings: Any, chosen: Mapping[str, Any], noted: bool
) -> None:
    settings.SIMPLE_JWT = dict(chosen)
    assert obtain(reverse("token_obtain_pair")).status_code == 200
    user.refresh_from_db()
    assert (user.last_login is not None) is noted


def test_simplejwts_own_class_can_not_read_our_tokens_and_the_call_that_can_is_another(pair: Any) -> None:
    from rest_framework_simplejwt.exceptions import TokenError
    from rest_framework_simplejwt.tokens import AccessToken

    from authkit.tokens.services import verify_access

    with pytest.raises(TokenError):
        AccessToken(pair.access)
    verified = verify_access(token=pair.access)
    assert (verified.user, verified.claims["sid"]) == (pair.user, str(pair.login.pk))
    assert timezone.now() - verified.login.created_at < timedelta(minutes=1)
