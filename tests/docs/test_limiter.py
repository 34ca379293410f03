"""docs/limiter.md: its numbers are those of the settings, and its door works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import load_command_class

from authkit import conf
from authkit.core.clients import Client
from authkit.exceptions import InvalidGrant, Throttled
from tests.docs.pages import first_cells

PAGE = (Path(__file__).parents[2] / "docs" / "limiter.md").read_text()


def test_numbers_of_the_table_are_the_defaults() -> None:
    given = conf.Settings().limiter
    rows = [line for line in PAGE.splitlines() if line.startswith(("| the ", "| a device"))]
    numbers = [[int(number) for number in re.findall(r"(\d+)th", row)] for row in rows]
    assert numbers == [
        [given.slow_after, given.lock_after],
        [given.network_slow_after, given.network_lock_after],
        [given.device_lock_after],
        [given.stop_after],
    ]
    assert f"/{given.ipv6_prefix} of an IPv6" in PAGE
    assert (given.hashes, "At most four passwords") == (4, "At most four passwords")
    assert "At most four passwords" in PAGE
    assert (given.lock_for.total_seconds(), given.window.total_seconds()) == (3600, 24 * 3600)
    assert first_cells(PAGE)


def test_commands_are_parsed() -> None:
    lines = re.findall(r"^python manage\.py (authkit_unlock) (.*)$", PAGE, re.MULTILINE)
    assert len(lines) == 3
    for name, arguments in lines:
        load_command_class("authkit", name).create_parser("manage.py", name).parse_args(arguments.split())


@pytest.mark.django_db
def test_door_of_the_page_is_limited(user: Any) -> None:
    [block] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(block, namespace)
    given = {
        "phone": "+44 20 7946 0000",
        "client": Client("192.0.2.7"),
        "find": lambda phone, pin: user if pin else None,
    }
    assert namespace["spend_pin"](pin="1234", **given) == user
    for _ in range(5):
        with pytest.raises(InvalidGrant):
            namespace["spend_pin"](pin="", **given)
    with pytest.raises(Throttled):
        namespace["spend_pin"](pin="1234", **given)
