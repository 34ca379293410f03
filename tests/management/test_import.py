from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from authkit.exceptions import TokenNotValid
from authkit.logins.blacklist import is_blacklisted
from authkit.logins.models import BlacklistedToken
from authkit.tokens.services import refresh_tokens
from tests.dropin.legacy_tokens import OPEN, simplejwt_token

SECRET_TEXT = "eyJ-whole-token"


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("authkit_import", "simplejwt", *arguments, stdout=out, no_color=True)
    return out.getvalue()


@pytest.fixture
def tables(transactional_db: None) -> Any:
    """simplejwt's tables as its migrations leave them; its app is not installed, as after a switch.

    In no transaction: MariaDB ends one before it makes a table.
    """
    from django.apps.registry import Apps

    registry, key = Apps(), get_user_model()._meta.pk
    owner: Any = models.BigIntegerField(null=True) if isinstance(key, models.AutoField) else models.UUIDField(null=True)

    class Outstanding(models.Model):
        id = models.BigAutoField(primary_key=True)
        user_id = owner
        jti = models.CharField(max_length=255, unique=True)
        token = models.TextField()
        created_at = models.DateTimeField(null=True)
        expires_at = models.DateTimeField()

        class Meta:
            apps, app_label, db_table = registry, "old", "token_blacklist_outstandingtoken"

        def __str__(self) -> str:
            return self.jti

    class Blacklisted(models.Model):
        id = models.BigAutoField(primary_key=True)
        token = models.OneToOneField(Outstanding, on_delete=models.CASCADE)
        blacklisted_at = models.DateTimeField(default=timezone.now)

        class Meta:
            apps, app_label, db_table = registry, "old", "token_blacklist_blacklistedtoken"

        def __str__(self) -> str:
            return str(self.pk)

    with connection.cursor() as cursor:
        for model in (Outstanding, Blacklisted):
            quote = connection.ops.quote_name
            columns = ", ".join(
                f"{quote(field.column)} {field.db_type(connection)}{'' if field.null else ' NOT NULL'}"
                + (f" PRIMARY KEY {field.db_type_suffix(connection) or ''}" if field.primary_key else "")
                for field in model._meta.concrete_fields
            )
            cursor.execute(f"CREATE TABLE {quote(model._meta.db_table)} ({columns})")
    yield Outstanding, Blacklisted
    with connection.cursor() as cursor:
        for model in (Blacklisted, Outstanding):
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(model._meta.db_table)}")


@pytest.fixture
def fill(tables: Any, user: Any) -> Any:
    outstanding, blacklisted = tables

    def add(jti: str, *, on_list: bool = True, days: int = 1, owner: Any = user) -> None:
        token = outstanding._default_manager.create(
            user_id=None if owner is None else owner.pk,
            jti=jti,
            token=SECRET_TEXT,
            expires_at=timezone.now() + timedelta(days=days),
        )
        if on_list:
            blacklisted._default_manager.create(token=token)

    return add


@pytest.fixture
def filled(fill: Any) -> None:
    for number in range(5):
        fill(f"dead{number}")
    fill("nobodys", owner=None)
    fill("expired", days=-1)
    fill("live", on_list=False)
    fill("long ago", on_list=False, days=-1)


def test_brings_over_what_is_listed_and_has_not_expired(filled: None, user: Any) -> None:
    said = run()
    assert "Refused from now on: 6 tokens of simplejwt's blacklist." in said
    assert "Brought over before: 0 tokens. Expired: 1 token." in said
    assert "Perhaps still in use: 1 token" in said
    assert set(BlacklistedToken.objects.values_list("jti", flat=True)) == {*(f"dead{n}" for n in range(5)), "nobodys"}
    row = BlacklistedToken.objects.get(jti="dead0")
    assert (row.user_id, row.kind, row.reason, row.login_id) == (user.pk, "refresh", "revoked", None)
    assert row.created_at <= timezone.now() < row.expires_at
    assert BlacklistedToken.objects.get(jti="nobodys").user_id is None
    assert is_blacklisted(jti="dead0")
    assert not is_blacklisted(jti="DEAD0")
    assert not is_blacklisted(jti="live")


def test_again_changes_nothing(filled: None) -> None:
    run()
    before = list(BlacklistedToken.objects.order_by("pk").values())
    said = run()
    assert "Refused from now on: 0 tokens" in said
    assert "Brought over before: 6 tokens." in said
    assert list(BlacklistedToken.objects.order_by("pk").values()) == before


def test_dry_run_writes_nothing(filled: None) -> None:
    assert "Would be refused from now on: 6 tokens of simplejwt's blacklist." in run("--dry-run")
    assert not BlacklistedToken.objects.exists()


@pytest.mark.parametrize("size", ["1", "2", "6", "7"])
def test_batches_bring_over_each_once(filled: None, size: str) -> None:
    assert ": 6 tokens of" in run("--batch-size", size)
    assert BlacklistedToken.objects.count() == 6


def test_token_text_is_never_read_nor_copied(filled: None) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        run()
    quoted = f"{connection.ops.quote_name('token_blacklist_outstandingtoken')}.{connection.ops.quote_name('token')}"
    assert not [query["sql"] for query in queries if quoted in query["sql"] or SECRET_TEXT in query["sql"]]
    assert SECRET_TEXT not in str(list(BlacklistedToken.objects.values()))


def test_imported_token_is_refused_in_the_window(fill: Any, user: Any, settings: Any) -> None:
    settings.AUTHKIT = OPEN
    fill("stolen")
    run()
    with pytest.raises(TokenNotValid) as caught:
        refresh_tokens(refresh=simplejwt_token(user, "refresh", jti="stolen"))
    assert caught.value.why == "revoked"
    refresh_tokens(refresh=simplejwt_token(user, "refresh", jti="Stolen"))


def test_project_without_the_tables_is_told_so(db: None) -> None:
    with pytest.raises(CommandError, match="kept no blacklist here"):
        run()


def test_batch_size_of_nothing(tables: Any) -> None:
    with pytest.raises(CommandError, match="at least 1"):
        run("--batch-size", "0")
