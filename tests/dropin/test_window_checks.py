"""What `manage.py check` says of the window for simplejwt's tokens."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core import checks as django_checks
from django.test import override_settings
from django.urls import include, path, re_path
from django.utils import timezone

import authkit
from authkit.conf import checks as conf_checks
from authkit.tokens.simplejwt import checks as simplejwt
from authkit.tokens.simplejwt import urls as compat_urls
from tests.dropin.legacy_tokens import OPEN
from tests.test_checks import found, only

ROTATING = {"ROTATE_REFRESH_TOKENS": True}


def until(**delta: Any) -> dict[str, Any]:
    return {"TOKENS": {"SIMPLEJWT_UNTIL": timezone.now() + timedelta(**delta)}}


@pytest.fixture(autouse=True)
def window(settings: Any) -> None:
    settings.AUTHKIT = OPEN
    settings.SIMPLE_JWT = ROTATING


def test_they_are_registered_and_the_deploy_one_only_for_deployment() -> None:
    registry = django_checks.registry.registry
    assert set(simplejwt.CHECKS) <= set(registry.get_checks())
    assert not set(simplejwt.DEPLOY_CHECKS) & set(registry.get_checks())
    assert set(simplejwt.DEPLOY_CHECKS) <= set(registry.get_checks(include_deployment_checks=True))


def test_every_id_is_listed_once_and_has_a_test() -> None:
    used = set(re.findall(r'"authkit\.([EW]\d{3})"', Path(simplejwt.__file__).read_text()))
    assert sorted(re.findall(r"\b[EW]\d{3}\b", simplejwt.__doc__ or "")) == sorted(used)
    source = Path(__file__).read_text()
    tested = {number.upper() for number in re.findall(r"def test_([ew]\d{3})_", source)}
    assert used <= tested | set(re.findall(r'\("(W\d{3})"', source))
    pattern = re.compile(rf'"(authkit\.)?({"|".join(used)})"')
    sources = Path(authkit.__file__).parent.rglob("*.py")
    named = [path.parent.name for path in sources if pattern.search(path.read_text())]
    assert named == ["simplejwt"]  # an id never means two things


def test_nothing_is_said_while_it_is_off(settings: Any) -> None:
    settings.AUTHKIT = {}
    with override_settings(SIMPLE_JWT={"ALGORITHM": "RS256", "AUTH_HEADER_TYPES": ("JWT",)}):
        assert [message for check in (simplejwt.check_reader, simplejwt.check_window) for message in found(check)] == []


@pytest.mark.parametrize("value", ["2027-01-31", datetime(2027, 1, 31), date(2027, 1, 31), 7, True])
def test_a_time_that_is_none_is_refused(settings: Any, value: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"SIMPLEJWT_UNTIL": value}}
    number, message, hint = only(conf_checks.check_keys)
    assert (number, "with a time zone" in message, "tzinfo=" in hint) == ("E002", True, True)


@pytest.mark.parametrize(
    "names",
    [
        {"SIGNING_KEY": "short"},
        {"ALGORITHM": "RS256"},
        {"ALGORITHM": "RS256", "JWK_URL": "https://id.example.test/jwks"},
        {"ALGORITHM": "none"},
        {"LEEWAY": "long"},
        {"SIGNING_KEY": 7},
    ],
    ids=str,
)
def test_e070_no_key_that_can_be_trusted(names: dict[str, Any]) -> None:
    with override_settings(SIMPLE_JWT=names):
        assert only(simplejwt.check_reader)[0] == "E070"


def test_e071_field_that_does_not_exist() -> None:
    with override_settings(SIMPLE_JWT=ROTATING | {"USER_ID_FIELD": "uid"}):
        number, message, _ = only(simplejwt.check_reader)
        assert (number, "'uid'" in message) == ("E071", True)
    for name in ("id", "pk", "email"):
        with override_settings(SIMPLE_JWT=ROTATING | {"USER_ID_FIELD": name}):
            assert found(simplejwt.check_reader) == []


@pytest.mark.parametrize("schemes", ["JWT", ("JWT",), ["Token", "JWT"]])
def test_w070_another_word_than_bearer(schemes: Any) -> None:
    with override_settings(SIMPLE_JWT=ROTATING | {"AUTH_HEADER_TYPES": schemes}):
        assert only(simplejwt.check_reader)[0] == "W070"
    with override_settings(SIMPLE_JWT=ROTATING | {"AUTH_HEADER_TYPES": ("JWT", "Bearer")}):
        assert found(simplejwt.check_reader) == []


def test_w071_window_is_open() -> None:
    assert only(simplejwt.check_window)[0] == "W071"


def test_w072_window_is_over(settings: Any) -> None:
    settings.AUTHKIT = until(seconds=-1)
    number, _, hint = only(simplejwt.check_window)
    assert (number, "SIMPLE_JWT" in hint) == ("W072", True)
    assert found(simplejwt.check_reader) == []


def test_w073_window_is_absurdly_long(settings: Any) -> None:
    settings.AUTHKIT = until(days=91)
    assert [number for number, _, _ in found(simplejwt.check_window)] == ["W071", "W073"]
    settings.AUTHKIT = until(days=89)
    assert [number for number, _, _ in found(simplejwt.check_window)] == ["W071"]


def test_w074_clients_that_never_had_to_keep_a_new_refresh_token() -> None:
    for names in ({}, {"ROTATE_REFRESH_TOKENS": False}):
        with override_settings(SIMPLE_JWT=names):
            number, message, _ = only(simplejwt.check_reader)
            assert (number, "second refresh" in message) == ("W074", True)


@pytest.mark.parametrize(
    "named",
    [
        "rest_framework_simplejwt.serializers.TokenObtainSlidingSerializer",
        "tests.dropin.test_compat_serializers.nothing",
        "not a path",
    ],
)
def test_e072_a_serializer_that_makes_simplejwts_tokens(named: str) -> None:
    with override_settings(SIMPLE_JWT=ROTATING | {"TOKEN_OBTAIN_SERIALIZER": named}):
        number, message, hint = only(simplejwt.check_drop_in)
        assert (number, repr(named) in message, "TOKENS.CLAIMS" in hint) == ("E072", True, True)


@pytest.mark.parametrize(
    "named",
    [
        "rest_framework_simplejwt.serializers.TokenObtainPairSerializer",
        "tests.dropin.test_compat_serializers.Greeting",
    ],
)
def test_a_serializer_for_authkits_tokens_is_fine(named: str) -> None:
    with override_settings(SIMPLE_JWT=ROTATING | {"TOKEN_OBTAIN_SERIALIZER": named}):
        assert found(simplejwt.check_drop_in) == []


@pytest.mark.parametrize(
    ("number", "block"),
    [
        ("W075", {"USER_AUTHENTICATION_RULE": "mysite.rules.may"}),
        ("W076", {"CHECK_USER_IS_ACTIVE": False}),
        ("W077", {"AUTH_HEADER_NAME": "HTTP_X_ACCESS_TOKEN"}),
        ("W078", {"ON_LOGIN_FAILED": "mysite.hooks.failed"}),
        ("W078", {"ON_LOGIN_SUCCESS": "mysite.hooks.succeeded"}),
        ("W078", {"TOKEN_REFRESH_SERIALIZER": "mysite.serializers.Refresh"}),
    ],
)
def test_a_setting_that_means_less_or_nothing_here_is_named(number: str, block: dict[str, Any], settings: Any) -> None:
    settings.SIMPLE_JWT = ROTATING | block
    said, message, _ = only(simplejwt.check_drop_in)
    assert (said, next(iter(block)) in message) == (number, True)
    settings.AUTHKIT = {}
    assert only(simplejwt.check_drop_in)[0] == number, "the paths are authkit's, also without a window"
    settings.ROOT_URLCONF = "tests.dropin.test_window_checks"
    assert found(simplejwt.check_drop_in) == [], "a project that uses both side by side"


urlpatterns: list[Any] = []


def test_w079_a_view_of_simplejwts_goes_on_issuing_tokens(settings: Any) -> None:
    """djoser and dj-rest-auth mount these views, or ones that derive from them."""
    from rest_framework_simplejwt import views

    class Mine(views.TokenRefreshView):  # type: ignore[misc]
        pass

    def urlconf(patterns: list[Any]) -> ModuleType:
        module = ModuleType("urls")
        module.__dict__["urlpatterns"] = patterns
        return module

    mounted = [path("create/", views.TokenObtainPairView.as_view()), re_path("^refresh/?", Mine.as_view())]
    harmless = [path("verify/", views.TokenVerifyView.as_view()), path("api/token/", include(compat_urls))]
    settings.ROOT_URLCONF = urlconf([path("jwt/", include(mounted)), *harmless])
    number, message, _ = only(simplejwt.check_views)
    assert number == "W079"
    assert "at /jwt/create/, /jwt/refresh/." in message
    settings.ROOT_URLCONF = urlconf(harmless)
    assert found(simplejwt.check_views) == []
    settings.AUTHKIT = {}
    settings.ROOT_URLCONF = urlconf(mounted)
    assert found(simplejwt.check_views) == []
