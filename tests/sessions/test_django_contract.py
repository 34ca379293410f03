"""Django's own contract for session engines, taken from its sources, holds for each of ours."""

from __future__ import annotations

import importlib.util
import os
import sys
import unittest
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.test import TransactionTestCase

from authkit.sessions.store import SessionStore
from tests.services import django_source

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


def run(contract: Any) -> unittest.TestResult:
    # Transactions end for real: what a store does after a commit is a part of what is tested.
    case: Any = type("OurSessions", (contract, TransactionTestCase), {"backend": SessionStore})
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    return result


@pytest.mark.django_db(transaction=True)
def test_engine_keeps_djangos_contract(contract: Any) -> None:
    result = run(contract)
    assert [f"{test}: {trace}" for test, trace in (*result.failures, *result.errors)] == []
    assert result.testsRun >= AT_LEAST
    assert not result.skipped
