"""docs/commands.md, diffed both ways with the parsers of the commands."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

from tests.docs.pages import first_cells, sections

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
SECTIONS = sections(PAGE, 2)
COMMANDS = sorted(name for name, app in get_commands().items() if app == "authkit" or "authkit." in str(app))


def parser_of(name: str) -> argparse.ArgumentParser:
    return load_command_class(str(get_commands()[name]), name).create_parser("manage.py", name)


def own_actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """What a command adds to Django's own options, that of its subcommands included."""
    common = {*BaseCommand().create_parser("manage.py", "any")._option_string_actions, "--skip-checks"}
    found: list[argparse.Action] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [each for below in action.choices.values() for each in own_actions(below)]
        elif not common & set(action.option_strings):
            found.append(action)
    return found


def test_every_command_has_a_section_and_the_list_has_each() -> None:
    assert sorted(SECTIONS) == COMMANDS
    assert sorted(re.findall(r"^\| \[`(authkit_\w+)`\]", PAGE, re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_arguments_are_those_of_the_parser(name: str) -> None:
    actions = own_actions(parser_of(name))
    known = {option for action in actions for option in action.option_strings or [action.dest]}
    known |= {choice for action in parser_of(name)._actions if isinstance(action, argparse._SubParsersAction)
              for choice in action.choices}  # fmt: skip
    written = {word for cell in first_cells(SECTIONS[name]) for word in re.findall(r"`([^`]+)`", cell)}
    assert written == known


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_can_be_parsed(name: str) -> None:
    lines = re.findall(r"^python manage\.py (.*)$", SECTIONS[name], re.MULTILINE)
    assert lines
    for line in lines:
        command, *words = shlex.split(line.partition(" < ")[0])
        assert command == name
        parser_of(name).parse_args(words)


@pytest.mark.parametrize("name", COMMANDS)
def test_defaults_are_those_of_the_parser(name: str) -> None:
    for option, default in re.findall(r"^\| `(--[\w-]+)` \|.*the default is (\d+)", SECTIONS[name], re.MULTILINE):
        action = parser_of(name)._option_string_actions[option]
        assert float(action.default) == float(default)
