"""Every door by which a person can come in: which view, for which evidence, and which budgets limit its tries.

An attempt through a door that is not registered is refused, so no door is left out of the list. A check fails on a door
without evidence or without a budget (`authkit.signin.checks`).
"""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class Door:
    """A place where a credential is turned into a login."""

    id: str
    view: str
    """Dotted path of the view, or of the function that other code calls."""
    evidence: tuple[str, ...]
    """The evidence that a caller has to show there."""
    budgets: tuple[str, ...]
    """Names of the budgets that are charged for each try."""
    for_services: bool = False
    """Whether a service account may come by it (`authkit.signin.service_accounts`)."""


_doors: dict[str, Door] = {}


def register_door(door: Door) -> None:
    """Makes a door known; for `AppConfig.ready()`. Safe to call twice.

    Raises:
        ValueError: another one has its id.
    """
    if _doors.setdefault(door.id, door) != door:
        raise ValueError(f"there is another door {door.id!r}")


def doors() -> tuple[Door, ...]:
    """All doors, in the order in which they were registered."""
    return tuple(_doors.values())


def require_door(door_id: str) -> Door:
    """The door with this id.

    Raises:
        ImproperlyConfigured: it is not registered, so its evidence is not known.
    """
    try:
        return _doors[door_id]
    except KeyError:
        raise ImproperlyConfigured(
            f"There is no door {door_id!r}: call authkit.signin.doors.register_door() in AppConfig.ready()."
        ) from None
