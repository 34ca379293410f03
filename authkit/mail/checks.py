"""The queue of mails, and what sends them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Warning  # noqa: A004

from authkit import conf
from authkit.mail.outbox import SMTP, WHAT_TO_SET, email_backend


def check_addresses(**_: Any) -> list[CheckMessage]:
    """W060."""
    users = get_user_model()
    name = users.get_email_field_name()
    block = conf.inspect()[0]
    wanted = {
        "TOKENS.REUSE_MAIL": block.tokens.reuse_mail,
        "MAIL.NEW_DEVICE": block.mail.new_device == "mail" and bool(block.public_url),
    }
    if hasattr(users, name):
        return []
    return [
        Warning(
            f"AUTHKIT {path} is on, but {users._meta.label} has no field {name!r}: no mail can be sent.",
            hint="Set EMAIL_FIELD on the user model, or turn the mail off.",
            id="authkit.W060",
        )
        for path, is_on in wanted.items()
        if is_on
    ]


def check_timeout(**_: Any) -> list[CheckMessage]:
    """W061 (deploy; ASVS 13.2): with it, a server that accepts and never answers stops every mail of the process."""
    if email_backend() != SMTP or _timeout():
        return []
    return [
        Warning(
            "Django's SMTP back end has no timeout: one mail server that never answers keeps all mails in the queue.",
            hint='EMAIL_TIMEOUT = 10, or "timeout" in the OPTIONS of MAILERS from Django 6.1 on.',
            id="authkit.W061",
        )
    ]


def check_server(**_: Any) -> list[CheckMessage]:
    """W063: Django's own default is a mail server on this machine, where few have one."""
    # Without PUBLIC_URL, hardly any mail is sent.
    if not conf.inspect()[0].public_url or email_backend() not in ("", SMTP) or _names_a_server():
        return []
    message = "AUTHKIT PUBLIC_URL is set, so people are sent mails, and no setting names a mail server."
    return [Warning(message, hint=WHAT_TO_SET, id="authkit.W063")]


def _names_a_server() -> bool:
    if not hasattr(settings, "MAILERS"):
        return bool(settings.is_overridden("EMAIL_HOST"))
    return "host" in (settings.MAILERS.get("default") or {}).get("OPTIONS", {})


def _timeout() -> Any:
    mailers = getattr(settings, "MAILERS", None)
    return mailers["default"].get("OPTIONS", {}).get("timeout") if mailers else settings.EMAIL_TIMEOUT


def check_public_url(**_: Any) -> list[CheckMessage]:
    """W062 (deploy)."""
    block = conf.inspect()[0]
    if block.public_url or block.mail.new_device != "mail":
        return []
    return [
        Warning(
            "AUTHKIT PUBLIC_URL is empty: mails that need a link are not sent, such as the one about a new device.",
            hint='PUBLIC_URL = "https://www.example.com", or MAIL = {"NEW_DEVICE": "off"}.',
            id="authkit.W062",
        )
    ]


CHECKS = (check_addresses, check_server)
DEPLOY_CHECKS = (check_timeout, check_public_url)
