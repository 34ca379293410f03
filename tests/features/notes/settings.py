from __future__ import annotations

from dataclasses import dataclass

from authkit.conf.fields import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class NotesSettings:
    """How notes are kept."""

    most: int = setting(3, least=1)
    """How many notes one person may keep."""
