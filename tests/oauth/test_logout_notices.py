"""Back-channel logout out to clients (OpenID Connect Back-Channel Logout 1.0): who is told, of what, once."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from django.db import connection, transaction
from django.utils import timezone

from authkit.core.clients import Client
from authkit.logins.reasons import EndReason
from authkit.logins.services import end_all_logins, end_login, end_logins_of
from authkit.mail.delivering import deliver_due
from authkit.mail.models import Delivery
from authkit.oauth import logout_channel
from authkit.oauth.clients import disable_client, register_client
from authkit.oauth.grants import Agreed, open_grant
from authkit.oauth.logout_tokens import EVENT
from authkit.oauth.models import Grant, OAuthClient
from authkit.tokens.keyring import published
from authkit.tokens.keys import current
from authkit.tokens.services import issue_tokens
from tests.loopback import answers, hangs, server
from tests.tokens.rings import ring

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("told_clients")]

ISSUER = "https://id.example.test"


@pytest.fixture(autouse=True)
def _provider(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider whose outbox waits until the test delivers, and that remembers no host."""
    settings.AUTHKIT = {
        **settings.AUTHKIT,
        "PUBLIC_URL": ISSUER,
        "TOKENS": {"KEYS": ring("RS256")},
        "OAUTH": {"INTERNAL_HOSTS": ["127.0.0.1"]},
        "MAIL": {"DELIVER": "command", "NEW_DEVICE": "off"},
    }
    monkeypatch.setattr("authkit.mail.outbox.AT_ONCE", frozenset())
    logout_channel.forget()


def client_at(uri: str, **fields: Any) -> OAuthClient:
    return register_client(
        name="Reader",
        redirect_uris=["https://rp.example.test/cb"],
        scopes=["openid"],
        backchannel_logout_uri=uri,
        **fields,
    ).client


def granted(user: Any, client: OAuthClient) -> Grant:
    """A grant to which the person agreed in a session of their own."""
    session = issue_tokens(user=user, method="password", client=Client())
    now = timezone.now()
    agreed = Agreed(
        client=client,
        scope=("openid",),
        resources=(ISSUER,),
        session_id=session.login.pk,
        method="password",
        amr=("pwd",),
        authenticated_at=now,
        agreed_at=now,
    )
    return open_grant(user=user, agreed=agreed, caller=Client(), request=None).grant


def told(seen: list[bytes]) -> list[dict[str, Any]]:
    """The claims of the logout tokens that a client got, verified as it would."""
    keys = jwt.PyJWKSet.from_dict(published(current()))
    found = []
    for request in seen:
        (token,) = parse_qs(request.partition(b"\r\n\r\n")[2].decode())["logout_token"]
        header = jwt.get_unverified_header(token)
        assert header["typ"] == "logout+jwt"
        options: Any = {"verify_aud": False}
        found.append(jwt.decode(token, keys[header["kid"]].key, algorithms=["RS256"], issuer=ISSUER, options=options))
    return found


@pytest.mark.parametrize("which", ["login_id", "session_id"])
def test_client_is_told_of_the_end_of_the_grant_and_of_its_session(user: Any, which: str) -> None:
    seen: list[bytes] = []
    with server(answers(b"", seen=seen)) as url:
        client = client_at(f"{url}/logout")
        grant = granted(user, client)
        end_login(login_id=getattr(grant, which), reason=EndReason.LOGOUT)
        assert deliver_due().sent == 1
        (claims,) = told(seen)
    assert (claims["aud"], claims["sub"], claims["sid"]) == (client.client_id, str(user.pk), str(grant.login_id))
    assert claims["events"] == {EVENT: {}}
    assert seen[0].startswith(b"POST /logout ")


def test_client_is_told_once_of_everything_that_ends_a_persons_logins(user: Any, make_user: Any) -> None:
    seen: list[bytes] = []
    with server(answers(b"", seen=seen)) as url:
        client = client_at(url)
        mine, other = [granted(user, client) for _ in range(2)], granted(make_user("bob"), client)
        end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
        end_login(login_id=mine[0].login_id, reason=EndReason.LOGOUT)
        end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
        deliver_due()
        assert {claims["sid"] for claims in told(seen)} == {str(grant.login_id) for grant in mine}
        assert len(seen) == 2
        end_all_logins(reason=EndReason.FORCED)
        deliver_due()
        assert told(seen)[2]["sid"] == str(other.login_id)
        assert len(seen) == 3
    assert not Delivery.objects.exists()


def test_disabled_client_is_told_as_well(user: Any) -> None:
    seen: list[bytes] = []
    with server(answers(b"", seen=seen)) as url:
        client = client_at(url)
        granted(user, client)
        disable_client(client=client)
        deliver_due()
    assert len(seen) == 1


def test_nothing_is_queued_for_clients_without_an_address_and_for_other_logins(user: Any) -> None:
    granted(user, client_at(""))
    bystander = granted(user, client_at("https://rp.example.test/logout"))
    other = issue_tokens(user=user, method="password", client=Client()).login
    end_login(login_id=other.pk, reason=EndReason.LOGOUT)
    end_login(login_id=uuid.uuid4(), reason=EndReason.LOGOUT)
    end_login(login_id=Grant.objects.exclude(pk=bystander.pk).get().pk, reason=EndReason.LOGOUT)
    assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    ("status", "sent", "put_off", "given_up"),
    [("204 No Content", 1, 0, 0), ("400 Bad Request", 0, 0, 1), ("500 Oops", 0, 1, 0), ("302 Found", 0, 1, 0)],
)
def test_answer_of_the_client_decides(user: Any, status: str, sent: int, put_off: int, given_up: int) -> None:
    with server(answers(b"", status=status)) as url:
        end_login(login_id=granted(user, client_at(url)).pk, reason=EndReason.LOGOUT)
        done = deliver_due()
    assert (done.sent, done.put_off, done.given_up) == (sent, put_off, given_up)


def test_attack_silent_client_holds_up_no_other(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logout_channel, "PATIENCE_SECONDS", 0.2)
    opened: list[int] = []

    def silent(connection: Any) -> None:
        opened.append(1)
        hangs(connection)

    seen: list[bytes] = []
    with server(silent) as dead, server(answers(b"", seen=seen)) as url:
        for address in (dead, dead, dead, url):
            granted(user, client_at(address))
        end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
        done = deliver_due()
    assert (done.sent, done.put_off) == (1, 3)
    assert (len(opened), len(seen)) == (1, 1)


def test_attack_address_for_logout_tokens_leads_into_the_own_network(user: Any, settings: Any) -> None:
    seen: list[bytes] = []
    with server(answers(b"", seen=seen)) as url:
        grants = [granted(user, client_at(address)) for address in (url, url.replace("http:", "https:"))]
        settings.AUTHKIT = {**settings.AUTHKIT, "OAUTH": {}}  # the host is trusted no more
        for grant in grants:
            end_login(login_id=grant.pk, reason=EndReason.LOGOUT)
        assert deliver_due().put_off == 2
    assert seen == []


def test_ending_costs_one_select_in_a_savepoint_where_no_client_is_to_be_told(
    user: Any, django_assert_num_queries: Any
) -> None:
    alone = 5 if connection.vendor == "mysql" else 4  # there the person's row is locked first
    for uri in ("", "https://rp.example.test/logout"):
        client_at(uri)
        login = issue_tokens(user=user, method="password", client=Client()).login
        with django_assert_num_queries(alone + 3):
            end_login(login_id=login.pk, reason=EndReason.LOGOUT)


def test_first_address_that_another_process_registers_is_told_of_the_next_ending(user: Any) -> None:
    client = client_at("")
    end_login(login_id=granted(user, client).pk, reason=EndReason.LOGOUT)
    assert not Delivery.objects.exists()
    # Another process saves the client, so no signal of it is sent in this one.
    OAuthClient.objects.filter(pk=client.pk).update(backchannel_logout_uri="https://rp.example.test/logout")
    grants = [granted(user, client) for _ in range(2)]
    end_login(login_id=grants[0].pk, reason=EndReason.LOGOUT)
    assert Delivery.objects.count() == 1
    end_logins_of(user_id=user.pk, reason=EndReason.FORCED)
    assert Delivery.objects.count() == 3, "the grant that was over before is told of now"


def test_ending_that_is_rolled_back_is_not_told(user: Any) -> None:
    grant = granted(user, client_at("https://rp.example.test/logout"))
    with transaction.atomic():
        end_login(login_id=grant.pk, reason=EndReason.LOGOUT)
        assert Delivery.objects.count() == 1
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()
