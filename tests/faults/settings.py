"""The example's settings, with half the BOUND, and a password hash that costs nothing: these tests sign in a lot."""

from __future__ import annotations

from datetime import timedelta

from example_project.settings import *  # noqa: F403
from example_project.settings import AUTHKIT

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

AUTHKIT["REVOCATION"] = {**AUTHKIT.get("REVOCATION", {}), "BOUND": timedelta(seconds=1)}
