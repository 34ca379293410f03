"""A database of the layout in which the tables of social sign-in belonged to the core, brought to today's layout.

The former migrations are gone: this module knows their names, and changes exactly the database that they made. Newer
migrations are left to `migrate`, which runs afterwards.
"""

from __future__ import annotations

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

CORE, SOCIAL = "authkit", "authkit_social"

FORMER = (
    "0001_initial",
    "0002_blacklisted_token",
    "0003_redis_epoch",
    "0004_authorization_code",
    "0005_provider_sessions_and_tokens",
    "0006_epoch_of_raises",
    "0007_user_cutoff_keeps",
    "0008_late_retries",
    "0009_hashes_moved_on_and_impersonation",
)
"""The core's migrations of the former layout."""

RENUMBERED = {"0010_facts_of_a_login": "0002_facts_of_a_login"}
"""Migrations of the former layout that today's has as well; a database may have them or not."""

MOVED = ("providerlogout", "providersession", "providertoken")
"""The models that are social's now, by the names that content types have."""

DROPPED = "authorizationcode"
"""Its codes were good for a minute. The codes of today have a table of their own."""


class UnexpectedLayout(Exception):
    """The database is neither of the former layout nor of today's. Its text says what was found."""


def is_former(connection: BaseDatabaseWrapper) -> bool:
    """Whether a migration is recorded that only the former layout had."""
    return bool(_recorded(connection, CORE).intersection(FORMER[1:]))


def upgrade(connection: BaseDatabaseWrapper) -> bool:
    """Renames social's tables, drops the one of former codes, and rewrites what Django has recorded.

    In one transaction. MariaDB and MySQL commit at each renamed table: an upgrade that was interrupted there goes on
    where it stopped when it is called again, because the records are rewritten last.

    Returns:
        Whether there was something to do.

    Raises:
        UnexpectedLayout: before anything was changed.
    """
    if not is_former(connection):
        return False
    renames = _renames(connection)
    with connection.schema_editor(atomic=True) as editor:
        for before, after in renames:
            # By the tables' names, because Django knows no models of the former ones.
            editor.execute(
                editor.sql_rename_table
                % {"old_table": editor.quote_name(before), "new_table": editor.quote_name(after)}
            )
        if f"{CORE}_{DROPPED}" in connection.introspection.table_names():
            editor.execute(editor.sql_delete_table % {"table": editor.quote_name(f"{CORE}_{DROPPED}")})
        with transaction.atomic(using=connection.alias):
            _rewrite_content_types(connection)
            _rewrite_migrations(connection)
    return True


def _recorded(connection: BaseDatabaseWrapper, label: str) -> frozenset[str]:
    return frozenset(name for app, name in MigrationRecorder(connection).applied_migrations() if app == label)


def _renames(connection: BaseDatabaseWrapper) -> list[tuple[str, str]]:
    missing = [name for name in FORMER if name not in _recorded(connection, CORE)]
    if missing:
        raise UnexpectedLayout(f"it lacks {CORE}.{missing[0]}; apply that by the checkout that it was made with")
    if unknown := sorted(_recorded(connection, CORE).difference(FORMER, RENUMBERED)):
        raise UnexpectedLayout(f"it has {CORE}.{unknown[0]}, which is none of the former layout's migrations")
    if _recorded(connection, SOCIAL):
        raise UnexpectedLayout(f"it has migrations of {SOCIAL} already")
    tables = frozenset(connection.introspection.table_names())
    renames = []
    for model in MOVED:
        before, after = f"{CORE}_{model}", f"{SOCIAL}_{model}"
        if before in tables and after in tables:
            raise UnexpectedLayout(f"it has both tables, {before} and {after}")
        if before in tables:
            renames.append((before, after))
        elif after not in tables or connection.features.can_rollback_ddl:
            raise UnexpectedLayout(f"it has no table {before}")
    return renames


def _rewrite_content_types(connection: BaseDatabaseWrapper) -> None:
    # Permissions point at the content type's row, so people keep those that they have.
    kinds = ContentType.objects.using(connection.alias)
    kinds.filter(app_label=SOCIAL, model__in=MOVED).delete()
    kinds.filter(app_label=CORE, model=DROPPED).delete()
    kinds.filter(app_label=CORE, model__in=MOVED).update(app_label=SOCIAL)
    ContentType.objects.clear_cache()


def _rewrite_migrations(connection: BaseDatabaseWrapper) -> None:
    recorder = MigrationRecorder(connection)
    renumbered = [RENUMBERED[name] for name in sorted(_recorded(connection, CORE)) if name in RENUMBERED]
    recorder.migration_qs.filter(app=CORE).delete()
    for app, name in [(CORE, "0001_initial"), (SOCIAL, "0001_initial"), *((CORE, name) for name in renumbered)]:
        recorder.record_applied(app, name)
