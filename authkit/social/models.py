"""What this room keeps. Needs social_django neither installed nor migrated."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

MAX_REDIRECT_URI_LENGTH = 512


class AuthorizationCode(models.Model):
    """A one-time code by which a program gets the tokens of somebody who came back from a provider (RFC 6749).

    The key is the SHA-256 of the code, which is nowhere. The row outlives its use, so that a second use is known for
    what it is. `login_id` is no foreign key: pruning deletes logins without looking here.
    """

    digest = models.CharField(max_length=64, primary_key=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("user"),
    )
    auth_hash = models.CharField(max_length=128, editable=False)
    """As `Login.auth_hash`: a password that was changed since makes the code worthless."""
    provider = models.CharField(_("provider"), max_length=64)
    redirect_uri = models.CharField(max_length=MAX_REDIRECT_URI_LENGTH, editable=False)
    challenge = models.CharField(max_length=128, editable=False)
    """PKCE's `code_challenge`, always S256 (RFC 7636 section 4.2)."""
    issuer = models.CharField(max_length=500, blank=True, editable=False)
    subject = models.CharField(max_length=255, blank=True, editable=False)
    sid = models.CharField(max_length=255, blank=True, editable=False)
    issued_at = models.DateTimeField(null=True, editable=False)
    """When the provider said so, by its clock, if it did."""
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    login_id = models.UUIDField(null=True)
    """The login that was opened for it, which a second use ends."""

    class Meta:
        app_label = "authkit"
        verbose_name = _("authorization code")
        verbose_name_plural = _("authorization codes")

    def __str__(self) -> str:
        return f"{self.provider} {self.created_at.isoformat()}"
