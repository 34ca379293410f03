"""The mail to the owner of an account to which another one was connected."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError
from social_django.models import UserSocialAuth

from authkit.mail.models import Delivery
from authkit.social.links.connections import disconnect
from authkit.social.links.linking import Identity, LinkedBy, write_link

pytestmark = pytest.mark.django_db


@pytest.fixture
def connect(user: Any, settings: Any, django_capture_on_commit_callbacks: Any) -> Any:
    def connected(how: LinkedBy = LinkedBy.REQUEST, **social: Any) -> UserSocialAuth:
        settings.AUTHKIT = {"PUBLIC_URL": "https://www.example.test", "SOCIAL": {
            "PROVIDERS": {"google": {"CLIENT_ID": "me", "CLIENT_SECRET": "s"}}, **social,
        }}  # fmt: skip
        identity = Identity(provider="google", uid="1", id_key="sub", record={"label": "ada@example.test"})
        with django_capture_on_commit_callbacks(execute=True):
            return write_link(user=user, identity=identity, how=how)

    return connected


@pytest.mark.parametrize("how", [LinkedBy.REQUEST, LinkedBy.ADDRESS])
def test_the_owner_is_told_which_account_and_where(connect: Any, user: Any, how: LinkedBy) -> None:
    connect(how)
    [sent] = mail.outbox
    assert sent.to == [user.email]
    assert sent.subject == "An account at Google was connected to yours at www.example.test"
    assert f"Hello {user.get_username()}" in sent.body
    assert "ada@example.test" in sent.body
    assert "http" not in sent.body


def test_an_account_that_the_sign_in_itself_opened_is_no_news(connect: Any) -> None:
    connect(LinkedBy.SIGNUP)
    assert mail.outbox == []


def test_it_can_be_switched_off(connect: Any) -> None:
    connect(LINK_MAIL=False)
    assert mail.outbox == []


def test_a_person_without_an_address_is_connected_all_the_same(connect: Any, user: Any) -> None:
    setattr(user, user.get_email_field_name(), "")
    user.save()
    assert connect().pk
    assert mail.outbox == []


def test_a_mail_that_cannot_be_sent_leaves_the_link_and_is_tried_again(
    connect: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_arguments: Any) -> str:
        raise OSError("the mail server is down")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", down)
    assert connect().pk
    assert "could not be sent, and will be tried again" in caplog.text
    assert (Delivery.objects.get().kind, Delivery.objects.get().attempts) == ("account_linked", 1)


def test_a_mail_that_cannot_be_queued_leaves_the_link(
    connect: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(**_arguments: Any) -> None:
        raise DatabaseError("the table is locked")

    monkeypatch.setattr(Delivery.objects, "create", down)
    assert connect().pk
    assert "could not be told" in caplog.text


def test_the_owner_is_told_that_an_account_was_disconnected(
    connect: Any, user: Any, django_capture_on_commit_callbacks: Any
) -> None:
    link = connect()
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        disconnect(user_id=user.pk, connection_id=link.pk)
    [sent] = mail.outbox
    assert sent.to == [user.email]
    assert sent.subject == "An account at Google was disconnected from yours at www.example.test"
    assert "http" not in sent.body


def test_a_disconnection_is_not_told_where_that_is_switched_off(
    connect: Any, user: Any, django_capture_on_commit_callbacks: Any
) -> None:
    link = connect(LINK_MAIL=False)
    with django_capture_on_commit_callbacks(execute=True):
        disconnect(user_id=user.pk, connection_id=link.pk)
    assert mail.outbox == []
