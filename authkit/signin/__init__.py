"""How a person becomes signed in: what is asked of them, by which rules, and what the login then says of it.

Public is what `__all__` names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authkit.core.facade import lazy

if TYPE_CHECKING:
    from authkit.signin.proofs import note_proof

__all__ = [
    "note_proof",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "note_proof": "authkit.signin.proofs",
    },
)
