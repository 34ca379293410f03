"""How a person becomes signed in: by which doors and methods, past which guards, and what the login then says of it.

`__all__` lists the public names, of which a project makes a door, a method or a guard of its own. Of the modules,
`flow` is the one way to a login, `credentials` verifies a password, and `may_sign_in` asks the project's own rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authkit.core.facade import lazy

if TYPE_CHECKING:
    from authkit.signin.addresses import is_verified, mark_verified
    from authkit.signin.attempts import Attempt, Pending
    from authkit.signin.doors import Door, register_door
    from authkit.signin.guards import Order, register_guard
    from authkit.signin.methods import Method, register_method
    from authkit.signin.proofs import note_proof
    from authkit.signin.step_up import RecentLoginMixin, RequireRecent, StepUp, recent_login, require_recent

__all__ = [
    "Attempt",
    "Door",
    "Method",
    "Order",
    "Pending",
    "RecentLoginMixin",
    "RequireRecent",
    "StepUp",
    "is_verified",
    "mark_verified",
    "note_proof",
    "recent_login",
    "register_door",
    "register_guard",
    "register_method",
    "require_recent",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Attempt": "authkit.signin.attempts",
        "Door": "authkit.signin.doors",
        "is_verified": "authkit.signin.addresses",
        "mark_verified": "authkit.signin.addresses",
        "Method": "authkit.signin.methods",
        "note_proof": "authkit.signin.proofs",
        "Order": "authkit.signin.guards",
        "Pending": "authkit.signin.attempts",
        "recent_login": "authkit.signin.step_up",
        "RecentLoginMixin": "authkit.signin.step_up",
        "register_door": "authkit.signin.doors",
        "register_guard": "authkit.signin.guards",
        "register_method": "authkit.signin.methods",
        "require_recent": "authkit.signin.step_up",
        "RequireRecent": "authkit.signin.step_up",
        "StepUp": "authkit.signin.step_up",
    },
)
