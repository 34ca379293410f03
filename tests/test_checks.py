from __future__ import annotations

import base64
import json
import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import django
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.contrib.auth import get_user_model
from django.contrib.sessions.middleware import SessionMiddleware
from django.core import checks as django_checks
from django.core.checks import ERROR, WARNING
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Lower
from django.test import override_settings

import authkit.checks
from authkit import wiring
from authkit.admin import checks as admin_checks
from authkit.checks import beside, layout
from authkit.checks import wiring as wiring_checks
from authkit.conf import checks as conf_checks
from authkit.core import checks as core_checks
from authkit.exceptions import KeysUnavailable
from authkit.logins.reasons import TokenKind
from authkit.mail import checks as mail_checks
from authkit.sessions import checks as sessions_checks
from authkit.signin import checks as signin_checks
from authkit.social import every_check
from authkit.tokens import checks as tokens_checks
from authkit.tokens.jws import ALGORITHMS
from authkit.tokens.keys import signing_key
from tests.fresh_project import FreshProject
from tests.tokens.rings import PRIVATE_KEYS_IN_RFCS, jwk_of, ring, signing

ROOMS = authkit.checks.ROOMS


def declared(name: str) -> list[Any]:
    """The checks that the rooms list under CHECKS or DEPLOY_CHECKS."""
    return [check for room in ROOMS for check in getattr(room, name, ())]


def found(check: Any) -> list[tuple[str, str, str]]:
    """(id, message, hint) of everything that a check says."""
    messages = check(app_configs=None)
    assert all(message.level == (ERROR if ".E" in message.id else WARNING) for message in messages)
    assert all(message.hint for message in messages), "a message without its fix"
    return [(message.id.removeprefix("authkit."), message.msg, message.hint) for message in messages]


def only(check: Any) -> tuple[str, str, str]:
    (message,) = found(check)
    return message


@pytest.mark.django_db  # Django asks the database what it supports
def test_suites_own_settings_pass_every_check(settings: Any) -> None:
    # A provider needs an issuer, and a key that clients can verify; most of the suite needs neither.
    settings.AUTHKIT = {**settings.AUTHKIT, "PUBLIC_URL": "https://testserver", "TOKENS": {"KEYS": ring("RS256")}}
    # The admin's other sites in this process belong to tests.
    said = [message for message in django_checks.run_checks() if str(message.id).startswith("authkit.")]
    assert said == []


def test_checks_are_registered_and_the_deploy_ones_only_for_deployment() -> None:
    registered = django_checks.registry.registry.get_checks()
    deployment = django_checks.registry.registry.get_checks(include_deployment_checks=True)
    assert {*declared("CHECKS"), *admin_checks.CHECKS} <= set(registered)
    assert not set(declared("DEPLOY_CHECKS")) & set(registered)
    assert set(declared("DEPLOY_CHECKS")) <= set(deployment)
    assert {tuple(check.tags) for check in declared("CHECKS")} == {(authkit.checks.TAG,)}


def test_every_check_of_a_room_is_declared() -> None:
    """A function that no list names would be asked by no one."""
    for room in (*ROOMS, admin_checks):
        written = {name for name in vars(room) if name.startswith("check_") and callable(getattr(room, name))}
        listed = {check.__name__ for check in (*room.CHECKS, *getattr(room, "DEPLOY_CHECKS", ()))}
        assert written == listed, room.__name__


def test_every_file_of_checks_is_a_room_that_is_registered() -> None:
    package = Path(authkit.checks.__file__).parent.parent
    files = {path.parent.name for path in package.glob("*/checks.py")} - {
        "accounts",
        "apikeys",
        "audit",
        "oauth",
        "social",
    }  # whose lists are their own
    assert files == {room.__name__.split(".")[1] for room in (*ROOMS, admin_checks)} - {"checks"}


def test_every_id_is_listed_once_and_has_a_test() -> None:
    package = Path(authkit.checks.__file__).parent.parent
    # Whose lists are their own:
    elsewhere = {
        *(package / name for name in ("accounts", "apikeys", "audit", "oauth", "social")),
        package / "tokens" / "simplejwt",
    }
    sources = [path for path in package.rglob("*.py") if not elsewhere.intersection(path.parents)]
    used = set(re.findall(r'"(?:authkit\.)?([EW]\d{3})"', "".join(path.read_text() for path in sources)))
    listed = re.findall(r"\b[EW]\d{3}\b", (authkit.checks.__doc__ or "").replace("W040-W043", " ".join(
        f"W04{number}" for number in range(4)
    )))  # fmt: skip
    assert sorted(listed) == sorted(used)
    tests = "".join(path.read_text() for path in Path(__file__).parent.rglob("test_*.py"))
    tested = {number.upper() for number in re.findall(r"def test_([ew]\d{3})_", tests)} | set(
        re.findall(r'\("(W\d{3})"', tests)
    )
    assert used - tested == set()


# The block


def test_no_block_and_an_empty_one_are_fine(settings: Any) -> None:
    for check in declared("CHECKS"):
        settings.AUTHKIT = {}
        assert found(check) == []
        del settings.AUTHKIT
        assert found(check) == []


def test_e001_unknown_key_is_named_with_the_nearest_known_one(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"ACESS_LIFETIME": timedelta(minutes=5)}}
    number, message, hint = only(conf_checks.check_keys)
    assert number == "E001"
    assert "TOKENS.ACESS_LIFETIME" in message
    assert hint == "Did you mean TOKENS.ACCESS_LIFETIME?"


def test_e002_wrong_type_says_what_is_wanted(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"ACCESS_LIFETIME": 900}}
    number, message, hint = only(conf_checks.check_keys)
    assert (number, "must be a timedelta, not int" in message) == ("E002", True)
    assert "datetime.timedelta" in hint


def test_e003_value_out_of_range_says_the_limit(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"GRACE": timedelta(minutes=11)}, "TRUSTED_PROXIES": -1}
    assert [(number, hint) for number, _, hint in found(conf_checks.check_keys)] == [
        ("E003", "The largest value is 0:10:00."),
        ("E003", "The smallest value is 0."),
    ]


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("SESSIONS", "ABSOLUTE"),
        ("SESSIONS", "REMEMBERED_ABSOLUTE"),
        ("TOKENS", "REFRESH_ABSOLUTE"),
    ],
)
def test_e003_login_that_would_end_after_the_last_day_there_is(section: str, key: str, settings: Any) -> None:
    settings.AUTHKIT = {section: {key: timedelta.max}}
    assert (f"{section}.{key}" in only(conf_checks.check_keys)[1], only(conf_checks.check_keys)[0]) == (True, "E003")


@pytest.mark.parametrize("wrong", [None, [], "TOKENS", 7])
def test_e004_block_that_is_no_dict(wrong: Any, settings: Any) -> None:
    settings.AUTHKIT = wrong
    number, message, hint = only(conf_checks.check_keys)
    assert (number, message, hint) == ("E004", "AUTHKIT must be a dict.", "AUTHKIT = {} uses the defaults.")
    for check in (*declared("CHECKS"), *declared("DEPLOY_CHECKS")):
        check(app_configs=None)  # a broken block breaks no other check


@pytest.mark.parametrize(
    ("section", "key", "other"),
    [
        ("SESSIONS", "IDLE", "ABSOLUTE"),
        ("SESSIONS", "REMEMBERED_IDLE", "REMEMBERED_ABSOLUTE"),
        ("TOKENS", "REFRESH_IDLE", "REFRESH_ABSOLUTE"),
    ],
)
def test_e005_idle_longer_than_absolute(section: str, key: str, other: str, settings: Any) -> None:
    settings.AUTHKIT = {section: {key: timedelta(days=400)}}
    checks = {"SESSIONS": sessions_checks, "TOKENS": tokens_checks}
    number, message, hint = found(checks[section].check_lifetimes)[0]
    assert number == "E005"
    assert f"{section}.{key}" in message
    assert hint == f"Make {section}.{key} at most {section}.{other}."


def test_e006_access_token_that_outlives_the_refresh_token(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"ACCESS_LIFETIME": timedelta(hours=1), "REFRESH_IDLE": timedelta(hours=1)}}
    assert only(tokens_checks.check_lifetimes)[0] == "E006"


def test_e007_grace_that_outlasts_the_refresh_token(settings: Any) -> None:
    tokens = {"GRACE": timedelta(seconds=60), "REFRESH_IDLE": timedelta(seconds=60)}
    settings.AUTHKIT = {"TOKENS": {**tokens, "ACCESS_LIFETIME": timedelta(seconds=30)}}
    assert only(tokens_checks.check_lifetimes)[0] == "E007"


@pytest.mark.parametrize("key", ["IDLE", "ABSOLUTE"])
def test_w001_remembered_shorter_than_not_remembered(key: str, settings: Any) -> None:
    short = {"IDLE": timedelta(hours=1), "ABSOLUTE": timedelta(days=1), "REMEMBERED_IDLE": timedelta(hours=2)}
    settings.AUTHKIT = {"SESSIONS": {**short, "REMEMBERED_ABSOLUTE": timedelta(days=2),
                                     f"REMEMBERED_{key}": timedelta(minutes=30)}}  # fmt: skip
    said = [(number, message) for number, message, _ in found(sessions_checks.check_lifetimes) if number == "W001"]
    assert len(said) == 1
    assert f"SESSIONS.REMEMBERED_{key}" in said[0][1]


def test_w004_session_row_that_ends_before_the_login(settings: Any) -> None:
    assert found(sessions_checks.check_cookie_age) == []
    settings.SESSION_COOKIE_AGE = 3600
    assert only(sessions_checks.check_cookie_age)[0] == "W004"
    settings.AUTHKIT = {"SESSIONS": {"ABSOLUTE": timedelta(minutes=30)}}
    assert found(sessions_checks.check_cookie_age) == []


@pytest.mark.parametrize(
    "url",
    [
        "example.com", "ftp://example.com", "https://", "https://example.com/app", "https://example.com?x=1",
        "https://example.com#x", "https://me@example.com", "https://example.com:99999", "https://[::1",
        "https://exa mple.com", "https://example.com\n", "//example.com", "https://example.com:0",
        "javascript:alert(1)",
    ],
)  # fmt: skip
def test_e008_public_url_that_is_no_origin(url: str, settings: Any) -> None:
    settings.AUTHKIT = {"PUBLIC_URL": url}
    assert only(conf_checks.check_public_url)[0] == "E008"


def test_w005_logo_that_is_no_static_file(settings: Any) -> None:
    settings.AUTHKIT = {"LOGO": "authkit/no-such-logo.png"}
    assert only(core_checks.check_logo)[0] == "W005"
    for logo in ("", "authkit/authkit.css", "/media/logo.png", "https://cdn.example/logo.png"):
        settings.AUTHKIT = {"LOGO": logo}
        assert found(core_checks.check_logo) == []


@pytest.mark.parametrize("url", ["", "https://example.com", "http://localhost:8000", "https://[::1]:8443/"])
def test_public_url_that_is_an_origin(url: str, settings: Any) -> None:
    settings.AUTHKIT = {"PUBLIC_URL": url}
    assert found(conf_checks.check_public_url) == []


@pytest.mark.parametrize(
    ("dotted", "expected"),
    [("no.such.Thing", "can't be imported"), ("Thing", "can't be imported"), ("", "can't be imported"),
     (".serializers.Thing", "can't be imported"),
     ("authkit.logins.models.Login", "is not a serializer"), ("authkit.conf.parse", "is not a serializer")],
)  # fmt: skip
def test_e009_user_serializer_that_cannot_be_used(dotted: str, expected: str, settings: Any) -> None:
    settings.AUTHKIT = {"LOGIN": {"USER_SERIALIZER": dotted}}
    number, message, _ = only(signin_checks.check_user_serializer)
    assert (number, expected in message) == ("E009", True)


@pytest.mark.parametrize(
    "dotted", ["tests.nowhere.claims", "tests.tokens.test_claims.nothing", "claims", ".claims", "misspelled_claims.of"]
)
def test_e060_claims_that_cant_be_imported(
    dotted: str, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "misspelled_claims.py").write_text("retrun\n")
    monkeypatch.syspath_prepend(tmp_path)
    settings.AUTHKIT = {"TOKENS": {"CLAIMS": dotted}}
    number, message, hint = only(tokens_checks.check_claims)
    assert (number, repr(dotted) in message, "dotted path" in hint) == ("E060", True, True)


async def async_claims(user: Any, login: Any) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize(
    "claims",
    ["tests.conftest.PASSWORD", async_claims, lambda: {"a": 1}, lambda user: {}, lambda user, *, login: {}],
)
def test_e061_claims_that_cant_be_called_with_user_and_login(claims: Any, settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"CLAIMS": claims}}
    number, message, hint = only(tokens_checks.check_claims)
    assert (number, "can't be called" in message, "def claims(user, login)" in hint) == ("E061", True, True)


@pytest.mark.parametrize("claims", ["tests.tokens.test_claims.tenant_claims", lambda *both: {}, dict, max])
def test_claims_that_can_be_called_are_fine(claims: Any, settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"CLAIMS": claims, "ACR_VALUES": {"password": "1"}}}
    assert found(tokens_checks.check_claims) == []


def test_e063_answer_fields_that_cant_be_imported(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"ANSWER_FIELDS": "tests.nowhere.fields"}}
    number, message, hint = only(tokens_checks.check_claims)
    assert (number, "TOKENS.ANSWER_FIELDS" in message, "dotted path" in hint) == ("E063", True, True)


def test_e064_answer_fields_that_cant_be_called_with_user_and_login(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"ANSWER_FIELDS": lambda user: {}}}
    number, message, hint = only(tokens_checks.check_claims)
    assert (number, "can't be called" in message, "def answer_fields(user, login)" in hint) == ("E064", True, True)


@pytest.mark.parametrize("values", [{"password": 1}, {"password": ""}, {"password": ["1"]}, {1: "1"}])
def test_e062_acr_that_is_no_string(values: Any, settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"ACR_VALUES": values}}
    number, message, _ = only(tokens_checks.check_claims)
    assert (number, f"ACR_VALUES[{next(iter(values))!r}]" in message) == ("E062", True)


def test_e010_email_identifies_and_the_user_model_has_none(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AUTHKIT = {"LOGIN": {"IDENTIFIERS": ["email"]}}
    monkeypatch.setattr(get_user_model(), "EMAIL_FIELD", "no_such_field")
    number, message, _ = only(signin_checks.check_identifiers)
    assert (number, "'no_such_field'" in message) == ("E010", True)


def test_w060_owners_are_to_be_told_and_have_no_address(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AUTHKIT = {"TOKENS": {"REUSE_MAIL": True}}
    assert not mail_checks.check_addresses()
    monkeypatch.setattr(get_user_model(), "EMAIL_FIELD", "no_such_field")
    number, message, _ = only(mail_checks.check_addresses)
    assert (number, "'no_such_field'" in message) == ("W060", True)


def test_w060_new_devices_are_to_be_told_and_people_have_no_address(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AUTHKIT = {"PUBLIC_URL": "https://www.example.com"}
    assert not mail_checks.check_addresses()
    monkeypatch.setattr(get_user_model(), "EMAIL_FIELD", "no_such_field")
    number, message, _ = only(mail_checks.check_addresses)
    assert (number, "MAIL.NEW_DEVICE" in message) == ("W060", True)
    settings.AUTHKIT = {"PUBLIC_URL": "https://www.example.com", "MAIL": {"NEW_DEVICE": "off"}}
    assert not mail_checks.check_addresses()


SMTP = "django.core.mail.backends.smtp.EmailBackend"


def smtp(**options: Any) -> dict[str, Any]:
    """The settings of a project that sends by SMTP."""
    if django.VERSION >= (6, 1):
        return {"MAILERS": {"default": {"BACKEND": SMTP, "OPTIONS": options}}}
    return {"EMAIL_BACKEND": SMTP, **{f"EMAIL_{name.upper()}": value for name, value in options.items()}}


def test_w061_mail_server_that_never_answers_keeps_every_mail(settings: Any) -> None:
    assert not mail_checks.check_timeout(), "the suite's back end waits for no server"
    with override_settings(**smtp()):
        assert only(mail_checks.check_timeout)[0] == "W061"
    with override_settings(**smtp(timeout=10)):
        assert not mail_checks.check_timeout()


def test_w062_mails_with_links_and_no_public_url(settings: Any) -> None:
    settings.AUTHKIT = {}
    assert only(mail_checks.check_public_url)[0] == "W062"
    for block in ({"PUBLIC_URL": "https://www.example.com"}, {"MAIL": {"NEW_DEVICE": "off"}}):
        settings.AUTHKIT = block
        assert not mail_checks.check_public_url()


def test_w063_mails_and_no_mail_server(settings: Any) -> None:
    settings.AUTHKIT = {}
    with override_settings(**smtp()):
        assert not mail_checks.check_server(), "hardly any mail is sent"
    settings.AUTHKIT = {"PUBLIC_URL": "https://www.example.com"}
    with override_settings(**smtp()):
        assert only(mail_checks.check_server)[0] == "W063"
    if django.VERSION >= (6, 1):
        with override_settings(MAILERS={}):
            assert only(mail_checks.check_server)[0] == "W063"
    with override_settings(**smtp(host="localhost")):
        assert not mail_checks.check_server()
    assert not mail_checks.check_server(), "the suite's back end waits for no server"


@pytest.fixture
def unconstrained(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The user model in use, with an address that is not unique."""
    users = get_user_model()
    monkeypatch.setitem(users._meta.get_field("email").__dict__, "unique", False)  # a cached property
    monkeypatch.setattr(users._meta, "constraints", [])
    return users


def test_w002_email_identifies_and_is_not_unique(settings: Any, unconstrained: Any) -> None:
    settings.AUTHKIT = {"LOGIN": {"IDENTIFIERS": ["username", "email"]}}
    number, _, hint = only(signin_checks.check_identifiers)
    assert (number, "UniqueConstraint" in hint) == ("W002", True)
    settings.AUTHKIT = {"LOGIN": {"IDENTIFIERS": ["username"]}}
    assert found(signin_checks.check_identifiers) == []


@pytest.mark.parametrize(
    ("constraint", "enough"),
    [
        (models.UniqueConstraint(fields=["email"], name="a"), True),
        (models.UniqueConstraint(Lower("email"), name="b"), True),
        (models.UniqueConstraint(fields=["email", "is_active"], name="c"), False),
        (models.UniqueConstraint(fields=["email"], condition=models.Q(is_active=True), name="d"), False),
        (models.CheckConstraint(condition=models.Q(pk=1), name="e"), False),
    ],
)
def test_constraint_that_makes_the_address_unique_counts(
    constraint: Any, enough: bool, settings: Any, unconstrained: Any
) -> None:
    settings.AUTHKIT = {"LOGIN": {"IDENTIFIERS": ["email"]}}
    unconstrained._meta.constraints.append(constraint)
    assert (found(signin_checks.check_identifiers) == []) is enough


def test_field_that_is_unique_counts(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AUTHKIT = {"LOGIN": {"IDENTIFIERS": ["email"]}}
    monkeypatch.setitem(get_user_model()._meta.get_field("email").__dict__, "unique", True)
    assert found(signin_checks.check_identifiers) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("USE_X_FORWARDED_HOST", True), ("USE_X_FORWARDED_PORT", True),
     ("SECURE_PROXY_SSL_HEADER", ("HTTP_X_FORWARDED_PROTO", "https"))],
)  # fmt: skip
def test_w003_behind_a_proxy_that_is_not_counted(name: str, value: Any, settings: Any) -> None:
    setattr(settings, name, value)
    assert only(conf_checks.check_trusted_proxies)[0] == "W003"
    settings.AUTHKIT = {"TRUSTED_PROXIES": 1}
    assert found(conf_checks.check_trusted_proxies) == []


# Beside other packages

PROVIDER = {"ISSUER": "https://id.example.com", "CLIENT_ID": "me", "CLIENT_SECRET": "secret"}


@pytest.fixture
def second_factor(settings: Any) -> None:
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "django_otp"]


@pytest.mark.usefixtures("second_factor")
def test_w026_passwords_are_a_way_round_a_second_factor(settings: Any) -> None:
    number, message, hint = only(beside.check_ways_round)
    assert (number, "django-otp" in message, "PASSWORD_DOORS" in hint) == ("W026", True, True)
    settings.AUTHKIT = {"LOGIN": {"PASSWORD_DOORS": False}}
    assert found(beside.check_ways_round) == []


@pytest.mark.usefixtures("second_factor")
def test_e026_is_an_error_when_deploying(settings: Any) -> None:
    assert only(beside.check_ways_round_in_production)[0] == "E026"
    settings.AUTHKIT = {"LOGIN": {"PASSWORD_DOORS": False}}
    assert found(beside.check_ways_round_in_production) == []


@pytest.mark.usefixtures("second_factor")
def test_w027_providers_are_a_way_round_a_second_factor(settings: Any) -> None:
    settings.AUTHKIT = {"LOGIN": {"PASSWORD_DOORS": False}, "SOCIAL": {"PROVIDERS": {"work": PROVIDER}}}
    number, message, _ = only(every_check.check_ways_round)
    assert (number, "django-otp" in message) == ("W027", True)


@pytest.mark.usefixtures("second_factor")
def test_e027_is_an_error_when_deploying(settings: Any) -> None:
    settings.AUTHKIT = {"LOGIN": {"PASSWORD_DOORS": False}, "SOCIAL": {"PROVIDERS": {"work": PROVIDER}}}
    assert only(every_check.check_ways_round_in_production)[0] == "E027"


# The wiring


@pytest.mark.parametrize("name", ["rest_framework", "social_django", "authkit.social"])
def test_e020_missing_app_is_named(name: str, settings: Any) -> None:
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != name]
    number, message, hint = only(wiring_checks.check_apps)
    assert (number, name in message, "authkit.configure(globals())" in hint) == ("E020", True, True)


SESSION = "django.contrib.sessions.middleware.SessionMiddleware"


IN_ORDER = (wiring.COOKIE_MIDDLEWARE, SESSION, wiring.AUTHENTICATION_MIDDLEWARE, wiring.MIDDLEWARE)


@pytest.mark.parametrize("path", IN_ORDER)
def test_e021_missing_middleware_is_named(path: str, settings: Any) -> None:
    settings.MIDDLEWARE = [entry for entry in settings.MIDDLEWARE if entry != path]
    number, message, hint = only(wiring_checks.check_middleware)
    assert (number, path in message) == ("E021", True)
    assert "authkit.configure(globals())" in hint


@pytest.mark.parametrize(
    "order",
    [
        (wiring.COOKIE_MIDDLEWARE, SESSION, wiring.MIDDLEWARE, wiring.AUTHENTICATION_MIDDLEWARE),
        (wiring.COOKIE_MIDDLEWARE, wiring.MIDDLEWARE, SESSION, wiring.AUTHENTICATION_MIDDLEWARE),
        (wiring.COOKIE_MIDDLEWARE, wiring.AUTHENTICATION_MIDDLEWARE, SESSION, wiring.MIDDLEWARE),
        (SESSION, wiring.COOKIE_MIDDLEWARE, wiring.AUTHENTICATION_MIDDLEWARE, wiring.MIDDLEWARE),
    ],
)
def test_e022_misordered_middleware_is_named(order: tuple[str, ...], settings: Any) -> None:
    settings.MIDDLEWARE = list(order)
    number, message, hint = only(wiring_checks.check_middleware)
    assert (number, "stands before" in message) == ("E022", True)
    assert hint == f"The order is: {', '.join(IN_ORDER)}."


def test_middleware_that_derives_from_djangos_counts_and_functions_do_no_harm(settings: Any) -> None:
    settings.MIDDLEWARE = [
        "tests.test_checks.plain_middleware",
        "no.such.middleware",
        wiring.COOKIE_MIDDLEWARE,
        "tests.test_checks.OwnSessionMiddleware",
        wiring.AUTHENTICATION_MIDDLEWARE,
        wiring.MIDDLEWARE,
    ]
    assert found(wiring_checks.check_middleware) == []


@pytest.mark.parametrize("chosen", [[], ["django.contrib.auth.backends.BaseBackend"]])
def test_e024_no_back_end_finds_people(chosen: list[str], settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = chosen
    number, _, hint = only(wiring_checks.check_backends)
    assert (number, wiring.MODEL_BACKEND in hint) == ("E024", True)


def test_w025_login_backend_beside_others(settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = [wiring.MODEL_BACKEND, wiring.LOGIN_BACKEND]
    number, message, _ = only(wiring_checks.check_backends)
    assert (number, wiring.LOGIN_BACKEND in message) == ("W025", True)


@pytest.mark.parametrize("chosen", [[wiring.MODEL_BACKEND], [wiring.LOGIN_BACKEND], ["no.such.Backend"]])
def test_any_one_back_end_that_finds_people_is_fine(chosen: list[str], settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = chosen
    assert found(wiring_checks.check_backends) == []


@pytest.mark.parametrize(
    ("chosen", "listed"),
    [
        ([wiring.MODEL_BACKEND], wiring.LIMITED_MODEL_BACKEND),
        ([wiring.MODEL_BACKEND, "a.Backend"], wiring.LIMITER_BACKEND),
        ([wiring.MODEL_BACKEND, wiring.LIMITER_BACKEND], wiring.LIMITER_BACKEND),
    ],
)
def test_w280_passwords_at_other_doors_are_not_limited(chosen: list[str], listed: str, settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = chosen
    number, _, hint = only(wiring_checks.check_limited_backends)
    assert (number, listed in hint) == ("W280", True)


def test_w281_failures_of_one_other_back_end_are_only_counted(settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = ["a.Backend"]
    number, message, hint = only(wiring_checks.check_limited_backends)
    assert (number, "'a.Backend'" in message, wiring.LIMITER_BACKEND in hint) == ("W281", True, True)


def test_e280_names_of_people_are_not_unique(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    users = get_user_model()
    settings.AUTHENTICATION_BACKENDS = [wiring.LIMITED_MODEL_BACKEND]
    monkeypatch.setattr(wiring_checks, "is_unique", lambda _users, field: field.name != users.USERNAME_FIELD)
    number, message, _ = only(wiring_checks.check_limited_backends)
    assert (number, users.USERNAME_FIELD in message) == ("E280", True)


@pytest.mark.parametrize(
    "chosen",
    [[wiring.LIMITED_MODEL_BACKEND], [wiring.LIMITED_MODEL_BACKEND, "a.B"], [wiring.LIMITER_BACKEND, "a.B", "b.B"], []],
)
def test_limited_back_ends_are_fine(chosen: list[str], settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = chosen
    assert found(wiring_checks.check_limited_backends) == []


@pytest.mark.parametrize("engine", ["django.contrib.sessions.backends.db", "no.such.engine", "tests.test_checks"])
def test_w020_another_session_engine(engine: str, settings: Any) -> None:
    settings.SESSION_ENGINE = engine
    number, message, hint = only(wiring_checks.check_session_engine)
    assert (number, engine in message, wiring.SESSION_ENGINE in hint) == ("W020", True, True)


def test_session_engine_that_derives_from_ours_counts(settings: Any) -> None:
    settings.SESSION_ENGINE = "tests.derived_store"
    assert found(wiring_checks.check_session_engine) == []


def test_w021_another_social_auth_strategy(settings: Any) -> None:
    settings.SOCIAL_AUTH_STRATEGY = "social_django.strategy.DjangoStrategy"
    assert only(every_check.check_strategy)[0] == "W021"
    del settings.SOCIAL_AUTH_STRATEGY
    assert only(every_check.check_strategy)[0] == "W021"


def test_w022_defaults_of_drf_without_authkits_classes(settings: Any) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": []}
    said = found(wiring_checks.check_rest_framework)
    assert [number for number, _, _ in said] == ["W022", "W022"]
    assert all(any(path in message for _, message, _ in said) for path in wiring.AUTHENTICATION_CLASSES)


def test_hint_of_w022_and_w021_names_the_line_only_where_it_would_help(settings: Any) -> None:
    line = "authkit.configure(globals())"
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": []}
    settings.SOCIAL_AUTH_STRATEGY = "social_django.strategy.DjangoStrategy"
    for _, _, hint in found(wiring_checks.check_rest_framework) + found(every_check.check_strategy):
        assert line not in hint
    settings.REST_FRAMEWORK = {}
    del settings.SOCIAL_AUTH_STRATEGY
    missing = [said for said in found(wiring_checks.check_rest_framework) if said[0] == "W022"]
    assert len(missing) == 2
    assert all(line in hint for _, _, hint in missing + found(every_check.check_strategy))


class SentElsewhere:
    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "other" if model._meta.app_label == "authkit" else None


class MadeElsewhere:
    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return db == "other" if app_label == "social_django" else None


class ReadElsewhere:
    """A replica, which is fine."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "other"


def test_e025_router_that_sends_tables_elsewhere(settings: Any) -> None:
    settings.DATABASE_ROUTERS = [f"{__name__}.SentElsewhere"]
    said = found(wiring_checks.check_databases)
    assert {number for number, _, _ in said} == {"E025"}
    assert any("send authkit.Login to 'other'" in message for _, message, _ in said)
    settings.DATABASE_ROUTERS = [f"{__name__}.MadeElsewhere"]
    said = found(wiring_checks.check_databases)
    assert {number for number, _, _ in said} == {"E025"}
    assert any("social_django.UserSocialAuth be made" in message for _, message, _ in said)
    settings.DATABASE_ROUTERS = [f"{__name__}.ReadElsewhere"]
    assert found(wiring_checks.check_databases) == []


@pytest.mark.django_db
def test_e028_database_of_the_former_layout() -> None:
    say = partial(layout.check_layout, databases=["default"])
    assert found(say) == []
    MigrationRecorder(connection).record_applied("authkit", "0008_late_retries")
    number, message, hint = only(say)
    assert (number, "'default'" in message, "authkit_upgrade_layout" in hint) == ("E028", True, True)
    assert layout.check_layout in django_checks.registry.registry.get_checks()


def test_w023_default_class_that_knows_nothing_of_logins(settings: Any) -> None:
    drf = "rest_framework.authentication"
    chosen = [*wiring.AUTHENTICATION_CLASSES, f"{drf}.SessionAuthentication", f"{drf}.BasicAuthentication", "no.Class"]
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": chosen}
    number, message, _ = only(wiring_checks.check_rest_framework)
    assert (number, f"{drf}.BasicAuthentication" in message) == ("W023", True)


def test_drf_left_to_its_own_defaults_is_told_both(settings: Any) -> None:
    del settings.REST_FRAMEWORK
    assert [number for number, _, _ in found(wiring_checks.check_rest_framework)] == ["W022", "W022", "W023"]


def test_w024_urls_not_included(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.test_checks"
    number, _, hint = only(wiring_checks.check_urls)
    assert (number, 'path("auth/", include("authkit.urls"))' in hint) == ("W024", True)
    settings.ROOT_URLCONF = None
    assert found(wiring_checks.check_urls) == [], "a process without URLs needs none"


def test_checks_of_providers_are_registered_and_read_the_block(settings: Any) -> None:
    assert every_check.check_providers in django_checks.registry.registry.get_checks()
    settings.AUTHKIT = {"SOCIAL": {"PROVIDERS": {"demo": {}}}}
    assert {number for number, _, _ in found(every_check.check_providers)} >= {"E201", "E202"}


@pytest.mark.process
@pytest.mark.parametrize("missing", ["social_django", "authkit.social", "rest_framework"])
def test_project_that_lacks_an_app_is_told_so_and_nothing_else_breaks(missing: str, tmp_path: Path) -> None:
    end = "\nimport authkit\nAUTHKIT = {'SOCIAL': {}}\nauthkit.configure(globals())\n"
    end += f"INSTALLED_APPS.remove({missing!r})\n"
    checked = FreshProject(tmp_path, end=end).manage("check")
    assert "authkit.E020" in checked.stderr
    assert ("AUTHKIT SOCIAL: unknown key." in checked.stderr) is (missing != "rest_framework")
    assert "Traceback" not in checked.stderr


@pytest.mark.process
def test_project_with_the_one_line_passes_every_check(tmp_path: Path) -> None:
    checked = FreshProject(tmp_path, end="\nimport authkit\nauthkit.configure(globals())\n").manage(
        "check", "--fail-level", "WARNING"
    )
    assert checked.returncode == 0, checked.stderr


# Keys and deployment


@pytest.mark.parametrize("key", ["x7Gk2", "k" * 31, "schlüssel-9f3aZ", b"0123456789abcdef"])
def test_e030_key_shorter_than_32_bytes(key: Any, settings: Any) -> None:
    settings.SECRET_KEY = key
    number, message, hint = only(core_checks.check_keys)
    assert (number, message.startswith("SECRET_KEY has")) == ("E030", True)
    assert "secrets.token_urlsafe" in hint


def test_e030_alone_tells_of_a_short_key_where_no_ring_was_named(settings: Any) -> None:
    """E037 names TOKENS.KEYS, which such a project has never heard of."""
    settings.SECRET_KEY, settings.AUTHKIT = "x7Gk2", {}
    said = [number for room in ROOMS for check in room.CHECKS for number, _, _ in found(check)]
    assert said == ["E030"]
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps({"keys": [jwk_of("HS256")]})}}  # and none for refresh tokens
    assert [number for check in tokens_checks.CHECKS for number, _, _ in found(check)] == ["E037"]


def test_e030_counts_bytes_and_looks_at_the_fallbacks(settings: Any) -> None:
    settings.SECRET_KEY = "äöüßéèñçåøœæđþðłšž"  # 18 characters, 36 bytes
    assert found(core_checks.check_keys) == []
    settings.SECRET_KEY_FALLBACKS = ["short"]
    number, message, _ = only(core_checks.check_keys)
    assert (number, message.startswith("SECRET_KEY_FALLBACKS[0]")) == ("E030", True)


@pytest.mark.parametrize(
    "key", ["x" * 50, "changeme" * 6, "secret-key-" * 5, "0101010101" * 5, "your-secret-password-" * 3]
)
def test_e031_key_that_can_be_guessed(key: str, settings: Any) -> None:
    settings.SECRET_KEY = key
    assert only(core_checks.check_keys)[0] == "E031"


def test_empty_key_is_left_to_djangos_own_error(settings: Any) -> None:
    settings.SECRET_KEY = ""
    assert [number for number, _, _ in found(core_checks.check_keys)] in ([], ["E030"])


def test_secret_key_may_be_short_where_no_token_hangs_on_it(settings: Any) -> None:
    settings.SECRET_KEY = "x7Gk2"
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring(), "DERIVED_KEYS": False}}
    assert found(core_checks.check_keys) == []


def test_e032_key_of_startproject_is_for_development_only(settings: Any) -> None:
    settings.SECRET_KEY = "django-insecure-$v3k@9z!q1w8x7m#p0r5t2y6u4i&o(a)s*d+f-g=h"
    assert found(core_checks.check_keys) == []
    assert only(core_checks.check_generated_key)[0] == "E032"


@pytest.fixture
def hardened(settings: Any) -> Any:
    """Settings with which every deploy check is content."""
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    settings.DEBUG = False
    return settings


def test_hardened_settings_pass_every_deploy_check(hardened: Any) -> None:
    hardened.AUTHKIT = {"TOKENS": {"KEYS": ring()}, "PUBLIC_URL": "https://www.example.com"}
    assert [message for check in declared("DEPLOY_CHECKS") for message in found(check)] == []


@pytest.mark.parametrize(
    ("number", "name", "value", "hint"),
    [
        ("W040", "SESSION_COOKIE_SECURE", False, "SESSION_COOKIE_SECURE = True"),
        ("W041", "CSRF_COOKIE_SECURE", False, "CSRF_COOKIE_SECURE = True"),
        ("W042", "SESSION_COOKIE_HTTPONLY", False, "SESSION_COOKIE_HTTPONLY = True"),
        ("W043", "SESSION_COOKIE_SAMESITE", None, 'SESSION_COOKIE_SAMESITE = "Lax"'),
        ("W043", "SESSION_COOKIE_SAMESITE", "None", 'SESSION_COOKIE_SAMESITE = "Lax"'),
        ("W043", "SESSION_COOKIE_SAMESITE", False, 'SESSION_COOKIE_SAMESITE = "Lax"'),
    ],
)
def test_cookie_flag_that_is_off(number: str, name: str, value: Any, hint: str, hardened: Any) -> None:
    setattr(hardened, name, value)
    said = only(core_checks.check_cookies)
    assert (said[0], said[2]) == (number, hint)


@pytest.mark.parametrize("which", ["SESSION", "CSRF"])
@pytest.mark.parametrize(
    ("name", "of", "value", "hint"),
    [
        ("__Host-x", "SECURE", False, "_SECURE = True"),
        ("__Host-x", "PATH", "/app/", '_PATH = "/"'),
        ("__Host-x", "DOMAIN", "example.com", "_DOMAIN = None"),
        ("__Secure-x", "SECURE", False, "_SECURE = True"),
    ],
)
def test_e048_prefixed_cookie_that_browsers_refuse(
    which: str, name: str, of: str, value: Any, hint: str, hardened: Any
) -> None:
    assert found(core_checks.check_cookie_prefixes) == []
    setattr(hardened, f"{which}_COOKIE_NAME", name)
    setattr(hardened, f"{which}_COOKIE_{of}", value)
    number, message, said = only(core_checks.check_cookie_prefixes)
    assert (number, repr(name) in message, f"{which}_COOKIE{hint}" in said) == ("E048", True, True)


@pytest.mark.parametrize(("of", "value"), [("PATH", "/app/"), ("DOMAIN", "example.com")])
def test_other_names_may_have_a_path_and_a_domain(of: str, value: str, hardened: Any) -> None:
    for name in ("__Secure-x", "x"):
        hardened.SESSION_COOKIE_NAME = name
        setattr(hardened, f"SESSION_COOKIE_{of}", value)
        assert found(core_checks.check_cookie_prefixes) == []


@pytest.mark.parametrize("which", ["SESSION", "CSRF"])
def test_e049_samesite_none_without_secure(which: str, settings: Any) -> None:
    for value, secure, wrong in [("None", False, True), ("None", True, False), (None, False, False), ("Lax", False, 0)]:
        setattr(settings, f"{which}_COOKIE_SAMESITE", value)
        setattr(settings, f"{which}_COOKIE_SECURE", secure)
        assert [message[0] for message in found(core_checks.check_samesite_none)] == (["E049"] if wrong else [])


@pytest.mark.parametrize("which", ["SESSION", "CSRF"])
def test_w049_cookie_that_a_sibling_subdomain_can_plant(which: str, hardened: Any) -> None:
    setattr(hardened, f"{which}_COOKIE_NAME", "mine")
    number, message, hint = only(core_checks.check_cookie_names)
    assert (number, "sibling subdomain" in message, "__Host-mine" in hint) == ("W049", True, True)
    setattr(hardened, f"{which}_COOKIE_SECURE", False)
    assert found(core_checks.check_cookie_names) == []


def test_csrf_secret_in_the_session_has_no_cookie_to_be_named(hardened: Any) -> None:
    hardened.CSRF_USE_SESSIONS, hardened.CSRF_COOKIE_NAME, hardened.CSRF_COOKIE_PATH = True, "x", "/app/"
    assert found(core_checks.check_cookie_names) == []


def test_w044_any_host_and_no_public_url_with_social_logins(hardened: Any) -> None:
    hardened.ALLOWED_HOSTS = ["*"]
    assert found(every_check.check_hosts) == []
    hardened.AUTHKIT = {"SOCIAL": {"PROVIDERS": {"demo": {}}}}
    assert only(every_check.check_hosts)[0] == "W044"
    hardened.AUTHKIT = {"SOCIAL": {"PROVIDERS": {"demo": {}}}, "PUBLIC_URL": "https://example.com"}
    assert found(every_check.check_hosts) == []


def test_w047_token_cookies_without_secure(hardened: Any) -> None:
    assert found(tokens_checks.check_token_cookies) == []
    hardened.SESSION_COOKIE_SECURE = False
    number, message, hint = only(tokens_checks.check_token_cookies)
    assert (number, "__Host-" in message) == ("W047", True)
    assert "SESSION_COOKIE_SECURE = True" in hint
    hardened.AUTHKIT = {"TOKENS": {"TRANSPORTS": ["body"]}}
    assert found(tokens_checks.check_token_cookies) == []


def test_w048_credentials_for_every_origin(settings: Any) -> None:
    assert found(core_checks.check_cors) == []
    settings.CORS_ALLOW_ALL_ORIGINS = True
    assert found(core_checks.check_cors) == []
    settings.CORS_ALLOW_CREDENTIALS = True
    number, _, hint = only(core_checks.check_cors)
    assert (number, "CORS_ALLOWED_ORIGINS" in hint) == ("W048", True)


def test_w045_debug(hardened: Any) -> None:
    hardened.DEBUG = True
    number, _, hint = only(core_checks.check_debug)
    assert (number, hint) == ("W045", "DEBUG = False")


def test_w046_public_url_without_tls(hardened: Any) -> None:
    hardened.AUTHKIT = {"PUBLIC_URL": "http://example.com"}
    assert only(core_checks.check_public_url)[0] == "W046"


def test_e047_local_times(hardened: Any) -> None:
    assert found(core_checks.check_time_zone) == []
    hardened.USE_TZ = False
    number, _message, hint = only(core_checks.check_time_zone)
    assert (number, hint.startswith("USE_TZ = True")) == ("E047", True)


# What the tests above name by dotted path

urlpatterns: list[Any] = []


def plain_middleware(get_response: Any) -> Any:
    return get_response


class OwnSessionMiddleware(SessionMiddleware):
    pass


# The ring of token keys


def ring_says(settings: Any, source: Any, **tokens: Any) -> tuple[str, str, str]:
    """What the check says, which is also what each use of the ring says."""
    settings.AUTHKIT = {"TOKENS": {"KEYS": source, **tokens}}
    number, message, hint = only(tokens_checks.check_ring)
    # A file or callable may come right by itself, what is written in the settings can't.
    with pytest.raises((ImproperlyConfigured, KeysUnavailable), match=re.escape(message)):
        signing_key(TokenKind.ACCESS)
    return number, message, hint


def broken() -> str:
    raise LookupError("the vault is sealed")


@pytest.mark.parametrize(
    "source", ["/nowhere/ring.json", "{", '{"keys": 7}', '{"keys": ["x"]}', "{" * 9_000, "a\0b", broken, lambda: 7]
)
def test_e033_ring_that_cant_be_read(source: Any, settings: Any) -> None:
    assert ring_says(settings, source)[0] == "E033"


def test_e033_never_repeats_what_may_be_a_key(settings: Any) -> None:
    secret = "c2VjcmV0LW9mLXRoZS1jYXN0bGUtZG9vcnM"
    assert secret not in str(ring_says(settings, secret))
    assert secret not in str(ring_says(settings, json.dumps({"keys": [{"kid": "a", "k": secret}]})))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kid": ...},
        {"kid": ""},
        {"kid": 7},
        {"kid": "k" * 129},
        {"alg": ...},
        {"alg": "none"},
        {"alg": "HS1"},
        {"alg": "RS256"},
        {"alg": ["HS256"]},
        {"kty": "EC"},
        {"token_use": ...},
        {"token_use": "id"},
        {"token_use": ["access"]},
        {"use": "enc"},
        {"announced": "yes"},
        {"k": ...},
        {"k": "not base64url!"},
        {"k": "äöü"},
    ],
    ids=str,
)
def test_e034_key_that_is_none(wrong: dict[str, Any], settings: Any) -> None:
    entry = {name: value for name, value in {**jwk_of("HS256"), **wrong}.items() if value is not ...}
    number, message, _hint = ring_says(settings, json.dumps({"keys": [entry]}))
    assert (number, "TOKENS.KEYS[0]" in message) == ("E034", True)
    assert jwk_of("HS256")["k"] not in message


@pytest.mark.parametrize(("algorithm", "crv"), [("ES256", "P-384"), ("ES256", "secp256k1"), ("EdDSA", "Ed448")])
def test_e034_curve_that_is_not_the_algorithms(algorithm: str, crv: str, settings: Any) -> None:
    entry = {**jwk_of(algorithm), "crv": crv}
    assert ring_says(settings, json.dumps({"keys": [entry]}))[0] == "E034"


def test_e034_public_half_alone_and_a_key_that_contradicts_itself(settings: Any) -> None:
    for algorithm in ("RS256", "ES256", "EdDSA"):
        private = jwk_of(algorithm)
        public = {name: value for name, value in private.items() if name not in {"d", "p", "q", "dp", "dq", "qi"}}
        other = {**private, "d": jwk_of(algorithm, use="refresh")["d"]}
        for entry in (public, other):
            assert ring_says(settings, json.dumps({"keys": [entry]}))[0] == "E034"


def test_e034_public_key_in_place_of_a_secret(settings: Any) -> None:
    pem = signing(jwk_of("RS256")).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    entry = {**jwk_of("HS256"), "k": base64.urlsafe_b64encode(pem).rstrip(b"=").decode()}
    assert ring_says(settings, json.dumps({"keys": [entry]}))[0] == "E034"


@pytest.mark.parametrize(
    ("algorithm", "secret"),
    [
        ("HS256", b"\x8f" + b"3kD9vX0q" * 3),
        ("HS384", bytes(range(32))),
        ("HS512", bytes(range(48))),
        ("HS256", b"x" * 64),
        ("HS256", b"secret" * 8),
        ("HS256", b"a-string-secret-at-least-256-bits-long"),
        ("HS512", b"a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long"),
    ],
    ids=str,
)
def test_e035_secret_that_is_short_or_known(algorithm: str, secret: bytes, settings: Any) -> None:
    entry = {**jwk_of(algorithm), "k": base64.urlsafe_b64encode(secret).rstrip(b"=").decode()}
    assert ring_says(settings, json.dumps({"keys": [entry]}))[0] == "E035"


def test_e035_rsa_key_of_1024_bits(settings: Any) -> None:
    members = ALGORITHMS["RS256"].to_jwk(rsa.generate_private_key(public_exponent=65537, key_size=1024), as_dict=True)
    entry = {**members, "kid": "small", "alg": "RS256", "token_use": "access"}
    number, message, _hint = ring_says(settings, json.dumps({"keys": [entry]}))
    assert (number, "1024 bits" in message) == ("E035", True)


def test_e035_key_that_an_rfc_prints(settings: Any) -> None:
    for example in PRIVATE_KEYS_IN_RFCS:
        entry = {**example, "kid": "rfc", "token_use": "access"}
        number, message, _hint = ring_says(settings, json.dumps({"keys": [entry]}))
        assert (number, "an RFC prints this key" in message) == ("E035", True)


@pytest.mark.parametrize("setting", ["SECRET_KEY", "SECRET_KEY_FALLBACKS[0]"])
@pytest.mark.parametrize("written", ["as its bytes", "as the text of k"])
def test_e035_key_that_is_the_secret_key(setting: str, written: str, settings: Any) -> None:
    secret = "Zm9yLXRoaXMtdGVzdC1hbG9uZS1hbmQtbm90aGluZy1lbHNlLTU1"
    if setting == "SECRET_KEY":
        settings.SECRET_KEY = secret
    else:
        settings.SECRET_KEY_FALLBACKS = [secret]
    k = secret if written == "as the text of k" else base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")
    number, message, _hint = ring_says(settings, json.dumps({"keys": [{**jwk_of("HS256"), "k": k}]}))
    assert (number, message) == ("E035", f"AUTHKIT TOKENS.KEYS[0]: is {setting} itself.")


def test_e036_kid_twice_and_one_key_for_two_uses(settings: Any) -> None:
    one, other = jwk_of("ES256"), jwk_of("ES256", use="refresh")
    for second in ({**other, "kid": one["kid"]}, {**one, "kid": "b", "token_use": "refresh"}, {**one, "kid": "c"}):
        number, message, _hint = ring_says(settings, json.dumps({"keys": [one, second]}))
        assert (number, "TOKENS.KEYS[1]" in message) == ("E036", True)


def test_e036_one_rsa_key_for_two_algorithms(settings: Any) -> None:
    one = jwk_of("RS256")
    assert ring_says(settings, json.dumps({"keys": [one, {**one, "kid": "b", "alg": "PS256"}]}))[0] == "E036"


def test_e037_use_for_which_no_key_signs(settings: Any) -> None:
    announced = {**jwk_of("HS256"), "announced": True}
    for entries in ([], [announced], [jwk_of("HS256", use="refresh")]):
        settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps({"keys": entries}), "DERIVED_KEYS": False}}
        assert {number for number, _, _ in found(tokens_checks.check_ring)} == {"E037"}
        with pytest.raises(ImproperlyConfigured):
            signing_key(TokenKind.REFRESH)


def test_w038_file_of_keys_that_everybody_can_read(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    path.write_text(ring())
    settings.AUTHKIT = {"TOKENS": {"KEYS": path}}
    path.chmod(0o600)
    assert found(tokens_checks.check_key_file) == []
    path.chmod(0o644)
    number, message, hint = only(tokens_checks.check_key_file)
    assert (number, str(path) in message, hint) == ("W038", True, f"chmod o-rwx {path}")
    path.unlink()
    assert found(tokens_checks.check_key_file) == []
    settings.AUTHKIT = {"TOKENS": {"KEYS": broken}}
    assert found(tokens_checks.check_key_file) == []


def test_w039_derived_keys_that_sign_are_named_when_deploying(settings: Any) -> None:
    assert "access and refresh tokens" in only(tokens_checks.check_derived)[1]
    settings.AUTHKIT = {"TOKENS": {"KEYS": json.dumps({"keys": [jwk_of("HS256")]})}}
    number, message, hint = only(tokens_checks.check_derived)
    assert (number, message.startswith("refresh tokens"), "--use refresh" in hint) == ("W039", True, True)
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring()}}
    assert found(tokens_checks.check_derived) == []


def test_w037_default_issuer_of_tokens_that_others_verify_is_named_when_deploying(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("ES256")}}
    number, message, hint = only(tokens_checks.check_issuer)
    assert (number, "'authkit'" in message, "TOKENS.ISSUER" in hint) == ("W037", True, True)
    settings.AUTHKIT = {"TOKENS": {"KEYS": ring("ES256"), "ISSUER": "https://www.example.com"}}
    assert found(tokens_checks.check_issuer) == []
    for symmetric in ({}, {"KEYS": ring("HS256")}):
        settings.AUTHKIT = {"TOKENS": symmetric}
        assert found(tokens_checks.check_issuer) == []


def test_ring_is_not_judged_without_a_secret_key(settings: Any) -> None:
    settings.SECRET_KEY = ""
    assert (
        found(tokens_checks.check_ring) == found(tokens_checks.check_derived) == found(tokens_checks.check_issuer) == []
    )
