from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client as Browser
from django.urls import reverse

from authkit.core.clients import Client
from authkit.logins.models import Login
from authkit.logins.opening import open_login
from authkit.logins.reasons import LoginKind
from authkit.logins.services import Lifetime

LIFETIME = Lifetime(idle=timedelta(days=7), absolute=timedelta(days=30))


@pytest.fixture
def open_for() -> Callable[..., Login]:
    """Opens a login: ``open_for(user)``, or with ``kind=``, ``device=``."""

    def open_(user: Any, *, kind: LoginKind = LoginKind.TOKEN, device: str = "Firefox on Linux") -> Login:
        client = Client(address="203.0.113.9", device=device)
        return open_login(user=user, kind=kind, method="password", lifetime=LIFETIME, client=client)

    return open_


@pytest.fixture
def url() -> Callable[..., str]:
    """An admin URL of the user model in use: ``url(user, "change", user.pk)``."""

    def of(model: Any, what: str, *args: Any) -> str:
        return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=args)

    return of


@pytest.fixture
def staff(make_user: Any) -> Callable[..., Any]:
    """Somebody of the staff with these permissions: ``staff("view_user", "authkit.force_logout")``."""

    def make(*names: str, name: str = "clerk") -> Any:
        clerk = make_user(name, is_staff=True)
        for permission in names:
            app, dot, codename = permission.rpartition(".")
            found = Permission.objects.filter(codename=codename)
            clerk.user_permissions.add(*found.filter(content_type__app_label=app) if dot else found)
        return clerk

    return make


@pytest.fixture
def boss(make_user: Any) -> Any:
    """Somebody who may do everything."""
    return make_user("boss", is_superuser=True)


@pytest.fixture
def browse() -> Callable[[Any], Browser]:
    """A client signed in as somebody, and held to CSRF if told so."""

    def sign_in(user: Any, *, enforce_csrf_checks: bool = False) -> Browser:
        browser = Browser(enforce_csrf_checks=enforce_csrf_checks)
        browser.force_login(user)
        return browser

    return sign_in
