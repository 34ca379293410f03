"""The refusals of this room."""

from __future__ import annotations

from authkit.exceptions import AuthKitError


class LastSuperuser(AuthKitError):
    """Without this person no active superuser would be left, so their account stays."""

    code = "last_superuser"
    status = 409
    message = "You are the only administrator. Make another person one first."


class SameAddress(AuthKitError):
    """The new address is the one that the person has. Doors say so beside the field."""

    code = "same_address"
    status = 400
    message = "This is your address already."
