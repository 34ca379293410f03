"""The pages can be found: each is in the index, and no link leads nowhere."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, WRITTEN, anchors, first_cells, headings, links, without_code

README = (ROOT / "README.md").read_text()
INDEX = (ROOT / "docs" / "README.md").read_text()
LINKED = [(page, target) for page in WRITTEN for target in links(page.read_text()) if "://" not in target]


def test_every_page_is_in_the_index() -> None:
    listed = {target for target in links(INDEX) if target.endswith(".md") and "/" not in target}
    assert sorted(listed) == [page.name for page in DOCS if page.name != "README.md"]


def test_index_is_by_task() -> None:
    tasks = first_cells(INDEX)
    assert len(tasks) >= len(DOCS) - 1
    assert all(task[0].islower() and not task.startswith("the ") for task in tasks), "write it after “I want to…”"


def test_there_are_links_to_look_at() -> None:
    assert len(LINKED) > 150


@pytest.mark.parametrize(("page", "target"), LINKED, ids=[f"{page.name} to {target}" for page, target in LINKED])
def test_no_link_is_dead(page: Path, target: str) -> None:
    path, _, anchor = target.partition("#")
    linked = (page.parent / path).resolve() if path else page
    assert linked.is_relative_to(ROOT)
    assert linked.exists(), f"{page.name} links to {path}"
    if anchor:
        assert anchor in anchors(linked.read_text()), f"{path or page.name} has no heading for #{anchor}"


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_a_page_has_one_title_at_its_top(page: Path) -> None:
    text = without_code(page.read_text())
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
    assert f"# {headings(text)[0]}" in text.splitlines()[:3]


def test_readme_is_short_and_its_first_screen_says_what_a_newcomer_asks() -> None:
    lines = README.splitlines()
    assert len(lines) <= 200
    screen = "\n".join(lines[:30])
    for said in ("alpha", "package index", "Django 5.2", "Python 3.11", "docs/choosing.md", "docs/force-logout.md"):
        assert said in screen
    for peer in ("djangorestframework-simplejwt", "django-allauth"):
        assert peer in screen


def test_versions_of_the_readme_are_those_of_the_package() -> None:
    said = re.search(r"^\*\*Versions:\*\* (.*)$", README, re.MULTILINE)
    assert said is not None
    package = (ROOT / "pyproject.toml").read_text()
    for name in ("Django", "Python"):
        [listed] = re.findall(rf"{name} ([\d., and]+)", said[1])
        trove = "Framework :: Django" if name == "Django" else "Programming Language :: Python"
        known = re.findall(rf'"{trove} :: (\d+\.\d+)"', package)
        assert re.findall(r"\d+\.\d+", listed) == known


def test_a_heading_and_its_anchor() -> None:
    text = "# A `code` title, with: marks\n\n## Twice\n\n```sh\n# no heading\n```\n\n## Twice\n"
    assert anchors(text) == {"a-code-title-with-marks", "twice", "twice-1"}


def test_pages_import_what_is_public() -> None:
    blocks = [block for page in WRITTEN for block in re.findall(r"```\w+\n(.*?)```", page.read_text(), re.DOTALL)]
    imported = {
        (module, name.strip())
        for block in blocks
        for module, names in re.findall(r"^from (authkit[\w.]*) import ([\w, ]+)$", block, re.MULTILINE)
        for name in names.split(",")
    }
    assert len(imported) > 10
    allowed = {"authkit", "authkit.exceptions", "authkit.tokens.simplejwt"}
    for module, name in sorted(imported):
        assert hasattr(import_module(module), name) or module == "authkit", f"{module}.{name}"
        assert module in allowed or name in import_module(module).__all__, f"{module}.{name} is not public"
