"""A person who registers, whatever the user model, and the mails that they get."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth import get_user_model
from django.core import mail
from rest_framework.test import APIClient

REGISTER = "/auth/api/account/register/"
CONFIRM = "/auth/api/account/register/confirm/"
VERIFY = "/auth/api/account/email/verify/"
RESEND = "/auth/api/account/email/verify/resend/"
PASSWORD = "a-long-and-winding-passphrase"
SITE = "https://www.example.com"


def by_email() -> bool:
    return bool(get_user_model().USERNAME_FIELD == "email")


def named(name: str) -> dict[str, str]:
    """The body's field of a user name, where the model has one that people choose."""
    return {} if by_email() else {get_user_model().USERNAME_FIELD: name}


def wish(name: str = "ada", **changes: str) -> dict[str, str]:
    return {**named(name), "email": f"{name}@example.test", "password": PASSWORD, **changes}


def register(name: str = "ada", **changes: str) -> Any:
    return APIClient().post(REGISTER, wish(name, **changes), format="json")


def confirm(**body: str) -> Any:
    return APIClient().post(CONFIRM, body, format="json")


def mailed_key() -> str:
    """Of the last mail's link."""
    [key] = re.findall(rf"{SITE}/auth/[a-z/]+/#key=(\S+)", str(mail.outbox[-1].body))
    assert isinstance(key, str)
    return key


def mailed_code() -> str:
    """Of the last mail."""
    [code] = re.findall(r"\b[B-Z]{4}-[B-Z]{4}\b", str(mail.outbox[-1].body))
    assert isinstance(code, str)
    return code


def people() -> Any:
    return get_user_model()._default_manager.all()
