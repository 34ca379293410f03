"""How people prove who they are: one entry for each value of `Login.method` that is known here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Method:
    """A way in."""

    id: str
    """As `Login.method` holds it."""
    label: Any
    """The name for people; may be a lazy translation."""
    amr: tuple[str, ...] = ()
    """Which kinds of evidence it is (RFC 8176 section 2); empty where only another party knows."""


PASSWORD = Method("password", _("Password"), ("pwd",))

Source = Callable[[], Iterable[Method]]
"""Returns methods that the settings decide about, such as the providers of SOCIAL. Read at use."""

_methods: dict[str, Method] = {PASSWORD.id: PASSWORD}
_sources: list[Source] = []


def register_method(method: Method) -> None:
    """Makes a method known; for `AppConfig.ready()`. Safe to call twice.

    Raises:
        ValueError: another one has its id.
    """
    if _methods.setdefault(method.id, method) != method:
        raise ValueError(f"there is another sign-in method {method.id!r}")


def register_methods_of(source: Source) -> None:
    """The same for methods that the settings decide about. Safe to call twice."""
    if source not in _sources:
        _sources.append(source)


def methods() -> dict[str, Method]:
    """All methods that are known now, by id. A registered one wins over a source's."""
    found = {method.id: method for source in _sources for method in source()}
    return found | _methods


def method_of(method_id: str) -> Method:
    """The method with this id; labelled by its id where it is not known, such as a provider that left the settings."""
    return _methods.get(method_id) or methods().get(method_id) or Method(method_id, method_id)
