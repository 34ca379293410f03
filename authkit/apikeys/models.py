"""The table of this room."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from authkit.apikeys.key_text import PREFIX_LENGTH
from authkit.core.managers import PrimaryManager
from authkit.logins.announced_writes import ToldModel, ToldQuerySet
from authkit.logins.models import Login

MAX_NAME_LENGTH = 80
MAX_SCOPES_LENGTH = 2000
MAX_NETWORKS_LENGTH = 1000


class ApiKeyQuerySet(ToldQuerySet["ApiKey"]):
    """As `ToldQuerySet`."""


class ApiKey(ToldModel):
    """A key, and the login that it carries. The login says whose it is, since when, until when, and why it ended.

    The key's text is stored nowhere. Its digest is unique, so that one statement finds the key, the login and the
    person. A process may remember the row (`seen`), so the listeners of its login are told of writes by hand too.
    """

    told_as = "login_ids"
    harmless: ClassVar[frozenset[str]] = frozenset(("name", "last_used_at", "last_ip", "successor_id"))
    newcomers_judge = False

    login = models.OneToOneField(
        # The database holds no constraint, and Django follows nothing: logins are pruned without looking here. A row
        # whose login is gone is pruned after it.
        Login, on_delete=models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="authkit_key",
        verbose_name=_("login"),
    )  # fmt: skip
    login_id: Any
    name = models.CharField(_("name"), max_length=MAX_NAME_LENGTH)
    prefix = models.CharField(_("key"), max_length=PREFIX_LENGTH, editable=False)
    """The beginning of the text, by which people recognise the key. It is no secret."""
    digest = models.CharField(max_length=64, unique=True, editable=False)
    """SHA-256 of the text (ASVS 11.5.1)."""
    scopes = models.CharField(_("scopes"), max_length=MAX_SCOPES_LENGTH, blank=True)
    """Their names, with blanks between them."""
    networks = models.CharField(_("networks"), max_length=MAX_NETWORKS_LENGTH, blank=True)
    """The networks from which it is accepted, with blanks between them; empty for all."""
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    """Noted at most once a minute (`last_use`)."""
    last_ip = models.GenericIPAddressField(_("last address"), null=True, blank=True, editable=False)
    successor_id = models.UUIDField(_("successor"), null=True, blank=True, editable=False)
    """The login of the key that took this one's place. It is written once, before that login: of parallel rotations one
    finds it empty."""

    objects = PrimaryManager.from_queryset(ApiKeyQuerySet)()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("-login_id",)  # ids sort by age
        permissions = (("revoke", _("Can revoke API keys")),)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def scope_names(self) -> list[str]:
        """The scopes as a list."""
        return self.scopes.split()

    def network_texts(self) -> list[str]:
        """The networks as a list."""
        return self.networks.split()
