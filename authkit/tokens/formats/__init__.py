"""Token formats: an accept-list. Each format says which tokens are its own, and does with them what a caller asks for.

authkit's own JWT stands first (`authkit_jwt`). A second format is a module, or an object, with the five functions of
`Format`; it is given to `register` when the apps are ready. A token that no format detects is refused. An old format
drains: while it stands in the list its tokens are accepted, and taking it off the list ends them all.
"""

from __future__ import annotations

from authkit.tokens.formats.accept_list import accepted, format_of, register
from authkit.tokens.formats.base import ACCESS, BOTH, REFRESH, Format, VerifiedAccess

__all__ = ["ACCESS", "BOTH", "REFRESH", "Format", "VerifiedAccess", "accepted", "format_of", "register"]
