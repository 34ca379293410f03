"""The admin's form for a new person without a password: no administrator types one for them (ASVS 6.4.6)."""

from __future__ import annotations

import secrets
from copy import copy
from types import new_class
from typing import TYPE_CHECKING, Any

from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.hashers import make_password

from authkit import conf
from authkit.accounts.settings import AccountsSettings
from authkit.limiter.hash_gate import place

if TYPE_CHECKING:
    Base = BaseUserCreationForm[Any]
else:
    Base = object

_FIELDS = ("password1", "password2", "usable_password")


def adds_without_password(model_admin: Any) -> bool:
    """Whether this admin's form for a new person is one of Django's with a password, which the settings don't allow.
    A form of the project's own that does not derive from Django's stays as it is."""
    form = getattr(model_admin, "add_form", None)
    is_djangos = isinstance(form, type) and issubclass(form, BaseUserCreationForm)
    return is_djangos and not conf.section(AccountsSettings).admin_sets_passwords


def without_password(form: type[Any]) -> type[Any]:
    """The form without its fields for a password. The person gets a random one that no person knows, so that a reset
    gives them one of their own."""
    return new_class(form.__name__, (_WithoutPassword, form))


def fieldsets_without_password(fieldsets: Any, *, address: str) -> list[Any]:
    """The same fieldsets without these fields, and with that of the address."""
    shown = [(name, {**options, "fields": _kept(options["fields"])}) for name, options in fieldsets]
    there = {field for _name, options in shown for field in options["fields"]}
    if address and address not in there:
        name, options = shown[0]
        shown[0] = (name, {**options, "fields": [*options["fields"], address]})
    return shown


def require(form: type[Any], field: str) -> None:
    """Has this form want a value for the field, if it has the field."""
    if field in form.base_fields:
        mine = copy(form.base_fields[field])  # a declared field is shared with every other use of the project's form
        mine.required = True
        form.base_fields[field] = mine


def _kept(fields: Any) -> list[Any]:
    rows = [tuple(f for f in row if f not in _FIELDS) if isinstance(row, list | tuple) else row for row in fields]
    return [row for row in rows if row and row not in _FIELDS]


class _WithoutPassword(Base):
    """Overrides what Django's form does with its fields for a password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in _FIELDS:
            self.fields.pop(name, None)

    def validate_passwords(self, *_names: Any, **_more: Any) -> None:
        """There is none to look at."""

    def validate_password_for_user(self, *_arguments: Any, **_more: Any) -> None:
        """There is none to look at."""

    def set_password_and_save(self, user: Any, *_names: Any, commit: bool = True, **_more: Any) -> Any:
        """A random password in place of the typed one."""
        with place():
            user.password = make_password(secrets.token_urlsafe(32))
        if commit:
            user.save()
        return user
