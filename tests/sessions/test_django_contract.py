"""Django's own contract for session engines, taken from its sources, holds for each of ours."""

from __future__ import annotations

import importlib.util
import os
import sys
import unittest
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.test import TransactionTestCase

from authkit.sessions.store import SessionStore
from tests.services import django_source
from tests.services.process import free_port

# Fewer than that, and it is not the whole mixin that was run.
AT_LEAST = 60


@pytest.fixture(scope="session")
def contract() -> Any:
    """Django's `SessionTestsMixin`."""
    found = django_source.tests()
    if isinstance(found, str):
        if os.environ.get("CI") == "true":
            pytest.fail(found, pytrace=False)
        pytest.skip(found)
    return _imported(found / "sessions_tests").SessionTestsMixin


def _imported(directory: Path) -> Any:
    package = "django_sessions_tests"
    # The models beside the tests belong to an app that isn't installed; the contract needs none of them.
    models: Any = ModuleType(f"{package}.models")
    models.SessionStore = SessionStore
    sys.modules[models.__name__] = models
    spec = importlib.util.spec_from_file_location(f"{package}.tests", directory / "tests.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[package] = ModuleType(package)
    spec.loader.exec_module(module)
    return module


def failures(contract: Any) -> list[str]:
    # Transactions end for real: what a store does after a commit is a part of what is tested.
    case: Any = type("OurSessions", (contract, TransactionTestCase), {"backend": SessionStore})
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    assert result.testsRun >= AT_LEAST
    assert not result.skipped
    return [f"{test}: {trace}" for test, trace in (*result.failures, *result.errors)]


@pytest.mark.django_db(transaction=True)
def test_database_keeps_djangos_contract(contract: Any, settings: Any) -> None:
    settings.AUTHKIT = {"SESSIONS": {"ENGINE": "database"}}
    assert failures(contract) == []


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("engine", ["cached", "redis"])
def test_redis_keeps_djangos_contract(contract: Any, use_redis: Any, engine: str) -> None:
    use_redis(engine)
    assert failures(contract) == []


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_cached_keeps_djangos_contract_while_redis_is_away(contract: Any, use_redis: Any) -> None:
    use_redis("cached", f"redis://127.0.0.1:{free_port()}", REVOCATION={"BOUND": timedelta(seconds=0.2)})
    assert failures(contract) == []
