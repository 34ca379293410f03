"""How a person becomes signed in: by which doors and methods, past which guards, and what the login then says of it.

`__all__` lists the public names, of which a project makes a door, a method or a guard of its own. Of the modules,
`flow` is the one way to a login, `credentials` verifies a password, and `may_sign_in` asks the project's own rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authkit.core.facade import lazy

if TYPE_CHECKING:
    from authkit.signin.attempts import Attempt, Pending
    from authkit.signin.doors import Door, register_door
    from authkit.signin.guards import Order, register_guard
    from authkit.signin.methods import Method, register_method
    from authkit.signin.proofs import note_proof

__all__ = [
    "Attempt",
    "Door",
    "Method",
    "Order",
    "Pending",
    "note_proof",
    "register_door",
    "register_guard",
    "register_method",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Attempt": "authkit.signin.attempts",
        "Door": "authkit.signin.doors",
        "Method": "authkit.signin.methods",
        "note_proof": "authkit.signin.proofs",
        "Order": "authkit.signin.guards",
        "Pending": "authkit.signin.attempts",
        "register_door": "authkit.signin.doors",
        "register_guard": "authkit.signin.guards",
        "register_method": "authkit.signin.methods",
    },
)
