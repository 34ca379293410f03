"""The mails to owners of logins: reuse, late retries, a new device."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django
import pytest
from django.core import mail
from django.db import DatabaseError, connection, transaction
from django.test import Client as Browser
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from authkit.core.clients import Client
from authkit.events import is_recorded
from authkit.limiter.events import BudgetCleared
from authkit.logins.models import Login
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_login
from authkit.mail.delivering import Delivered, deliver_due
from authkit.mail.models import Delivery
from authkit.mail.notices import new_devices_are_told
from authkit.signin.devices import KnownDevice
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


def test_no_owner_is_written_to_unless_the_project_wants_it(pair: TokenPair) -> None:
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


@override_settings(AUTHKIT={**ON, "MAIL": {"DELIVER": "command"}}, **NO_SERVER)
def test_a_mail_server_that_is_down_changes_no_answer(pair: TokenPair, caplog: pytest.LogCaptureFixture) -> None:
    assert reuse(pair) == (401, "reused")
    assert Login.objects.get().end_reason == "reused"
    assert deliver_due() == Delivered(put_off=1)
    row = Delivery.objects.get()
    assert (row.kind, row.attempts, row.error) == ("token_reused", 1, "ConnectionRefusedError")
    (told,) = (record.getMessage() for record in caplog.records if record.name == "authkit")
    assert told.startswith("mail token_reused could not be sent, and will be tried again: ConnectionRefusedError: [")
    assert "Set EMAIL_HOST" in told
    assert "\n" not in told
    assert pair.refresh not in caplog.text
    assert not connection.in_atomic_block


@override_settings(AUTHKIT=ON)
def test_a_queue_that_cannot_be_written_stops_no_refusal(
    pair: TokenPair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def down(**_arguments: Any) -> None:
        raise DatabaseError("the table is locked")

    monkeypatch.setattr(Delivery.objects, "create", down)
    assert reuse(pair) == (401, "reused")
    assert Login.objects.get().end_reason == "reused"
    assert "an event can't be recorded (login.ended)" in caplog.text


@override_settings(AUTHKIT=ON)
def test_link_of_the_mail_leads_to_public_url_and_not_to_the_host_of_the_request(pair: TokenPair) -> None:
    assert reuse(pair) == (401, "reused")
    (message,) = mail.outbox
    html = str(message.alternatives[0][0])  # type: ignore[attr-defined]
    assert re.findall(r"https?://([^/]+)", message.body + html) == ["www.example.com"] * 2
    assert "testserver" not in str(message.message())


def suspect(pair: TokenPair, clock: Any, generations: int) -> None:
    """Each token is refreshed twice, 12 seconds apart, as a thief would who takes turns with the owner."""
    token = pair.refresh
    for _ in range(generations):
        successor = refresh(token).json()["refresh"]
        clock.forward(seconds=12)
        assert refresh(token).json()["refresh"] == successor
        token = successor


def test_no_owner_hears_of_suspicious_retries_unless_the_project_wants_it(pair: TokenPair, clock: Any) -> None:
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
    assert Login.objects.get().ended_at is None


NEWS = {"PUBLIC_URL": "https://www.example.com"}
PHONE = Client(address="2001:db8:1:2::3", device="Safari on iOS")


@pytest.fixture
def owner(make_user: Callable[..., Any]) -> Any:
    """A person whose account is not new."""
    user = make_user("olga")
    if hasattr(user, "date_joined"):
        user.date_joined = timezone.now() - timedelta(days=400)
        user.save()
    return user


def sign_in(user: Any, client: Client) -> Login:
    return issue_tokens(user=user, method="password", client=client).login


@override_settings(AUTHKIT=NEWS)
def test_the_owner_hears_once_of_a_new_device(owner: Any) -> None:
    login = sign_in(owner, PHONE)
    (message,) = mail.outbox
    assert message.to == [owner.email]
    assert message.subject == "New sign-in to your account at www.example.com"
    assert "Safari on iOS" in message.body
    assert "2001:db8:1:2::3" in message.body
    assert "https://www.example.com/auth/not-me/#key=" in message.body
    assert str(login.pk) not in str(message.message())
    sign_in(owner, PHONE)
    sign_in(owner, Client(address="2001:db8:1:2:ffff::1", device=PHONE.device))
    assert len(mail.outbox) == 1, "an IPv6 /64 is one customer's network"


@override_settings(AUTHKIT=NEWS)
@pytest.mark.parametrize(
    "client",
    [
        Client(address=PHONE.address, device="Firefox on Linux"),
        Client(address="2001:db8:1:3::3", device=PHONE.device),
        Client(device=PHONE.device),
    ],
)
def test_another_device_or_another_network_is_news(owner: Any, client: Client) -> None:
    sign_in(owner, PHONE)
    sign_in(owner, client)
    assert len(mail.outbox) == 2


@override_settings(AUTHKIT=NEWS)
def test_what_another_person_uses_is_news(owner: Any, make_user: Callable[..., Any]) -> None:
    sign_in(make_user("otto"), PHONE)
    mail.outbox.clear()
    sign_in(owner, PHONE)
    assert [message.to for message in mail.outbox] == [[owner.email]]


@override_settings(AUTHKIT=NEWS)
def test_a_device_of_long_ago_is_news(owner: Any) -> None:
    sign_in(owner, PHONE)
    Login.objects.update(created_at=timezone.now() - timedelta(days=91))
    sign_in(owner, PHONE)
    assert len(mail.outbox) == 2


@override_settings(AUTHKIT=NEWS)
def test_the_sign_in_that_opened_the_account_is_no_news(user: Any) -> None:
    if not hasattr(user, "date_joined"):
        pytest.skip("this user model doesn't know when an account was opened")
    sign_in(user, PHONE)
    assert not mail.outbox


@pytest.mark.parametrize("block", [{}, {**NEWS, "MAIL": {"NEW_DEVICE": "off"}}])
def test_without_an_address_of_the_site_or_switched_off_new_devices_cost_nothing(
    block: dict[str, Any], settings: Any, owner: Any
) -> None:
    settings.AUTHKIT = block
    assert not new_devices_are_told()
    with CaptureQueriesContext(connection) as captured:
        sign_in(owner, PHONE)
    assert not any("SAVEPOINT" in query["sql"] for query in captured.captured_queries)
    assert not mail.outbox


@override_settings(AUTHKIT=NEWS, ROOT_URLCONF="authkit.urls.api")
def test_without_the_pages_there_is_no_link_and_so_no_mail(owner: Any) -> None:
    sign_in(owner, PHONE)
    assert not mail.outbox


def browse(owner: Any, password: str, browser: Browser, *, address: str) -> None:
    name = {type(owner).USERNAME_FIELD: owner.get_username(), "password": password}
    answer = browser.post(reverse("authkit:session-login"), name, content_type="application/json", REMOTE_ADDR=address)
    assert answer.status_code == 200


@override_settings(AUTHKIT=NEWS)
def test_a_known_device_is_no_news_wherever_it_is(owner: Any, password: str) -> None:
    browser = Browser()
    browse(owner, password, browser, address="203.0.113.1")
    assert len(mail.outbox) == 1
    browse(owner, password, browser, address="198.51.100.2")
    assert len(mail.outbox) == 1
    browse(owner, password, Browser(), address="192.0.2.3")
    assert len(mail.outbox) == 2


@override_settings(AUTHKIT=NEWS)
def test_this_was_not_me_forgets_the_devices(owner: Any, password: str) -> None:
    browser = Browser()
    browse(owner, password, browser, address="203.0.113.1")
    code = str(mail.outbox[0].body).partition("#key=")[2].split()[0]
    assert KnownDevice.objects.count() == 1
    assert Browser().post(reverse("authkit:not-me"), {"key": code}).status_code == 200
    assert not KnownDevice.objects.exists()


@override_settings(AUTHKIT=NEWS)
def test_a_mail_that_cannot_be_queued_stops_no_sign_in(
    owner: Any, password: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def down(**_arguments: Any) -> None:
        raise DatabaseError("the table is locked")

    monkeypatch.setattr(Delivery.objects, "create", down)
    browse(owner, password, Browser(), address="203.0.113.1")
    assert Login.objects.live().count() == 1
    assert "could not be told" in caplog.text
    assert password not in caplog.text


@override_settings(AUTHKIT=NEWS)
def test_a_sign_in_that_is_undone_tells_no_one(owner: Any) -> None:
    with transaction.atomic():
        sign_in(owner, PHONE)
        transaction.set_rollback(True)
    assert not mail.outbox
    assert not Delivery.objects.exists()


FAILED = {**NEWS, "MAIL": {"NEW_DEVICE": "off", "FAILURES": 3}, "LIMITER": {"SLOW_AFTER": 100, "LOCK_AFTER": 200}}


def sign_in_after(user: Any, wrong: int, password: str) -> None:
    for attempt in [*["wrong"] * wrong, password]:
        APIClient().post(
            reverse("authkit:token"),
            {type(user).USERNAME_FIELD: user.get_username(), "password": attempt},
            format="json",
        )


@override_settings(AUTHKIT=FAILED)
@pytest.mark.parametrize(("wrong", "mails"), [(0, 0), (2, 0), (3, 1), (6, 1)])
def test_the_owner_hears_of_a_success_after_many_failures(owner: Any, password: str, wrong: int, mails: int) -> None:
    sign_in_after(owner, wrong, password)
    assert len(mail.outbox) == mails
    for message in mail.outbox:
        assert message.to == [owner.email]
        assert message.subject == "Sign-in to your account at www.example.com after wrong passwords"
        assert f"Wrong passwords before that: {wrong}" in message.body
        assert "https://www.example.com/auth/not-me/#key=" in message.body
        assert password not in str(message.message())
    sign_in_after(owner, 0, password)
    assert len(mail.outbox) == mails, "the next success has no failures before it"


@override_settings(AUTHKIT=FAILED)
def test_failures_alone_are_no_mail(owner: Any) -> None:
    sign_in_after(owner, 5, "wrong again")
    assert not mail.outbox


@pytest.mark.parametrize("block", [{**FAILED, "PUBLIC_URL": ""}, {**FAILED, "MAIL": {"FAILURES": 0}}])
def test_without_an_address_of_the_site_or_switched_off_failures_cost_nothing(
    block: dict[str, Any], settings: Any, owner: Any, password: str
) -> None:
    settings.AUTHKIT = {**block, "MAIL": {**block["MAIL"], "NEW_DEVICE": "off"}}
    assert not is_recorded(BudgetCleared)
    sign_in_after(owner, 6, password)
    assert not mail.outbox
