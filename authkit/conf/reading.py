"""Turns the project's dict into frozen sections. Every key is checked against its field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from datetime import datetime, timedelta
from difflib import get_close_matches
from os import PathLike, fspath
from typing import Any, TypeVar

from authkit.conf import sections
from authkit.conf.block import Settings
from authkit.conf.fields import Hook, KeySource, Secret

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the block: `kind` is "unknown", "type" or "value"; `path` reads TOKENS.GRACE."""

    kind: str
    path: str
    message: str
    hint: str


def parse(raw: Any) -> tuple[Settings, list[Problem]]:
    """Reads a block without raising.

    Args:
        raw: the AUTHKIT dict.

    Returns:
        The settings (defaults where a key is wrong) and everything that is wrong with it.
    """
    problems: list[Problem] = []
    return _section(sections.block(), raw, "", problems), problems


def _section(cls: type[T], raw: Any, path: str, problems: list[Problem]) -> T:
    if not isinstance(raw, Mapping):
        problems.append(Problem("type", path.rstrip("."), "must be a dict.", "Write it as {...}."))
        return cls()
    known = {f.name.upper(): f for f in fields(cls)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in raw.items():
        if key in known:
            _read(known[key], value, path, values, problems)
        elif path or not sections.may_come():
            problems.append(_unknown(str(key), path, list(known), may_be_section=isinstance(value, Mapping)))
    return cls(**values)


def _unknown(key: str, path: str, known: list[str], *, may_be_section: bool) -> Problem:
    close = get_close_matches(key.upper(), known, n=1)
    hint = f"Did you mean {path}{close[0]}?" if close else f"Known keys: {', '.join(sorted(known))}."
    if may_be_section and not path and not close:
        hint = f"A feature's section needs the feature's app in INSTALLED_APPS. {hint}"
    return Problem("unknown", path + key, "unknown key.", hint)


def _read(spec: Field[Any], value: Any, path: str, values: dict[str, Any], problems: list[Problem]) -> None:
    where = path + spec.name.upper()
    if "section" in spec.metadata:
        values[spec.name] = _section(spec.metadata["section"], value, where + ".", problems)
    elif spec.metadata["holds"]:
        values[spec.name] = _entries(spec.metadata["holds"], spec.metadata["called"], value, where, problems)
    else:
        default = spec.default if spec.default_factory is MISSING else spec.default_factory()
        converted, wrong = _converted(value, default, spec.metadata)
        if wrong:
            problems.append(Problem(wrong[0], where, wrong[1], wrong[2]))
        else:
            values[spec.name] = converted


def _entries(cls: type[T], key_name: str, raw: Any, where: str, problems: list[Problem]) -> dict[str, T]:
    if not isinstance(raw, Mapping):
        problems.append(Problem("type", where, "must be a dict.", f'Write it as {{"<{key_name}>": {{...}}}}.'))
        return {}
    wrong = [key for key in raw if not isinstance(key, str)]
    problems += [Problem("type", f"{where}.{key}", f"a {key_name} must be a string.", "Quote it.") for key in wrong]
    return {
        key: _section(cls, entry, f"{where}.{key}.", problems) for key, entry in raw.items() if isinstance(key, str)
    }


def _converted(value: Any, default: Any, limits: Mapping[str, Any]) -> tuple[Any, tuple[str, str, str] | None]:
    if isinstance(default, KeySource):
        if isinstance(value, KeySource):
            return value, None
        if isinstance(value, str | PathLike) or callable(value):
            return KeySource(value if callable(value) else fspath(value)), None
        return None, (
            "type",
            "must be a JWK Set as a string, a path, or a callable that returns one of these.",
            "`manage.py authkit_keys generate` makes one.",
        )
    if limits["kind"] is Hook and (isinstance(value, bool) or (isinstance(value, str) and value in limits["choices"])):
        return value, None
    if limits["kind"] is Hook:
        if value and (isinstance(value, Hook | str) or callable(value)):
            return value if isinstance(value, Hook) else Hook(value), None
        return None, ("type", "must be True, False, a callable or its dotted path.", f"The default is {default!r}.")
    if limits["kind"] is PathLike and isinstance(value, PathLike):
        value = fspath(value)
    if limits["kind"] is datetime:
        return _moment(value)
    if isinstance(default, Secret):
        if isinstance(value, Secret):
            return value, None
        if isinstance(value, str) or callable(value):
            return Secret(value), None
        return None, (
            "type",
            "must be a string or a callable that returns one.",
            "Read it from the environment by os.environ[...]: .get() gives None where it is missing.",
        )
    if isinstance(default, Hook):
        if isinstance(value, Hook):
            return value, None
        if isinstance(value, str) or callable(value):
            return Hook(value), None
        return None, ("type", "must be a dotted path or a callable.", 'Write it as "mysite.module.function".')
    if isinstance(default, tuple):
        if isinstance(value, str) or not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            return None, ("type", "must be a list of strings.", 'Write it as ["..."].')
        value = tuple(value)
    elif isinstance(default, bool) is not isinstance(value, bool) or not isinstance(value, type(default)):
        return None, (
            "type",
            f"must be a {type(default).__name__}, not {type(value).__name__}.",
            _example(default),
        )
    return _within(value, limits)


def _moment(value: Any) -> tuple[Any, tuple[str, str, str] | None]:
    if value is None or (isinstance(value, datetime) and value.utcoffset() is not None):
        return value, None
    hint = "Write it as datetime.datetime(2027, 1, 31, tzinfo=datetime.UTC)."
    return None, ("type", "must be a datetime with a time zone, or None.", hint)


def _example(default: Any) -> str:
    if isinstance(default, timedelta):
        return "Write it as datetime.timedelta(minutes=15)."
    return f"The default is {default!r}."


def _within(value: Any, limits: Mapping[str, Any]) -> tuple[Any, tuple[str, str, str] | None]:
    choices, least, most = limits["choices"], limits["least"], limits["most"]
    if choices:
        chosen = value if isinstance(value, tuple) else (value,)
        if not chosen or any(item not in choices for item in chosen):
            return None, ("value", f"{value!r} is not possible.", f"Choose from: {', '.join(choices)}.")
    if least is not None and value < least:
        return None, ("value", f"{value} is too small.", f"The smallest value is {least}.")
    if most is not None and value > most:
        return None, ("value", f"{value} is too large.", f"The largest value is {most}.")
    return value, None
