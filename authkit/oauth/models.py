"""The tables of this room: the clients, what people let them do, and what was agreed to for good."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from authkit.core.managers import PrimaryManager

CLIENT_ID_LENGTH = 64
_CLIENT_ID_BYTES = 18


def new_client_id() -> str:
    """A client id that no client has. It is no secret. It has no "-": a command would take one that begins so for an
    option."""
    return secrets.token_urlsafe(_CLIENT_ID_BYTES).replace("-", "_")


class ClientKind(models.TextChoices):
    """Whether a client can keep a secret (RFC 6749 section 2.1)."""

    PUBLIC = "public", _("public: an app on people's own devices")
    CONFIDENTIAL = "confidential", _("confidential: a server")


class AuthMethod(models.TextChoices):
    """How a client shows who it is (RFC 7591 section 2, `token_endpoint_auth_method`)."""

    NONE = "none", _("not at all")
    BASIC = "client_secret_basic", _("by a secret, in the header")
    POST = "client_secret_post", _("by a secret, in the body")
    PRIVATE_KEY = "private_key_jwt", _("by a key of its own")


class GrantType(models.TextChoices):
    """How a client comes by tokens."""

    AUTHORIZATION_CODE = "authorization_code", _("authorization code")
    REFRESH_TOKEN = "refresh_token", _("refresh token")


def default_grant_types() -> list[str]:
    """A person's consent, and the refresh of what came of it."""
    return [GrantType.AUTHORIZATION_CODE.value, GrantType.REFRESH_TOKEN.value]


class OAuthClient(models.Model):
    """An app of a third party, or of one's own, that acts for people. Its secret is kept as a digest alone."""

    client_id = models.CharField(
        _("client id"), max_length=CLIENT_ID_LENGTH, unique=True, default=new_client_id, editable=False
    )
    name = models.CharField(_("name"), max_length=100, help_text=_("People read it when they are asked to agree."))
    logo = models.CharField(
        _("logo"), max_length=200, blank=True, help_text=_("The path of a static file, or the URL of an image.")
    )
    kind = models.CharField(_("kind"), max_length=16, choices=ClientKind, default=ClientKind.CONFIDENTIAL)
    auth_method = models.CharField(_("authentication"), max_length=32, choices=AuthMethod, default=AuthMethod.BASIC)
    secret_digest = models.CharField(max_length=64, blank=True, editable=False)
    """SHA-256 of the secret, which has 256 random bits; empty for a client without one."""
    jwks: Any = models.JSONField(_("public keys"), default=dict, blank=True, help_text=_("A JWK Set."))
    jwks_uri = models.URLField(_("address of the public keys"), max_length=512, blank=True)
    redirect_uris: Any = models.JSONField(
        _("redirect URIs"), default=list, help_text=_("They are compared character by character.")
    )
    post_logout_redirect_uris: Any = models.JSONField(_("redirect URIs after sign-out"), default=list, blank=True)
    backchannel_logout_uri = models.URLField(_("address for logout tokens"), max_length=512, blank=True)
    grant_types: Any = models.JSONField(_("grant types"), default=default_grant_types)
    scopes: Any = models.JSONField(_("scopes"), default=list, blank=True, help_text=_("What it may ask for at most."))
    resources: Any = models.JSONField(
        _("resources"), default=list, blank=True, help_text=_("APIs that it serves: it may introspect their tokens.")
    )
    first_party = models.BooleanField(
        _("ours"), default=False, help_text=_("An app of this site's own: people are not asked to agree.")
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("owner"),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = PrimaryManager()

    class Meta:
        verbose_name = _("client")
        verbose_name_plural = _("clients")
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return self.name


class Grant(models.Model):
    """What one person lets one client do: the other half of a login of the kind "grant".

    No foreign key to the login: with one, Django would load each login that is pruned. A row whose login is gone is
    pruned after it.
    """

    login_id = models.UUIDField(primary_key=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("user")
    )
    user_id: Any  # of the user model's key
    client = models.ForeignKey(OAuthClient, on_delete=models.CASCADE, related_name="grants", verbose_name=_("client"))
    client_id: int  # of the row; the client's own id is `client.client_id`
    scope = models.TextField(_("scope"), blank=True)
    """The scopes with blanks between them, as in the token."""
    resources: Any = models.JSONField(_("resources"), default=list)
    """The audiences that its tokens may have."""
    session_id = models.UUIDField(null=True, editable=False)
    """The login in which the person agreed: the session that a back-channel logout token names."""
    consented_at = models.DateTimeField(_("since"))
    told_at = models.DateTimeField(null=True, editable=False)
    """When the client was told that the login is over (see `logout_notices`)."""

    objects = PrimaryManager()

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        ordering = ("-consented_at", "pk")
        indexes = (models.Index(fields=("session_id",), name="authkit_grant_session"),)

    def __str__(self) -> str:
        return str(self.login_id)


class Consent(models.Model):
    """The person agreed for good: the same client may ask again for this, or less, without asking them."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False, verbose_name=_("user")
    )
    user_id: Any  # of the user model's key
    client = models.ForeignKey(OAuthClient, on_delete=models.CASCADE, related_name="consents", verbose_name=_("client"))
    client_id: int
    scope = models.TextField(_("scope"), blank=True)
    resources: Any = models.JSONField(_("resources"), default=dict)
    """The scopes of `scope` that the person agreed to, by resource: more for one says nothing about another."""
    given_at = models.DateTimeField(_("since"))

    objects = PrimaryManager()

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = (models.UniqueConstraint(fields=("user", "client"), name="authkit_consent_once"),)

    def __str__(self) -> str:
        return f"{self.user_id} {self.client_id}"
