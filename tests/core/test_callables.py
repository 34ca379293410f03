"""What a setting may name: a callable that takes the arguments with which authkit calls it."""

from __future__ import annotations

from typing import Any

import pytest

from authkit.core.callables import takes


async def waits(one: Any) -> None: ...


@pytest.mark.parametrize(
    ("function", "accepted"),
    [
        (lambda one: one, {1}),
        (lambda one, two=None: one, {1, 2}),
        (lambda *given: given, {0, 1, 2, 3}),
        (lambda *, named: named, set()),
        (waits, set()),
        ("no callable", set()),
        (print, {0, 1, 2, 3}),
        (dict.fromkeys, {1, 2}),
        (max, {0, 1, 2, 3}),  # written in C: no signature, so it may take any number
    ],
)
def test_callables_are_told_apart_by_the_arguments_that_they_take(function: Any, accepted: set[int]) -> None:
    assert {number for number in range(4) if takes(function, arguments=number)} == accepted
