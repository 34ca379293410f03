"""Failed tries by minute, as the database keeps them for `authkit.limiter.stuffing`."""

from __future__ import annotations

from django.db import models

from authkit.core.managers import PrimaryManager


class FailureCount(models.Model):
    """How many tries failed in one minute at the whole site, or in five minutes from one network; or, with the scope
    "suspected", until when one of these is suspected.

    The key is an HMAC of scope, subject and slot (`authkit.limiter.names`), so a reader of the table learns of no
    network.
    """

    key = models.CharField(max_length=64, primary_key=True, editable=False)
    scope = models.CharField(max_length=16, editable=False)
    slot = models.BigIntegerField()
    """Minutes since 1970: when the count began, or when the suspicion ends."""
    failures = models.PositiveIntegerField(default=0)
    names = models.BigIntegerField(default=0)
    """A set of names without the names: each sets one of 63 bits. How many bits are set says about how many names."""

    objects = PrimaryManager()

    class Meta:
        app_label = "authkit"
        default_permissions = ()
        indexes = [models.Index(fields=["scope", "slot"], name="authkit_failures_by_slot")]

    def __str__(self) -> str:
        return f"{self.scope} {self.slot}"
