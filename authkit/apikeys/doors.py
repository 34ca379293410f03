"""How a key is opened: a person who is signed in makes it, an administrator does, or it takes another one's place."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from authkit.signin.doors import Door
from authkit.signin.guards import Order
from authkit.signin.methods import Method
from authkit.signin.service_accounts import refuse_service_accounts

METHOD = Method("key", _("API key"))

MADE = Door("api-key", "authkit.apikeys.making.make_key", ("recent sign-in",), ("own",), for_services=True)
"""The person's login is fresh, so no secret is guessed here."""

ROTATED = Door("api-key-rotation", "authkit.apikeys.rotating.rotate_key", ("recent sign-in",), ("own",), True)

DOORS = (MADE, ROTATED)

GUARDS = ((refuse_service_accounts, int(Order.ACCOUNT)),)


def methods() -> Iterable[Method]:
    """The one method of this room."""
    return (METHOD,)
