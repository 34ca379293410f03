"""docs/force-logout.md names commands, options, services, permissions and reasons that there are."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import pytest
from django.core.management import load_command_class

from authkit import logins
from authkit.exceptions import TooManyLogins
from authkit.logins.reasons import EndReason

PAGE = (Path(__file__).parents[2] / "docs" / "force-logout.md").read_text()
CALL = re.compile(r"`(end_\w+|summar\w+_\w+)\(([^)`]*)\)")


def test_commands_exist_and_take_these_options() -> None:
    lines = re.findall(r"`manage\.py (authkit_\w+[^`]*)`", PAGE)
    assert len(lines) == 7
    for line in lines:
        name, *options = shlex.split(line)
        load_command_class("authkit", name).create_parser("manage.py", name).parse_args(options)


def test_every_option_of_the_command_is_there() -> None:
    parser = load_command_class("authkit", "authkit_force_logout").create_parser("manage.py", "authkit_force_logout")
    common = load_command_class("authkit", "authkit_settings").create_parser("manage.py", "authkit_settings")
    own = {name for name in parser._option_string_actions if name.startswith("--")} - {"--no-input", "--skip-checks"}
    own -= common._option_string_actions.keys()
    assert {"--method", "--before", "--dry-run"} <= own
    assert [name for name in own if name not in PAGE] == []


@pytest.mark.parametrize(("name", "arguments"), sorted(set(CALL.findall(PAGE))))
def test_services_take_these_arguments(name: str, arguments: str) -> None:
    given = {part.partition("=")[0].strip() for part in arguments.split(",")} - {"…"}
    assert given <= inspect.signature(getattr(logins, name)).parameters.keys()


def test_reasons_and_codes_are_ours() -> None:
    table = PAGE[PAGE.index("## What ends by itself") : PAGE.index("Why a login ended")]
    reasons = [cell for row in table.splitlines() if row.endswith("` |") for cell in row.split("|")[-2:-1]]
    told = {reason for cell in reasons for reason in re.findall(r"`(\w+)`", cell)}
    assert len(told) == 8
    assert told <= set(EndReason.values)
    assert TooManyLogins.code in PAGE
