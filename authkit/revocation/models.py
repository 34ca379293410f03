"""The table by which every process learns whether Redis may be believed; see `authkit.revocation.epochs`."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from authkit.core.managers import PrimaryManager


class CacheEpoch(models.Model):
    """One raise of the epoch. An entry in Redis counts only if it was written there under the present epoch.

    The epoch is the sum of `value` over all rows (`authkit.revocation.raises`). A raise inserts a row, and no statement
    updates one, so that two transactions that raise the epoch never wait for each other. Times are microseconds since
    1970 by the database's clock (`authkit.core.clocks`).
    """

    id = models.PositiveBigIntegerField(primary_key=True, editable=False)
    """Drawn at random. A row of `epochs.advance` has the epoch that it raised instead: only one such row can exist."""
    value = models.PositiveBigIntegerField()
    raised_at = models.BigIntegerField()
    suspended_until = models.BigIntegerField(null=True)

    objects = PrimaryManager()

    class Meta:
        app_label = "authkit"
        verbose_name = _("cache epoch")
        verbose_name_plural = _("cache epochs")

    def __str__(self) -> str:
        return str(self.value)
