"""docs/checks.md, diffed both ways with the ids that the code can say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.checks.registry import registry

from tests.docs.pages import first_cells, sections

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "checks.md").read_text()
CELLS = [cell for text in sections(PAGE, 2).values() for cell in first_cells(text)]
IDS = [cell.split()[0] for cell in CELLS]
DEPLOY = {cell.split()[0] for cell in CELLS if cell.endswith("*deploy*")}


def said_by_the_code() -> set[str]:
    sources = (path.read_text() for path in (ROOT / "authkit").rglob("*.py"))
    return {f"authkit.{number}" for text in sources for number in re.findall(r'"(?:authkit\.)?([EW]\d{3})"', text)}


def test_every_id_is_there_once_and_no_other() -> None:
    assert len(IDS) > 80
    assert sorted(IDS) == sorted(said_by_the_code())


def test_each_row_says_what_it_means_and_what_to_do() -> None:
    rows = re.findall(r"^\| (authkit\.[^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
    assert [row[0] for row in rows] == CELLS
    assert [row[0] for row in rows if not (row[1].strip().endswith(".") and row[2].strip().endswith("."))] == []


def ids_of(check: Any) -> set[str]:
    """Those that the docstring of a check begins with: "E001 to E004", "W040, W041"."""
    begin = re.split(r"[.:(]", check.__doc__ or "", maxsplit=1)[0]
    found: set[str] = set()
    for kind, first, last in re.findall(r"([EW])(\d{3})(?: to [EW](\d{3}))?", begin):
        found |= {f"authkit.{kind}{number:03}" for number in range(int(first), int(last or first) + 1)}
    return found & set(IDS)


def test_deploy_marks_what_only_a_deployment_is_told() -> None:
    ours = [check for check in registry.get_checks(include_deployment_checks=True) if "authkit" in check.__module__]
    always = {number for check in registry.get_checks() for number in ids_of(check) if check in ours}
    deploy = {number for check in ours for number in ids_of(check)} - always
    assert always | deploy == set(IDS), "a check's docstring begins with its ids"
    assert deploy == DEPLOY


def test_other_pages_name_ids_that_there_are() -> None:
    pages = [path for path in (ROOT / "docs").glob("*.md") if path.name != "checks.md"]
    named = {number for path in pages for number in re.findall(r"\b(?:authkit\.)?([WE]\d{3})\b", path.read_text())}
    assert len(named) > 10
    assert {f"authkit.{number}" for number in named} <= set(IDS)


@pytest.mark.parametrize("silenced", re.findall(r'SILENCED_SYSTEM_CHECKS = \["([^"]+)"\]', PAGE))
def test_example_silences_a_warning(silenced: str) -> None:
    assert silenced in IDS
    assert ".W" in silenced
