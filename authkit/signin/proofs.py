"""Whether a credential of a person was seen in this request, which tells a sign-in from a change of persons.

The mark is on the very instance that was verified, as `user.backend` is. Unlike that, it can't be set by code that only
picks a person, doesn't pass to a copy, and doesn't outlive the process in a cache or a pickle.
"""

from __future__ import annotations

import weakref
from typing import Any

_KEY = "_authkit_proof"


class _Proof:
    __slots__ = ("_of",)

    def __init__(self, person: Any = None) -> None:
        self._of = None if person is None else weakref.ref(person)

    def is_of(self, person: Any) -> bool:
        return self._of is not None and self._of() is person

    def __reduce__(self) -> Any:
        return (_Proof, ())


def note_proof(person: Any) -> None:
    """Notes that this person has just shown a credential: a password, a token from a mail, an assertion of another
    party. For authentication back ends that verify one without `user.check_password()`.

    Args:
        person: the instance of the user model that is then given to Django's `login()`.
    """
    vars(person)[_KEY] = _Proof(person)


def has_proof(person: Any) -> bool:
    """Whether that was noted of this instance."""
    proof = vars(person).get(_KEY)
    return isinstance(proof, _Proof) and proof.is_of(person)
