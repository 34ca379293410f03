"""Addresses that a person has proven to be theirs: by a key in a mail, or through a provider that vouches for it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from authkit.core.managers import PrimaryManager

MAX_ADDRESS_LENGTH = 254
"""Characters of an address (RFC 5321 section 4.5.3.1.3)."""


class VerifiedAddress(models.Model):
    """The address that a person proved last. The person's address is verified while it equals this one."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="authkit_verified_address",
        verbose_name=_("user"),
    )
    address = models.EmailField(_("email address"), max_length=MAX_ADDRESS_LENGTH)
    verified_at = models.DateTimeField(_("verified"))

    objects = PrimaryManager()

    class Meta:
        app_label = "authkit"
        verbose_name = _("verified address")
        verbose_name_plural = _("verified addresses")
        ordering = ("-verified_at", "pk")

    def __str__(self) -> str:
        return self.address
