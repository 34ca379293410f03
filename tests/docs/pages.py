"""The documentation as the tests here read it: its pages, headings, tables and code."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
WRITTEN = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "benchmarks" / "README.md", *DOCS]
"""Every page that people read."""

_FENCED = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)


def without_code(text: str) -> str:
    """The text without fenced blocks; as many lines as before, so that a line number is that of the file."""
    return _FENCED.sub(lambda block: "\n" * block[0].count("\n"), text)


def headings(text: str) -> list[str]:
    """The text of each heading, in order, in Markdown."""
    return re.findall(r"^#+ (.+?)\s*$", without_code(text), re.MULTILINE)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page: lower case, hyphens for blanks, no other punctuation."""
    found: list[str] = []
    for heading in headings(text):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        times = found.count(slug)
        found += [slug, f"{slug}-{times}"] if times else [slug]
    return set(found)


def links(text: str) -> list[str]:
    """The targets of all links, without those in code."""
    return re.findall(r"\[[^]]*\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", without_code(text)))


def sections(text: str, level: int) -> dict[str, str]:
    """What stands below each heading of this level, up to the next one of it or above, by the heading."""
    pattern = rf"^{'#' * level} (.+?)\s*\n(.*?)(?=^#{{1,{level}}} |\Z)"
    return dict(re.findall(pattern, text, re.MULTILINE | re.DOTALL))


def first_cells(text: str) -> list[str]:
    """The first cell of each row of a table, but for the head and the line under it."""
    rows = re.findall(r"^\|(.*?)(?<!\\)\|", text, re.MULTILINE)
    heads = [number + 1 for number, cell in enumerate(rows) if set(cell.strip()) <= set("-:") and cell.strip()]
    dropped = {number for head in heads for number in (head - 1, head - 2)}
    return [cell.strip() for number, cell in enumerate(rows) if number not in dropped]
