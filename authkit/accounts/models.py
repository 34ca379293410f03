"""The tables of this room: invitations, deletions that are due, and passwords that have to be replaced."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from authkit.core.identifiers import uuid7
from authkit.core.managers import PrimaryManager
from authkit.signin.addresses import MAX_ADDRESS_LENGTH


class Invitation(models.Model):
    """An address that may register. The key in its mail is a `OneTimeCode`, and the row names it by its digest."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(_("email address"), max_length=MAX_ADDRESS_LENGTH)
    groups: Any = models.ManyToManyField(
        "auth.Group",
        blank=True,
        related_name="+",
        verbose_name=_("groups"),
        help_text=_("The new account joins these."),
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    """SHA-256 of the key."""
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("invited by")
    )
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("accepted by")
    )
    created_at = models.DateTimeField(_("invited"))
    expires_at = models.DateTimeField(_("good until"))
    accepted_at = models.DateTimeField(_("accepted"), null=True)

    objects = PrimaryManager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ("-created_at", "-pk")
        permissions = (("invite", _("Can invite people")),)
        indexes = (models.Index(fields=("email",), name="authkit_invitation_email"),)

    def __str__(self) -> str:
        return self.email


class Deletion(models.Model):
    """An account whose owner has deleted it: inactive now, and gone at `purge_at`."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+", verbose_name=_("user")
    )
    user_id: Any  # of the user model's key
    requested_at = models.DateTimeField(_("deleted"))
    purge_at = models.DateTimeField(_("gone from"), db_index=True)

    objects = PrimaryManager()

    class Meta:
        verbose_name = _("deletion")
        verbose_name_plural = _("deletions")
        ordering = ("purge_at", "pk")

    def __str__(self) -> str:
        return str(self.user_id)


class PasswordDemand(models.Model):
    """A person who has to choose a new password before they can do anything else."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+", verbose_name=_("user")
    )
    user_id: Any  # of the user model's key
    reason = models.CharField(_("reason"), max_length=16, choices=(("admin", _("admin")), ("breached", _("breached"))))
    demanded_at = models.DateTimeField(_("since"))
    demanded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("by")
    )

    objects = PrimaryManager()

    class Meta:
        verbose_name = _("required password change")
        verbose_name_plural = _("required password changes")
        ordering = ("-demanded_at", "pk")

    def __str__(self) -> str:
        return str(self.user_id)
