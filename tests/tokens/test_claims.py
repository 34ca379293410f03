"""What a project adds to its access tokens, and what they say of the sign-in."""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.contrib.auth import get_user_model
from django.db import InterfaceError, OperationalError
from django.db.models import TextChoices
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from authkit import signals
from authkit.core.clients import Client
from authkit.exceptions import ClaimsRefused, DatabaseUnavailable, TokenNotValid
from authkit.logins.models import Login
from authkit.tokens.claims import MAX_BYTES, RESERVED
from authkit.tokens.revoking import revoke_token
from authkit.tokens.services import TokenPair, issue_tokens, refresh_tokens, verify_access
from tests.revocation.clocks import SIGN_IN

OURS = {"iss", "aud", "sub", "sid", "jti", "iat", "exp", "token_type"}
THE_SAME = ("jti", "iat", "exp", "sid", "sub")


def tenant_claims(user: Any, login: Login) -> Mapping[str, Any]:
    """For a test that names it by its path."""
    return {"tenant": f"of {user.pk}", "by": login.method}


def added(token: str) -> dict[str, Any]:
    """The claims of a token that are not authkit's own."""
    claims = jwt.decode(token, options={"verify_signature": False})
    assert set(claims) >= OURS
    return {name: value for name, value in claims.items() if name not in OURS | {"gen"}}


def with_claims(claims: Any, **more: Any) -> Any:
    return override_settings(AUTHKIT={"TOKENS": {"CLAIMS": claims, **more}})


@pytest.fixture
def issue(user: Any) -> Callable[..., TokenPair]:
    return lambda method="password": issue_tokens(user=user, method=method, client=Client())


@pytest.fixture
def granted(issue: Any) -> Any:
    """What the token carries if the callable returns this; the reader's view of it is the same."""

    def granted_(value: Any) -> dict[str, Any]:
        with with_claims(lambda user, login: value):
            pair = issue()
            claims = verify_access(token=pair.access).claims
        assert added(pair.refresh) == {}, "nobody needs them there"
        found = added(pair.access)
        assert {name: claims[name] for name in found} == found
        return found

    return granted_


@pytest.fixture
def refusal(issue: Any, caplog: pytest.LogCaptureFixture) -> Any:
    """Why nothing was signed: the private detail. The log has it too."""

    def refusal_(value: Any) -> str:
        claims = value if callable(value) else lambda user, login: value
        with with_claims(claims), pytest.raises(ClaimsRefused) as caught:
            issue()
        assert not Login.objects.exists(), "no login without its tokens"
        assert caught.value.as_payload() == {"code": "claims_refused", "detail": ClaimsRefused.message}
        (record,) = caplog.records
        assert (record.name, record.levelno) == ("authkit", logging.ERROR)
        assert "TOKENS.CLAIMS failed" in record.getMessage()
        assert "Traceback" in record.getMessage()
        assert record.exc_info is None
        caplog.clear()
        return caught.value.detail

    return refusal_


# What is added, when


def test_nothing_is_added_by_default(pair: TokenPair) -> None:
    assert added(pair.access) == added(pair.refresh) == {}


@pytest.mark.parametrize("claims", ["tests.tokens.test_claims.tenant_claims", tenant_claims])
def test_claims_by_path_or_as_a_callable(issue: Any, user: Any, claims: Any) -> None:
    with with_claims(claims):
        assert added(issue("acme").access) == {"tenant": f"of {user.pk}", "by": "acme"}


def test_callable_gets_the_person_and_the_login_that_the_token_names(issue: Any, user: Any) -> None:
    seen: list[tuple[Any, Login]] = []

    def claims(*arguments: Any) -> dict[str, Any]:
        seen.append(arguments)
        return {}

    with with_claims(claims):
        pair = issue()
        refresh_tokens(refresh=pair.refresh)
    for person, login in seen:
        assert isinstance(person, get_user_model())
        assert person == user
        assert (login.pk, login.method, login.created_at) == (pair.login.pk, "password", pair.login.created_at)


def test_claims_are_asked_for_when_a_pair_is_signed_and_never_for_a_check(issue: Any) -> None:
    counts = iter(range(100))
    with with_claims(lambda user, login: {"count": next(counts)}):
        first = issue()
        second = refresh_tokens(refresh=first.refresh)
        for pair, count in ((first, 0), (second, 1)):
            assert verify_access(token=pair.access).claims["count"] == count
        assert revoke_token(token=second.access)
        with pytest.raises(TokenNotValid):
            refresh_tokens(refresh=second.refresh)
        with pytest.raises(TokenNotValid):
            verify_access(token="x")
    assert next(counts) == 2


def test_a_right_that_was_withdrawn_is_gone_with_the_next_rotation(issue: Any) -> None:
    rights = ["notes:read", "notes:write"]
    with with_claims(lambda user, login: {"scope": rights}):
        first = issue()
        rights.pop()
        assert added(refresh_tokens(refresh=first.refresh).access) == {"scope": "notes:read"}


def test_retry_within_the_grace_gets_the_same_successor_with_the_claims_of_now(issue: Any) -> None:
    rights = ["notes:read", "notes:write"]
    with with_claims(lambda user, login: {"scope": rights}):
        first = issue()
        lost = refresh_tokens(refresh=first.refresh)
        again = refresh_tokens(refresh=first.refresh)
        assert (again.access, again.refresh) == (lost.access, lost.refresh), "nothing changed: the same to the letter"
        rights.pop()
        later = refresh_tokens(refresh=first.refresh)
    assert later.refresh == lost.refresh
    old, new = (verify_access(token=pair.access).claims for pair in (lost, later))
    assert [old[name] for name in THE_SAME] == [new[name] for name in THE_SAME]
    assert (old["scope"], new["scope"]) == ("notes:read notes:write", "notes:read")
    assert Login.objects.get().generation == 1
    revoke_token(token=later.access)
    for pair in (lost, later):
        with pytest.raises(TokenNotValid):
            verify_access(token=pair.access)


def test_sets_are_signed_in_one_order(granted: Any) -> None:
    assert granted({"scope": {"c", "a", "b"}, "roles": frozenset({"y", "x"})}) == {
        "scope": "a b c",
        "roles": ["x", "y"],
    }


def test_setting_costs_no_statement_and_neither_does_leaving_it_out(issue: Any, django_assert_num_queries: Any) -> None:
    for claims in ({}, {"CLAIMS": tenant_claims, "AUTHENTICATION_CLAIMS": True}):
        with override_settings(AUTHKIT={"TOKENS": claims}):
            with django_assert_num_queries(SIGN_IN):
                pair = issue()
            with django_assert_num_queries(2):
                pair = refresh_tokens(refresh=pair.refresh)
            with django_assert_num_queries(1):
                verify_access(token=pair.access)


# What can be signed


class Plan(TextChoices):
    FREE = "free"


class Level(str, enum.Enum):  # noqa: UP042  # str() of it is not its value
    HIGH = "high"


class Number(enum.IntEnum):
    ONE = 1


class Odd(Mapping[str, Any]):
    """A mapping that is no dict, as a project may have."""

    def __getitem__(self, name: str) -> Any:
        return {"a": 1}[name]

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("value", "signed"),
    [
        ({}, {}),
        (Odd(), {"a": 1}),
        ({"a": None, "b": True, "c": 0, "d": 1.5, "e": ""}, ...),
        ({"a": ("x", ["y", {"z": Odd()}])}, {"a": ["x", ["y", {"z": {"a": 1}}]]}),
        ({"plan": Plan.FREE, "level": Level.HIGH, "number": Number.ONE, "safe": mark_safe("<b>")},
         {"plan": "free", "level": "high", "number": 1, "safe": "<b>"}),
        ({"https://example.com/tenant": "Zażółć 北京 🔑 \x00\n\""}, ...),
        ({"scope": "a b"}, ...),
        ({"scope": ["a", "b:c", "https://x/y?z=1"]}, {"scope": "a b:c https://x/y?z=1"}),
        ({"scope": [Plan.FREE, Level.HIGH]}, {"scope": "free high"}),
        ({"scope": ""}, ...),
        ({"scope": []}, {"scope": ""}),
        ({"scope": None}, {"scope": ""}),
        ({"roles": [Plan.FREE, "two words"]}, {"roles": ["free", "two words"]}),
        ({"roles": []}, ...),
        ({"a": {"b": {"c": {"d": {}}}}}, ...),
    ],
)  # fmt: skip
def test_what_json_has_a_form_for_is_signed(granted: Any, value: Any, signed: Any) -> None:
    assert granted(value) == (dict(value) if signed is ... else signed)


def a_loop() -> dict[str, Any]:
    loop: dict[str, Any] = {}
    loop["a"] = loop
    return loop


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "returned a NoneType"),
        ([("a", 1)], "returned a list"),
        ("scope", "returned a str"),
        ({1: "a"}, "name must be visible ASCII"),
        ({"": "a"}, "name must be visible ASCII"),
        ({"a": Decimal(1)}, "claims.'a' holds a Decimal"),
        ({"a": [{"b": uuid4()}]}, "claims.'a'.'b' holds a UUID"),
        ({"a": timezone.now()}, "holds a datetime"),
        ({"a": gettext_lazy("x")}, "holds a __proxy__"),
        ({"a": {"x"}}, "holds a set"),
        ({"a": b"x"}, "holds a bytes"),
        ({"a": object()}, "holds a object"),
        ({"a": float("nan")}, "holds a float"),
        ({"a": float("inf")}, "holds a float"),
        ({"a": 10**5000}, "raised ValueError"),
        ({"a": {1: 2}}, "claims.'a' has a key that is no string"),
        ({"a": {"b": {"c": {"d": {"e": {}}}}}}, "more than 5 levels deep"),
        (a_loop(), "more than 5 levels deep"),
        ({"scope": 7}, "'scope' must be"),
        ({"scope": {"a": 1}}, "'scope' must be"),
        ({"scope": [1]}, "'scope' must be"),
        ({"scope": "a  b"}, "'scope' must be"),
        ({"scope": "a\nb"}, "'scope' must be"),
        ({"roles": "admin"}, "'roles' must be"),
        ({"roles": None}, "'roles' must be"),
        ({"roles": [{"value": "admin"}]}, "'roles' must be"),
        ({"scope": {1, "a"}}, "raised TypeError"),
    ],
)
def test_what_json_has_no_form_for_is_refused(refusal: Any, value: Any, why: str) -> None:
    assert why in refusal(lambda user, login: value)


@pytest.mark.parametrize("filler", ["x", "é", "🔑", '"'])
def test_size_is_counted_as_it_is_signed(granted: Any, refusal: Any, filler: str) -> None:
    each = {"x": 1, "é": 6, "🔑": 12, '"': 2}[filler]
    room = MAX_BYTES - len('{"a":""}')
    value = filler * (room // each) + "y" * (room % each)
    assert granted({"a": value}) == {"a": value}
    Login.objects.all().delete()
    assert f"{MAX_BYTES + 1} bytes" in refusal({"a": value + "y"})


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_reserved_names_are_refused(refusal: Any, name: str) -> None:
    for spelling in (name, name.upper(), name.title()):
        assert f"{spelling!r} is authkit's" in refusal({spelling: "x"})


def test_every_claim_of_authkits_own_is_reserved(pair: TokenPair) -> None:
    for token in (pair.access, pair.refresh):
        assert set(jwt.decode(token, options={"verify_signature": False})) <= RESERVED


# A callable that fails


def failing(user: Any, login: Login) -> Any:
    raise LookupError("the tenant's secret is hunter2")


def test_callable_that_raises_is_logged_and_nothing_of_it_is_told(refusal: Any) -> None:
    assert refusal(failing) == "TOKENS.CLAIMS raised LookupError"


def test_path_that_leads_nowhere(issue: Any) -> None:
    with with_claims("tests.nowhere.claims"), pytest.raises(ClaimsRefused, match="ModuleNotFoundError"):
        issue()


def test_failure_at_sign_in_is_403_and_opens_nothing(api: Any, user: Any, credentials: Any) -> None:
    opened: list[Any] = []
    signals.login_opened.connect(lambda **arguments: opened.append(arguments), weak=False, dispatch_uid="claims")
    try:
        with with_claims(failing):
            answer = api.post(reverse("authkit:token"), credentials(user), format="json")
    finally:
        signals.login_opened.disconnect(dispatch_uid="claims")
    assert (answer.status_code, answer.json()) == (403, ClaimsRefused().as_payload())
    assert answer["Cache-Control"] == "no-store"
    assert not Login.objects.exists()
    assert opened == []
    user.refresh_from_db()
    assert user.last_login is None


def test_failure_at_a_refresh_spends_no_refresh_token_and_raises_no_reuse_alarm(api: Any, issue: Any) -> None:
    pair = issue()
    for _ in range(3):
        with with_claims(failing):
            answer = api.post(reverse("authkit:token-refresh"), {"refresh": pair.refresh}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (403, "claims_refused")
        Login.objects.update(rotated_at=timezone.now() - timedelta(minutes=1))
    assert Login.objects.get().generation == 0
    with with_claims(tenant_claims):
        assert added(refresh_tokens(refresh=pair.refresh).access)["by"] == "password"


def test_failure_in_a_retry_within_the_grace_leaves_the_retry_possible(issue: Any) -> None:
    pair = issue()
    lost = refresh_tokens(refresh=pair.refresh)
    with with_claims(failing), pytest.raises(ClaimsRefused):
        refresh_tokens(refresh=pair.refresh)
    assert refresh_tokens(refresh=pair.refresh).refresh == lost.refresh


def test_reuse_is_found_without_asking_for_claims(issue: Any) -> None:
    pair = issue()
    refresh_tokens(refresh=pair.refresh)
    Login.objects.update(rotated_at=timezone.now() - timedelta(minutes=2))
    with with_claims(failing), pytest.raises(TokenNotValid) as caught:
        refresh_tokens(refresh=pair.refresh)
    assert caught.value.reason == "reused"


@pytest.mark.parametrize("outage", [OperationalError("gone"), InterfaceError("gone"), DatabaseUnavailable("tenants")])
def test_what_the_callable_could_not_ask_is_an_outage_and_no_refusal(api: Any, issue: Any, outage: Exception) -> None:
    def asking(user: Any, login: Login) -> Any:
        raise outage

    pair = issue()
    with with_claims(asking):
        with pytest.raises(DatabaseUnavailable):
            issue()
        answer = api.post(reverse("authkit:token-refresh"), {"refresh": pair.refresh}, format="json")
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert Login.objects.get().generation == 0
    assert refresh_tokens(refresh=pair.refresh)


# How the person signed in


def test_how_the_person_signed_in_is_said_if_the_project_wants_it(issue: Any) -> None:
    acr = {"acme": "urn:example:acme"}
    with override_settings(AUTHKIT={"TOKENS": {"AUTHENTICATION_CLAIMS": True, "ACR_VALUES": acr}}):
        by_password, by_acme, by_other = issue(), issue("acme"), issue("other")
        Login.objects.update(authenticated_at=timezone.now() - timedelta(hours=1))
        refreshed = refresh_tokens(refresh=by_acme.refresh)
    when = int(by_password.login.authenticated_at.timestamp())
    assert added(by_password.access) == {"auth_time": when, "amr": ["pwd"]}
    assert added(by_other.access) == {"auth_time": int(by_other.login.authenticated_at.timestamp())}
    assert added(by_acme.access)["acr"] == "urn:example:acme"
    claims = verify_access(token=refreshed.access).claims
    assert claims["auth_time"] == int(Login.objects.get(pk=by_acme.login.pk).authenticated_at.timestamp())
    assert claims["auth_time"] < claims["iat"] - 3500, "a refresh is no sign-in"
    assert added(by_password.refresh) == added(refreshed.refresh) == {}


def test_acr_without_authentication_claims_says_nothing(issue: Any) -> None:
    with override_settings(AUTHKIT={"TOKENS": {"ACR_VALUES": {"password": "x"}}}):
        assert added(issue().access) == {}


def test_own_claims_and_authentication_claims_go_together(issue: Any) -> None:
    with with_claims(tenant_claims, AUTHENTICATION_CLAIMS=True):
        assert set(added(issue().access)) == {"tenant", "by", "auth_time", "amr"}
