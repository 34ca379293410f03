"""The queue."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from authkit.core.identifiers import uuid7
from authkit.core.managers import PrimaryManager


class Delivery(models.Model):
    """One message that is to be sent. The row is deleted once that is done.

    The body is sealed (`authkit.core.encryption`): it names a person, and may hold a link with a one-time code. A row
    that is given up loses its body and stays until it is pruned, so that the doctor can count it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    channel = models.CharField(_("channel"), max_length=8)
    """The way it goes: "mail", or another that is registered in `authkit.mail.channels`."""
    kind = models.CharField(_("kind"), max_length=64)
    """The kind of message, such as "new_device"."""
    body = models.TextField(editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    """How often a process began to send it. It is what a claim is conditional on."""
    due_at = models.DateTimeField(_("due"), db_index=True)
    """From then on any process may claim it. A claim moves it on, so that no other process sends it meanwhile."""
    created_at = models.DateTimeField(_("queued"))
    expires_at = models.DateTimeField(_("until"))
    """From then on it is of no use any more, and is not sent."""
    failed_at = models.DateTimeField(_("given up"), null=True)
    error = models.CharField(_("last error"), max_length=64, blank=True)
    """The class of the last attempt's error. Its text may name the address, and goes to the log alone."""

    objects = PrimaryManager()

    class Meta:
        app_label = "authkit"
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")

    def __str__(self) -> str:
        return f"{self.channel} {self.kind} {self.created_at.isoformat()}"
