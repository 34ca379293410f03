from __future__ import annotations

from datetime import timedelta
from typing import Any

import django
import pytest
from django.core import mail
from django.db import connection
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from authkit.core.clients import Client
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.tokens.services import TokenPair, issue_tokens

pytestmark = pytest.mark.django_db(transaction=True)

ON = {"TOKENS": {"REUSE_MAIL": True}, "PUBLIC_URL": "https://www.example.com"}
SMTP = "django.core.mail.backends.smtp.EmailBackend"
NO_SERVER: dict[str, Any] = (
    {"MAILERS": {"default": {"BACKEND": SMTP, "OPTIONS": {"host": "127.0.0.1", "port": 1}}}}
    if django.VERSION >= (6, 1)
    else {"EMAIL_BACKEND": SMTP, "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": 1}
)


@pytest.fixture
def pair(user: Any) -> TokenPair:
    return issue_tokens(
        user=user, method="password", client=Client(address="203.0.113.9", device="Firefox\r\non Linux")
    )


def refresh(token: str) -> Any:
    return APIClient().post(
        reverse("authkit:token-refresh"), {"refresh": token}, format="json", headers={"host": "testserver"}
    )


def reuse(pair: TokenPair) -> tuple[int, str]:
    """The pair's refresh token, used, and after the grace once more."""
    assert refresh(pair.refresh).status_code == 200
    Login.objects.update(rotated_at=timezone.now() - timedelta(minutes=2))
    answer = refresh(pair.refresh)
    return answer.status_code, answer.json()["reason"]


def test_nobody_is_written_to_unless_the_project_wants_it(pair: TokenPair) -> None:
    assert reuse(pair) == (401, "reused")
    assert not mail.outbox


@override_settings(AUTHKIT=ON)
def test_the_owner_is_told_once_which_login_it_was(pair: TokenPair) -> None:
    assert reuse(pair) == (401, "reused")
    assert refresh(pair.refresh).status_code == 401
    (message,) = mail.outbox
    assert message.to == [pair.user.email]
    assert message.subject == "A sign-in of yours at www.example.com was ended"
    assert pair.user.get_username() in message.body
    assert "203.0.113.9" in message.body
    assert "Firefox" in message.body


@override_settings(AUTHKIT={"TOKENS": {"REUSE_MAIL": True}})
def test_the_mail_holds_no_token_no_link_and_nothing_of_the_host_header(pair: TokenPair) -> None:
    assert reuse(pair) == (401, "reused")
    text = str(mail.outbox[0].message())
    assert "http" not in text
    assert "testserver" not in text
    assert not any(part in text for token in (pair.access, pair.refresh) for part in token.split("."))


@override_settings(AUTHKIT=ON)
@pytest.mark.parametrize("reason", [reason for reason in EndReason if reason != EndReason.REUSED])
def test_no_other_end_is_mailed(pair: TokenPair, reason: EndReason) -> None:
    end_login(login_id=pair.login.pk, reason=reason)
    assert not mail.outbox


@override_settings(AUTHKIT=ON)
def test_a_person_without_an_address_gets_none(pair: TokenPair) -> None:
    type(pair.user).objects.update(email="")
    assert reuse(pair) == (401, "reused")
    assert not mail.outbox


@override_settings(AUTHKIT=ON, **NO_SERVER)
def test_a_mail_server_that_is_down_changes_no_answer(pair: TokenPair, caplog: pytest.LogCaptureFixture) -> None:
    assert reuse(pair) == (401, "reused")
    assert Login.objects.get().end_reason == "reused"
    assert "could not be told" in caplog.text
    assert pair.refresh not in caplog.text
    assert not connection.in_atomic_block


def suspect(pair: TokenPair, clock: Any, generations: int) -> None:
    """Each token is refreshed twice, 12 seconds apart, as a thief would who takes turns with the owner."""
    token = pair.refresh
    for _ in range(generations):
        successor = refresh(token).json()["refresh"]
        clock.forward(seconds=12)
        assert refresh(token).json()["refresh"] == successor
        token = successor


def test_nobody_hears_of_suspicious_retries_unless_the_project_wants_it(pair: TokenPair, clock: Any) -> None:
    suspect(pair, clock, 3)
    assert not mail.outbox


@override_settings(AUTHKIT=ON)
@pytest.mark.parametrize(("generations", "mails"), [(2, 0), (3, 1), (7, 1)])
def test_the_owner_hears_once_of_late_retries_in_three_generations_running(
    pair: TokenPair, clock: Any, generations: int, mails: int
) -> None:
    suspect(pair, clock, generations)
    assert [message.subject for message in mail.outbox] == ["Is this sign-in at www.example.com yours?"] * mails
    for message in mail.outbox:
        assert message.to == [pair.user.email]
        assert "203.0.113.9" in message.body
        assert "http" not in str(message.message())
    assert Login.objects.get().ended_at is None
