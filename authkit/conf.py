"""The only reader of `settings.AUTHKIT`: frozen objects with defaults, read at use.

    from authkit import conf
    conf.current().tokens.access_lifetime

Nobody keeps what `current()` returns beyond one call, so `override_settings(AUTHKIT=...)` reaches everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from os import PathLike, fspath
from typing import Any, TypeVar

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

from authkit.sections import (
    AppSettings,
    Hook,
    KeySource,
    LoginSettings,
    ProviderSettings,
    RedisSettings,
    RevocationSettings,
    Secret,
    SessionSettings,
    Settings,
    SocialSettings,
    TokenSettings,
)

__all__ = [
    "AppSettings",
    "Hook",
    "KeySource",
    "LoginSettings",
    "Origin",
    "Problem",
    "ProviderSettings",
    "RedisSettings",
    "RevocationSettings",
    "Secret",
    "SessionSettings",
    "Settings",
    "SocialSettings",
    "TokenSettings",
    "current",
    "inspect",
    "origins",
    "parse",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the block: `kind` is "unknown", "type" or "value"; `path` reads TOKENS.GRACE."""

    kind: str
    path: str
    message: str
    hint: str


def current() -> Settings:
    """The block as it is now.

    Raises:
        ImproperlyConfigured: the block has a mistake; `manage.py check` says which, with the fix.
    """
    raw = _block()
    if _cache is not None and _cache[0] == raw:
        return _cache[1]
    return _reload(raw)


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
        elif value and isinstance(settings, SocialSettings) and spec.name == "providers":
            for provider, entry in value.items():
                yield from _origins(entry, given[provider], f"{path}{key}.{provider}.")
        else:
            yield Origin(path + key, value, chosen=key in raw)


def _block() -> Any:
    return getattr(django_settings, "AUTHKIT", {})


_cache: tuple[Any, Settings] | None = None


def _reload(raw: Any) -> Settings:
    # Compared by value with a copy, not by identity: a test that changes one key in place must be heard too.
    global _cache  # noqa: PLW0603
    parsed, problems = parse(raw)
    if problems:
        raise ImproperlyConfigured("; ".join(f"AUTHKIT {p.path}: {p.message} {p.hint}" for p in problems))
    _cache = (_copied(raw), parsed)
    return parsed


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return list(value) if isinstance(value, list) else value


def parse(raw: Any) -> tuple[Settings, list[Problem]]:
    """Reads a block without raising.

    Args:
        raw: the AUTHKIT dict.

    Returns:
        The settings (defaults where a key is wrong) and everything that is wrong with it.
    """
    problems: list[Problem] = []
    return _section(Settings, raw, "", problems), problems


def _section(cls: type[T], raw: Any, path: str, problems: list[Problem]) -> T:
    if not isinstance(raw, Mapping):
        problems.append(Problem("type", path.rstrip("."), "must be a dict.", "Write it as {...}."))
        return cls()
    known = {f.name.upper(): f for f in fields(cls)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in raw.items():
        if key in known:
            _read(cls, known[key], value, path, values, problems)
        else:
            problems.append(_unknown(str(key), path, list(known)))
    return cls(**values)


def _unknown(key: str, path: str, known: list[str]) -> Problem:
    close = get_close_matches(key.upper(), known, n=1)
    hint = f"Did you mean {path}{close[0]}?" if close else f"Known keys: {', '.join(sorted(known))}."
    return Problem("unknown", path + key, "unknown key.", hint)


_SECTIONS: dict[str, type[Any]] = {
    "login": LoginSettings,
    "sessions": SessionSettings,
    "tokens": TokenSettings,
    "social": SocialSettings,
    "revocation": RevocationSettings,
    "redis": RedisSettings,
}


def _read(cls: type[Any], spec: Any, value: Any, path: str, values: dict[str, Any], problems: list[Problem]) -> None:
    where = path + spec.name.upper()
    if cls is Settings and spec.name in _SECTIONS:
        values[spec.name] = _section(_SECTIONS[spec.name], value, where + ".", problems)
    elif cls is SocialSettings and spec.name == "providers":
        values[spec.name] = _entries(ProviderSettings, "provider id", value, where, problems)
    elif cls is ProviderSettings and spec.name == "apps":
        values[spec.name] = _entries(AppSettings, "host", value, where, problems)
    else:
        default = cls().__getattribute__(spec.name)
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
    if limits["kind"] is Hook and not isinstance(value, bool):
        if value and (isinstance(value, Hook | str) or callable(value)):
            return value if isinstance(value, Hook) else Hook(value), None
        return None, ("type", "must be True, False, a callable or its dotted path.", f"The default is {default!r}.")
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
