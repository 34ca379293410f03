"""The example's settings, with a password hash that costs nothing: these tests sign in all the time."""

from __future__ import annotations

from example_project.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
