"""Providers whose answers nobody can read: each is a refusal that says so, and none a 5xx of ours (ASVS 16.5.3)."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from social_django.models import UserSocialAuth

from authkit.core.one_time_codes import OneTimeCode
from authkit.exceptions import SocialLoginFailed
from authkit.social import provider_tokens, token_store
from authkit.social.links.connections import disconnect
from authkit.social.models import ProviderToken
from authkit.social.providers import discovery
from tests.services import crooked
from tests.social import logouts, test_native_tokens
from tests.social.browsers import begin, come_back, refused
from tests.social.programs import REGISTERED, Program

pytestmark = pytest.mark.django_db

LIST_IN_A_LIST = b"[" * 100_000 + b"]" * 100_000
LONG_NUMBER = 10**400


def signed(claims: dict[str, Any]) -> str:
    """Sign what PyJWT wouldn't encode."""
    signer = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "kid": "one"}, claims)]
    head = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    return f"{head.decode()}.{base64.urlsafe_b64encode(signer.sign(head, crooked.KEY)).decode().rstrip('=')}"


@pytest.mark.parametrize("stage", ["bend_keys", "bend_token_answer", "bend_userinfo"])
def test_json_too_deep_to_read_on_the_way_back(provider, stage) -> None:
    setattr(provider, stage, lambda _honest: LIST_IN_A_LIST)
    assert refused(come_back(Client()), "unverified")


def test_json_too_deep_to_read_at_the_beginning(provider) -> None:
    provider.bend_discovery = lambda _honest: LIST_IN_A_LIST
    assert refused(begin(Client()), "unverified")


def test_endpoint_that_no_header_can_hold(provider) -> None:
    provider.bend_discovery = lambda honest: {**honest, "authorization_endpoint": "http://\ud800/"}
    assert refused(begin(Client()), "unverified")


def test_time_that_no_float_can_hold(provider) -> None:
    claims = test_native_tokens.claims_of(provider, iat=-LONG_NUMBER)
    assert test_native_tokens.refused(test_native_tokens.send(signed(claims)))
    assert logouts.send(signed(logouts.logout_claims(provider, iat=-LONG_NUMBER))).status_code == 400


@pytest.mark.parametrize("sub", ["a\x00b", "\ud800", "a\nb"], ids=ascii)
def test_subject_that_no_database_keeps(provider, sub) -> None:
    """PostgreSQL takes neither NUL nor half of a surrogate pair, not even in JSON."""
    provider.bend_userinfo = lambda honest: {**honest, "sub": sub}
    provider.sign = lambda claims: signed({**claims, "sub": sub})
    assert refused(come_back(Client()), "unverified")
    assert not UserSocialAuth.objects.exists()


@pytest.mark.parametrize("sid", ["a\x00b", "\ud800"], ids=ascii)
def test_session_that_no_database_keeps_counts_as_none(provider, configure, sid) -> None:
    configure(provider, REDIRECT_URIS=REGISTERED)
    provider.sign = lambda claims: signed({**claims, "sid": sid})
    program = Program()
    code = program.code()
    assert OneTimeCode.objects.get().payload["details"]["sid"] == ""
    assert program.exchange(code).status_code == 200


class TestTokensThatAreKept:
    @pytest.fixture
    def person(self, provider, configure) -> Any:
        configure(provider, store_tokens=True)
        assert come_back(Client()).status_code == 302
        return get_user_model().objects.get()

    @pytest.mark.parametrize(
        "answer", [LIST_IN_A_LIST, json.dumps({"access_token": "x", "expires_in": LONG_NUMBER}).encode()], ids=range(2)
    )
    def test_refreshed_answer(self, provider, person, answer) -> None:
        row = ProviderToken.objects.get()
        tokens = token_store.opened(row)
        assert tokens is not None
        row.sealed = token_store.sealed(replace(tokens, expires_at=1.0), person.pk, "oidc")
        row.save()
        provider.bend_refreshed = lambda _honest: answer
        with pytest.raises(SocialLoginFailed) as caught:
            provider_tokens.access_token(user=person, provider="oidc")
        assert caught.value.reason == "unverified"
        row.refresh_from_db()
        assert token_store.opened(row) == replace(tokens, expires_at=1.0)

    def test_lifetime_at_a_sign_in(self, provider, person) -> None:
        provider.bend_token_answer = lambda honest: {**honest, "expires_in": LONG_NUMBER}
        assert refused(come_back(Client()), "unverified")

    def test_disconnecting_goes_on_without_the_provider(
        self, provider, person, django_capture_on_commit_callbacks, caplog
    ) -> None:
        person.set_password("a-password-that-is-left")
        person.save()
        discovery.forget()
        provider.bend_discovery = lambda _honest: LIST_IN_A_LIST
        with django_capture_on_commit_callbacks(execute=True):
            disconnect(user_id=person.pk, connection_id=UserSocialAuth.objects.get().pk)
        assert "could not be revoked: RecursionError" in caplog.text
