"""The provider's tokens, where a project asked to keep them: sealed, refreshed once, revoked."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any

import jwt
import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client
from social_django.models import UserSocialAuth

from authkit.core.encryption import seal, unseal
from authkit.exceptions import NotFound, SocialLoginFailed
from authkit.social import provider_tokens, token_store
from authkit.social.links.connections import disconnect
from authkit.social.models import ProviderToken
from tests.services import crooked
from tests.services.process import free_port
from tests.social.browsers import come_back

pytestmark = pytest.mark.django_db


@pytest.fixture
def keeping(provider, configure):
    """A provider whose tokens are kept; each lives for an hour, or for as long as a test says."""
    configure(provider, store_tokens=True)
    provider.bend_token_answer = lambda answer: {**answer, "expires_in": 3600}
    return provider


def sign_in() -> Any:
    assert come_back(Client()).status_code == 302
    return get_user_model().objects.get()


def expire() -> None:
    """Have every kept token run out now."""
    for row in ProviderToken.objects.all():
        tokens = token_store.opened(row)
        row.sealed = token_store.sealed(replace(tokens, expires_at=time.time() + 30), row.user_id, row.provider)
        row.save()


def token_of(person: Any) -> str:
    return provider_tokens.access_token(user=person, provider="oidc")


def kept() -> token_store.Tokens:
    tokens = token_store.opened(ProviderToken.objects.get())
    assert tokens is not None
    return tokens


def test_nothing_is_kept_unless_asked_for(provider) -> None:
    person = sign_in()
    assert not ProviderToken.objects.exists()
    with pytest.raises(NotFound):
        token_of(person)


def test_access_token_of_the_last_sign_in(keeping) -> None:
    person = sign_in()
    assert token_of(person) == keeping.sent[1]
    sign_in()
    assert token_of(person) == keeping.sent[-3]
    assert ProviderToken.objects.count() == 1


def test_token_that_says_nothing_of_its_end_counts_as_good(keeping) -> None:
    keeping.bend_token_answer = lambda answer: answer
    person = sign_in()
    assert token_of(person) == keeping.sent[1]


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [(3600, 3600), (3600.5, 3600), ("3600", 3600), (None, 0), ("soon", 0), ("", 0), (-5, 0), (0, 0), ([1], 0), ({}, 0)],
    ids=str,
)
def test_lifetime_in_whatever_form(keeping, expires_in, seconds) -> None:
    keeping.bend_token_answer = lambda answer: {**answer, "expires_in": expires_in}
    sign_in()
    assert kept().expires_at == (pytest.approx(time.time() + seconds, abs=60) if seconds else 0)


def test_expired_token_is_refreshed_and_the_new_pair_kept(keeping) -> None:
    person = sign_in()
    old = kept()
    expire()
    fresh = token_of(person)
    assert fresh != old.access
    assert (kept().access, kept().refresh) == tuple(keeping.sent[-2:])
    assert token_of(person) == fresh
    expire()
    assert token_of(person) != fresh


def test_refresh_token_that_is_not_replaced_goes_on(keeping) -> None:
    keeping.bend_refreshed = lambda answer: {k: v for k, v in answer.items() if k != "refresh_token"}
    person = sign_in()
    old = kept()
    expire()
    token_of(person)
    assert kept().refresh == old.refresh


def test_sign_in_without_a_refresh_token_keeps_the_one_before(keeping) -> None:
    sign_in()
    before = kept()
    keeping.bend_token_answer = lambda answer: {k: v for k, v in answer.items() if k != "refresh_token"}
    sign_in()
    assert kept().refresh == before.refresh
    assert kept().access != before.access


def test_refused_refresh_ends_what_is_kept(keeping) -> None:
    person = sign_in()
    expire()
    keeping._refresh.clear()
    with pytest.raises(SocialLoginFailed) as caught:
        token_of(person)
    assert caught.value.reason == "refused"
    assert not ProviderToken.objects.exists()


def test_expired_token_without_a_refresh_token_is_refused(keeping) -> None:
    keeping.bend_token_answer = lambda answer: {"expires_in": 1, **{k: answer[k] for k in ("access_token", "id_token")}}
    person = sign_in()
    with pytest.raises(SocialLoginFailed) as caught:
        token_of(person)
    assert caught.value.reason == "refused"


@pytest.mark.parametrize("status", [500, 503])
def test_provider_that_is_unwell_costs_no_token(keeping, status) -> None:
    person = sign_in()
    before = kept().refresh
    expire()
    keeping.token = lambda _form, _authorization: (status, {})
    with pytest.raises(SocialLoginFailed) as caught:
        token_of(person)
    assert caught.value.reason == "unreachable"
    assert kept().refresh == before


def test_refreshed_id_token_about_somebody_else_is_refused(keeping) -> None:
    person = sign_in()
    expire()

    def with_id_token(answer: dict[str, Any]) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": keeping.issuer, "sub": "mallory", "aud": keeping.client_id, "iat": now, "exp": now + 60}
        return {**answer, "id_token": jwt.encode(claims, crooked.KEY, algorithm="RS256", headers={"kid": "one"})}

    keeping.bend_refreshed = with_id_token
    with pytest.raises(SocialLoginFailed) as caught:
        token_of(person)
    assert caught.value.reason == "unverified"


@pytest.mark.django_db(transaction=True)
def test_transaction_of_the_callers_is_refused_before_anything_happens(keeping) -> None:
    person = sign_in()
    with pytest.raises(RuntimeError), transaction.atomic():
        token_of(person)


class TestAtRest:
    def test_no_token_lies_in_the_database_a_log_or_a_repr(self, keeping, caplog) -> None:
        with caplog.at_level(logging.DEBUG):
            person = sign_in()
            expire()
            token_of(person)
        row = ProviderToken.objects.get()
        everything = " ".join([repr(row), str(row), row.sealed, repr(kept()), caplog.text])
        assert len(keeping.sent) >= 6
        assert not any(secret in everything for secret in keeping.sent)
        assert not admin.site.is_registered(ProviderToken)

    def test_row_of_somebody_else_cannot_be_read_as_ones_own(self, keeping, make_user) -> None:
        sign_in()
        thief = make_user("thief")
        stolen = ProviderToken.objects.get()
        ProviderToken.objects.create(user=thief, provider="oidc", sealed=stolen.sealed, updated_at=stolen.updated_at)
        with pytest.raises(NotFound):
            token_of(thief)

    @pytest.mark.parametrize("end", ["AAA=", "AAAA", "é", ""], ids=ascii)
    @pytest.mark.parametrize("version", ["1", "2", ""])
    def test_text_that_was_changed_cannot_be_read(self, version, end) -> None:
        _version, _colon, body = seal({"a": 1}, context="x").partition(":")
        assert unseal(f"{version}:{body[:-4]}{end}", context="x") is None

    def test_same_text_is_sealed_differently_each_time(self) -> None:
        assert seal({"a": 1}, context="x") != seal({"a": 1}, context="x")

    def test_old_secret_key_opens_as_a_fallback_and_not_otherwise(self, settings) -> None:
        text, old = seal({"a": 1}, context="x"), settings.SECRET_KEY
        settings.SECRET_KEY = "another-secret-key-of-fifty-characters-for-this-test"
        assert unseal(text, context="x") is None
        settings.SECRET_KEY_FALLBACKS = [old]
        assert unseal(text, context="x") == {"a": 1}


class TestRevoking:
    def test_row_goes_and_the_provider_is_told(self, keeping, django_capture_on_commit_callbacks) -> None:
        person = sign_in()
        refresh = kept().refresh
        with django_capture_on_commit_callbacks(execute=True):
            assert provider_tokens.revoke(user=person, provider="oidc")
            assert not ProviderToken.objects.exists()
            assert keeping.revoked == []
        assert [(form["token"], form["token_type_hint"]) for form in keeping.revoked] == [(refresh, "refresh_token")]

    def test_disconnected_account_takes_its_tokens_along_and_another_ones_not(
        self, keeping, django_capture_on_commit_callbacks
    ) -> None:
        person = sign_in()
        person.set_password("a-password-that-is-left")
        person.save()
        link = UserSocialAuth.objects.get()
        other = UserSocialAuth.objects.create(user=person, provider="oidc", uid="1:another", id_key=link.id_key)
        with django_capture_on_commit_callbacks(execute=True):
            disconnect(user_id=person.pk, connection_id=other.pk)
        assert ProviderToken.objects.exists()
        with django_capture_on_commit_callbacks(execute=True):
            disconnect(user_id=person.pk, connection_id=link.pk)
        assert not ProviderToken.objects.exists()
        assert len(keeping.revoked) == 1

    def test_nothing_to_revoke(self, keeping, user) -> None:
        assert not provider_tokens.revoke(user=user, provider="oidc")

    def test_provider_that_is_gone_changes_nothing_here(
        self, keeping, configure, django_capture_on_commit_callbacks, caplog
    ) -> None:
        person = sign_in()
        keeping.issuer = f"http://127.0.0.1:{free_port()}"
        configure(keeping, store_tokens=True)
        with django_capture_on_commit_callbacks(execute=True):
            assert provider_tokens.revoke(user=person, provider="oidc")
        assert not ProviderToken.objects.exists()
        assert "could not be revoked" in caplog.text

    def test_provider_without_an_endpoint_is_not_asked(self, keeping, django_capture_on_commit_callbacks) -> None:
        keeping.bend_discovery = lambda document: {k: v for k, v in document.items() if k != "revocation_endpoint"}
        person = sign_in()
        with django_capture_on_commit_callbacks(execute=True):
            assert provider_tokens.revoke(user=person, provider="oidc")
        assert keeping.revoked == []

    def test_person_who_is_deleted_takes_the_tokens_along(self, keeping) -> None:
        sign_in().delete()
        assert not ProviderToken.objects.exists()


def test_tokens_are_refreshed_by_the_app_that_they_were_given_to(keeping, configure) -> None:
    keeping.accepts = lambda client_id, secret: secret == f"{client_id}-secret"
    apps = {name: {"CLIENT_ID": name, "CLIENT_SECRET": f"{name}-secret"} for name in ("testserver", "other")}
    configure(keeping, store_tokens=True, apps=apps, client_id="", client_secret="")
    person = sign_in()
    assert kept().client_id == "testserver"
    expire()
    assert token_of(person) == keeping.sent[-2]
    configure(keeping, store_tokens=True, apps={"other": apps["other"]}, client_id="", client_secret="")
    expire()
    with pytest.raises(SocialLoginFailed) as caught:
        token_of(person)
    assert caught.value.reason == "misconfigured"
