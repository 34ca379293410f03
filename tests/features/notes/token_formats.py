from __future__ import annotations

from typing import Any

from authkit.tokens.codec import Claims
from authkit.tokens.formats import VerifiedAccess, authkit_jwt
from authkit.tokens.pairs import TokenPair


class NoteFormat:
    """`note_`, and a token of authkit's own behind it."""

    def detect(self, token: str) -> bool:
        return token.startswith("note_")

    def verify(self, token: str, *, kinds: Any) -> VerifiedAccess:
        return authkit_jwt.verify(token.removeprefix("note_"), kinds=kinds)

    def refresh(self, token: str, **options: Any) -> TokenPair:
        return authkit_jwt.refresh(token.removeprefix("note_"), **options)

    def identify(self, token: str, *, kinds: Any) -> Claims:
        return authkit_jwt.identify(token.removeprefix("note_"), kinds=kinds)

    def revoke(self, token: str, *, reason: Any) -> bool:
        return authkit_jwt.revoke(token.removeprefix("note_"), reason=reason)


FORMATS = (NoteFormat(),)
