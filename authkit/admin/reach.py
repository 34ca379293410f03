"""Puts `ForceLogoutMixin` in front of the project's own ModelAdmin for the user model, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import new_class
from typing import Any

from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.admin.sites import all_sites
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004

from authkit.admin.force_logout import ForceLogoutMixin


def reach_user_admins() -> None:
    """On every admin site there is by now. To be called once the admin has found every ModelAdmin."""
    for site, model, found in list(_user_admins()):
        if isinstance(found, ForceLogoutMixin):
            continue
        site.unregister(model)
        site.register(model, _with_mixin(type(found)))


def _with_mixin(cls: type[Any]) -> type[Any]:
    # Under its own name, which is what the admin's checks and error pages should show.
    names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    return new_class(cls.__name__, (ForceLogoutMixin, cls), exec_body=lambda namespace: namespace.update(names))


def register_checks() -> None:
    """For `manage.py check`."""
    register(check_user_admins, Tags.admin)


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
        for site, model, found in _user_admins()
        if not isinstance(found, ForceLogoutMixin)
    ]


def _user_admins() -> Iterator[tuple[AdminSite, type[Any], Any]]:
    user_model = get_user_model()
    for site in all_sites:
        for model, found in site._registry.items():
            if model._meta.concrete_model is user_model:
                yield site, model, found
