"""A link's code is a credential until it is used: it lies nowhere but in the mail (ASVS 11.5.1, 14.2.1, 16.2.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_string
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import reverse

from authkit.mail.delivering import Delivered, deliver_due
from authkit.mail.models import Delivery
from tests.mail.smtp import MailServer, mail_server
from tests.security.test_secrets_at_rest import everything_in_the_database, logs

__all__ = ["logs"]

pytestmark = pytest.mark.django_db(transaction=True)

BLOCK = {"PUBLIC_URL": "https://www.example.com", "MAIL": {"DELIVER": "command"}}


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as started, override_settings(**started.settings, AUTHKIT=BLOCK):
        yield started


def codes(server: MailServer) -> list[str]:
    """The codes of the mails that were sent."""
    found = []
    for taken in server.taken:
        for part in message_from_string(taken).walk():
            if part.get_content_type() == "text/plain":
                payload = part.get_payload(decode=True)
                assert isinstance(payload, bytes)
                found += re.findall(r"#key=(\S+)", payload.decode())
    return found


def test_code_of_a_mail_lies_in_no_row_no_statement_and_no_log(user: Any, server: MailServer, logs: Any) -> None:
    browser = Client()
    assert browser.post(reverse("authkit:unlock"), {"username": user.get_username()}).status_code == 200
    server.refuse_recipients = "450 try later"
    assert deliver_due() == Delivered(put_off=1)
    lying_about = [everything_in_the_database(), logs()]
    server.refuse_recipients = ""
    Delivery.objects.update(due_at=Delivery.objects.get().created_at)
    assert deliver_due() == Delivered(sent=1)
    [code] = codes(server)
    lying_about += [everything_in_the_database(), logs()]
    assert browser.post(reverse("authkit:unlock-confirm"), {"key": code}).status_code == 200
    lying_about += [everything_in_the_database()]
    assert [text for text in lying_about if code in text] == []
    assert "authkit_onetimecode" in lying_about[0]


def test_code_of_a_mail_that_is_given_up_goes_at_once(user: Any, server: MailServer) -> None:
    Client().post(reverse("authkit:unlock"), {"username": user.get_username()})
    server.refuse_recipients = "550 no such mailbox"
    assert deliver_due() == Delivered(given_up=1)
    assert Delivery.objects.get().body == ""
