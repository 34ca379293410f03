"""What ends with a client, or with the access that a person takes back: shown by whole trips of a third party."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone
from rest_framework.permissions import IsAuthenticated
from rest_framework.views import APIView

from authkit.accounts.events import PasswordReset
from authkit.core.clients import Client
from authkit.events import announce
from authkit.logins.events import AccountReclaimed, LoginsDisowned
from authkit.oauth.clients import disable_client, enable_client
from authkit.oauth.granted_apps import apps_of, remove_app
from authkit.oauth.models import ClientKind, Consent
from authkit.tokens.services import issue_tokens
from tests.oauth.parties import PUBLIC_URL, Party, call
from tests.urls import urlpatterns as own_urls

pytestmark = pytest.mark.django_db


class Notes(APIView):
    permission_classes = [IsAuthenticated]
    required_scopes = ["notes:read"]
    accepts_grants = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


urlpatterns = [*own_urls, path("notes/", Notes.as_view())]


@pytest.fixture(autouse=True)
def _urls(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__


def is_in(tokens: dict[str, Any]) -> bool:
    status = call("/notes/", tokens["access_token"]).status_code
    assert status in (200, 401)
    return bool(status == 200)


LASTING = "notes:read offline_access"


def test_a_disabled_client_is_out_at_the_next_request_and_stays_out(party: Party) -> None:
    tokens, waiting, asked = party.tokens(scope=LASTING), party.code(scope=LASTING, prompt="consent"), party.begin()
    assert is_in(tokens)
    assert disable_client(client=party.client) == 1
    assert not is_in(tokens)
    assert party.refresh(tokens["refresh_token"]).status_code == 401
    assert party.exchange(waiting).status_code == 401
    assert party.page(asked).status_code == 400
    assert party.authorize().status_code == 400
    enable_client(client=party.client)
    assert not is_in(tokens)
    assert party.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_client_that_raw_sql_switches_off_is_out_at_the_next_request_and_stays_out(
    party: Party,
) -> None:
    tokens = party.tokens(scope=LASTING)
    with CaptureQueriesContext(connection) as queries:
        assert is_in(tokens)
    assert len(queries) == 1
    switch(party, on=False)
    refused = call("/notes/", tokens["access_token"])
    assert (refused.status_code, refused.json()["why"]) == (401, "client_disabled")
    switch(party, on=True)
    assert call("/notes/", tokens["access_token"]).json()["why"] == "client_disabled"
    assert is_in(party.tokens(scope=LASTING))


def test_introspection_knows_of_a_client_that_raw_sql_has_switched_off(party: Party, register: Any) -> None:
    api = register(kind=ClientKind.CONFIDENTIAL, auth_method="client_secret_post", resources=[PUBLIC_URL])
    form = {
        "client_id": api.client.client_id,
        "client_secret": api.secret,
        "token": party.tokens()["access_token"],
    }

    def is_active() -> bool:
        body, kind = urlencode(form), "application/x-www-form-urlencoded"
        return bool(Browser().post("/auth/oauth/introspect", body, content_type=kind, secure=True).json()["active"])

    assert is_active()
    switch(party, on=False)
    assert not is_active()


def switch(party: Party, *, on: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE authkit_oauth_oauthclient SET enabled = %s WHERE id = %s", [on, party.client.pk])


def test_a_token_of_our_own_asks_for_no_client(user: Any) -> None:
    token = issue_tokens(user=user, method="password", client=Client()).access
    with CaptureQueriesContext(connection) as queries:
        assert call("/auth/api/me/", token).status_code == 200
    assert not [query["sql"] for query in queries if "authkit_oauth" in query["sql"]]


def test_attack_tokens_outlive_a_client_that_was_switched_off_by_a_save(party: Party) -> None:
    tokens = party.tokens(scope=LASTING)
    party.client.save(update_fields=["name"])
    assert is_in(tokens)
    party.client.enabled = False
    party.client.save()
    assert not is_in(tokens)
    assert party.refresh(tokens["refresh_token"]).status_code == 401


def test_an_app_without_access_is_out_and_asks_again(party: Party, user: Any) -> None:
    tokens, waiting = party.tokens(scope=LASTING), party.code(scope=LASTING, prompt="consent")
    [app] = apps_of(user=user)
    assert [scope.name for scope in app.scopes] == LASTING.split()
    assert app.scopes[0].sentence == "Read your notes"
    remove_app(user_id=user.pk, client_id=party.client.client_id)
    assert apps_of(user=user) == []
    assert not is_in(tokens)
    assert party.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    # The app holds a code from before: it was agreed to, and that was taken back.
    assert party.exchange(waiting).json()["error"] == "invalid_grant"
    assert not Consent.objects.exists()
    assert party.page(party.begin()).status_code == 200, "the person is asked"
    assert is_in(party.tokens(prompt="consent"))


def test_apps_of_other_people_go_on(party: Party, register: Any, make_user: Any, user: Any) -> None:
    bob = make_user("bob")
    theirs = Party(party.client, party.secret, Party.of(register(), bob).browser, bob)
    tokens = theirs.tokens()
    party.tokens()
    remove_app(user_id=user.pk, client_id=party.client.client_id)
    assert is_in(tokens)


@pytest.mark.parametrize("kind", [LoginsDisowned, AccountReclaimed, PasswordReset])
def test_what_a_thief_agreed_to_is_asked_again_once_the_owner_has_the_account_back(
    kind: Any, party: Party, user: Any
) -> None:
    party.tokens(scope=LASTING)
    assert Consent.objects.filter(user=user).exists()
    facts = {"count": 1, "since": timezone.now(), "client": Client()}
    given = {name: facts[name] for name in kind.__match_args__ if name in facts}
    with transaction.atomic():
        announce(kind(user_id=user.pk, **given), sender=Consent, using="default")
    assert not Consent.objects.filter(user=user).exists()
