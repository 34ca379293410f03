"""The ledger in the admin: a list to read. Its buttons, and the pages behind them, are in `login_endings`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from authkit import features
from authkit.admin.login_endings import LoginEndings
from authkit.admin.login_filters import MethodFilter, StateFilter
from authkit.admin.rows import impersonator, state_of
from authkit.admin.ways import name_of_way
from authkit.core.admin_lists import CarefulActions, CarefulChangeList
from authkit.logins.models import GlobalCutoff, Login, cutoff_of_person
from authkit.logins.reasons import LoginKind
from authkit.signin.addresses import has_field

_NOT_SHOWN = ("auth_hash", "former_auth_hash", "password_digest", "generation")


class _NamedLogins(CarefulChangeList):
    """Finds the names of apps and keys out for a whole page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        others = [login for login in self.result_list if login.kind not in LoginKind.values]
        names = features.credential_names([login.pk for login in others])
        for login in others:
            login.authkit_name = names.get(login.pk, "")


@admin.register(Login)
class LoginAdmin(CarefulActions, LoginEndings):
    """Read-only. No page here can sign a person in, and `auth_hash` and the rotation counter are not shown.

    Ending logins needs `authkit.force_logout`. Seeing them needs `authkit.view_login`.
    """

    list_display = ("person", "state", "way_in", "place", "signed_in", "seen")  # as many as fit beside the filters
    list_filter = (StateFilter, "kind", MethodFilter, "end_reason", "created_at")
    list_select_related = ("user", "actor")
    list_per_page = 50
    ordering = ("-pk",)  # ids sort by age, and unlike `created_at` have an index
    show_full_result_count = False
    search_help_text = gettext_lazy("A person's name or e-mail address, an IP address, or a device")
    fields = (
        "id", "user", "impersonated_by", "kind", "credential", "way", "remembered", "device", "ip", "created_at",
        "last_seen_at", "expires_at", "absolute_expires_at", "state", "ended_at", "end_reason",
    )  # fmt: skip
    actions = ("end_logins",)
    change_form_template = "authkit/admin/login_change_form.html"
    change_list_template = "authkit/admin/login_change_list.html"

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        users = get_user_model()
        names = dict.fromkeys((users.USERNAME_FIELD, users.get_email_field_name()))
        return [*(f"user__{name}" for name in names if has_field(users, name)), "ip", "device"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CarefulChangeList]:
        return _NamedLogins

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuses fields that aren't shown: `?auth_hash__startswith=` would tell the hash letter by letter."""
        if lookup.split("__", maxsplit=1)[0] in _NOT_SHOWN:
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Login]:
        everybodys = GlobalCutoff.objects.filter(pk=GlobalCutoff.ONLY).values("issued_before")
        return super().get_queryset(request).annotate(
            user_cutoff=cutoff_of_person(), global_cutoff=Subquery(everybodys)
        )  # fmt: skip

    @admin.display(description=gettext_lazy("state"))
    def state(self, login: Any) -> str:
        """Live, or the reason why not."""
        return state_of(login)

    @admin.display(description=gettext_lazy("impersonated by"), ordering="actor")
    def impersonated_by(self, login: Login) -> str:
        """The person who impersonates by this login; empty for one that its person opened."""
        return impersonator(login)

    @admin.display(description=gettext_lazy("user"), ordering="user")
    def person(self, login: Login) -> str:
        """The login's person, and the person who impersonates by it."""
        by = impersonator(login)
        whose = str(login.user)
        return format_html("{}<br>{}", whose, _("impersonated by %(person)s") % {"person": by}) if by else whose

    @admin.display(description=gettext_lazy("method"), ordering="method")
    def way(self, login: Login) -> str:
        """The way in, by its name."""
        return name_of_way(login.method)

    @admin.display(description=gettext_lazy("method"), ordering="method")
    def way_in(self, login: Login) -> str:
        """The way in, and the credential that carries the login since: its kind, and the name of an app or a key."""
        name = getattr(login, "authkit_name", "")
        return f"{name_of_way(login.method)}, {login.get_kind_display()}{f': {name}' if name else ''}"

    @admin.display(description=gettext_lazy("name"))
    def credential(self, login: Login) -> str:
        """The name of the app or the key that carries the login; empty for a session or a token pair."""
        return features.credential_names([login.pk]).get(login.pk, "")

    @admin.display(description=gettext_lazy("device and address"), ordering="ip")
    def place(self, login: Login) -> str:
        """The device and the address that the login came from."""
        parts = [part for part in (login.device, login.ip) if part]
        return format_html_join(mark_safe("<br>"), "{}", ((part,) for part in parts))

    @admin.display(description=gettext_lazy("signed in"), ordering="created_at")
    def signed_in(self, login: Login) -> str:
        """`created_at`, short."""
        return _short(login.created_at)

    @admin.display(description=gettext_lazy("last seen"), ordering="last_seen_at")
    def seen(self, login: Login) -> str:
        """`last_seen_at`, short."""
        return _short(login.last_seen_at)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows go with their person, and by pruning, never by hand: only an ending works and is recorded.

        The admin also asks this for rows that the deletion of another object takes along. There the answer is yes, or
        no person with a login could be deleted. The permission to delete the other object decides.
        """
        match = request.resolver_match
        own = f"{self.opts.app_label}_{self.opts.model_name}_"
        return match is not None and match.url_name is not None and not match.url_name.startswith(own)

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        return {"add": False, "change": False, "delete": False, "view": self.has_view_permission(request)}


def _short(moment: datetime) -> str:
    return date_format(timezone.localtime(moment) if timezone.is_aware(moment) else moment, "SHORT_DATETIME_FORMAT")
