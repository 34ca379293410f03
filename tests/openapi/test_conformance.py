"""What the endpoints answer to generated requests, held to the OpenAPI document: declared statuses, bodies, no 5xx.

Bounded by `EXAMPLES` for each call, and the same at each run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.middleware.csrf import CSRF_SECRET_LENGTH
from django.test import Client as Browser
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from authkit.core.clients import Client
from authkit.core.operations import operation_of
from authkit.openapi.document import document
from authkit.signin.devices import KnownDevice, remember
from authkit.tokens.services import TokenPair, issue_tokens
from authkit.tokens.simplejwt import urls as compat
from authkit.urls import api
from tests.conftest import PASSWORD

if TYPE_CHECKING:
    from schemathesis import Case

pytestmark = pytest.mark.django_db

EXAMPLES = 14
NEVER_FULFILLED = {
    # Without a provider:
    *("social_exchange", "social_token", "social_account_disconnect"),
    # Without PUBLIC_URL, or the key of a mail:
    *("account_register", "account_register_confirm", "account_email_verify", "account_email_resend"),
    *("email_change", "email_change_confirm", "email_change_undo"),
    *("password_reset", "password_reset_confirm", "account_delete_cancel"),
    # Without the person's own name, their password or a permission:
    *("account_delete", "password_change", "invitations", "invitation_send", "invitation_withdraw"),
    # Without a scope that there is, the id of a key, or a scanner's signature:
    *("key_make", "key_change", "key_revoke", "key_rotate", "key_leaks"),
    "grant_remove",  # without an app that was let in
}
"""These only refuse here; the tests of their features have what they answer otherwise."""

VIEWS = [pattern.callback.cls for pattern in (*api.urlpatterns, *compat.urlpatterns)]
METHODS = ("get", "post", "patch", "delete")
NAMES = [found.name for view in VIEWS for method in METHODS if (found := operation_of(view, method))]


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    """schemathesis' view of each call, by the call's name. It is imported here, as no other test needs it."""
    import schemathesis
    from schemathesis.config import SchemathesisConfig

    found = schemathesis.openapi.from_dict(document(), config=SchemathesisConfig()).get_all_operations()
    return {one.ok().definition.raw["operationId"].removeprefix("authkit_"): one.ok() for one in found}


def requests(operation: Any) -> st.SearchStrategy[Case]:
    """As the document allows them, and otherwise."""
    from schemathesis import GenerationMode

    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    return st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))


def checks() -> list[Any]:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    return [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
        checks.response_headers_conformance,
    ]


def test_every_call_of_the_document_is_asked(operations: dict[str, Any]) -> None:
    assert sorted(operations) == sorted(NAMES)


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Requests run in the test's transaction, so the end of one must not close its connection."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.usefixtures("one_connection")
@pytest.mark.parametrize("name", NAMES)
def test_answers_are_those_that_the_document_declares(user: Any, operations: dict[str, Any], name: str) -> None:
    operation, application, held_to, statuses = operations[name], get_wsgi_application(), checks(), set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=requests(operation), carrier=st.sampled_from([None, bearer, session, garbage]))
    def ask(case: Case, carrier: Any) -> None:
        if carrier is not None:
            give_credentials(case, user, carrier)
        answer = case.call(app=application, base_url="http://localhost")
        case.validate_response(answer, checks=held_to)
        statuses.add(answer.status_code)

    ask()
    assert any(status < 300 for status in statuses) is (name not in NEVER_FULFILLED), statuses


def bearer(case: Case, pair: TokenPair) -> None:
    case.headers["Authorization"] = f"Bearer {pair.access}"


def session(case: Case, pair: TokenPair) -> None:
    browser = Browser()
    browser.force_login(pair.user)
    name = django_settings.SESSION_COOKIE_NAME
    case.headers.pop("Authorization", None)
    case.cookies[name] = browser.cookies[name].value


def garbage(case: Case, pair: TokenPair) -> None:
    case.headers["Authorization"] = "Bearer garbage"


def give_credentials(case: Case, user: Any, carrier: Callable[[Case, TokenPair], None]) -> None:
    """Has the request carry a login, or garbage, and the CSRF proof; what credentials the body names are good ones."""
    pair = issue_tokens(user=user, method="password", client=Client(device="Firefox on Linux"))
    case.cookies.clear()
    case.cookies[django_settings.CSRF_COOKIE_NAME] = case.headers["X-CSRFToken"] = "a" * CSRF_SECRET_LENGTH
    carrier(case, pair)
    good = {
        "username": user.get_username(),
        user.USERNAME_FIELD: user.get_username(),
        "password": PASSWORD,
        "refresh": pair.refresh,
        "token": pair.access,
    }
    if isinstance(case.body, dict):
        case.body.update({name: value for name, value in good.items() if name in case.body})
    if "login_id" in case.path_parameters:
        case.path_parameters["login_id"] = str(pair.login.pk)
    if "device_id" in case.path_parameters:
        remember(user=user, login_id=pair.login.pk, client=Client(), value=None)
        case.path_parameters["device_id"] = str(KnownDevice.objects.filter(user=user).latest("created_at").pk)
