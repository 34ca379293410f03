"""The sections of the block: those of the core, and those that features register."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, make_dataclass
from typing import Any

from django.apps import apps
from django.utils.module_loading import import_string

from authkit.conf.block import Settings
from authkit.conf.fields import section

_registered: dict[str, type[Any] | str] = {}
_block: type[Settings] | None = None
_names: dict[type[Any], str] = {}

on_change: list[Callable[[], None]] = []
"""Called after a section came or went."""


def register(name: str, of: type[Any] | str) -> None:
    """Adds a section to the block. A feature does so before Django's app registry is complete, best where its app is
    declared: once the registry is complete, a key of the block that is not registered is a mistake.

    Args:
        name: the key in the block, such as "MFA".
        of: its frozen dataclass, made of `authkit.conf.fields`, or the dotted path of one, which is imported when the
            block is read for the first time.

    Raises:
        ValueError: the name is no key in capitals, or is another section's.
    """
    if not (name.isidentifier() and name.isupper()):
        raise ValueError(f"a section's name is an identifier in capitals, not {name!r}")
    if name.lower() in {spec.name for spec in fields(Settings)} or _registered.get(name, of) != of:
        raise ValueError(f"there is a section {name} already")
    _registered[name] = of
    _changed()


def withdraw(name: str) -> None:
    """Takes a registered section out again, at the end of a test.

    Raises:
        LookupError: it is not registered.
    """
    del _registered[name]
    _changed()


def block() -> type[Settings]:
    """The dataclass of the whole block, with a field for each section that is registered.

    Raises:
        ImportError: a dotted path leads to no section.
    """
    global _block  # noqa: PLW0603
    if _block is None:
        found = {name: import_string(of) if isinstance(of, str) else of for name, of in _registered.items()}
        added = [(name.lower(), of, section(of)) for name, of in sorted(found.items())]
        _block = (
            make_dataclass(
                "Settings",
                added,
                bases=(Settings,),
                namespace={"__doc__": Settings.__doc__},
                frozen=True,
                slots=True,
                kw_only=True,
            )
            if added
            else Settings
        )
    return _block


def name_of(of: type[Any]) -> str:
    """The name of the field, in `block()`, of the section with this dataclass.

    Raises:
        LookupError: no section has it.
    """
    whole = block()
    if not _names:
        _names.update({spec.metadata["section"]: spec.name for spec in fields(whole) if "section" in spec.metadata})
    if of not in _names:
        raise LookupError(f"{of.__qualname__} is no section of AUTHKIT: its app is not in INSTALLED_APPS")
    return _names[of]


def may_come() -> bool:
    """Whether an unknown key may be the section of a feature: `AuthKitConfig.import_models` registers those, and the
    models of an app that stands before it are imported earlier."""
    return not apps.models_ready


def _changed() -> None:
    global _block  # noqa: PLW0603
    _block = None
    _names.clear()
    for told in on_change:
        told()
