"""Invitations in the admin: sent, looked at and taken back, and never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from authkit.accounts.invitations.services import PERMISSION, groups_to_give, invite, withdraw
from authkit.accounts.models import Invitation
from authkit.core.mailboxes import domain_of
from authkit.core.refusals import sentence_of
from authkit.exceptions import AuthKitError, NotFound

if TYPE_CHECKING:
    Form = forms.ModelForm[Invitation]
    Base = admin.ModelAdmin[Invitation]
else:
    Form, Base = forms.ModelForm, admin.ModelAdmin  # not generic at run time


class InvitationForm(Form):
    """An address and groups. The mail is queued when the form is valid, so that a refusal is an error of the form."""

    sender: Any = None

    class Meta:
        model = Invitation
        fields = ("email", "groups")

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        if not domain_of(email):
            raise ValidationError(_("Enter a valid email address."), code="invalid")
        return email

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.instance = invite(email=cleaned["email"], groups=list(cleaned.get("groups", ())), by=self.sender)
            except AuthKitError as refused:
                raise ValidationError(sentence_of(refused)) from refused
        return cleaned

    def save(self, *_args: Any, **_kwargs: Any) -> Any:
        """The invitation, which is there already."""
        self.save_m2m = lambda: None  # type: ignore[method-assign]  # as ModelForm does itself
        return self.instance


@admin.register(Invitation)
class InvitationAdmin(Base):
    """For people with the permission `authkit_accounts.invite`."""

    form = InvitationForm
    list_display = ("email", "invited_by", "created_at", "expires_at", "accepted_at", "accepted_by")
    list_select_related = ("invited_by", "accepted_by")
    search_fields = ("email",)
    show_full_result_count = False
    actions = None

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuses the digest: `?digest__startswith=` would tell it letter by letter."""
        return not lookup.startswith("digest") and super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(PERMISSION))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(PERMISSION))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(PERMISSION)) and (obj is None or obj.accepted_at is None)

    def get_queryset(self, request: HttpRequest) -> Any:
        """A superuser's: all. Another person's: their own, as for programs."""
        rows = super().get_queryset(request)
        return rows if getattr(request.user, "is_superuser", False) else rows.filter(invited_by=request.user.pk)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        made = super().get_form(request, *args, **kwargs)
        return type(made.__name__, (made,), {"sender": request.user})

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["queryset"] = Group.objects.filter(pk__in=[group.pk for group in groups_to_give(request.user)])
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: Any) -> None:
        """Nothing: the form has sent it."""

    def delete_model(self, request: HttpRequest, obj: Invitation) -> None:
        """Takes it back; one that was accepted meanwhile stays."""
        try:
            withdraw(invitation_id=obj.pk)
        except NotFound:
            messages.error(request, _("The invitation was accepted meanwhile."))
