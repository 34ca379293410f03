from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Warning  # noqa: A004


def check_notes(**_: Any) -> list[CheckMessage]:
    return [Warning("Notes are thrown away.", hint="Keep them elsewhere.", id="notes.W001")]


def check_notes_in_production(**_: Any) -> list[CheckMessage]:
    return [Warning("Notes are thrown away in production.", hint="Keep them elsewhere.", id="notes.W002")]


CHECKS = (check_notes,)
DEPLOY_CHECKS = (check_notes_in_production,)
