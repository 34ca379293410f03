"""docs/front-end.md, held to the module and its types."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
STATIC = ROOT / "authkit" / "static" / "authkit"
MODULE = (STATIC / "authkit.js").read_text()
TYPES = (STATIC / "authkit.d.ts").read_text()
DOC = (ROOT / "docs" / "front-end.md").read_text()

[_AUTH] = re.findall(r"^export interface Auth<.*?^}", TYPES, re.MULTILINE | re.DOTALL)
MEMBERS = sorted(set(re.findall(r"^  (?:readonly )?(\w+)[(:]", _AUTH, re.MULTILINE)) - {"state"})
CODES = sorted(set(re.findall(r'AuthError\(\s*"(\w+)"', MODULE)))


def test_there_is_something_to_look_for() -> None:
    assert {"fetch", "loginWithPopup", "onChange"} <= set(MEMBERS)
    assert {"cancelled", "unavailable", "invalid_state"} <= set(CODES)


@pytest.mark.parametrize("member", MEMBERS)
def test_every_function_is_described(member: str) -> None:
    assert f"{member}(" in DOC


@pytest.mark.parametrize("code", CODES)
def test_every_error_code_of_the_modules_own_is_described(code: str) -> None:
    assert f"`{code}`" in DOC
    assert f"`{code}`" in TYPES
