"""The subject of each sentence is a thing with a name: what people read says "the caller", and not "whoever calls"."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, WRITTEN, without_code

WORDS = re.compile(
    r"\b(whoever|whomever|whom|whosoever|nobody|no[ -]one|somebody|someone|anybody|anyone)\b", re.IGNORECASE
)
# "Who knows the password …" and "What runs out …": a clause where a name belongs. Questions may begin so.
CLAUSE = re.compile(r"(?:^|[.!?:] +)(?:\*\*)?(Who|What|Whose) [^.?!:]*[.!:]", re.MULTILINE)
TEMPLATES = sorted(
    path
    for root in ("authkit", "example_project")
    for path in (ROOT / root).rglob("*")
    if path.suffix in {".html", ".txt"} and "templates" in "/".join(path.parts)
)
MODULES = sorted((ROOT / "authkit").rglob("*.py"))


def refused(text: str) -> list[str]:
    """The words of the text that stand where a name belongs, each with what surrounds it."""
    return [text[max(0, found.start() - 40) : found.end() + 40] for found in WORDS.finditer(text)]


def strings(source: str) -> Iterator[str]:
    """The strings of a module, those of f-strings included, without its docstrings."""
    tree = ast.parse(source)
    bodies = [node.body for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list)]
    alone = {id(line.value) for body in bodies for line in body if isinstance(line, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def prose(text: str) -> str:
    """A page without code, headings and tables' heads, one paragraph a line."""
    lines = [line for line in without_code(text).splitlines() if not line.startswith(("#", "|"))]
    marked = "\n".join(re.sub(r"^\s*(?:[-*]|\d+\.) ", "\n", line).strip(" ") for line in lines)
    return re.sub(r"(?<!\n)\n(?!\n)", " ", marked)


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_page_names_its_subjects(page: Path) -> None:
    assert refused(re.sub(r"`[^`\n]*`", "", without_code(page.read_text()))) == []


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sentence_of_a_page_begins_with_a_clause_for_its_subject(page: Path) -> None:
    assert [found[0].strip() for found in CLAUSE.finditer(prose(page.read_text()))] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_template_names_its_subjects(template: Path) -> None:
    assert refused(re.sub(r"\{#.*?#\}|<style>.*?</style>", "", template.read_text(), flags=re.DOTALL)) == []


def test_messages_name_their_subjects() -> None:
    found = {path.name: list(map(refused, strings(path.read_text()))) for path in MODULES}
    assert {name: [each for each in lists if each] for name, lists in found.items() if any(lists)} == {}


def test_what_is_looked_for_is_found() -> None:
    assert len(TEMPLATES) > 20
    assert len(MODULES) > 200
    assert refused("Nobody is told, and whoever asks waits.") != []
    module = '"""Nobody."""\ndef f():\n    """Nobody."""\n    return f"{f}: nobody", "told"\n'
    assert sorted(strings(module)) == [": nobody", "told"]
    assert CLAUSE.search("It ends. Who knows the password is in.")
    assert CLAUSE.search("**What runs out** does so by itself.")
    assert not CLAUSE.search("Who may sign in?")
    assert prose("# Who is in\n\nOne\ntwo.\n- Three\n  four.\n").split("\n\n") == [" One two.", "Three four."]
