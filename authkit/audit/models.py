"""The tables of this room: events, and the seals over them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from authkit.core.identifiers import uuid7
from authkit.core.managers import PrimaryManager
from authkit.core.records import FAILURE, SUCCESS

OUTCOMES = ((SUCCESS, _("success")), (FAILURE, _("failure")))


class Event(models.Model):
    """One thing that happened, written in the transaction that makes it true.

    No row has a foreign key that the database would hold: an event outlives its person and its login. The INSERT reads
    nothing back, so the role of the application needs no SELECT on this table for it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    """Sorts by time, so every index that ends in it is a timeline."""
    at = models.DateTimeField(_("time"))
    name = models.CharField(_("name"), max_length=64)
    outcome = models.CharField(_("outcome"), max_length=16, choices=OUTCOMES)
    reason = models.CharField(_("reason"), max_length=64, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("person"),
    )
    user_id: Any  # of the user model's key
    """The person of the account; null if it is about no person, or everybody."""
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("by"),
    )
    actor_id: Any
    """The person who did it; null where that isn't known, and for commands and tasks."""
    login_id = models.UUIDField(_("login"), null=True)
    door = models.CharField(_("door"), max_length=32, blank=True)
    method = models.CharField(_("method"), max_length=64, blank=True)
    ip = models.GenericIPAddressField(_("IP address"), null=True)
    device = models.CharField(_("device"), max_length=200, blank=True)
    request_id = models.CharField(_("request"), max_length=64, blank=True)
    count = models.PositiveIntegerField(_("how often"), default=1)
    """How many equal failures the row stands for; see `authkit.audit.folding`."""
    extra = models.JSONField(_("more"), default=dict)
    """By the event's own list of what may be written down, and at most 2 KiB."""

    objects = PrimaryManager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ("-id",)
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=("user", "id"), name="authkit_audit_event_person"),
            models.Index(fields=("name", "id"), name="authkit_audit_event_name"),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.at.isoformat()}"


class AuditSeal(models.Model):
    """A proof of all the rows of one range, made with a key that the database doesn't have. See `authkit.audit.seals`.

    Failures are pruned sooner than other events, so each of the two kinds has a series of seals of its own.
    """

    failures = models.BooleanField(editable=False)
    """Whether the seal is over the failures, or over all other events."""
    after = models.UUIDField(editable=False)
    """The range begins after this id. It is the end of the seal before."""
    upto = models.UUIDField(editable=False)
    """The last id of the range."""
    count = models.PositiveIntegerField(_("events"), editable=False)
    digest = models.CharField(max_length=64, editable=False)
    """SHA-256 over the rows."""
    rows = models.BinaryField(editable=False)
    """For each row its id and 8 bytes of its digest, by which a changed, missing or added row is named."""
    previous = models.CharField(max_length=64, blank=True, editable=False)
    """The `mac` of the seal before; empty in the first one."""
    mac = models.CharField(max_length=64, editable=False)
    """HMAC-SHA-256 over all of the above."""
    sealed_at = models.DateTimeField(_("sealed"), editable=False)

    objects = PrimaryManager()

    class Meta:
        verbose_name = _("seal")
        verbose_name_plural = _("seals")
        default_permissions = ("view",)
        # Two processes that seal at once begin at the same id: one of them is refused.
        constraints = (models.UniqueConstraint(fields=("failures", "after"), name="authkit_audit_seal_once"),)

    def __str__(self) -> str:
        return f"{self.count} events to {self.upto}"
