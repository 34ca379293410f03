"""The admin's list of logins names keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from authkit.apikeys.models import ApiKey
from authkit.core.clients import Client as Caller
from authkit.features import credential_names
from authkit.logins.opening import open_login
from authkit.logins.services import Lifetime
from authkit.tokens.limited import KEY

pytestmark = pytest.mark.django_db


def test_a_key_has_the_name_that_its_owner_gave_it(user: Any, make_user: Any) -> None:
    lifetime = Lifetime(idle=timedelta(days=7), absolute=timedelta(days=7))
    login = open_login(user=user, kind=KEY, method="key", lifetime=lifetime, client=Caller())
    ApiKey.objects.create(login=login, name="nightly job", prefix="ak_x", digest="d" * 64)
    assert credential_names([login.pk]) == {login.pk: "nightly job"}
    boss = Client()
    boss.force_login(make_user("boss", is_superuser=True))
    assert ": nightly job" in boss.get(reverse("admin:authkit_login_changelist")).content.decode()
