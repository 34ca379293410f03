"""The parts of a section's fields: `setting`, `section`, and the kinds of values that are held in a wrapper.

A section is a frozen dataclass in a file of its own. A setting is one field of it, with a sentence below. The fields
decide how the block is read and checked. `make settings` makes `authkit.AuthKitSettings` and docs/settings.md of them.

Secrets are held in `Secret`, whose repr hides them: settings end up in error reports. The block itself stays as the
project wrote it, and `manage.py diffsettings` prints it like that: there, only a callable hides a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import timedelta
from typing import Any

from django.utils.module_loading import import_string


class Secret:
    """A secret string, or a callable that returns one, that no repr, log or error page shows."""

    __slots__ = ("_source",)

    def __init__(self, source: str | Callable[[], str]) -> None:
        self._source = source

    def reveal(self) -> str:
        """The secret itself. A callable is asked each time, so that a vault may rotate it."""
        return self._source() if callable(self._source) else self._source

    @property
    def is_callable(self) -> bool:
        """Whether `reveal` asks the project, which may take a while, or fail."""
        return callable(self._source)

    def __bool__(self) -> bool:
        return callable(self._source) or bool(self._source)

    def __eq__(self, other: object) -> bool:
        # For "has the setting changed", by its source: no code compares a secret with a client's value this way.
        return isinstance(other, Secret) and self._source == other._source

    def __hash__(self) -> int:
        return hash(self._source)

    def __repr__(self) -> str:
        return "Secret(***)"


class Hook:
    """A callable of the project's, or the dotted path of one; false where there is none."""

    __slots__ = ("_source",)

    def __init__(self, source: str | Callable[..., Any]) -> None:
        self._source = source

    def resolve(self) -> Any:
        """The object that the path names, imported at use: settings are read before there are any models.

        Raises:
            ImportError: there is nothing at this path.
        """
        return import_string(self._source) if isinstance(self._source, str) else self._source

    def __bool__(self) -> bool:
        return bool(self._source)

    def __repr__(self) -> str:
        return repr(self._source)


class KeySource(Secret):
    """Where the ring of token keys comes from: a JWK Set as text, the path of a file that holds one, or a callable."""

    __slots__ = ()


def setting(
    default: Any,
    *,
    least: Any = None,
    most: Any = None,
    choices: tuple[str, ...] = (),
    kind: type[Any] | None = None,
    call: Any = None,
    holds: type[Any] | None = None,
    entry: str = "",
    called: str = "",
) -> Any:
    """A field of a section. The string below a field is its text on docs/settings.md, in Markdown.

    Args:
        default: the value where the project gives none.
        least: the smallest value that is taken.
        most: the largest one.
        choices: the values that are taken, one by one or in a list.
        kind: the type, where the default doesn't show it.
        call: for a `Hook`: the type of the callable, for type checkers.
        holds: for a dict of sections: the section that each of its values is.
        entry: for a dict of sections: what its keys are, as docs/settings.md writes it (`PROVIDERS.<id>`).
        called: the same as messages write it ("provider id"); `entry` if empty.
    """
    metadata = {
        "least": least,
        "most": most,
        "choices": choices,
        "kind": kind,
        "call": call,
        "holds": holds,
        "entry": entry,
        "called": called or entry,
    }
    if isinstance(default, Mapping):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def section(of: type[Any]) -> Any:
    """A field of the block that is a section; `of` is its dataclass, every field of which has a default."""
    return field(default_factory=of, metadata={"section": of})


SECOND = timedelta(seconds=1)
CENTURY = timedelta(days=36_500)
"""The longest time: `timedelta.max` for "never" ends beyond the last day that a datetime can hold."""
