"""What `manage.py check` says of registration.

E250  mails with links, and no PUBLIC_URL (deploy)
E251  SIGNUP can't be called
E252  SIGNUP_DOMAINS names what is no domain
E253  REGISTER_SERIALIZER can't be used
E254  the user model has no address
E255  a field that the user model needs is asked for by nothing
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error

from authkit import conf
from authkit.accounts.registration.serializers import RegisterSerializer, register_serializer
from authkit.accounts.settings import AccountsSettings
from authkit.conf import Hook
from authkit.core.mailboxes import ascii_domain
from authkit.signin.addresses import has_field
from authkit.signin.sign_up import takes_one


def check_public_url(**_: Any) -> list[CheckMessage]:
    """E250."""
    settings = conf.inspect()[0]
    if settings.public_url:
        return []
    text = "PUBLIC_URL is empty, so people can't register, reset a password or change an address: mails have no links."
    hint = 'Set AUTHKIT["PUBLIC_URL"] to the site\'s own address, such as "https://www.example.com".'
    return [Error(text, hint=hint, id="authkit.E250")]


def check_rules(**_: Any) -> list[CheckMessage]:
    """E251, E252."""
    section = conf.section(AccountsSettings, conf.inspect()[0])
    found: list[CheckMessage] = []
    if isinstance(section.signup, Hook) and not takes_one(section.signup):
        text = f"AUTHKIT ACCOUNTS.SIGNUP {section.signup!r} can't be imported, or can't be called with one argument."
        hint = "Name a function of yours: def allow(profile): return True or False; it can't be async."
        found.append(Error(text, hint=hint, id="authkit.E251"))
    for domain in section.signup_domains:
        if not ascii_domain(domain):
            text = f"AUTHKIT ACCOUNTS.SIGNUP_DOMAINS: {domain!r} is no domain."
            hint = 'Write it as "example.com": no @, no wildcard. A sub-domain is a domain of its own.'
            found.append(Error(text, hint=hint, id="authkit.E252"))
    return found


def check_fields(**_: Any) -> list[CheckMessage]:
    """E253, E254, E255."""
    users: Any = get_user_model()
    settings, problems = conf.inspect()
    # The serializer reads the settings, which raise while a key of the block is wrong: E001 and E002 say which one.
    if problems or conf.section(AccountsSettings, settings).signup is False:
        return []
    if not has_field(users, users.get_email_field_name()):
        text = "The user model has no e-mail address, so people can't register."
        hint = 'Add the field and name it in EMAIL_FIELD, or set ACCOUNTS["SIGNUP"] to False.'
        return [Error(text, hint=hint, id="authkit.E254")]
    try:
        serializer = register_serializer()
        asked = set(serializer().fields) if issubclass(serializer, RegisterSerializer) else None
    except Exception:  # noqa: BLE001  # a module runs when it is imported, and may raise anything
        asked = None
    if asked is None:
        text = "AUTHKIT ACCOUNTS.REGISTER_SERIALIZER can't be imported, or is no RegisterSerializer."
        hint = "Derive it from authkit.accounts.registration.serializers.RegisterSerializer."
        return [Error(text, hint=hint, id="authkit.E253")]
    missing = [name for name in users.REQUIRED_FIELDS if name not in {*asked, users.get_email_field_name()}]
    return [
        Error(
            f"The user model needs {name!r}, and no field of ACCOUNTS.REGISTER_SERIALIZER asks for it.",
            hint="Add the field to a serializer of yours; see docs/accounts.md#more-fields.",
            id="authkit.E255",
        )
        for name in missing
    ]
