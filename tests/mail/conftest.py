"""A mail server, and mails for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from tests.mail.smtp import MailServer, mail_server


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server to which Django's settings lead. Nothing is sent until a test asks for it."""
    with mail_server() as started, override_settings(**started.settings, AUTHKIT={"MAIL": {"DELIVER": "command"}}):
        yield started


@pytest.fixture
def words() -> dict[str, Any]:
    """The arguments of `queue_mail` for a mail about an account at a provider."""
    return {
        "kind": "account_linked",
        "to": "olga@example.test",
        "name": "olga",
        "words": {"provider": "Example"},
        "facts": [("Account", "olga@provider.test")],
    }
