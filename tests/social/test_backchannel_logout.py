"""OpenID Connect Back-Channel Logout 1.0: the provider says that a session is over, and what came from it is."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from authkit.logins.models import Login
from authkit.social.models import ProviderLogout, ProviderSession
from authkit.social.providers.provider_sessions import KEEP
from tests.outage import database_down
from tests.social.browsers import come_back
from tests.social.logouts import ENDPOINT, logout_claims, send, signed

pytestmark = pytest.mark.django_db


@pytest.fixture
def sign_in(provider, django_capture_on_commit_callbacks):
    """Sign in from a session of the provider; None is a provider that names no session."""

    def come(sid: str | None = "session-1", subject: str = "alice", **claims: Any) -> Client:
        provider.subject = subject
        provider.claims = {**provider.claims, "email": f"{subject}@idp.test", "preferred_username": subject}
        named = claims if sid is None else {**claims, "sid": sid}
        provider.bend_id_token = lambda honest: {**honest, **named}
        client = Client()
        with django_capture_on_commit_callbacks(execute=True):
            assert come_back(client).status_code == 302
        return client

    return come


def is_in(client: Client) -> bool:
    return client.get("/auth/api/me/").status_code == 200


def test_logins_of_the_session_end_and_others_go_on(provider, sign_in) -> None:
    here, there = sign_in("session-1"), sign_in("session-1")
    elsewhere, somebody_else = sign_in("session-2"), sign_in("session-3", "bob")
    answer = send(signed(logout_claims(provider)))
    assert (answer.status_code, answer.content) == (200, b"")
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies
    assert [is_in(client) for client in (here, there, elsewhere, somebody_else)] == [False, False, True, True]
    assert here.get("/auth/api/me/").status_code == 401
    assert set(Login.objects.exclude(ended_at=None).values_list("end_reason", flat=True)) == {"provider_logout"}


def test_without_a_session_all_of_the_subjects_logins_end(provider, sign_in) -> None:
    alice, alice_too, bob = sign_in("session-1"), sign_in(None), sign_in("session-3", "bob")
    assert send(signed(logout_claims(provider, sid=None, sub="alice"))).status_code == 200
    assert [is_in(client) for client in (alice, alice_too, bob)] == [False, False, True]


def test_session_and_subject_end_the_session_and_what_names_none(provider, sign_in) -> None:
    this, other, unnamed = sign_in("session-1"), sign_in("session-2"), sign_in(None)
    assert send(signed(logout_claims(provider, sub="alice"))).status_code == 200
    assert [is_in(client) for client in (this, other, unnamed)] == [False, True, False]


def test_login_by_password_goes_on(provider, sign_in, user) -> None:
    sign_in()
    client = Client()
    client.force_login(user)
    assert send(signed(logout_claims(provider, sub="alice"))).status_code == 200
    assert is_in(client)


def test_session_that_is_unknown_here_is_over_all_the_same(provider) -> None:
    assert send(signed(logout_claims(provider, sid="never-seen"))).status_code == 200


@pytest.mark.parametrize("typ", ["logout+jwt", "LOGOUT+JWT", "application/logout+jwt", "JWT", None])
def test_type_of_a_logout_token_or_none(provider, sign_in, typ) -> None:
    client = sign_in()
    assert send(signed(logout_claims(provider), typ=typ)).status_code == 200
    assert not is_in(client)


def test_several_audiences_with_ours_among_them(provider) -> None:
    assert send(signed(logout_claims(provider, aud=["another", provider.client_id]))).status_code == 200


def test_sign_in_on_its_way_is_ended_as_soon_as_it_is_in(provider, sign_in) -> None:
    assert send(signed(logout_claims(provider, sid="session-9"))).status_code == 200
    assert not is_in(sign_in("session-9"))


def test_sign_in_on_its_way_is_ended_by_its_subject(provider, sign_in) -> None:
    later = int(timezone.now().timestamp()) + 3
    assert send(signed(logout_claims(provider, sid=None, sub="alice", iat=later))).status_code == 200
    assert not is_in(sign_in("session-9"))


def test_new_sign_in_after_the_logout_stays(provider, sign_in) -> None:
    earlier = int(timezone.now().timestamp()) - 30
    assert send(signed(logout_claims(provider, sub="alice", iat=earlier))).status_code == 200
    assert send(signed(logout_claims(provider, sid=None, sub="alice", iat=earlier))).status_code == 200
    assert is_in(sign_in("session-2"))
    assert is_in(sign_in(None))


def test_a_sign_in_within_the_second_of_the_logout_token_stays(provider, sign_in) -> None:
    second = int(timezone.now().timestamp()) + 5  # the same for both, however long this takes
    assert send(signed(logout_claims(provider, sid=None, sub="alice", iat=second))).status_code == 200
    assert is_in(sign_in(None, iat=second))


def test_a_code_that_was_being_exchanged_when_the_token_came_in_that_second_opens_nothing(provider, sign_in) -> None:
    second = int(timezone.now().timestamp()) + 5
    assert send(signed(logout_claims(provider, sid=None, sub="alice", iat=second))).status_code == 200
    ProviderLogout.objects.update(expires_at=timezone.now() + KEEP + timedelta(minutes=1))  # as if taken in a minute
    assert not is_in(sign_in(None, iat=second))


def test_dead_or_live_cookies_are_neither_looked_at_nor_touched(provider, sign_in) -> None:
    client = sign_in("session-2")
    for cookie in (client.cookies["sessionid"].value, "x" * 32):
        browser = Client(enforce_csrf_checks=True)
        browser.cookies["sessionid"] = cookie
        body = f"logout_token={signed(logout_claims(provider))}"
        answer = browser.post(ENDPOINT.format("oidc"), body, content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 200
        assert not answer.cookies
    assert is_in(client)


def test_database_down_is_503_and_the_same_token_counts_later(provider, sign_in) -> None:
    client, token = sign_in(), signed(logout_claims(provider))
    with database_down():
        answer = send(token)
    assert (answer.status_code, answer.json()) == (503, {"error": "temporarily_unavailable"})
    assert int(answer["Retry-After"]) > 0
    assert "no-store" in answer["Cache-Control"]
    assert is_in(client)
    assert send(token).status_code == 200
    assert not is_in(client)


def test_keys_out_of_reach_are_503(provider) -> None:
    provider.bend_discovery = lambda document: {**document, "jwks_uri": "http://127.0.0.1:1/keys"}
    assert send(signed(logout_claims(provider))).status_code == 503


def test_get_is_no_way_to_log_out(provider) -> None:
    assert Client().get(ENDPOINT.format("oidc")).status_code == 405


def test_provider_without_id_tokens_has_no_such_endpoint(provider, configure) -> None:
    token = signed(logout_claims(provider))
    assert send(token, "nobody").status_code == 404
    configure(provider, backend="social_core.backends.github.GithubOAuth2", issuer="")
    assert send(token).status_code == 404


def test_only_digests_are_kept(provider, sign_in) -> None:
    sign_in()
    send(signed(logout_claims(provider, jti="a-jti", sub="alice")))
    rows: list[Any] = [*ProviderSession.objects.values(), *ProviderLogout.objects.values()]
    assert len(rows) == 2
    assert not any(word in repr(rows) for word in ("session-1", "alice", "a-jti", provider.issuer))


def test_rows_go_with_their_logins_and_tokens_with_their_time(provider, sign_in) -> None:
    sign_in()
    sign_in("session-2")
    send(signed(logout_claims(provider)))
    send(signed(logout_claims(provider)))
    long_ago = timezone.now() - timedelta(days=100)
    Login.objects.filter(pk=Login.objects.first().pk).update(expires_at=long_ago)
    ProviderLogout.objects.filter(pk=ProviderLogout.objects.first().pk).update(expires_at=long_ago)
    out = io.StringIO()
    call_command("authkit_prune", stdout=out, no_color=True)
    assert "sessions at providers: 1 deleted\nlogouts by providers: 1 deleted\n" in out.getvalue()
    assert ProviderSession.objects.get().login_id == Login.objects.get().pk
