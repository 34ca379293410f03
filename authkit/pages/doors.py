"""The door of the pages."""

from __future__ import annotations

from authkit.signin.doors import Door

PAGE = Door("page", "authkit.pages.views.LoginPage", ("password",), ("password",))

DOORS = (PAGE,)
