"""The budgets, as the database keeps them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from authkit.core.managers import PrimaryManager


class AttemptBudget(models.Model):
    """How often one subject was tried: a name as it was typed, a network, a person, or a device of a person's.

    The key is an HMAC of scope and subject (`authkit.limiter.names`), so a reader of the table does not learn who is
    under attack. Times are microseconds since 1970 by the database's clock, so that two servers whose clocks differ
    agree on them, and so that one statement can do its arithmetic on every database.
    """

    key = models.CharField(max_length=64, primary_key=True, editable=False)
    scope = models.CharField(_("scope"), max_length=32, editable=False)
    """The kind of subject."""
    spent = models.PositiveIntegerField(_("failures"))
    """Tries that were charged and have been neither refunded nor cleared by a success."""
    not_before = models.BigIntegerField()
    """No try is let through before this time. 0 while there is no delay: a time that each process writes would refuse
    honest parallel callers."""
    last_at = models.BigIntegerField()
    """When a try was charged last."""
    last_charge = models.BigIntegerField()
    """A random number of that charge's. A refund takes back the delay only where no later charge has set another."""

    objects = PrimaryManager()

    class Meta:
        app_label = "authkit"
        verbose_name = _("attempt budget")
        verbose_name_plural = _("attempt budgets")
        default_permissions = ("view",)
        # `not_before` is 0 until a subject is held back, so a common charge changes no index.
        indexes = (models.Index(fields=("not_before", "key"), name="authkit_budget_held"),)
        permissions = (("unlock", "Can unlock names, networks and people"),)

    def __str__(self) -> str:
        return f"{self.scope} {self.key[:8]}"
