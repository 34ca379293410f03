"""The buttons on a person's page of the admin: "Send a reset mail" and "Require a new password" (ASVS 6.4.6).

They stand in the place of Django's form for another person's password, which an administrator would have to know then.
The form for a new person has no password either: that person gets a mail. ACCOUNTS.ADMIN_SETS_PASSWORDS brings Django's
forms back, beside the buttons.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.contrib.auth.forms import ReadOnlyPasswordHashField, ReadOnlyPasswordHashWidget
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from authkit import conf
from authkit.accounts.passwords.admin_adding import (
    adds_without_password,
    fieldsets_without_password,
    require,
    without_password,
)
from authkit.accounts.passwords.demands import demand_password
from authkit.accounts.passwords.resetting import begin_reset, can_reset
from authkit.accounts.settings import AccountsSettings
from authkit.admin.pages import confirmation
from authkit.admin.reach import put_before_user_admins
from authkit.admin.spared import is_spared, why_spared
from authkit.exceptions import NotFound
from authkit.sessions.receivers import client_of
from authkit.signin.addresses import has_field

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = object


def reach_user_admins() -> None:
    """Puts `PasswordActionsMixin` in front of the project's own ModelAdmin for the user model, on every admin site."""
    put_before_user_admins(PasswordActionsMixin)


class ButtonsInsteadOfForm(ReadOnlyPasswordHashWidget):
    """The hash in words, and the two buttons: links to pages that ask first."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        context = {
            "widget": self.get_context(name, value, attrs),
            "admin_sets_passwords": conf.section(AccountsSettings).admin_sets_passwords,
        }
        return render_to_string("authkit/admin/password_buttons.html", context)


class PasswordActionsMixin(Base):
    """Adds the two buttons to the ModelAdmin of a user model. Both need the permission to change the person.

    Each leads to a page that asks, and only its POST, with CSRF proof, acts. Both are noted in the admin's log.
    """

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path(
                "<path:object_id>/authkit-send-reset/",
                view(self.send_reset_view),
                name=self._password_url_name("send_reset"),
            ),
            path(
                "<path:object_id>/authkit-require-password/",
                view(self.require_password_view),
                name=self._password_url_name("require_password"),
            ),
            *super().get_urls(),
        ]

    def get_form(
        self,
        request: HttpRequest,
        obj: Any = None,
        change: bool = False,  # noqa: FBT001, FBT002  # as ModelAdmin has it
        **kwargs: Any,
    ) -> Any:
        """The project's form, with the buttons in its field for the password; for a new person, without that."""
        if obj is None and adds_without_password(self):
            mine: Any = without_password(self.add_form)  # type: ignore[attr-defined]  # of UserAdmin
            form = super().get_form(request, obj, change=change, **{"form": mine, **kwargs})
            require(form, self.model.get_email_field_name())
            return form
        form = super().get_form(request, obj, change=change, **kwargs)
        field = form.base_fields.get("password")
        if obj is not None and isinstance(field, ReadOnlyPasswordHashField):
            mine = copy(field)  # the field is shared with every other use of the project's form
            mine.widget, mine.help_text = ButtonsInsteadOfForm(), ""
            form.base_fields["password"] = mine
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Those of the project, for a new person without a password."""
        shown = super().get_fieldsets(request, obj)
        if obj is not None or not adds_without_password(self):
            return shown
        name = self.model.get_email_field_name()
        return fieldsets_without_password(shown, address=name if has_field(self.model, name) else "")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  # as ModelAdmin has it
        """Saves, and mails a person who was added here a link by which they choose their password."""
        super().save_model(request, obj, form, change)
        if change or not adds_without_password(self):
            return
        try:
            _send_reset(request, obj)
        except NotFound:
            text = _(
                "The person has no password, and no mail could be sent: they have no address, or PUBLIC_URL is empty."
            )
            self.message_user(request, text, level=messages.WARNING)
        else:
            self.message_user(request, _("A mail by which the person chooses their password is on its way."))

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002  # as UserAdmin has it
        """Django's form, where ACCOUNTS.ADMIN_SETS_PASSWORDS allows it."""
        if not conf.section(AccountsSettings).admin_sets_passwords:
            raise PermissionDenied
        response: HttpResponse = super().user_change_password(request, id, form_url)  # type: ignore[misc]
        return response

    def send_reset_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, and then queues the mail."""
        return self._asked(
            request,
            object_id,
            title=_("Send a reset mail"),
            question=_("%(person)s gets a mail, with which they choose a new password. Nothing ends before that."),
            act=_send_reset,
        )

    def require_password_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, and then signs the person out and has them choose a new password."""
        return self._asked(
            request,
            object_id,
            title=_("Require a new password"),
            question=_(
                "%(person)s is signed out everywhere now. At the next sign-in they have to choose a new password "
                "before they can do anything else."
            ),
            act=_require_password,
        )

    def _asked(
        self, request: HttpRequest, object_id: str, *, title: str, question: str, act: Callable[[HttpRequest, Any], str]
    ) -> HttpResponse:
        person = self.get_object(request, unquote(object_id))
        if person is None:
            self.message_user(request, _("There is no such person any more."), level=messages.WARNING)
            return HttpResponseRedirect(self._reversed("changelist"))
        if not self.has_change_permission(request, person):
            raise PermissionDenied
        back = self._reversed("change", quote(person.pk))
        if is_spared(request, person):
            self.message_user(request, why_spared(), level=messages.ERROR)
            return HttpResponseRedirect(back)
        if request.method != "POST":
            context = {
                "title": title,
                "question": question % {"person": person},
                "opts": self.opts,
                "original": person,
                "back_url": back,
            }
            return confirmation(request, self.admin_site, "authkit/admin/password_confirm.html", context)
        try:
            text = act(request, person)
        except NotFound:
            refused = _("Not possible: this person has no address or no password here, or PUBLIC_URL is empty.")
            self.message_user(request, refused, level=messages.ERROR)
        else:
            self.log_change(request, person, text)
            self.message_user(request, text, level=messages.SUCCESS)
        return HttpResponseRedirect(back)

    def _reversed(self, what: str, *args: str) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_{what}"
        return reverse(name, args=args, current_app=self.admin_site.name)

    def _password_url_name(self, what: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_authkit_{what}"


def _send_reset(request: HttpRequest, person: Any) -> str:
    if not can_reset(person):
        raise NotFound("inactive, or without an address or a password")
    begin_reset(user=person, client=client_of(request))
    return _("A mail with which the person chooses a new password is on its way.")


def _require_password(request: HttpRequest, person: Any) -> str:
    count = demand_password(user=person, by_id=request.user.pk).count
    ended = ngettext("%(count)d live login ended.", "%(count)d live logins ended.", count) % {"count": count}
    return f"{_('A new password is required at the next sign-in.')} {ended}"
