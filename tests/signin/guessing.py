"""Tries at the password doors, for the tests of challenges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from authkit.limiter.models import AttemptBudget
from authkit.signin.challenges import ProofOfWork

HOME = "198.51.100.7"


class Quick(ProofOfWork):
    """With little work."""

    cost = 1
    prefix = "0"


QUICK = f"{__name__}.Quick"


@pytest.fixture
def limiter(settings: Any) -> Callable[..., None]:
    """``limiter(CHALLENGE=…)``: the section."""

    def choose(**section: Any) -> None:
        settings.AUTHKIT = {**settings.AUTHKIT, "LIMITER": {"CHALLENGE": QUICK, "CHALLENGE_AFTER": 2, **section}}

    choose()
    return choose


def sign_in(name: str, password: str, *, address: str = HOME, path: str = "token/", **more: Any) -> Any:
    body = {get_user_model().USERNAME_FIELD: name, "password": password, **more}
    path = path if path.startswith("/") else f"/auth/api/{path}"
    return APIClient().post(path, body, format="json", REMOTE_ADDR=address)


def guess(name: str, times: int = 2, *, address: str = HOME) -> Any:
    """Fail so often, without a challenge, and answer what the next try is told."""
    for _ in range(times):
        assert sign_in(name, "wrong", address=address).status_code == 401
    return sign_in(name, "wrong", address=address)


def spent(scope: str = "name") -> list[int]:
    return list(AttemptBudget.objects.filter(scope=scope).values_list("spent", flat=True))
