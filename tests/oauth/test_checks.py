"""What `manage.py check` says of the section OAUTH, each with its fix."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.checks import CheckMessage

from authkit.oauth import checks
from tests.oauth.parties import PUBLIC_URL
from tests.tokens.rings import ring

GOOD = {"PUBLIC_URL": PUBLIC_URL, "TOKENS": {"KEYS": ring("RS256")}, "OAUTH": {"SCOPES": {"notes:read": "Read"}}}


def said(settings: Any, **changed: Any) -> list[CheckMessage]:
    settings.AUTHKIT = {**GOOD, **changed}
    return [message for check in checks.CHECKS for message in check()]


def test_a_provider_in_order_is_told_nothing(settings: Any) -> None:
    assert said(settings) == []


@pytest.mark.parametrize(
    ("changed", "expected", "fix"),
    [
        ({"PUBLIC_URL": ""}, "authkit.E301", "PUBLIC_URL"),
        ({"TOKENS": {}}, "authkit.E302", "authkit_keys generate --algorithm RS256"),
        ({"TOKENS": {"KEYS": ring("HS256")}}, "authkit.E302", "authkit_keys"),
        ({"TOKENS": {"KEYS": ring("ES256")}}, "authkit.W300", "RS256"),
        ({"OAUTH": {"DEFAULT_RESOURCE": "/notes"}}, "authkit.E304", "https://"),
        ({"OAUTH": {"RESOURCES": {"https://a.example/#x": {}}}}, "authkit.E304", "https://"),
        ({"OAUTH": {"RESOURCES": {"https://a.example/é": {}}}}, "authkit.E304", "https://"),
        ({"OAUTH": {"DEFAULT_RESOURCE": "authkit:x", "RESOURCES": {"https://[": {}}}}, "authkit.E304", "https://"),
        ({"TOKENS": {"KEYS": ring("RS256"), "AUDIENCE": PUBLIC_URL}}, "authkit.E305", "audience"),
        ({"OAUTH": {"SCOPES": {"notes read": "x"}}}, "authkit.E306", "notes:read"),
        ({"OAUTH": {"RESOURCES": {"https://a.example": {"SCOPES": {'"': "x"}}}}}, "authkit.E306", "notes:read"),
    ],
)
def test_each_mistake_has_its_id_and_its_fix(settings: Any, changed: Any, expected: str, fix: str) -> None:
    (message,) = said(settings, **changed)
    assert message.id == expected
    assert fix in str(message.hint)


@pytest.mark.urls("authkit.urls.api")
def test_the_second_include_is_asked_for(settings: Any) -> None:
    (message,) = said(settings)
    assert (message.id, checks.INCLUDE in str(message.hint)) == ("authkit.E303", True)


@pytest.mark.process
def test_without_authlib_manage_py_check_comes_far_enough_to_say_so() -> None:
    blocked = "import sys; sys.modules['authlib'] = None; from django.core.management import execute_from_command_line"
    run = subprocess.run(  # our own interpreter
        [sys.executable, "-c", f"{blocked}; execute_from_command_line(['manage.py', 'check'])"],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "authkit.E300" in run.stderr
    assert "pip install 'django-authkit[provider]'" in run.stderr


def test_without_authlib_the_hint_has_the_command(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    (message,) = said(settings)
    assert (message.id, str(message.hint)) == ("authkit.E300", "pip install 'django-authkit[provider]'")
