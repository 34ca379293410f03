"""The question "Why was this person signed out?": its form in the admin, and who or what is meant by it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth import get_user_model
from django.db.models import Q
from django.utils.translation import gettext_lazy

from authkit.audit import why
from authkit.signin.addresses import has_field


class WhyForm(forms.Form):
    """Who or what is asked about. It is never rendered again with a token in it."""

    person = forms.CharField(
        label=gettext_lazy("Name or e-mail address of the person"), max_length=254, required=False
    )  # fmt: skip
    at = forms.DateTimeField(
        label=gettext_lazy("About when"),
        required=False,
        help_text=gettext_lazy("Such as 2026-11-29 18:00. Left empty: the last time."),
    )
    token = forms.CharField(
        label=gettext_lazy("Or a token, or the id of a login"),
        max_length=65536,
        required=False,
        # A spelling checker may send the token to another server, and the browser's form history would keep it.
        widget=forms.Textarea(
            attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false", "rows": "4", "cols": "80"}
        ),
        help_text=gettext_lazy("An access or refresh token of any age. It is not stored."),
    )


def explanation(*, person: str, at: Any, token: str) -> why.Explanation | None:
    """The answer to the form's question; None where it names no single person.

    Args:
        person: the name or address that was typed.
        at: about when, or None.
        token: a token or the id of a login; it counts before `person`. "" for none.

    Raises:
        TokenNotValid, NotFound: as `authkit.audit.why`.
    """
    if token:
        try:
            login_id = UUID(token)
        except ValueError:
            return why.by_token(token=token)
        return why.by_login(login_id=login_id)
    people = people_called(person.strip())
    return why.by_person(user_id=people[0], at=at) if len(people) == 1 else None


def people_called(name: str) -> list[Any]:
    """The keys of the people with exactly this user name or address; at most a few."""
    if not name or "\x00" in name:
        return []
    users = get_user_model()
    columns = {users.USERNAME_FIELD, users.get_email_field_name()}
    fitting = Q()
    for column in columns:
        if has_field(users, column):
            fitting |= Q(**{column: name})
    return list(users._base_manager.filter(fitting).values_list("pk", flat=True)[:10])
