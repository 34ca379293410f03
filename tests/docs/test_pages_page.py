"""docs/pages.md lists the templates that a project may replace, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from authkit import social

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pages.md").read_text()
# Of the core and of each feature.
PLACES = sorted((ROOT / "authkit").rglob("templates"))
TEMPLATES = ROOT / "authkit" / "templates"


def test_every_page_is_listed_and_no_other() -> None:
    there = {f"authkit/{path.name}" for place in PLACES for path in (place / "authkit").glob("*.html")}
    table = "".join(re.findall(r"^\|.*$", PAGE, re.MULTILINE))
    assert set(re.findall(r"`(authkit/\w+\.html)`", table)) == there


def test_every_block_that_the_page_names_exists() -> None:
    frames = "".join((TEMPLATES / "authkit" / name).read_text() for name in ("base.html", "account_base.html"))
    there = set(re.findall(r"{% block (\w+) %}", frames))
    rows = re.findall(r"^\| `authkit/(?:account_)?base\.html` \|[^|]*\|(.*)\|$", PAGE, re.MULTILINE)
    assert len(rows) == 2
    named = set(re.findall(r"{% block (\w+) %}", PAGE)) | set(re.findall(r"`(\w+)`", "".join(rows)))
    assert named - there == set()
    assert "authkit.social.sign_in_origins()" in PAGE
    assert callable(social.sign_in_origins)
