"""The blacklist in the admin: a list to read, and a form into which a token is pasted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from authkit.admin.force_logout import PERMISSION
from authkit.admin.pages import confirmation
from authkit.core.admin_lists import CarefulChangeList, ReadOnly
from authkit.exceptions import TokenNotValid
from authkit.logins.blacklist import jti_digest
from authkit.logins.models import BlacklistedToken
from authkit.logins.reasons import EndReason, TokenKind
from authkit.tokens.blacklisting import TokenSummary, blacklist_summarized, summarize_token, token_state

if TYPE_CHECKING:
    Base = admin.ModelAdmin[BlacklistedToken]
else:
    Base = admin.ModelAdmin  # not generic at run time

CONFIRM_WITHIN_SECONDS = 600
"""How long the answer to "blacklist this token?" is accepted."""

# A spelling checker may send the token to another server, and the browser's form history would keep it.
_NOT_KEPT = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false", "rows": "6", "cols": "80"}


class TokenForm(forms.Form):
    """The pasted token. The form is never rendered again with the token in it."""

    token = forms.CharField(
        label=gettext_lazy("Access or refresh token"), max_length=65536, widget=forms.Textarea(attrs=_NOT_KEPT)
    )


class ConfirmForm(forms.Form):
    """The token's summary, signed for the person who pasted the token. The token itself does not travel again."""

    chosen = forms.CharField(widget=forms.HiddenInput)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A token's summary as text that this person may send back for a while."""

    person: Any

    @property
    def _salt(self) -> str:
        return f"authkit.admin.blacklist.{self.person.pk}"

    def seal(self, summary: TokenSummary) -> str:
        times = [int(moment.timestamp()) for moment in (summary.issued_at, summary.expires_at)]
        values = [summary.jti, summary.kind.value, summary.subject, str(summary.login_id), *times]
        return signing.dumps(values, salt=self._salt)

    def open(self, text: str) -> TokenSummary:
        """
        Raises:
            BadSignature: it was not made for this person, or too long ago.
        """
        jti, kind, subject, login_id, issued_at, expires_at = signing.loads(
            text, salt=self._salt, max_age=CONFIRM_WITHIN_SECONDS
        )
        return TokenSummary(
            jti=jti,
            kind=TokenKind(kind),
            subject=subject,
            login_id=UUID(login_id),
            issued_at=datetime.fromtimestamp(issued_at, UTC),
            expires_at=datetime.fromtimestamp(expires_at, UTC),
        )


@admin.register(BlacklistedToken)
class BlacklistedTokenAdmin(ReadOnly, Base):
    """Read-only, but for "Blacklist a token". A jti is no credential: no token can be made of it.

    Blacklisting needs `authkit.force_logout`, because it signs a person out. Seeing the list needs
    `authkit.view_blacklistedtoken`.
    """

    list_display = ("jti", "kind", "user", "reason", "by", "created_at", "expires_at")
    list_filter = ("kind", "reason")
    list_select_related = ("user", "by")
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("jti",)
    search_help_text = gettext_lazy("A jti, in full")
    fields = ("jti", "kind", "user", "login_id", "reason", "by", "created_at", "expires_at")
    actions = None
    change_list_template = "authkit/admin/blacklisted_token_change_list.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CarefulChangeList]:
        return CarefulChangeList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> BlacklistedToken | None:
        """No row has a key with a NUL in it, and PostgreSQL refuses to be asked for one."""
        return None if "\x00" in object_id else super().get_object(request, object_id, from_field)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[BlacklistedToken], search_term: str
    ) -> tuple[QuerySet[BlacklistedToken], bool]:
        """Searches by the key, made of a whole jti: `jti` has no index, and the database's collation compares it."""
        term = search_term.strip()
        return (queryset.filter(pk=jti_digest(term)) if term else queryset), False

    def has_blacklist_permission(self, request: HttpRequest) -> bool:
        """Whether this request may blacklist a token."""
        return request.user.has_perm(PERMISSION) and self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("add-token/", view(self.blacklist_view), name="authkit_blacklistedtoken_blacklist"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        may = self.has_blacklist_permission(request)
        return super().changelist_view(request, {**(extra_context or {}), "authkit_may_blacklist": may})

    @method_decorator(sensitive_post_parameters())
    def blacklist_view(self, request: HttpRequest) -> HttpResponse:
        """Asks for a token, shows what it is, and blacklists it: GET, POST of the token, POST of the confirmation."""
        if not self.has_blacklist_permission(request):
            raise PermissionDenied
        if request.method == "POST" and "chosen" in request.POST:
            return self._blacklist(request)
        if request.method == "POST":
            return self._show(request)
        return self._ask(request)

    def _ask(self, request: HttpRequest, wrong: str = "") -> TemplateResponse:
        form = TokenForm(auto_id="id_%s")  # always an empty one
        return self._page(request, "authkit/admin/blacklist_token.html", form=form, wrong=wrong)

    def _show(self, request: HttpRequest) -> HttpResponse:
        form = TokenForm(request.POST)
        if not form.is_valid():
            return self._ask(request, _("Please paste one token."))
        try:
            summary = summarize_token(token=form.cleaned_data["token"])
        except TokenNotValid:
            return self._ask(
                request,
                _("This is not a token of this site, or it is damaged. Nothing was changed."),
            )
        sealed = ConfirmForm(initial={"chosen": Confirmation(request.user).seal(summary)}, auto_id=False)
        state = token_state(summary=summary)
        return self._page(
            request, "authkit/admin/blacklist_confirm.html", form=sealed, summary=summary, state=state
        )  # fmt: skip

    def _blacklist(self, request: HttpRequest) -> HttpResponse:
        try:
            summary = Confirmation(request.user).open(request.POST["chosen"])
        except signing.BadSignature:
            return self._ask(request, _("You took too long, so nothing was changed. Please paste the token again."))
        person: Any = request.user
        result = blacklist_summarized(summary=summary, reason=EndReason.FORCED, by=person)
        said = _("Its login was ended.") if result.login_ended else _("Its login was over already.")
        row = BlacklistedToken.objects.filter(pk=jti_digest(summary.jti)).first()
        if row is not None and (result.added or result.login_ended):
            self.log_addition(request, row, _("Blacklisted. %(said)s") % {"said": said})
        text = _("The token is on the blacklist.") if result.added else _("The token was on the blacklist already.")
        self.message_user(request, f"{text} {said}", level=messages.SUCCESS)
        return HttpResponseRedirect(self._list_url())

    def _page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        shared = {"title": _("Blacklist a token"), "opts": self.opts, "back_url": self._list_url()}
        return confirmation(request, self.admin_site, template, {**shared, **context})

    def _list_url(self) -> str:
        return reverse("admin:authkit_blacklistedtoken_changelist", current_app=self.admin_site.name)
