"""Checks that the admin of the user model offers a forced logout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Tags, Warning  # noqa: A004

from authkit.admin.force_logout import ForceLogoutMixin
from authkit.admin.reach import user_admins


def check_user_admins(*, app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """W050: the user model has an admin without a way to force people out."""
    order = [config.name for config in apps.get_app_configs()]
    if order.index("authkit") < order.index("django.contrib.admin"):
        hint = "Put 'authkit' after 'django.contrib.admin' in INSTALLED_APPS: authkit.configure(globals()) does."
    else:
        hint = "Write it as class {name}(authkit.admin.ForceLogoutMixin, ...)."
    return [
        Warning(
            f"{type(found).__name__} on the admin site “{site.name}” offers no forced logout.",
            hint=hint.format(name=type(found).__name__),
            obj=model,
            id="authkit.W050",
        )
        for site, model, found in user_admins()
        if not isinstance(found, ForceLogoutMixin)
    ]


CHECKS = (check_user_admins,)
TAGS = (Tags.admin,)
