"""The tables of this room. They need no table of social_django."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from authkit.core.managers import PrimaryManager

DIGEST_LENGTH = 66
"""Of `backends.identity_uid`: equal for equal texts alone, where a database compares without case too."""
PROVIDER_LENGTH = 32


class ProviderSession(models.Model):
    """The session at an OpenID provider that a login came from; a back-channel logout token finds the login by it.

    No foreign key: with one, Django would load each login that is pruned, to delete what points at it. A row whose
    login is gone finds nothing and is pruned after it.
    """

    login_id = models.UUIDField(primary_key=True, editable=False)
    provider = models.CharField(max_length=PROVIDER_LENGTH)
    session = models.CharField(max_length=DIGEST_LENGTH, blank=True, db_index=True)
    """Digest of (issuer, `sid`); empty where the provider names no session."""
    subject = models.CharField(max_length=DIGEST_LENGTH, db_index=True)
    """Digest of (issuer, `sub`)."""
    issued_at = models.DateTimeField()
    """The ID token's `iat`, by the provider's clock."""

    objects = PrimaryManager()

    class Meta:
        verbose_name = _("session at a provider")
        verbose_name_plural = _("sessions at providers")

    def __str__(self) -> str:
        return f"{self.provider} {self.login_id}"


class ProviderLogout(models.Model):
    """One logout token that was taken, so that it is taken once, and so that a sign-in on its way hears of it."""

    digest = models.CharField(max_length=DIGEST_LENGTH, primary_key=True, editable=False)
    """Of (issuer, `jti`)."""
    session = models.CharField(max_length=DIGEST_LENGTH, blank=True, db_index=True)
    subject = models.CharField(max_length=DIGEST_LENGTH, blank=True, db_index=True)
    issued_at = models.DateTimeField()
    """The logout token's `iat`, by the provider's clock."""
    expires_at = models.DateTimeField()
    """After this time neither the token nor a sign-in from before it can still come."""

    objects = PrimaryManager()

    class Meta:
        verbose_name = _("logout by a provider")
        verbose_name_plural = _("logouts by providers")

    def __str__(self) -> str:
        return self.digest


class ProviderToken(models.Model):
    """A provider's tokens to act for a person there, encrypted; see `authkit.social.provider_tokens`.

    In no admin page on purpose. The text is bound to user and provider: copied into another row it can't be read.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="authkit_provider_tokens", db_index=False
    )
    provider = models.CharField(max_length=PROVIDER_LENGTH)
    sealed = models.TextField(editable=False)
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name = _("provider token")
        verbose_name_plural = _("provider tokens")
        constraints = (models.UniqueConstraint(fields=("user", "provider"), name="authkit_providertoken_once"),)

    def __str__(self) -> str:
        return f"{self.provider} of {self.user_id}"
