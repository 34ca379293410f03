"""A database that the former migrations made, on whichever database this run is about, is upgraded once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from authkit.management.layout import FORMER, RENUMBERED, UnexpectedLayout, upgrade
from tests.fresh_project import FreshProject

pytestmark = pytest.mark.process
sqlite_alone = pytest.mark.skipif("DATABASE_URL" in os.environ, reason="the same on every database")

BEFORE = """\
import authkit
MIGRATION_MODULES = {"authkit": "tests.management.migrations_before"}
INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework", "authkit"]
"""
AFTER = """\
import authkit
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
GOOGLE = {"CLIENT_ID": "client", "CLIENT_SECRET": "secret"}
AUTHKIT = {"ACCOUNTS": {}, "API_KEYS": {}, "AUDIT": {}, "OAUTH": {}, "SOCIAL": {"PROVIDERS": {"google": GOOGLE}}}
SILENCED_SYSTEM_CHECKS = ["authkit.E301", "authkit.E302", "authkit.E303"]  # the tables alone are looked at
authkit.configure(globals())
"""

# What former checkouts did with a database, in one process.
FILL = """
from django.core.management import call_command
call_command("migrate", verbosity=0, skip_checks=True)
call_command("migrate", "authkit", LAST, verbosity=0, skip_checks=True)
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections
from django.utils import timezone
ada, now = User.objects.create(username="ada"), timezone.now()
ours, _ = ContentType.objects.get_or_create(app_label="authkit", model="providertoken")
right, _ = Permission.objects.get_or_create(content_type=ours, codename="view_providertoken", defaults={"name": "view"})
ada.user_permissions.add(right)
with connection.cursor() as cursor:
    cursor.execute(
        "INSERT INTO authkit_providertoken (provider, sealed, updated_at, user_id) VALUES (%s, %s, %s, %s)",
        ["google", "sealed", now, ada.pk],
    )
    cursor.execute(
        "INSERT INTO authkit_providerlogout (digest, session, subject, issued_at, expires_at)"
        " VALUES (%s, %s, %s, %s, %s)",
        ["digest", "session", "subject", now, now],
    )
"""

# What a person does today, in one process too.
TODAY = """
import json
from io import StringIO
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from authkit.social.models import ProviderLogout, ProviderToken
from tests.management.test_upgrade_layout import schema

def answer(name, *arguments):
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()

refusal = ""
try:
    call_command("migrate", skip_checks=False, verbosity=0)
except SystemCheckError as error:
    refusal = str(error)
said = [answer("authkit_upgrade_layout"), answer("authkit_upgrade_layout")]
answer("migrate")
answer("migrate", "--check")
ada, token = User.objects.get(), ProviderToken.objects.get()
kept = [token.user.username, token.sealed, ProviderLogout.objects.get().pk]
rights = [ada.has_perm(f"{label}.view_providertoken") for label in ("authkit_social", "authkit")]
ProviderToken.objects.create(user=ada, provider="another", sealed="-", updated_at=token.updated_at)
print(json.dumps({"refusal": refusal, "said": said, "kept": kept, "rights": rights, "schema": schema()}))
"""


def schema() -> dict[str, list[str]]:
    """Columns and keys of authkit's tables, without the names that the database has drawn for indexes."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith("authkit_"):
                columns = connection.introspection.get_table_description(cursor, table)
                keys = connection.introspection.get_constraints(cursor, table).values()
                found[table] = sorted(
                    [f"{column.name} {column.type_code} {column.null_ok}" for column in columns]
                    + [f"{key['columns']} {key['unique']} {key['index']} {key['foreign_key']}" for key in keys]
                )
    return found


class Site(FreshProject):
    """Two settings modules over one empty database: `before` of the former layout, and today's."""

    def __init__(self, path: Path, *, database: str) -> None:
        url = f"import dj_database_url\nDATABASES = {{'default': dj_database_url.parse({database!r})}}\n"
        super().__init__(path, end=url + BEFORE)
        (path / "settings.py").rename(path / "before.py")
        super().__init__(path, end=url + AFTER)

    def before(self, last: str = FORMER[-1]) -> Site:
        """Migrated by the former migrations as far as the last, with rows in social's tables."""
        done(self.python(FILL.replace("LAST", repr(last)), settings="before"))
        return self


def done(process: subprocess.CompletedProcess[str]) -> str:
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """On a database of its own, at the server that this run is about."""
    if "DATABASE_URL" not in os.environ:
        yield Site(tmp_path, database=f"sqlite:///{tmp_path / 'layout.sqlite3'}")
        return
    name = f"layout_{uuid.uuid4().hex[:12]}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {connection.ops.quote_name(name)}")
    try:
        yield Site(tmp_path, database=urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl())
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {connection.ops.quote_name(name)}")


# Outside a transaction: PostgreSQL makes no database in one.
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("last", "interrupted"), [(FORMER[-1], False), (FORMER[-1], True), *((last, False) for last in RENUMBERED)]
)
def test_database_of_the_former_layout_keeps_its_rows_and_gets_todays_schema(
    site: Site, last: str, interrupted: bool
) -> None:
    if interrupted and connection.features.can_rollback_ddl:
        pytest.skip("this database undoes half an upgrade by itself")
    site.before(last)
    if interrupted:
        rename = "RENAME TABLE authkit_providerlogout TO authkit_social_providerlogout"
        done(site.python(f"from django.db import connection\nconnection.cursor().execute({rename!r})"))
    found = json.loads(done(site.python(TODAY)))
    assert "(authkit.E028)" in found["refusal"]
    assert ["today's layout" in found["said"][0], "nothing to upgrade" in found["said"][1]] == [True, True]
    assert found["kept"] == ["ada", "sealed", "digest"]
    assert found["rights"] == [True, False]
    assert found["schema"] == schema()


@pytest.mark.django_db
def test_nothing_is_upgraded_in_a_database_of_todays_layout() -> None:
    before, out = schema(), StringIO()
    call_command("authkit_upgrade_layout", stdout=out)
    assert "nothing to upgrade" in out.getvalue()
    assert schema() == before


@contextmanager
def opened(path: Path) -> Iterator[BaseDatabaseWrapper]:
    """A file as another database of this project: what Django records is read by a database's alias."""
    connections.settings["former"] = {**connections.settings["default"], "NAME": str(path)}
    try:
        yield connections["former"]
    finally:
        connections["former"].close()
        del connections["former"]
        del connections.settings["former"]


@sqlite_alone
def test_nothing_is_upgraded_in_an_empty_database(tmp_path: Path, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), opened(tmp_path / "empty.sqlite3") as empty:
        assert upgrade(empty) is False


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that the former migrations made, to be copied."""
    path = tmp_path_factory.mktemp("former")
    Site(path, database=f"sqlite:///{path / 'layout.sqlite3'}").before()
    return path / "layout.sqlite3"


@sqlite_alone
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("DELETE FROM django_migrations WHERE name = '0008_late_retries'", "it lacks authkit.0008_late_retries"),
        ("CREATE TABLE authkit_social_providertoken (id integer)", "it has both tables"),
        ("DROP TABLE authkit_providertoken", "it has no table authkit_providertoken"),
        (
            "INSERT INTO django_migrations (app, name, applied)"
            " SELECT 'authkit', '0010_own', applied FROM django_migrations WHERE name = '0008_late_retries'",
            "it has authkit.0010_own",
        ),
        (
            "INSERT INTO django_migrations (app, name, applied)"
            " SELECT 'authkit_social', '0001_initial', applied FROM django_migrations WHERE name = '0008_late_retries'",
            "it has migrations of authkit_social",
        ),
    ],
)
def test_unexpected_database_is_refused_and_left_as_it_is(
    former: Path, tmp_path: Path, django_db_blocker: Any, change: str, sentence: str
) -> None:
    copy = tmp_path / "copy.sqlite3"
    shutil.copy(former, copy)
    with django_db_blocker.unblock(), opened(copy) as changed:
        with changed.cursor() as cursor:
            cursor.execute(change)
        before = copy.read_bytes()
        with pytest.raises(UnexpectedLayout, match=sentence):
            upgrade(changed)
    assert copy.read_bytes() == before
