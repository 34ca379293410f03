from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints, is_typeddict

import pytest

import authkit
from authkit import conf, typed
from tests.services.process import fetch

ROOT = Path(authkit.__file__).parent.parent
FETCH_SECONDS = 300

RIGHT = """\
import os
from datetime import timedelta

import authkit

AUTHKIT: authkit.AuthKitSettings = {
    "LOGIN": {"IDENTIFIERS": ["username", "email"]},
    "TOKENS": {"ACCESS_LIFETIME": timedelta(minutes=5)},
    "SOCIAL": {"PROVIDERS": {"demo": {"CLIENT_SECRET": lambda: os.environ["SECRET"], "OPTIONS": {"X": 1}}}},
    "PUBLIC_URL": "https://example.com",
}
authkit.configure(globals())
"""

WRONG = {
    "a typo in a section": ('"TOKENS": {', '"TOKEN": {'),
    "a typo in a key": ('"ACCESS_LIFETIME"', '"ACESS_LIFETIME"'),
    "a typo in a provider": ('"CLIENT_SECRET"', '"CLIENTSECRET"'),
    "a number for a timedelta": ("timedelta(minutes=5)", "300"),
    "a list for a string": ('"https://example.com"', '["https://example.com"]'),
    "an unknown choice": ('["username", "email"]', '["phone"]'),
}


def keys_of_typed(cls: Any) -> dict[str, Any]:
    """The keys of a TypedDict, those of sections below them."""
    return {name: keys_of_typed(hint) if is_typeddict(hint) else None for name, hint in get_type_hints(cls).items()}


def keys_of_conf(cls: Any) -> dict[str, Any]:
    """The keys of a dataclass of settings, those of sections below them."""
    hints = get_type_hints(cls)
    return {
        name.upper(): keys_of_conf(hint) if hasattr(hint, "__dataclass_fields__") else None
        for name, hint in hints.items()
        if name in cls.__dataclass_fields__
    }


def test_typed_block_has_exactly_the_keys_that_are_read() -> None:
    assert keys_of_typed(authkit.AuthKitSettings) == keys_of_conf(conf.Settings)
    assert keys_of_typed(typed.ProviderSection) == keys_of_conf(conf.ProviderSettings)


def test_typed_choices_are_those_that_are_allowed() -> None:
    (identifiers,) = get_args(get_type_hints(typed.LoginSection)["IDENTIFIERS"])
    fields = conf.LoginSettings.__dataclass_fields__, conf.RevocationSettings.__dataclass_fields__
    assert get_args(identifiers) == fields[0]["identifiers"].metadata["choices"]
    assert get_args(get_type_hints(typed.RevocationSection)["CHECK"]) == fields[1]["check"].metadata["choices"]


def test_no_key_is_required() -> None:
    for cls in (typed.AuthKitSettings, typed.TokensSection, typed.ProviderSection):
        assert cls.__required_keys__ == frozenset()


@pytest.fixture(scope="module")
def snippets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with one right settings module and one for each mistake."""
    path = tmp_path_factory.mktemp("snippets")
    (path / "right.py").write_text(RIGHT)
    for number, (old, new) in enumerate(WRONG.values()):
        assert old in RIGHT
        (path / f"wrong{number}.py").write_text(RIGHT.replace(old, new))
    return path


def verdicts(ran: subprocess.CompletedProcess[str], path: Path) -> dict[str, bool]:
    """For each snippet whether the type checker said an error of it."""
    lines = [line for line in ran.stdout.splitlines() if "error:" in line]
    return {file.name: any(file.name in line for line in lines) for file in path.glob("*.py")}


def expected(path: Path) -> dict[str, bool]:
    return {file.name: file.name != "right.py" for file in path.glob("*.py")}


def test_mypy_flags_each_mistake_and_accepts_the_right_block(snippets: Path) -> None:
    arguments = ["--config-file=", "--strict", "--no-incremental", "--follow-imports=silent"]
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", *arguments, *map(str, sorted(snippets.glob("*.py")))],
        cwd=snippets, env={**os.environ, "MYPYPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert verdicts(ran, snippets) == expected(snippets), ran.stdout + ran.stderr


def test_pyright_flags_each_mistake_and_accepts_the_right_block(snippets: Path) -> None:
    pyright = shutil.which("pyright", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert pyright is not None, "pyright is in the dependency group lint"
    given = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    fetch([pyright, "--version"], seconds=FETCH_SECONDS, env=given)  # the wheel holds what downloads it
    (snippets / "pyrightconfig.json").write_text(f'{{"extraPaths": ["{ROOT}"], "typeCheckingMode": "standard"}}')
    ran = subprocess.run(
        [pyright, "--pythonpath", sys.executable, "-p", str(snippets)],
        cwd=snippets, capture_output=True, text=True, check=False, env=given,
    )  # fmt: skip
    assert verdicts(ran, snippets) == expected(snippets), ran.stdout + ran.stderr
