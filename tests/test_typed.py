from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from django.core.management import call_command

import authkit
from authkit import conf, typed
from authkit.conf.fields import Hook, Secret, setting
from authkit.management import settings_type
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

LOCK_TYPED = """

class EntrySection(TypedDict, total=False):
    LIMIT: int


class LockSection(TypedDict, total=False):
    ALLOW: str | Callable[[Any], bool]
    WHEN: bool | str | Callable[[Any], bool]
    UNTIL: datetime | None
    SECRET: str | Callable[[], str]
    LEVEL: Literal["low", "high"]
    LEVELS: Sequence[Literal["low", "high"]]
    NAMES: Sequence[str]
    DOORS: Mapping[str, EntrySection]


"""

WRONG = {
    "a typo in a section": ('"TOKENS": {', '"TOKEN": {'),
    "a typo in a key": ('"ACCESS_LIFETIME"', '"ACESS_LIFETIME"'),
    "a typo in a provider": ('"CLIENT_SECRET"', '"CLIENTSECRET"'),
    "a number for a timedelta": ("timedelta(minutes=5)", "300"),
    "a list for a string": ('"https://example.com"', '["https://example.com"]'),
    "an unknown choice": ('["username", "email"]', '["phone"]'),
}


def test_the_typed_block_is_what_the_command_prints(settings: Any) -> None:
    settings.AUTHKIT = {"TOKENS": {"ISSUER": "https://www.example.com"}}
    out = StringIO()
    call_command("authkit_settings", "--typed", stdout=out)
    assert out.getvalue() == Path(typed.__file__).read_text(), "run `make settings`"


def test_a_section_of_a_feature_is_a_class_of_its_own() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Entry:
        limit: int = setting(0)

    @dataclass(frozen=True, slots=True, kw_only=True)
    class LockSettings:
        allow: Hook = setting(Hook(""), call=Callable[[Any], bool])
        when: bool | Hook = setting(True, kind=Hook, call=Callable[[Any], bool])
        until: datetime | None = setting(None, kind=datetime)
        secret: Secret = setting(Secret(""))
        level: str = setting("low", choices=("low", "high"))
        levels: tuple[str, ...] = setting(("low",), choices=("low", "high"))
        names: tuple[str, ...] = setting(())
        doors: dict[str, Entry] = setting({}, holds=Entry, entry="door")

    for hints in (Entry, LockSettings):
        hints.__annotations__ = get_type_hints(hints, localns={"Entry": Entry})  # they are local to this test
    conf.sections.register("LOCK", LockSettings)
    try:
        text = settings_type.typed()
    finally:
        conf.sections.withdraw("LOCK")
    assert "    LOCK: LockSection\n" in text
    assert LOCK_TYPED in text


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
