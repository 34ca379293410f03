"""Checks of the section AUDIT."""

from __future__ import annotations

import re
import secrets
from typing import Any

import pytest

from authkit.audit import checks


def only(check: Any) -> tuple[str, str, str]:
    (message,) = check()
    return str(message.id).removeprefix("authkit."), message.msg, message.hint or ""


def not_a_function_of_one(one: Any, two: Any) -> dict[str, Any]:
    return {}


async def waits(request: Any) -> dict[str, Any]:
    return {}


def fine(request: Any) -> dict[str, Any]:
    return {}


def test_nothing_is_said_of_an_empty_section_and_of_good_values(settings: Any) -> None:
    good = {"LOG_ONLY": ["token.refreshed"], "CONTEXT": fine, "SEAL_KEY": secrets.token_urlsafe(32)}
    for section in ({}, good, {"SEAL_KEY": lambda: 1 / 0}):
        settings.AUTHKIT = {"AUDIT": section}
        assert [check() for check in checks.CHECKS] == [[], [], []]


def test_e260_event_that_does_not_exist(settings: Any) -> None:
    settings.AUTHKIT = {"AUDIT": {"LOG_ONLY": ["token.refresh"]}}
    assert only(checks.check_names)[0] == "E260"
    assert only(checks.check_names)[2] == "Did you mean 'token.refreshed'?"
    settings.AUTHKIT = {"AUDIT": {"LOG_ONLY": ["zzz"]}}
    assert "Known events: " in only(checks.check_names)[2]


def test_e261_context_that_can_t_be_imported(settings: Any) -> None:
    settings.AUTHKIT = {"AUDIT": {"CONTEXT": "mysite.nowhere.context"}}
    assert only(checks.check_context)[0] == "E261"


@pytest.mark.parametrize("function", [not_a_function_of_one, waits])
def test_e262_context_that_can_t_be_called(settings: Any, function: Any) -> None:
    settings.AUTHKIT = {"AUDIT": {"CONTEXT": function}}
    assert only(checks.check_context)[0] == "E262"


def test_e263_key_of_seals_that_can_be_guessed(settings: Any) -> None:
    settings.AUTHKIT = {"AUDIT": {"SEAL_KEY": "short"}}
    number, message, _ = only(checks.check_seal_key)
    assert (number, "short'" in message) == ("E263", False)


def test_every_id_is_listed_in_the_module() -> None:
    assert re.findall(r"E26\d", checks.__doc__ or "") == ["E260", "E261", "E262", "E263"]
