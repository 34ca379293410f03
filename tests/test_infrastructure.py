"""The three user models, the client that the fixtures hand out, and the rule for a part that is missing."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse


def test_user_signs_in_with_the_known_password(user, credentials) -> None:
    assert Client().login(**credentials(user))


def test_user_is_of_the_chosen_model(user) -> None:
    assert user._meta.label == settings.AUTH_USER_MODEL
    known_by = {"username": "stock", "handle": "uuid", "email": "email"}
    assert known_by[user.USERNAME_FIELD] == settings.TEST_USER


def test_admin_lists_and_edits_each_user_model(make_user) -> None:
    client, boss = Client(), make_user("boss", is_superuser=True)
    client.force_login(boss)
    model = f"{boss._meta.app_label}_{boss._meta.model_name}"
    assert client.get(reverse(f"admin:{model}_changelist")).status_code == 200
    assert client.get(reverse(f"admin:{model}_change", args=[boss.pk])).status_code == 200
    assert client.get(reverse(f"admin:{model}_add")).status_code == 200


@pytest.mark.django_db
def test_api_client_is_held_to_csrf(api) -> None:
    assert api.handler.enforce_csrf_checks
    assert api.get("/probe/").status_code in {401, 403}


def test_sdist_takes_each_name_from_the_top_alone() -> None:
    # Hatchling reads them as .gitignore does: "docs" alone would be tests/docs too.
    root = Path(__file__).parent.parent
    targets = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    for name in targets["sdist"]["include"]:
        assert name.startswith("/")
        assert (root / name.removeprefix("/")).exists()


def run_without_redis(**environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k not in {"CI", "REDIS_URL", "DATABASE_URL"}}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "redis", "tests/services"],
        cwd=Path(__file__).parent.parent,
        env={name: value for name, value in inherited.items() if "XDIST" not in name} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.process
def test_missing_part_is_a_skip_that_says_why() -> None:
    finished = run_without_redis()
    assert finished.returncode == 0
    assert "needs redis: REDIS_URL isn't set" in finished.stdout
    assert "1 skipped" in finished.stdout


@pytest.mark.process
def test_missing_part_is_a_failure_in_ci() -> None:
    finished = run_without_redis(CI="true")
    assert finished.returncode == 1
    assert "needs redis: REDIS_URL isn't set" in finished.stdout
    assert "skipped" not in finished.stdout


def test_what_a_pass_leaves_out_is_there() -> None:
    from tests import run

    named = {argument for one in run.PASSES for argument in one.arguments if "tests/" in argument}
    patterns = {argument.removeprefix("--ignore=").removeprefix("--ignore-glob=") for argument in named}
    assert len(patterns) > 50
    missing = {pattern for pattern in patterns if not list(run.ROOT.glob(pattern))}
    assert not missing
