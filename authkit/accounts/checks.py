"""What `manage.py check` says of the section ACCOUNTS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CHECKS: tuple[Callable[..., Any], ...] = ()
DEPLOY_CHECKS: tuple[Callable[..., Any], ...] = ()
