"""`manage.py authkit_oauth_client`."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from authkit.logins.reasons import EndReason
from authkit.oauth.client_secrets import is_secret
from authkit.oauth.models import OAuthClient
from tests.oauth.granted import CALLBACK, client_called, grant_to, why

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("authkit_oauth_client", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_a_confidential_client_and_its_secret(user: Any) -> None:
    made = json.loads(
        run("create", "Calendar", "--redirect-uri", CALLBACK, "--scope", "notes:read", "--owner", user.get_username())
    )
    client = OAuthClient.objects.get()
    assert made["client_id"] == client.client_id
    assert is_secret(made["client_secret"], digest=client.secret_digest)
    assert (client.redirect_uris, client.scopes, client.owner) == ([CALLBACK], ["notes:read"], user)
    listed = run("list")
    assert made["client_secret"] not in listed
    assert client.secret_digest not in listed
    assert json.loads(listed)["client_id"] == client.client_id


def test_a_public_client_has_no_secret() -> None:
    made = json.loads(run("create", "Phone", "--redirect-uri", "com.example.app:/callback", "--public"))
    assert set(made) == {"client_id"}
    assert OAuthClient.objects.get().auth_method == "none"


def test_addresses_of_ones_own_network_need_no_tls(settings: Any) -> None:
    arguments = ["--backchannel-logout-uri", "http://wiki.internal/logout"]
    with pytest.raises(CommandError, match="no https address"):
        run("create", "Wiki", "--redirect-uri", CALLBACK, *arguments)
    settings.AUTHKIT = {**settings.AUTHKIT, "OAUTH": {"INTERNAL_HOSTS": ["wiki.internal"]}}
    run("create", "Wiki", "--redirect-uri", CALLBACK, *arguments)
    assert OAuthClient.objects.get().backchannel_logout_uri == "http://wiki.internal/logout"


def test_no_client_id_reads_as_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_urlsafe", lambda _bytes: f"--{'x' * 22}")
    client = client_called()
    monkeypatch.undo()
    assert client.client_id in run("rotate", client.client_id)


def test_another_secret(user: Any) -> None:
    client = client_called(secret_digest="d" * 64)
    login = grant_to(client, user)
    made = json.loads(run("rotate", client.client_id))
    client.refresh_from_db()
    assert is_secret(made["client_secret"], digest=client.secret_digest)
    assert why(login) == ""


def test_disabling_and_enabling_may_be_done_twice(user: Any) -> None:
    client = client_called()
    login = grant_to(client, user)
    assert "1 live grant ended" in run("disable", client.client_id)
    assert "0 live grants ended" in run("disable", client.client_id)
    assert why(login) == EndReason.CLIENT_DISABLED
    run("enable", client.client_id)
    run("enable", client.client_id)
    assert OAuthClient.objects.get().enabled


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["create", "Calendar"], "at least one redirect URI"),
        (["create", "Calendar", "--redirect-uri", "http://app.example.org/"], "has no TLS"),
        (["create", "Calendar", "--redirect-uri", CALLBACK, "--scope", 'a"b'], "no name of a scope"),
        (["create", "App", "--redirect-uri", CALLBACK, "--public", "--auth-method", "client_secret_post"], "leave out"),
        (["create", "App", "--redirect-uri", CALLBACK, "--auth-method", "private_key_jwt"], "needs public keys"),
        (["create", "App", "--redirect-uri", CALLBACK, "--backchannel-logout-uri", "http://["], "no https address"),
        (["create", "App", "--redirect-uri", CALLBACK, "--jwks-uri", "https://a.example:99999/"], "no https address"),
        (["create", "App", "--redirect-uri", CALLBACK, "--owner", "stranger"], "There is no .* 'stranger'"),
        (["create", "x" * 101, "--redirect-uri", CALLBACK], "At most 100 characters"),
        (["create", "App", "--redirect-uri", CALLBACK, "--jwks-uri", f"https://a.example/{'x' * 512}"], "At most 512"),
        (["rotate", "nothing"], "no client with the id 'nothing'"),
        (["disable", "\0"], "no client"),
    ],
)
def test_refusals(arguments: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        run(*arguments)
    assert not OAuthClient.objects.exists()


def test_a_client_without_a_secret_gets_none() -> None:
    client = client_called(kind="public", auth_method="none")
    with pytest.raises(CommandError, match="has no secret"):
        run("rotate", client.client_id)
