"""docs/keys.md, held to the code: its algorithms, its times, its commands, and its ring in a file."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from django.core.management import call_command, load_command_class

from authkit.tokens.checks import check_ring
from authkit.tokens.jws import ALGORITHMS
from authkit.tokens.keys import HOLD_SECONDS, KEEP_SECONDS

PAGE = (Path(__file__).parents[2] / "docs" / "keys.md").read_text()


def test_algorithms_are_those_that_there_are() -> None:
    [listed] = re.findall(r"^The algorithms are ([^.]*)\.", PAGE, re.MULTILINE)
    assert set(re.findall(r"\w+\d+|EdDSA", listed)) == set(ALGORITHMS)


def test_times_are_those_in_force() -> None:
    assert f"called every {HOLD_SECONDS:g} seconds" in PAGE
    assert f"for {KEEP_SECONDS / 60:g} minutes" in PAGE


def test_commands_can_be_parsed() -> None:
    lines = re.findall(r"^python manage\.py authkit_keys ([^#\n]+)", PAGE, re.MULTILINE)
    assert len(lines) == 3
    parser = load_command_class("authkit", "authkit_keys").create_parser("manage.py", "authkit_keys")
    for line in lines:
        parser.parse_args(shlex.split(line))


def test_a_ring_of_the_command_in_a_file_is_taken(settings: Any, tmp_path: Path, capsys: Any) -> None:
    [block] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    call_command("authkit_keys", "generate")
    ring = tmp_path / "keys.json"
    ring.write_text(capsys.readouterr().out)
    namespace: dict[str, Any] = {}
    exec(block.replace("/run/secrets/authkit-keys.json", str(ring)), namespace)
    settings.AUTHKIT = namespace["AUTHKIT"]
    assert check_ring() == []
