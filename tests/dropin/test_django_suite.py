"""Django's own tests of signing in, of its checks and of its back ends, with `configure()` in their settings."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import django_source

ROOT = Path(__file__).parent.parent.parent

LABELS = (
    "auth_tests.test_auth_backends",
    "auth_tests.test_checks",
    "auth_tests.test_login",
    "auth_tests.test_models",
    "auth_tests.test_views.LoginTest",
    "auth_tests.test_views.PasswordResetTest",
)
AT_LEAST = 200
"""Tests. Fewer, and these are not the modules that were run."""

OTHERWISE = {
    # Every sign-in gets a new session id (ASVS 7.2.4). Django keeps it where the same person signs in again.
    "auth_tests.test_views.LoginTest.test_session_key_flushed_on_login_after_password_change",
    # A session whose person is inactive opens empty for every reader (docs/what-changes.md).
    "auth_tests.test_auth_backends.AllowAllUsersModelBackendTest.test_get_user",
    # Django compares AUTHENTICATION_BACKENDS with its default, and makes a warning of the error for any other list.
    # With authkit's subclass in the list, authkit.E280 is the error.
    "auth_tests.test_checks.UserModelChecksTests.test_username_non_unique",
    "auth_tests.test_checks.UserModelChecksTests.test_username_partially_unique",
    # AUTH_USER_MODEL is another one than when the tables were made: logins refer to the user model by a foreign key.
    "auth_tests.test_auth_backends.UUIDUserTests.test_alogin",
    "auth_tests.test_auth_backends.UUIDUserTests.test_login",
}


@pytest.mark.process
def test_djangos_own_auth_tests_behave_as_without_authkit() -> None:
    found = django_source.tests()
    if isinstance(found, str):
        if os.environ.get("CI") == "true":
            pytest.fail(found, pytrace=False)
        pytest.skip(found)
    done = subprocess.run(
        [sys.executable, "runtests.py", *LABELS, "--settings=tests.dropin.django_suite", "--parallel=1"],
        cwd=found,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    ran = re.search(r"^Ran (\d+) tests", done.stderr, re.MULTILINE)
    assert ran, done.stderr[-3000:]
    assert int(ran[1]) >= AT_LEAST
    assert set(re.findall(r"^(?:ERROR|FAIL): \w+ \(([\w.]+)\)", done.stderr, re.MULTILINE)) <= OTHERWISE, done.stderr
