"""Tokens that simplejwt's blacklist refused stay refused: `manage.py authkit_import` copies its rows into authkit's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.apps.registry import Apps
from django.contrib.auth import get_user_model
from django.db import connections, models, router
from django.db.models import Exists, OuterRef
from django.utils import timezone

from authkit.logins.blacklist import BlacklistEntry, blacklist_tokens, jti_digest
from authkit.logins.models import BlacklistedToken
from authkit.logins.reasons import EndReason, TokenKind
from authkit.tokens.importers import Imported, TablesMissing

_OUTSTANDING, _BLACKLISTED = "token_blacklist_outstandingtoken", "token_blacklist_blacklistedtoken"


def import_blacklist(*, dry_run: bool, batch_size: int) -> Imported:
    """Reads simplejwt's two tables, whether or not its app is still installed, and writes authkit's blacklist.

    Never the column `token`: simplejwt keeps whole tokens there, and a copy of one is a credential.

    Args:
        dry_run: count, and write nothing.
        batch_size: rows that are read at a time.

    Raises:
        TablesMissing: one of the two tables is not in the database of authkit's blacklist.
    """
    using = router.db_for_write(BlacklistedToken)
    if not {_OUTSTANDING, _BLACKLISTED} <= set(connections[using].introspection.table_names()):
        raise TablesMissing(
            f"There are no tables {_OUTSTANDING} and {_BLACKLISTED} in the database {using!r}: simplejwt kept no "
            "blacklist here, so there is nothing to bring over."
        )
    outstanding, blacklisted = (model._default_manager.using(using) for model in _tables())
    listed, now, known, added = blacklisted.all(), timezone.now(), 0, 0
    for batch in _batches(listed.filter(token__expires_at__gt=now), batch_size):
        digests = {jti_digest(entry.jti) for entry in batch}
        there = BlacklistedToken.objects.using(using).filter(pk__in=digests).count()
        known, added = known + there, added + len(digests) - there
        if not dry_run:
            blacklist_tokens(entries=batch, reason=EndReason.REVOKED)
    # NOT EXISTS, where `exclude(pk__in=…)` would be NOT IN: PostgreSQL reads the whole list again for each token
    # once the list is larger than work_mem.
    live = outstanding.filter(~Exists(listed.filter(token_id=OuterRef("pk"))), expires_at__gt=now).count()
    return Imported(
        added=added,
        known=known,
        expired=listed.filter(token__expires_at__lte=now).count(),
        live=live,
        about_live="each turns into a login at its first refresh while AUTHKIT TOKENS.SIMPLEJWT_UNTIL allows it",
    )


def _batches(rows: Any, size: int) -> Iterator[list[BlacklistEntry]]:
    # By the key, not by an offset or a cursor that stays open: simplejwt may be at work beside us.
    last = 0
    columns = ("pk", "token__jti", "token__user_id", "token__expires_at", "blacklisted_at")
    while batch := list(rows.filter(pk__gt=last).order_by("pk").values_list(*columns)[:size]):
        yield [_entry(*row[1:]) for row in batch]
        last = batch[-1][0]


def _entry(jti: str, user_id: Any, expires_at: datetime, blacklisted_at: datetime) -> BlacklistEntry:
    return BlacklistEntry(
        jti=jti, kind=TokenKind.REFRESH, expires_at=expires_at, user_id=user_id, created_at=blacklisted_at
    )


def _tables() -> tuple[type[models.Model], type[models.Model]]:
    """simplejwt's two tables as models of a registry of their own, without the column `token`.

    Not simplejwt's own models: they exist only while its app is installed, and importing them freezes its settings.
    """
    registry = Apps()
    key: Any = get_user_model()._meta.pk
    while key.remote_field:  # a child model's key is its parent's
        key = key.target_field
    # The key's column without its default and sequence; as the foreign key that it is in the table, it would need the
    # user model in this registry too.
    owner = models.BigIntegerField(null=True) if isinstance(key, models.AutoField) else key.clone()
    owner.primary_key, owner.null = False, True

    class OutstandingToken(models.Model):
        id = models.BigAutoField(primary_key=True)
        user_id = owner
        jti = models.CharField(max_length=255)
        expires_at = models.DateTimeField()

        class Meta:
            app_label = "authkit_import"
            apps = registry
            managed = False
            db_table = _OUTSTANDING

        def __str__(self) -> str:
            return self.jti

    class BlacklistedTokenOfSimpleJWT(models.Model):
        id = models.BigAutoField(primary_key=True)
        token = models.OneToOneField(OutstandingToken, on_delete=models.CASCADE, related_name="+")
        blacklisted_at = models.DateTimeField()

        class Meta:
            app_label = "authkit_import"
            apps = registry
            managed = False
            db_table = _BLACKLISTED

        def __str__(self) -> str:
            return str(self.pk)

    return OutstandingToken, BlacklistedTokenOfSimpleJWT
