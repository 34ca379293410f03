from __future__ import annotations

from django.http import HttpRequest

from authkit.signin import Order, Pending
from authkit.signin.attempts import Attempt
from tests.features.notes.doors import NoteRefused


def refuse_mallory(attempt: Attempt, request: HttpRequest | None) -> Pending | None:
    if attempt.user.get_username() == "mallory":
        raise NoteRefused("a person who takes other people's notes")
    return None


GUARDS = ((refuse_mallory, Order.ACCOUNT),)
