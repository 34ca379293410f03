"""Callables that a project names in its settings."""

from __future__ import annotations

from inspect import iscoroutinefunction, signature
from typing import Any


def takes(function: Any, *, arguments: int) -> bool:
    """Whether this can be called, without `await`, with so many positional arguments.

    Args:
        function: what the setting names.
        arguments: their number.
    """
    if not callable(function) or iscoroutinefunction(function):
        return False
    try:
        signature(function).bind(*[None] * arguments)
    except TypeError:
        return False
    except ValueError:
        pass  # written in C, so its signature is not known
    return True
