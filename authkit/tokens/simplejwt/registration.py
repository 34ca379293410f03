"""Everything of this folder that the rest of authkit is told of."""

from __future__ import annotations

from django.core import checks as django_checks

from authkit.signin.doors import register_door
from authkit.signin.methods import register_method
from authkit.tokens import cookies, formats, importers
from authkit.tokens.simplejwt import blacklist, checks, receivers, token_format, views
from authkit.tokens.simplejwt.doors import DOORS, SIMPLEJWT

TAG = "authkit"
"""Of `manage.py check --tag`, as all checks of authkit's have it."""


def connect() -> None:
    """For `AuthKitConfig.ready()`, after the receivers of logins and sessions. Safe to call twice."""
    formats.register(token_format)
    register_method(SIMPLEJWT)
    for door in DOORS:
        register_door(door)
    importers.register("simplejwt", blacklist.import_blacklist)
    cookies.register_mount(views.URL_NAMES)
    receivers.connect()
    for check in checks.CHECKS:
        django_checks.register(check, TAG)
    for check in checks.DEPLOY_CHECKS:
        django_checks.register(check, TAG, deploy=True)
