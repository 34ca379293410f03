"""docs/pruning.md is run as far as what it needs is here; the rest is compiled, and its commands are parsed."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import django
import pytest
from django.core.management import call_command, load_command_class

PAGE = (Path(__file__).parents[2] / "docs" / "pruning.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_commands_exist_and_take_these_options() -> None:
    lines = re.findall(r"manage\.py (authkit_prune[^\n&`]*)", PAGE)
    assert len(lines) == 2
    for line in lines:
        name, *options = shlex.split(line)
        load_command_class("authkit", name).create_parser("manage.py", name).parse_args(options)


def test_every_option_of_the_command_is_there() -> None:
    parser = load_command_class("authkit", "authkit_prune").create_parser("manage.py", "authkit_prune")
    own = {
        option
        for option in parser._option_string_actions
        if option in {"--batch-size", "--sleep", "--keep", "--dry-run"}
    }
    assert own
    assert all(f"`{option}" in PAGE for option in own)


@pytest.mark.parametrize("source", PYTHON)
def test_python_blocks_are_python_and_call_what_there_is(source: str) -> None:
    compile(source, "docs/pruning.md", "exec")
    assert 'call_command("authkit_prune", sleep=0.1)' in source


@pytest.mark.django_db
def test_what_the_recipes_call_runs(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("authkit_prune", sleep=0.1)
    call_command("clearsessions")
    assert "logins: 0 deleted" in capsys.readouterr().out


@pytest.mark.django_db
def test_djangos_task_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    (source,) = [block for block in PYTHON if "django.tasks" in block]
    if django.VERSION < (6, 0):
        # The same few lines without the decorator, which this Django doesn't have.
        source = source.replace("from django.tasks import task\n", "").replace("@task\n", "")
    (tmp_path / "pruning_tasks_of_the_docs.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        prune = importlib.import_module("pruning_tasks_of_the_docs").prune
        if django.VERSION < (6, 0):
            prune()
        else:
            prune.enqueue()  # by Django's default backend, at once
    finally:
        sys.modules.pop("pruning_tasks_of_the_docs", None)
    assert "logins: 0 deleted" in capsys.readouterr().out
