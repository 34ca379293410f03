"""The notes of a transaction that make it a step-up, in place of a sign-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REAUTH_LOGIN = "reauth_login"
"""The id of the login that is to be authenticated anew, for a page's session."""
REAUTH = "reauth"
"""Anything but "" for a program's, whose code is good for the next pair of a login that is there already."""
AGAIN = "again"
"""Whether the step-up interrupted a form (`authkit.signin.step_up`)."""


def is_step_up(notes: Mapping[str, Any]) -> bool:
    """Whether a transaction with these notes is a step-up."""
    return bool(notes.get(REAUTH_LOGIN) or notes.get(REAUTH))
