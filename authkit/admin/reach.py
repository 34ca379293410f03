"""Puts mixins in front of the project's own ModelAdmin for the user model, of any class."""

from __future__ import annotations

from collections.abc import Iterator
from types import new_class
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.sites import all_sites
from django.contrib.auth import get_user_model

from authkit.admin.force_logout import ForceLogoutMixin


def reach_user_admins() -> None:
    """Adds `ForceLogoutMixin` on every admin site that exists."""
    put_before_user_admins(ForceLogoutMixin)


def put_before_user_admins(mixin: type[Any]) -> None:
    """Puts a mixin in front of the project's own ModelAdmin for the user model, on every admin site.

    Call it once the admin has found every ModelAdmin. Safe to call twice.

    Args:
        mixin: a class that derives from no ModelAdmin.
    """
    for site, model, found in list(user_admins()):
        if isinstance(found, mixin):
            continue
        site.unregister(model)
        site.register(model, _with_mixin(mixin, type(found)))


def _with_mixin(mixin: type[Any], cls: type[Any]) -> type[Any]:
    # The class keeps its own name, because the admin's checks and error pages show it.
    names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    return new_class(cls.__name__, (mixin, cls), exec_body=lambda namespace: namespace.update(names))


def user_admins() -> Iterator[tuple[AdminSite, type[Any], Any]]:
    """Every admin of the user model: its site, the model that it is registered for, and itself."""
    user_model = get_user_model()
    for site in all_sites:
        for model, found in site._registry.items():
            if model._meta.concrete_model is user_model:
                yield site, model, found
