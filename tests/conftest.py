"""Fixtures for every test, and the rule for a part that isn't there: skipped, and in CI failed."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections, transaction
from django.test import TransactionTestCase
from django.utils import timezone
from rest_framework.test import APIClient

from tests.services import chromium, openid, postgres, redis

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PASSWORD = "correct-horse-battery-staple"

# Where tests/urls.py and the example project mount authkit, for the provider ids that tests use.
CALLBACK_PATHS = [f"/auth/social/complete/{provider}/" for provider in ("oidc", "demo", "openid")]


# What to do where only this run has no server, and not this machine.
BRING = "python -m tests.services python -m pytest … brings one"


def _postgres_missing() -> str | None:
    if settings.DATABASES["default"]["ENGINE"].endswith("postgresql"):
        return None
    return postgres.missing() or f"DATABASE_URL names no PostgreSQL; {BRING}"


def _redis_missing() -> str | None:
    if "REDIS_URL" in os.environ:
        return None
    return redis.missing() or f"REDIS_URL isn't set; {BRING}"


PARTS: dict[str, Callable[[], str | None]] = {
    "postgres": _postgres_missing,
    "redis": _redis_missing,
    "oidc": openid.missing,
    "browser": chromium.missing,
}


@functools.cache
def _missing(part: str) -> str | None:
    return PARTS[part]()


FILLED_BY_MIGRATE = frozenset({"django_content_type", "auth_permission"})


def _emptied(self: Any) -> None:
    """Leave the database as `migrate` left it. Django's own way truncates each table and makes all permissions anew,
    which takes PostgreSQL a tenth of a second, at each of thousands of tests."""
    for alias in self._databases_names(include_mirrors=False):
        connection = connections[alias]
        existing = connection.introspection.django_table_names(only_existing=True, include_views=False)
        tables = [connection.ops.quote_name(table) for table in existing if table not in FILLED_BY_MIGRATE]
        statements = [f"DELETE FROM {table}" for table in tables]
        if connection.vendor == "postgresql":
            # As TRUNCATE does, it waits for transactions of other connections, whose rows it would leave otherwise.
            statements = ["; ".join([f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE", *statements])]
        # In one transaction: the databases but MariaDB look at foreign keys at its end.
        with connection.constraint_checks_disabled(), transaction.atomic(using=alias), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


TransactionTestCase._fixture_teardown = _emptied  # type: ignore[attr-defined]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave a test out whose part is missing, before any fixture of it starts."""
    for marker in item.iter_markers():
        if marker.name in PARTS and (why := _missing(marker.name)):
            reason = f"needs {marker.name}: {why}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)


@pytest.fixture(autouse=True)
def _no_rows_of_events(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most tests are about the core, and count its statements: only with the fixture `recorded` are events stored."""
    if "recorded" not in request.fixturenames:
        from authkit import events
        from authkit.audit.recorder import write_event

        monkeypatch.delitem(events._recorders, write_event, raising=False)
    if "told_clients" not in request.fixturenames:
        from authkit import events
        from authkit.oauth.logout_notices import record_ending

        monkeypatch.delitem(events._recorders, record_ending, raising=False)


@pytest.fixture
def told_clients() -> None:
    """Has clients of third parties told of the end of logins."""


@pytest.fixture(autouse=True)
def _no_guard_of_service_accounts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above, for the statement of the guard that a project with API_KEYS has: it is asked with `api_keys`."""
    if "api_keys" not in request.fixturenames:
        from authkit.signin import guards
        from authkit.signin.service_accounts import refuse_service_accounts

        kept = [entry for entry in guards._guards if entry[1] is not refuse_service_accounts]
        monkeypatch.setattr(guards, "_guards", kept)


@pytest.fixture
def recorded() -> None:
    """Has events stored as in a project with AUDIT, by counters of this minute that begin anew."""
    from authkit.audit import recorder

    recorder._folding.__init__()  # type: ignore[misc]


@pytest.fixture(autouse=True)
def _no_lease_of_another_test() -> Iterator[None]:
    """What a process remembers of the database and of Redis is true of one test's alone."""
    # Not at module level: it has models, and this file is read before Django is set up.
    from authkit.apikeys import last_use, seen
    from authkit.revocation import epochs, push, sightings

    yield
    seen.forget_all()
    last_use.forget_all()
    push.forget()
    epochs.forget()
    sightings.forget_all()


@pytest.fixture
def password() -> str:
    """The password of every user that ``make_user`` makes."""
    return PASSWORD


@pytest.fixture
def make_user(db: None) -> Callable[..., Any]:
    """Make a user of whichever model this run is about: ``make_user("bob", is_staff=True)``.

    The name becomes the username or the handle, and the local part of the address.
    """

    def make(name: str = "alice", **fields: Any) -> Any:
        model = get_user_model()
        fields = {"email": f"{name}@example.test", "password": PASSWORD, **fields}
        if model.USERNAME_FIELD != "email":
            fields[model.USERNAME_FIELD] = name
        create = model._default_manager.create_user
        if fields.pop("is_superuser", False):
            create = model._default_manager.create_superuser
        return create(**fields)

    return make


@pytest.fixture
def user(make_user: Callable[..., Any]) -> Any:
    """Alice, active, with a known password and no rights."""
    return make_user()


class Clock:
    """Django's clock, which the test turns."""

    def __init__(self) -> None:
        self.moment = timezone.now() - timedelta(minutes=5)

    def now(self) -> datetime:
        return self.moment

    def forward(self, **units: float) -> None:
        """By a `timedelta` of these units."""
        self.moment += timedelta(**units)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stands still until the test moves it on, and begins 5 minutes ago.

    A token is read by `time.time()`, which refuses one that was issued in the future.
    """
    stopped = Clock()
    monkeypatch.setattr(timezone, "now", stopped.now)
    return stopped


@pytest.fixture
def credentials() -> Callable[..., dict[str, str]]:
    """The body of a login call: ``credentials(user)``, or ``credentials(user, "another password")``."""

    def body(of: Any, password: str = PASSWORD) -> dict[str, str]:
        return {of.USERNAME_FIELD: of.get_username(), "password": password}

    return body


@pytest.fixture
def api() -> APIClient:
    """A client that is held to CSRF, as a browser is; DRF's own is excused from it by default."""
    return APIClient(enforce_csrf_checks=True)


@pytest.fixture(scope="session")
def live_openid() -> Iterator[openid.OpenIDProvider]:
    """The certified OpenID provider, for a test marked ``oidc``; it calls back to any loopback port."""
    with openid.serve(clients=[openid.loopback_client(CALLBACK_PATHS)]) as provider:
        yield provider


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """A Chromium, for a test marked ``browser``.

    Playwright's synchronous API leaves an event loop running in this thread for as long as it is started.
    That has two effects on Django, undone here and only for as long as Playwright is on: which is why the
    browser is started for each test and not once for all of them.

    1. Django refuses the database to a thread with a running loop. Nothing here is asynchronous in truth
       (the loop stands still whenever a test's own code runs), so the check is off.
    2. Django keeps connections per thread, and where a loop runs, per asynchronous context: the test would
       get a second connection, which sees nothing of the first one's transaction and is closed by nobody. So
       it is given the first.
    """
    # At module level this would make Playwright a need of every run; it has a dependency group of its own.
    from playwright.sync_api import sync_playwright

    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    outside = {alias: connections[alias] for alias in connections}
    with sync_playwright() as playwright:
        for alias, connection in outside.items():
            connections[alias] = connection
        started = playwright.chromium.launch(
            executable_path=chromium.find(), args=list(chromium.ARGUMENTS), timeout=120_000
        )
        try:
            yield started
        finally:
            started.close()
            for alias in outside:
                del connections[alias]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page in a context of its own, with the patience that pages served from this machine need."""
    context = browser.new_context()
    context.set_default_timeout(30_000)
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.fixture
def unprepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each statement is in the log as it is: none by the name under which PostgreSQL has prepared it."""
    monkeypatch.setattr("authkit.logins.prepared.AFTER", 10**9)
