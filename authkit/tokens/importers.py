"""Other libraries whose blacklist `manage.py authkit_import` brings over. Each registers itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol


class TablesMissing(Exception):
    """The library kept no blacklist in this database; the message says which tables are not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Counts of the tokens that were brought over, or would be."""

    added: int
    known: int
    """Brought over before."""
    expired: int
    live: int
    """Perhaps still in use: not on the library's blacklist, and not expired."""
    about_live: str
    """Their future, as the end of a sentence."""


class Importer(Protocol):
    """Reads one library's blacklist, and writes authkit's."""

    def __call__(self, *, dry_run: bool, batch_size: int) -> Imported:
        """Brings it over.

        Args:
            dry_run: count, and write nothing.
            batch_size: rows that are read at a time.

        Raises:
            TablesMissing: there is nothing to read.
        """


_importers: dict[str, Importer] = {}


def register(library: str, importer: Importer) -> None:
    """Offers one more library; for `AuthKitConfig.ready()`. Safe to call twice.

    Args:
        library: how the command's argument names it.
        importer: reads its blacklist and writes ours.
    """
    _importers[library] = importer


def importers() -> Mapping[str, Importer]:
    """All of them, by the library's name."""
    return MappingProxyType(_importers)
