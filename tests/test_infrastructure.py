"""The three user models, and the client that the fixtures hand out."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse


def test_user_signs_in_with_the_known_password(user, credentials) -> None:
    assert Client().login(**credentials(user))


def test_user_is_of_the_chosen_model(user) -> None:
    assert user._meta.label == settings.AUTH_USER_MODEL
    known_by = {"username": "stock", "handle": "uuid", "email": "email"}
    assert known_by[user.USERNAME_FIELD] == settings.TEST_USER


def test_admin_lists_and_edits_each_user_model(make_user) -> None:
    client, boss = Client(), make_user("boss", is_superuser=True)
    client.force_login(boss)
    model = f"{boss._meta.app_label}_{boss._meta.model_name}"
    assert client.get(reverse(f"admin:{model}_changelist")).status_code == 200
    assert client.get(reverse(f"admin:{model}_change", args=[boss.pk])).status_code == 200
    assert client.get(reverse(f"admin:{model}_add")).status_code == 200


@pytest.mark.django_db
def test_api_client_is_held_to_csrf(api) -> None:
    assert api.handler.enforce_csrf_checks
    assert api.get("/probe/").status_code in {401, 403}
