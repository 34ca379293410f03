"""Keys in the admin, to look at and to revoke; and service accounts, with keys of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import display_for_value
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.debug import sensitive_variables

from authkit.admin.pages import confirmation
from authkit.apikeys.forms import MakeKeyForm
from authkit.apikeys.keys import keys_of, revoke_key
from authkit.apikeys.making import KeyRefused, make_key
from authkit.apikeys.models import ApiKey
from authkit.apikeys.service_accounts import AccountRefused, create_service_account
from authkit.core.admin_lists import CarefulActions, CarefulChangeList, ReadOnly
from authkit.core.refusals import sentence_of
from authkit.exceptions import AuthKitError, Unavailable
from authkit.sessions.receivers import client_of
from authkit.signin.service_accounts import ServiceAccount
from authkit.signin.step_up import interruption

if TYPE_CHECKING:
    KeyBase = admin.ModelAdmin[ApiKey]
    AccountBase = admin.ModelAdmin[ServiceAccount]
    Form = forms.ModelForm[ServiceAccount]
else:
    KeyBase = AccountBase = admin.ModelAdmin  # not generic at run time
    Form = forms.ModelForm

REVOKE = "authkit_apikeys.revoke"
MAKE = "authkit_apikeys.add_apikey"


@admin.register(ApiKey)
class ApiKeyAdmin(CarefulActions, ReadOnly, KeyBase):
    """Read-only. No page has a key's text or its digest. Revoking needs `authkit_apikeys.revoke`."""

    list_display = ("name", "prefix", "person", "state", "expires", "last_used_at")
    list_select_related = ("login", "login__user")
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("=prefix", "name")
    search_help_text = gettext_lazy("The beginning of a key (ak_…), or a name")
    ordering = ("-login_id",)
    fields = (
        "name", "prefix", "person", "state", "scopes", "networks", "made", "expires", "last_used_at", "last_ip",
        "successor_id",
    )  # fmt: skip
    actions = ("revoke",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CarefulChangeList]:
        return CarefulChangeList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuses the digest: `?digest__startswith=` would tell it letter by letter."""
        return not lookup.startswith(("digest", "login__")) and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    @admin.display(description=gettext_lazy("owner"))
    def person(self, key: ApiKey) -> str:
        """The person, or the service account."""
        return str(key.login.user)

    @admin.display(description=gettext_lazy("state"))
    def state(self, key: ApiKey) -> str:
        """Live, or why it ended."""
        if key.login.ended_at is not None:
            return str(key.login.get_end_reason_display())
        return _("live") if keys_of(user_id=key.login.user_id).filter(pk=key.pk).exists() else _("over")

    @admin.display(description=gettext_lazy("made"))
    def made(self, key: ApiKey) -> str:
        """When."""
        return display_for_value(key.login.created_at, "-")

    @admin.display(description=gettext_lazy("good until"))
    def expires(self, key: ApiKey) -> str:
        """When it ends by itself."""
        return display_for_value(key.login.expires_at, "-")

    @admin.action(description=gettext_lazy("Revoke the selected keys"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        """Asks first, and then ends each of them."""
        keys = list(queryset.select_related("login__user")[:1000])
        if "confirmed" in request.POST:
            for key in keys:
                revoke_key(login_id=key.pk, by_id=request.user.pk)
            done = ngettext("%(count)d key is revoked.", "%(count)d keys are revoked.", len(keys))
            self.message_user(request, done % {"count": len(keys)}, messages.SUCCESS)
            return None
        context = {
            "title": _("Revoke keys"),
            "opts": self.opts,
            "back_url": reverse("admin:authkit_apikeys_apikey_changelist", current_app=self.admin_site.name),
            "keys": keys,
        }
        return confirmation(request, self.admin_site, "authkit/admin/revoke_keys.html", context)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whether this request may revoke keys."""
        return bool(request.user.has_perm(REVOKE)) and self.has_view_permission(request)


class ServiceAccountForm(Form):
    """A new account. The user is made when the form is valid, so that a refusal is an error of the form."""

    username = forms.CharField(label=gettext_lazy("Name"), max_length=254)

    class Meta:
        model = ServiceAccount
        fields = ("owner", "purpose")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.instance = create_service_account(
                    username=cleaned["username"], owner=cleaned["owner"], purpose=cleaned["purpose"]
                )
            except AccountRefused as refused:
                raise ValidationError({"username": refused.sentences}) from refused
        return cleaned

    def save(self, *_args: Any, **_kwargs: Any) -> Any:
        """The account, which is there already."""
        self.save_m2m = lambda: None  # type: ignore[method-assign]  # as ModelForm does itself
        return self.instance


@admin.register(ServiceAccount)
class ServiceAccountAdmin(AccountBase):
    """Making a key for an account also needs `authkit_apikeys.add_apikey`, and for a superuser's, a superuser.

    There is no deletion here: without its row the account would be a person's. Delete the user instead.
    """

    list_display = ("user", "owner", "purpose", "created_at")
    list_select_related = ("user", "owner")
    raw_id_fields = ("owner",)
    show_full_result_count = False
    actions = None
    change_form_template = "authkit/admin/service_account_change_form.html"

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return [f"user__{get_user_model().USERNAME_FIELD}", "purpose"]

    def get_form(self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = ServiceAccountForm
        return super().get_form(request, obj, *args, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("username", "owner", "purpose") if obj is None else ("user", "owner", "purpose", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("user", "created_at")

    def save_model(self, request: HttpRequest, obj: ServiceAccount, form: Any, change: Any) -> None:
        """A new one is there already: the form has made it."""
        if change:
            super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.make_key_view)
        return [path("<path:object_id>/make-key/", view, name="authkit_serviceaccount_make_key"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        account = self.get_object(request, object_id)
        more = {
            "authkit_keys": [] if account is None else keys_of(user_id=account.pk),
            "authkit_may_make": account is not None and self._may_make(request, account),
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    @method_decorator(sensitive_variables("made", "context"))
    def make_key_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Makes a key for the account. The answer to the form shows it, and no other page."""
        account = self.get_object(request, object_id)
        if account is None:
            raise Http404
        if not self._may_make(request, account):
            raise PermissionDenied
        if (answer := interruption(request)) is not None:
            return answer
        form, made, status = MakeKeyForm(request.POST if request.method == "POST" else None), None, 200
        if request.method == "POST" and form.is_valid():
            try:
                made = make_key(
                    user=account.user,
                    name=form.cleaned_data["name"],
                    scopes=form.scopes(),
                    expires_in=form.lifetime(),
                    networks=form.network_texts(),
                    client=client_of(request),
                    by_id=request.user.pk,
                )
            except KeyRefused as refused:
                form.refuse(refused.field, refused.message)
            except Unavailable:
                raise
            except AuthKitError as refused:
                form.refuse("", sentence_of(refused))
        if form.errors:
            status = 400
        change = reverse("admin:authkit_serviceaccount_change", args=[account.pk], current_app=self.admin_site.name)
        context = {
            "title": _("Make a key"),
            "opts": self.opts,
            "original": account,
            "back_url": change,
            "form": form,
            "made": made,
        }
        response = confirmation(request, self.admin_site, "authkit/admin/make_key.html", context)
        response.status_code = status
        return response

    def _may_make(self, request: HttpRequest, account: ServiceAccount) -> bool:
        # A key does what its account may do, so it must not lift an administrator above what they may do themselves.
        if getattr(account.user, "is_superuser", False) and not getattr(request.user, "is_superuser", False):
            return False
        return bool(request.user.has_perm(MAKE)) and self.has_view_permission(request, account)
