"""What is written down of a client: who did what to which one, once, and only where something changed."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.urls import reverse

from authkit.audit.models import Event
from authkit.oauth.clients import change_client, disable_client, enable_client, register_client, rotate_secret
from authkit.oauth.models import OAuthClient
from tests.oauth.granted import CALLBACK

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("recorded")]


def recorded_names() -> list[str]:
    return list(Event.objects.filter(name__startswith="client.").order_by("pk").values_list("name", flat=True))


def registered() -> OAuthClient:
    return register_client(name="Calendar", redirect_uris=[CALLBACK], scopes=["notes:read"]).client


def test_command_is_written_down_without_an_actor_and_without_the_secret() -> None:
    out = StringIO()
    arguments = ("create", "Calendar", "--redirect-uri", CALLBACK, "--scope", "notes:read", "--first-party")
    call_command("authkit_oauth_client", *arguments, stdout=out, stderr=StringIO())
    made = json.loads(out.getvalue())
    first, second = Event.objects.order_by("pk")
    assert (first.name, second.name) == ("client.registered", "client.secret_made")
    assert first.extra == {"app": "Calendar", "client_id": made["client_id"], "first_party": True}
    assert (first.actor_id, first.user_id) == (None, None)
    stored = json.dumps(list(Event.objects.values()), default=str)
    assert made["client_secret"] not in stored
    assert OAuthClient.objects.get().secret_digest not in stored


def test_administrator_is_the_actor(make_user: Any) -> None:
    boss, client = make_user("boss", is_superuser=True), registered()
    browser = Client()
    browser.force_login(boss)
    browser.post(reverse("admin:authkit_oauth_oauthclient_disable", args=[client.pk]))
    event = Event.objects.get(name="client.disabled")
    assert (event.actor_id, event.extra["client_id"]) == (boss.pk, client.client_id)


def test_change_names_its_columns_and_one_that_changes_nothing_is_none() -> None:
    client = registered()
    Event.objects.all().delete()
    change_client(client=client)
    assert recorded_names() == []
    client.redirect_uris, client.first_party = [CALLBACK, f"{CALLBACK}/2"], True
    change_client(client=client)
    assert Event.objects.get().extra["fields"] == "first_party redirect_uris"
    assert Event.objects.get().extra["first_party"] is True


def test_second_switch_is_no_event() -> None:
    client = registered()
    Event.objects.all().delete()
    for _ in range(2):
        disable_client(client=client)
    for _ in range(2):
        enable_client(client=client)
    client.delete()
    assert recorded_names() == ["client.disabled", "client.enabled", "client.deleted"]


def test_what_is_rolled_back_is_not_written_down() -> None:
    client = registered()
    Event.objects.all().delete()
    with transaction.atomic():
        rotate_secret(client=client)
        disable_client(client=client)
        transaction.set_rollback(True)
    assert recorded_names() == []
