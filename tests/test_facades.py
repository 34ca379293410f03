"""What users import: each name of a package's `__all__` is there, typed, and loaded when it is first asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import authkit

ROOT = Path(authkit.__file__).parent
FACADES = ("api", "apikeys", "limiter", "logins", "mail", "oauth", "sessions", "signin", "social", "tokens")


@pytest.mark.parametrize("name", FACADES)
def test_every_public_name_is_there(name: str) -> None:
    package = import_module(f"authkit.{name}")
    assert package.__all__, "a package without public names has no facade"
    for public in package.__all__:
        assert getattr(package, public) is not None
        assert public in dir(package)


@pytest.mark.parametrize("name", FACADES)
def test_type_checkers_see_the_names_that_are_loaded(name: str) -> None:
    tree = ast.parse((ROOT / name / "__init__.py").read_text())
    seen = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    (call,) = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "lazy"]
    loaded = ast.literal_eval(call.args[1])
    assert seen == loaded
    assert set(import_module(f"authkit.{name}").__all__) == set(loaded)


def test_unknown_name_is_an_attribute_error_that_says_where() -> None:
    with pytest.raises(AttributeError, match=r"module 'authkit\.logins' has no attribute 'end_somebody'"):
        import_module("authkit.logins").end_somebody  # noqa: B018


def test_packages_load_nothing_of_django_before_a_name_is_asked_for() -> None:
    script = f"""
import sys
for name in {FACADES!r}:
    __import__("authkit." + name)
from authkit.tokens import verify
print(sorted(name for name in sys.modules if name.split(".")[0] in {{"django", "rest_framework", "social_core"}}))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
