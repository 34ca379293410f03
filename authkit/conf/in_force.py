"""The block as the settings have it now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

from authkit.conf import sections
from authkit.conf.block import Settings
from authkit.conf.reading import Problem, parse

T = TypeVar("T")


def current() -> Settings:
    """The block as it is now.

    Raises:
        ImproperlyConfigured: the block has a mistake; `manage.py check` says which, with the fix.
    """
    raw = _block()
    if _cache is not None and _cache[0] == raw:
        return _cache[1]
    return _reload(raw)


def section(of: type[T], block: Settings | None = None) -> T:
    """A feature's section, by its dataclass.

    Args:
        of: as it was registered.
        block: one that was read before, such as `inspect()` returns; None for the block as it is now.

    Raises:
        LookupError: no such section is registered, because its app is not installed.
        ImproperlyConfigured: as `current()`.
    """
    found: T = getattr(current() if block is None else block, sections.name_of(of))
    return found


def inspect() -> tuple[Settings, list[Problem]]:
    """The block as it is now, with defaults where a key is wrong, and everything that is wrong. Never raises."""
    return parse(_block())


@dataclass(frozen=True, slots=True)
class Origin:
    """One effective setting: `path` reads TOKENS.GRACE; `chosen` is whether the project set it."""

    path: str
    value: Any
    chosen: bool


def origins() -> list[Origin]:
    """Every effective setting, in the order of the sections. Secrets stay in `Secret`.

    Raises:
        ImproperlyConfigured: as `current()`.
    """
    return list(_origins(current(), _block(), ""))


def _origins(settings: Any, raw: Mapping[str, Any], path: str) -> Iterator[Origin]:
    for spec in fields(settings):
        key, value = spec.name.upper(), getattr(settings, spec.name)
        given = raw.get(key, {})
        if is_dataclass(value):
            yield from _origins(value, given, f"{path}{key}.")
        elif value and spec.metadata["holds"]:
            for name, entry in value.items():
                yield from _origins(entry, given[name], f"{path}{key}.{name}.")
        else:
            yield Origin(path + key, value, chosen=key in raw)


def _block() -> Any:
    return getattr(django_settings, "AUTHKIT", {})


_cache: tuple[Any, Settings] | None = None


def _reload(raw: Any) -> Settings:
    # Compared by value with a copy, not by identity: a test that changes one key in place must be seen too.
    global _cache  # noqa: PLW0603
    parsed, problems = parse(raw)
    if problems:
        raise ImproperlyConfigured("; ".join(f"AUTHKIT {p.path}: {p.message} {p.hint}" for p in problems))
    if not sections.may_come() or {spec.name.upper() for spec in fields(parsed)}.issuperset(raw):
        _cache = (_copied(raw), parsed)
    return parsed


def _forget() -> None:
    global _cache  # noqa: PLW0603
    _cache = None


sections.on_change.append(_forget)


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return list(value) if isinstance(value, list) else value
