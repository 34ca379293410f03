"""simplejwt's upkeep is uncertain, and importing it freezes SIMPLE_JWT: authkit works with and without it."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import authkit
from authkit.tokens import simplejwt

PACKAGE = Path(authkit.__file__).parent
LIBRARY = "rest_framework_simplejwt"


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that this source may import, by statement at any depth, or by a dotted path in a string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(f"{LIBRARY}."):
            yield node.value


def importers(package: Path) -> set[str]:
    sources = {path: ast.parse(path.read_text()) for path in package.rglob("*.py")}
    return {
        path.relative_to(package).as_posix()
        for path, tree in sources.items()
        if any(name.split(".")[0] == LIBRARY for name in imported(tree))
    }


def test_no_module_imports_simplejwt() -> None:
    assert importers(PACKAGE) == set()


def test_no_requirement_names_simplejwt() -> None:
    requirements = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extras = [name for names in requirements["optional-dependencies"].values() for name in names]
    assert not [name for name in (*requirements["dependencies"], *extras) if "simplejwt" in name]


def test_the_scan_finds_what_it_looks_for(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"import {LIBRARY}")
    (tmp_path / "b.py").write_text(f"def late():\n    from {LIBRARY}.tokens import AccessToken")
    (tmp_path / "c.py").write_text(f"import_string('{LIBRARY}.tokens.AccessToken')")
    (tmp_path / "d.py").write_text(f'"""Speaks of {LIBRARY}."""')
    assert importers(tmp_path) == {"a.py", "b.py", "c.py"}


def test_every_public_name_is_there() -> None:
    assert sorted(simplejwt.__all__) == simplejwt.__all__
    for name in simplejwt.__all__:
        assert getattr(simplejwt, name).__name__ == name
