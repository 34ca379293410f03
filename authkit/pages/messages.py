"""Messages on pages, such as "The device is forgotten.", shown once by the page that comes next.

They are those of django.contrib.messages. Where the project has its middleware, that keeps them. Where it hasn't, the
pages keep their own in the same way, so a page may always call `messages.success(request, "…")`.
"""

from __future__ import annotations

from django.contrib.messages.storage import default_storage
from django.contrib.messages.storage.base import BaseStorage
from django.http import HttpRequest

_STORAGE = "_messages"
"""By this attribute of a request Django's functions find the storage (private; as read in Django 5.2 to 6.1)."""


def open_messages(request: HttpRequest) -> BaseStorage | None:
    """Opens the storage of messages where no middleware has.

    Returns:
        The storage, for the page to call `update(response)` on; None where the middleware does, or where the
        request has no session.
    """
    if hasattr(request, _STORAGE) or not hasattr(request, "session"):
        return None
    storage = default_storage(request)
    setattr(request, _STORAGE, storage)
    return storage
