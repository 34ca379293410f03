"""Steps and rules that a project might have."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpResponse
from social_core.exceptions import AuthPolicyError

from authkit.exceptions import SocialLoginFailed

ASKED: list[Any] = []
"""What the rules below were asked about."""


def note(*, details: dict[str, str], **_context: Any) -> None:
    """Look, and change nothing."""
    ASKED.append(details)


def forbid(*, backend: Any, **_context: Any) -> None:
    """Refuse as social-core's steps do."""
    raise AuthPolicyError(backend, stage="pipeline")


def refuse_by_own_word(**_context: Any) -> None:
    """Refuse with a reason of the project's own."""
    raise SocialLoginFailed("no badge", reason="no_badge")


def break_down(**_context: Any) -> None:
    """Fail as a bug does."""
    raise ValueError("a bug")


def name_another(*, user: Any = None, **_context: Any) -> dict[str, Any]:
    """Name somebody without a link: what linking by address or by name comes to."""
    return {"user": get_user_model()._default_manager.exclude(pk=getattr(user, "pk", None)).first()}


def answer(**_context: Any) -> HttpResponse:
    """End the pipeline with a page."""
    return HttpResponse("wait")


def switch_off(*, user: Any, is_new: bool, **_context: Any) -> None:
    """Let new accounts wait for approval."""
    if is_new:
        user.is_active = False
        user.save()


def allow_alice(profile: Any) -> bool:
    """Admit Alice alone."""
    ASKED.append(profile)
    return bool(profile.username == "alice")


def truthy(_subject: Any) -> Any:
    """Say no, in a way that is true to Python."""
    return "no"


def failing(_subject: Any) -> Any:
    """Fail as a bug does."""
    raise ZeroDivisionError


def verified(user: Any) -> bool:
    """Say that this project has verified everybody's address."""
    ASKED.append(user)
    return True


def not_verified(_user: Any) -> bool:
    """Say that it has verified nobody's."""
    return False
