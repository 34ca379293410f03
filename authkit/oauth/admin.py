"""Clients in the admin. A secret is in one answer, that to the form that made it, and nowhere else.

A client is registered without a secret, and its operator is led to the page that makes the first one. The form there
names the secret that the client had before, by a digest of the digest. So a page that is loaded once more, which posts
its form again, registers no second client and makes no second secret.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from authkit.admin.pages import confirmation
from authkit.core.admin_lists import CarefulChangeList
from authkit.exceptions import NotFound
from authkit.oauth.client_rules import NEEDS_SECRET, is_storable, problems_with
from authkit.oauth.clients import (
    Registered,
    change_client,
    disable_client,
    enable_client,
    register_client,
    rotate_secret,
)
from authkit.oauth.grants import count_live_grants
from authkit.oauth.models import OAuthClient
from authkit.oauth.resources import every_sentence

if TYPE_CHECKING:
    Form = forms.ModelForm[OAuthClient]
    Base = admin.ModelAdmin[OAuthClient]
else:
    Form, Base = forms.ModelForm, admin.ModelAdmin  # not generic at run time


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 80, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(list(initial or []) != self.to_python(data))


class ScopesField(forms.MultipleChoiceField):
    """Some of the scopes that there are, each with its sentence."""

    widget = forms.CheckboxSelectMultiple

    def has_changed(self, initial: Any, data: Any) -> bool:
        return sorted(initial or []) != sorted(data or [])


class JwksField(forms.JSONField):
    """As Django's, but that text which is nested too deeply, or can't be stored, is an error of the form."""

    def to_python(self, value: Any) -> Any:
        try:
            document = super().to_python(value)
        except RecursionError:
            document = float("nan")
        if not is_storable(document):
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": "…"})
        return document

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            document = super().bound_data(data, initial)
        except RecursionError:
            return InvalidJSONInput(data)
        return document if isinstance(document, InvalidJSONInput) or is_storable(document) else InvalidJSONInput(data)


class ClientForm(Form):
    """All that is registered of a client, but for its id and its secret."""

    redirect_uris = LinesField(
        label=gettext_lazy("Redirect URIs"), required=False,
        help_text=gettext_lazy("One a line, compared character by character, but for a loopback address's port."),
    )  # fmt: skip
    post_logout_redirect_uris = LinesField(
        label=gettext_lazy("Redirect URIs after sign-out"), required=False, help_text=gettext_lazy("One a line.")
    )
    resources = LinesField(
        label=gettext_lazy("Resources"), required=False,
        help_text=gettext_lazy("APIs that the client serves, one a line. It may introspect tokens for them."),
    )  # fmt: skip
    jwks_uri = forms.URLField(
        label=gettext_lazy("Address of the public keys"), required=False, max_length=512, assume_scheme="https"
    )
    backchannel_logout_uri = forms.URLField(
        label=gettext_lazy("Address for logout tokens"), required=False, max_length=512, assume_scheme="https"
    )
    scopes = ScopesField(
        label=gettext_lazy("Scopes"), required=False, help_text=gettext_lazy("The most that it may ask for.")
    )

    class Meta:
        model = OAuthClient
        fields = (
            *("name", "logo", "kind", "auth_method", "redirect_uris", "post_logout_redirect_uris", "scopes"),
            *("resources", "jwks", "jwks_uri", "backchannel_logout_uri", "first_party", "owner"),
        )
        field_classes = {"jwks": JwksField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "scopes" in self.fields:
            # A scope that the settings don't know any more stays until an operator takes it away.
            known = {**{name: name for name in self.instance.scopes}, **every_sentence()}
            self.fields["scopes"].choices = [  # type: ignore[attr-defined]  # of a field with choices
                (name, name if text == name else f"{name}: {text}") for name, text in known.items()
            ]

    def _post_clean(self) -> None:
        # Here the instance has what was typed. The rules are those of the command too.
        super()._post_clean()  # type: ignore[misc]  # Django's own hook, read in 5.2 to 6.1
        if self.errors:
            return
        for field, told in problems_with(self.instance).items():
            self.add_error(field if field in self.fields else None, ValidationError(told))


@admin.register(OAuthClient)
class OAuthClientAdmin(Base):
    """Register, change and switch off. Each needs the model's own permission.

    Only a superuser says that a client is the site's own: its people are not asked to agree. So only a superuser
    changes such a client, makes its secret or enables it. With another redirect URI it would send the tokens of each
    person who is signed in to that address. Disabling it takes the permission alone.
    """

    form = ClientForm
    list_display = ("name", "client_id", "kind", "enabled", "first_party")  # as many as fit beside the filters
    list_filter = ("enabled", "kind", "first_party")
    search_fields = ("name", "client_id")
    show_full_result_count = False
    raw_id_fields = ("owner",)
    readonly_fields = ("client_id", "enabled", "live_grants", "created_at", "updated_at")
    actions = None
    change_form_template = "authkit/admin/client_change_form.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CarefulChangeList]:
        return CarefulChangeList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuses the digest: `?secret_digest__startswith=` would tell it letter by letter."""
        return not lookup.startswith("secret_digest") and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = [name for name in ("client_id", "enabled", "live_grants") if obj is not None]
        ends = [name for name in ("created_at", "updated_at") if obj is not None]
        return [*shown, *ClientForm.Meta.fields, *ends]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        first_party = () if _is_superuser(request) else ("first_party",)
        return (*self.readonly_fields, *first_party)

    def has_change_permission(self, request: HttpRequest, obj: OAuthClient | None = None) -> bool:
        """Whether this request may change clients, or this one."""
        if obj is not None and obj.first_party and not _is_superuser(request):
            return False
        return super().has_change_permission(request, obj)

    @admin.display(description=gettext_lazy("live grants"))
    def live_grants(self, client: OAuthClient) -> int:
        """How many people's logins it carries now."""
        return count_live_grants(client=client)

    def save_model(self, request: HttpRequest, obj: OAuthClient, form: Any, change: Any) -> None:
        """By the services."""
        if change:
            change_client(client=obj)
            return
        made = register_client(**form.cleaned_data, with_secret=False).client
        obj.pk, obj.client_id = made.pk, made.client_id
        obj._state.adding = False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        client = self.get_object(request, unquote(object_id))
        tools = {} if client is None else self._tools(request, client)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **tools})

    def response_add(
        self, request: HttpRequest, obj: OAuthClient, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._to_first_secret(obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: OAuthClient) -> HttpResponse:
        return self._to_first_secret(obj) or super().response_change(request, obj)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path(f"<path:object_id>/{what}/", view(method), name=f"authkit_oauth_oauthclient_{what}")
            for what, method in (
                ("rotate", self.rotate_view),
                ("disable", self.disable_view),
                ("enable", self.enable_view),
            )
        ] + super().get_urls()

    def rotate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, and then shows another secret, or the first one, once."""
        client = self.get_object(request, unquote(object_id))
        # A person who may register a client may also make its first secret.
        is_first = (
            client is not None
            and not client.secret_digest
            and self.has_add_permission(request)
            and (not client.first_party or _is_superuser(request))
        )
        if not is_first and not self.has_change_permission(request, client):
            raise PermissionDenied
        if client is None or client.auth_method not in NEEDS_SECRET:
            return self._gone(request)
        state = _state_of(client)
        if request.method != "POST":
            question = _("The secret that %(name)s has now is refused from then on. Its tokens go on.")
            if not client.secret_digest:
                question = _("%(name)s has no secret yet. The next page shows it once.")
            return self._ask(request, client, _("Make a new secret"), question, state=state)
        try:
            if not constant_time_compare(request.POST.get("state", ""), state):
                raise NotFound("the form is about the secret before")
            registered = rotate_secret(client=client)
        except NotFound:
            said = _("No secret was made: this form is answered already. If its secret is lost, make a new one.")
            self.message_user(request, said, level=messages.WARNING)
            return HttpResponseRedirect(self._url("change", client.pk))
        self.log_change(request, client, _("Made a new secret."))
        return self._secret_page(request, registered)

    def disable_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, and then switches the client off."""
        client = self._found(request, object_id, may=self._may_disable)
        if client is None:
            return self._gone(request)
        question = _(
            "%(name)s gets no token any more, and each of its tokens is refused from the next request on. If you "
            "enable it again later, people have to agree anew."
        )
        if request.method != "POST":
            return self._ask(request, client, _("Disable"), question)
        count = disable_client(client=client)
        said = ngettext("Disabled. %(count)d live grant ended.", "Disabled. %(count)d live grants ended.", count)
        return self._done(request, client, said % {"count": count})

    def enable_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, and then switches the client on again."""
        client = self._found(request, object_id, may=self.has_change_permission)
        if client is None:
            return self._gone(request)
        if request.method != "POST":
            return self._ask(request, client, _("Enable"), _("%(name)s may ask people again."))
        enable_client(client=client)
        return self._done(request, client, _("Enabled."))

    def _may_disable(self, request: HttpRequest, client: OAuthClient | None = None) -> bool:
        return super().has_change_permission(request, client)  # this site's own clients too

    def _found(
        self, request: HttpRequest, object_id: str, *, may: Callable[[HttpRequest, OAuthClient | None], bool]
    ) -> OAuthClient | None:
        client = self.get_object(request, unquote(object_id))
        if not may(request, client):
            raise PermissionDenied
        return client

    def _tools(self, request: HttpRequest, client: OAuthClient) -> dict[str, Any]:
        may_change = self.has_change_permission(request, client)
        tools = {
            "disable": client.enabled and self._may_disable(request, client),
            "enable": not client.enabled and may_change,
            "rotate": client.auth_method in NEEDS_SECRET and may_change,
        }
        return {f"authkit_{what}_url": self._url(what, client.pk) for what, shown in tools.items() if shown}

    def _ask(
        self, request: HttpRequest, client: OAuthClient, title: str, question: str, *, state: str = ""
    ) -> TemplateResponse:
        context = {
            "title": title,
            "question": question % {"name": client.name},
            "state": state,
            "opts": self.opts,
            "original": client,
            "back_url": self._url("change", client.pk),
        }
        return confirmation(request, self.admin_site, "authkit/admin/client_confirm.html", context)

    def _done(self, request: HttpRequest, client: OAuthClient, said: str) -> HttpResponse:
        self.log_change(request, client, said)
        self.message_user(request, said, level=messages.SUCCESS)
        return HttpResponseRedirect(self._url("change", client.pk))

    def _gone(self, request: HttpRequest) -> HttpResponse:
        self.message_user(request, _("There is no such client, or it has no secret."), level=messages.WARNING)
        return HttpResponseRedirect(self._url("changelist"))

    def _to_first_secret(self, client: OAuthClient) -> HttpResponse | None:
        if client.auth_method not in NEEDS_SECRET or client.secret_digest:
            return None
        return HttpResponseRedirect(self._url("rotate", client.pk))

    def _secret_page(self, request: HttpRequest, registered: Registered) -> HttpResponse:
        context = {
            "title": _("The client's secret"),
            "client": registered.client,
            "secret": registered.secret,
            "opts": self.opts,
            "original": registered.client,
            "back_url": self._url("change", registered.client.pk),
        }
        # `admin_view` says `no-store` for each page of the admin.
        return confirmation(request, self.admin_site, "authkit/admin/client_secret.html", context)

    def _url(self, what: str, *args: Any) -> str:
        return reverse(f"admin:authkit_oauth_oauthclient_{what}", args=args, current_app=self.admin_site.name)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def _state_of(client: OAuthClient) -> str:
    return salted_hmac("authkit.oauth.admin", client.secret_digest, algorithm="sha256").hexdigest()
